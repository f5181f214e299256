"""What trainings cost, in passes through the network: the same number on every machine. No torch."""

from taet.study.params.blocks import Params


def training_passes(params: Params, method: str) -> float:
    """Forward and backward passes of a training image over the whole of a method's training.

    Stage 1 counts in full, also where other methods share it.
    """
    epochs = params.methods[method].training.epochs
    total, stabilization = 0.0, params.methods[method].stabilization
    while stabilization is not None:
        stage1 = params.stabilizations[stabilization]
        before = 0 if stage1.after is None else params.stabilizations[stage1.after].epochs
        total += (stage1.epochs - before) * step_passes(params, stage1.method)
        epochs -= stage1.epochs - before
        stabilization = stage1.after
    return total + epochs * step_passes(params, method)


def step_passes(params: Params, method: str) -> float:
    """Forward and backward passes of an image in one step of a method."""
    options = params.methods[method]
    attack = sum(options.attack_passes(options.training.attack.steps))
    losses = 1 if options.weight_perturbation is None else 2
    return attack + 2 * losses * options.loss_passes

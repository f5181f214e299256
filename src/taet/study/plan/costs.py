"""What trainings cost, in passes through the network: the same number on every machine. No torch."""

from taet.study.params.blocks import Params


def training_passes(params: Params, method: str) -> float:
    """Forward and backward passes of a training image over the whole of a method's training.

    Stage 1 counts in full, also where other methods share it.
    """
    total, stop = 0.0, params.methods[method].training.epochs
    name = params.methods[method].stabilization
    while name is not None:
        stabilization = params.stabilizations[name]
        total += passes(params, method, stabilization.epochs, stop)
        method, stop, name = stabilization.method, stabilization.epochs, stabilization.after
    return total + passes(params, method, 0, stop)


def passes(params: Params, method: str, first: int, stop: int) -> float:
    """Forward and backward passes of a training image in some epochs of a method.

    Args:
        first: epoch of the training, 0-based.
        stop: the epoch after the last one.
    """
    options = params.methods[method]
    attack = sum(options.attack_passes(options.training.attack.steps))
    perturbed = 0
    if options.weight_perturbation is not None:
        perturbed = max(0, stop - max(first, options.weight_perturbation.warmup_epochs))
    return (stop - first) * attack + 2 * (stop - first + perturbed) * options.loss_passes

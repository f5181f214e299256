"""Checkpoints: a training run as named arrays, from which it can be resumed.

Names: ``model/...`` weights and buffers, ``optimizer/INDEX/...`` state per weight, ``method/...``,
``average/...``, ``best/...`` weights and buffers.
"""

from typing import Any

from torch import nn

from taet.networks.network import Arrays, model_arrays, restore_model, tensors_under
from taet.training.loop import Best, Run
from taet.training.optimizers import load_optimizer_state, optimizer_state


def run_facts(run: Run) -> dict[str, Any]:
    """Epoch, history and best epoch of a run, as JSON."""
    best = run.best and {"epoch": run.best.epoch, "robustness": run.best.robustness}
    return {"epoch": run.epoch, "history": run.history, "best": best}


def run_arrays(run: Run) -> Arrays:
    """All arrays that ``restore_run`` needs besides ``run_facts``."""
    arrays = model_arrays(run.model.state_dict())
    if run.best is not None:
        arrays |= model_arrays(run.best.weights, "best/")
    states = {
        "optimizer": optimizer_state(run.optimizer),
        "method": run.method.state(),
        "average": run.averager.state() if run.averager else {},
    }
    for owner, state in states.items():
        for name, value in state.items():
            arrays[f"{owner}/{name}"] = value.detach().cpu().numpy()
    return arrays


def restore_run(run: Run, arrays: Arrays, facts: dict[str, Any]) -> None:
    """Put a saved run's state into ``run``, which then goes on as if it had never stopped."""
    restore_model(run.model, arrays)
    load_optimizer_state(run.optimizer, tensors_under(arrays, "optimizer/", run.device))
    run.method.load_state(tensors_under(arrays, "method/", run.device))
    if run.averager is not None:
        run.averager.load_state(tensors_under(arrays, "average/", run.device))
    if facts["best"] is not None:
        run.best = Best(**facts["best"], weights=tensors_under(arrays, "best/", run.device))
    _restore_progress(run, facts)


def start_from_stabilization(run: Run, arrays: Arrays, facts: dict[str, Any]) -> None:
    """Start from another method's stage 1: its weights and optimiser, with fresh state of this method.

    A head of another kind starts fresh too: cosines cannot continue a linear head. The best weights of
    stage 1 do not count, since they are not this method's.
    """
    if facts["network"]["head"] == run.method.head:
        part: nn.Module = run.model
        restore_model(part, arrays)
    else:
        part = run.model.backbone
        restore_model(part, arrays, "model/backbone.")
    # Weights are numbered in the order of the network's parts: backbone, then head.
    count = len(list(part.parameters()))
    load_optimizer_state(run.optimizer, tensors_under(arrays, "optimizer/", run.device), count)
    _restore_progress(run, facts)


def _restore_progress(run: Run, facts: dict[str, Any]) -> None:
    run.epoch = facts["epoch"]
    run.history = list(facts["history"])

"""Checkpoints: a training run as named arrays, so that it can go on where it was.

Names: ``model/...`` weights and buffers, ``optimizer/INDEX/...`` state per weight, ``method/...``.
"""

from typing import Any

import torch

from taet.networks import Arrays, model_arrays, restore_model, tensors
from taet.train import Run


def run_arrays(run: Run) -> Arrays:
    """Everything a run needs to go on."""
    found = model_arrays(run.model)
    for index, state in run.optimizer.state_dict()["state"].items():
        for name, value in state.items():
            if value is not None:
                found[f"optimizer/{index}/{name}"] = torch.as_tensor(value).numpy()
    for name, value in run.method.state().items():
        found[f"method/{name}"] = value.detach().cpu().numpy()
    return found


def restore_run(run: Run, arrays: Arrays, facts: dict[str, Any], *, same_method: bool) -> None:
    """Put a saved run's state into ``run``.

    Args:
        same_method: False where another method goes on from a stage 1; its own state stays fresh.
    """
    restore_model(run.model, arrays)
    optimizer = run.optimizer.state_dict()
    optimizer["state"] = {
        int(index): tensors(arrays, f"optimizer/{index}/")
        for index in sorted({n.split("/")[1] for n in arrays if n.startswith("optimizer/")})
    }
    run.optimizer.load_state_dict(optimizer)
    if same_method:
        run.method.load_state(tensors(arrays, "method/"))
    run.epoch = facts["epoch"]
    run.history = list(facts["history"])

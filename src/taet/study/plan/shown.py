"""What tables and figures read: their settings, and the order and labels of everything."""

from pathlib import Path
from typing import Any

from taet.study.params.blocks import Params
from taet.study.params.plugins import FOLDERS
from taet.study.plan.costs import training_passes
from taet.study.plan.published import comparable
from taet.study.plan.variants import variants


def shown(params: Params, folder: Path) -> dict[str, Any]:
    """``report``, ``labels``, ``order``, ``study``, ``threat``, ``variants``, ``costs``, ``published``."""
    grid = params.grid
    labels = {
        axis: {name: getattr(params, axis)[name].label for name in getattr(grid, axis)}
        for axis in FOLDERS
    }
    labels["attacks"] |= {name: worst.label for name, worst in params.report.worst_cases.items()}
    return {
        "report": params.report,
        "labels": labels,
        # Keys do not depend on the order of mappings.
        "order": {axis: list(names) for axis, names in labels.items()},
        "study": params.study,
        "threat": params.threat,
        "variants": variants(params),
        "costs": {method: training_passes(params, method) for method in grid.methods},
        "published": comparable(params, folder),
    }

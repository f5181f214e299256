"""The stages as boxes with their jobs, and arrows from what each waits for."""

from collections.abc import Iterable, Mapping
from typing import Any

from taet.study.plan.stages import STAGES
from taet.study.plan.study import Study

BOX, GAP = (104, 44), (34, 18)  # pixels
BEND = 17  # pixels that an arrow swings out to the side
UNDER = 56  # and down, where it passes below a box


def _arrow(
    start: Mapping[str, Any], end: Mapping[str, Any], boxes: Iterable[Mapping[str, Any]]
) -> dict[str, float]:
    """From the right of a box to the left of another; below the boxes of their row that are between them.

    ``bend1`` and ``bend2`` are the heights of the control points of the curve (cubic Bézier).
    """
    y1, y2 = (box["y"] + BOX[1] / 2 for box in (start, end))
    row = [box["x"] for box in boxes if box["y"] == start["y"] == end["y"]]
    down = UNDER if any(start["x"] < x < end["x"] for x in row) else 0
    return {
        "x1": start["x"] + BOX[0],
        "y1": y1,
        "x2": end["x"],
        "y2": y2,
        "bend1": y1 + down,
        "bend2": y2 + down,
    }


def stages_graph(study: Study) -> dict[str, Any]:
    """The stages as boxes and arrows: one column further right than all that they wait for."""
    names = [name for name in STAGES if study.jobs(name)]  # in the order of the work
    # A stage 1 may go on from another one; the stage does not wait for itself.
    needs = {
        name: sorted({n.stage for job in study.jobs(name) for n in job.direct_inputs} - {name})
        for name in names
    }
    column: dict[str, int] = {}
    for name in names:
        column[name] = 1 + max((column[needed] for needed in needs[name]), default=-1)
    boxes: dict[str, dict[str, Any]] = {}
    for name in names:
        row = sum(column[other] == column[name] for other in boxes)
        boxes[name] = {
            "name": name,
            "jobs": len(study.jobs(name)),
            "x": column[name] * (BOX[0] + GAP[0]) + 2,
            "y": row * (BOX[1] + GAP[1]) + 2,
        }
    arrows = [
        _arrow(boxes[needed], boxes[name], boxes.values())
        for name in names
        for needed in needs[name]
    ]
    return {
        "boxes": list(boxes.values()),
        "arrows": arrows,
        "box": BOX,
        "bend": BEND,
        "width": max(box["x"] for box in boxes.values()) + BOX[0] + 2,
        "height": max(box["y"] for box in boxes.values()) + BOX[1] + 2,
    }

"""A model of the user's own under attack: any torch module that takes images in [0,1] and gives logits."""

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from taet import artifacts
from taet.errors import UserError
from taet.evaluate import Evaluation
from taet.grid import Study
from taet.loader import to_pixels
from taet.longtail import pools
from taet.metrics import balanced_accuracy, median_distance, recalls, worst_case, worst_class
from taet.params import longtail_of
from taet.seeds import seed_for

WORST = "worst of these"


def load_user_model(place: str) -> nn.Module:
    """The module that a function of the user's returns.

    Args:
        place: ``module:function``; the module is looked for in the working folder first.

    Raises:
        UserError: there is no such function, it fails, or it returns something else.
    """
    module_name, colon, function_name = place.partition(":")
    if not (colon and module_name and function_name.isidentifier()):
        raise UserError(f"--model {place!r}: must be MODULE:FUNCTION, such as mymodels.robust:load")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        made = getattr(importlib.import_module(module_name), function_name)()
    except (
        Exception,
        SystemExit,
    ) as error:  # whatever the user's code raises is the user's to read
        reason = (str(error).splitlines() or [""])[0]
        raise UserError(f"--model {place}: {type(error).__name__}: {reason}") from error
    if not isinstance(made, nn.Module):
        raise UserError(f"--model {place}: gave a {type(made).__name__}; must be a torch.nn.Module")
    return made.eval()


@dataclass(frozen=True)
class TestSet:
    """Test images of a data set.

    Attributes:
        x: [N, C, H, W] float32 in [0,1].
        y: [N] int64.
        index: [N] int64, where in the data set each image stands.
        class_names: one per class.
    """

    x: Tensor
    y: Tensor
    index: Tensor
    class_names: list[str]


def read_test_set(study: Study, dataset: str, seed: int, images: int | None) -> TestSet:
    """A data set's own test images; of a set without, those that the study holds out for a seed.

    Args:
        images: how many at most, as many of each class; None for all.

    Raises:
        UserError: the data set is not there, or fewer images are asked for than there are classes.
    """
    job = study.job("download", dataset=dataset)
    if not job.output.exists():
        raise UserError(f"no {job.output}; run: python -m taet download --dataset {dataset}")
    arrays, facts = artifacts.read_arrays(job.output, job.key)
    names = facts["class_names"]
    # As the stage `subsample` draws them.
    rng = np.random.default_rng(seed_for("split", dataset, seed))
    held_out = longtail_of(study.params, dataset).test_per_class
    _, test = pools(arrays["labels"], arrays["official"], len(names), held_out, rng)
    if images is not None:
        if images < len(names):
            raise UserError(
                f"--images {images}: must be at least one for each of {len(names)} classes"
            )
        test = [of_class[: images // len(names)] for of_class in test]
    index = np.sort(np.concatenate(test))
    return TestSet(
        to_pixels(torch.from_numpy(arrays["images"][index]), facts["max_value"]),
        torch.from_numpy(arrays["labels"][index]),
        torch.from_numpy(index),
        names,
    )


def table(
    found: Evaluation, test: TestSet, labels: Mapping[str, str], eps: float, confidence: float
) -> str:
    """What the user sees: a line for each attack, with n and intervals, and why not to believe it.

    Args:
        labels: of the attacks.
        eps: radius of the L-inf ball; the last line is the worst case over all attacks in it.
        confidence: level of the intervals.
    """
    y, classes = test.y.numpy(), len(test.class_names)
    title = f"accuracy % [{confidence:.0%} interval]"
    lines = [f"{'':24} {title:>27} {'balanced %':>12} {'worst class':>22}  perturbation"]
    predictions = {"clean": found.clean} | {n: v.prediction for n, v in found.verdicts.items()}
    inside = [v for v in found.verdicts.values() if v.norm == "linf" and v.eps == eps]
    if len(inside) > 1:
        worst = worst_case([verdict.prediction.numpy() for verdict in inside], y)
        predictions[WORST] = torch.from_numpy(worst)
    notes: dict[str, None] = dict.fromkeys(found.warnings)
    for name, prediction in predictions.items():
        correct = prediction.numpy() == y
        recall, images = recalls(correct, y, classes)
        balanced = balanced_accuracy(recall, images, range(classes))
        low, high = stats.binomtest(int(correct.sum()), len(y)).proportion_ci(confidence, "wilson")
        accuracy = f"{100 * correct.mean():.2f} [{100 * low:.2f}, {100 * high:.2f}]"
        worst = worst_class(recall)
        lines.append(
            f"{labels.get(name, name):24} {accuracy:>27} "
            f"{100 * balanced.value:6.2f} ±{100 * balanced.standard_error:.2f} "
            f"{test.class_names[worst][:14]:>14} {100 * recall[worst]:6.2f}  "
            f"{_perturbation(name, found, test.y)}"
        )
        if name in found.verdicts:
            own = (w for w in found.verdicts[name].warnings if w not in found.warnings)
            notes |= dict.fromkeys(f"{labels[name]}: {warning}" for warning in own)
    lines.append(
        f"n = {len(y)} images; balanced: mean over classes, ± its standard error over images; an image that "
        "is misclassified when clean is not robust"
    )
    return "\n".join([*lines, *(f"warning: {note}" for note in notes)])


def _perturbation(name: str, found: Evaluation, y: Tensor) -> str:
    """Norm and bound; where there is none, the median norm that fools the model."""
    if name not in found.verdicts:
        return ""
    verdict = found.verdicts[name]
    norm = {"linf": "L-inf", "l2": "L2"}[verdict.norm]
    if verdict.eps is not None:
        return f"{norm} <= {verdict.eps:.4g}"
    attacked, fooled = (verdict.prediction == y) | (verdict.broken_by >= 0), verdict.broken_by >= 0
    median = median_distance(verdict.distance.numpy(), attacked.numpy(), fooled.numpy())
    return f"{norm}, no bound; median {median:.3g}"

"""A model of the user's own under attack: any torch module that takes images in [0,1] and gives logits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from torch import Tensor, nn

from taet.adversary.evaluation import Evaluation, evaluate
from taet.api import arguments
from taet.api.cache import fetch
from taet.api.frame import score_frame
from taet.api.hints import normalization_hint
from taet.api.images import HERE, TestSet, is_name, own_test_set, read_test_set
from taet.api.restored import restored_model, restored_process
from taet.errors import ArgumentError, UserError
from taet.report.typeset import percent
from taet.scores import notes
from taet.scores.metrics import class_groups, scores, worst_case
from taet.study.plan.study import Study

if TYPE_CHECKING:
    from taet.study.params.blocks import Compute, Params

WORST = "worst of these"
NORMS = {"linf": "L-inf", "l2": "L2"}  # as printed


def attack_model(
    study: Study,
    model: nn.Module,
    dataset: Any,
    attacks: Any = None,
    *,
    eps: Any = None,
    seed: Any = 0,
    images: Any = None,
    train_counts: Any = None,
    index: Any = None,
    device: str | torch.device | None = None,
    cache: Path | None = None,
    folders: Iterable[Path] = (HERE,),
    title: str = "attack",
) -> pd.DataFrame:
    """A model under attack; arguments, columns and errors are those of ``taet.api.functions.evaluate``.

    Args:
        study: the study with the parameters.
        cache: the folder into which a data set by name is put unless it is there; None for none.
        folders: see ``read_test_set``.
        title: the title of the progress bar.
    """
    p = study.params
    _check_model(model)
    names = arguments.attack_names(p.grid.attacks if attacks is None else attacks, p.attacks)
    if by_name := is_name(dataset):
        arguments.one_of("dataset", "data set", dataset, p.datasets)
    radius = _radius(p, eps, names)
    limit = None if images is None else arguments.whole_number("images", images)
    seed = _seed(study, seed)
    compute = compute_of(p.compute, model, device, own_images=not by_name)
    if by_name:
        with restored_process(compute, seed):
            if cache is not None:
                fetch(study, dataset, cache)
            test = read_test_set(study, dataset, seed, limit, folders)
    else:
        test = _own_images(compute, seed, model, dataset, limit, index)
    counts = None
    if train_counts is not None:
        counts = arguments.train_counts(train_counts, test.class_names)
    evaluation = _evaluation(study, compute, model, test, names, radius, seed, title=title)
    labels = {name: p.attacks[name].label for name in names}
    groups = class_groups(counts or [], p.report.groups.head, p.report.groups.tail)
    return _frame(evaluation, test, labels, radius, p.report.confidence, counts, groups)


@dataclass(frozen=True)
class AdversarialImages:
    """Images under one attack, in the given order; tensors are in main memory.

    Attributes:
        images: [N, C, H, W] float32 in [0,1], whether they fool the model or not; the clean image where the
            model misclassifies that already, since such an image is not attacked.
        predictions: [N] int64, the model's classes of ``images``.
        clean_predictions: [N] int64, its classes of the clean images.
        robust: [N] bool, classified correctly, clean and under the attack.
        broken_by: [N] int64, position in ``parts`` of the part that fooled the model; -1 for none, also where
            the clean image is misclassified.
        parts: titles of the attack's parts, in the order in which they run.
        distances: [N] float32, norm of the perturbation in the [0,1] pixel range.
        norm: ``linf`` or ``l2``.
        eps: its bound; None for an attack without one.
        warnings: why the numbers should not be believed.
    """

    images: Tensor
    predictions: Tensor
    clean_predictions: Tensor
    robust: Tensor
    broken_by: Tensor
    parts: tuple[str, ...]
    distances: Tensor
    norm: str
    eps: float | None
    warnings: tuple[str, ...]


def attack_images(
    study: Study,
    model: nn.Module,
    x: Any,
    y: Any,
    attack: str,
    *,
    eps: Any = None,
    seed: Any = 0,
    index: Any = None,
    device: str | torch.device | None = None,
) -> AdversarialImages:
    """Images under an attack; arguments and errors are those of ``taet.api.functions.attack``.

    Args:
        study: the study with the parameters.
    """
    p = study.params
    _check_model(model)
    if not hasattr(x, "__array__"):
        kind = type(x).__name__
        raise ArgumentError(f"x: a {kind}; must be images [N, C, H, W], a tensor or an array")
    arguments.one_of("attack", "attack", attack, p.attacks)
    radius = _radius(p, eps, [attack])
    seed = _seed(study, seed)
    compute = compute_of(p.compute, model, device, own_images=True)
    test = _own_images(compute, seed, model, (x, y), None, index)
    evaluation = _evaluation(
        study, compute, model, test, [attack], radius, seed, title=attack, with_images=True
    )
    verdict = evaluation.verdicts[attack]
    assert verdict.images is not None  # asked for
    return AdversarialImages(
        images=verdict.images.to("cpu", memory_format=torch.contiguous_format),
        predictions=verdict.prediction,
        clean_predictions=evaluation.clean,
        robust=verdict.prediction == test.y,
        broken_by=verdict.broken_by,
        parts=verdict.parts,
        distances=verdict.distance,
        norm=verdict.norm,
        eps=verdict.eps,
        warnings=verdict.warnings,
    )


def _own_images(
    compute: "Compute", seed: int, model: nn.Module, given: Any, limit: int | None, index: Any
) -> TestSet:
    """See ``own_test_set``; what a loader or the model draws meanwhile is drawn from ``seed``."""
    with restored_process(compute, seed) as device, restored_model(model, device) as ready:
        return own_test_set(given, ready, device, limit, index)


def _check_model(model: Any) -> None:
    if not isinstance(model, nn.Module):
        raise ArgumentError(f"model: a {type(model).__name__}; must be a torch.nn.Module")


def _radius(params: "Params", eps: Any, attacks: Sequence[str]) -> float:
    """The L-inf radius of a call: ``eps`` or, if left out, that of the parameters.

    Raises:
        ArgumentError: ``eps`` is no radius, or no attack uses it.
    """
    if eps is None:
        return params.threat.eps
    radius = arguments.radius(eps)
    blocks = {name: params.attacks[name] for name in attacks}
    balls = {name: block.ball(radius) for name, block in blocks.items()}
    if blocks and all(block.ball(radius / 2) == balls[name] for name, block in blocks.items()):
        own = (
            f"{name} is an {NORMS[norm]} attack "
            + ("without a radius" if bound is None else f"with a radius of its own, {bound:g}")
            for name, (norm, bound) in balls.items()
        )
        raise ArgumentError(f"eps: {', '.join(own)}; leave eps out")
    return radius


def _seed(study: Study, seed: Any) -> int:
    number = seed if isinstance(seed, str) else arguments.whole_number("seed", seed)
    try:
        return int(study.axis_value("seed", number))
    except UserError as error:
        raise ArgumentError(str(error)) from None


def compute_of(
    compute: "Compute", model: nn.Module, device: str | torch.device | None, *, own_images: bool
) -> "Compute":
    """How to compute: on ``device`` or, if left out, as the parameters say.

    Images of the user's own are attacked on a GPU as well where the model is on one already.

    Raises:
        ArgumentError: the device has another name than ``cpu`` or ``cuda``.
    """
    if device is None:
        on_gpu = any(tensor.is_cuda for tensor in model.parameters())
        device = "cuda" if own_images and on_gpu else compute.device
    name = str(device)
    arguments.one_of("device", "device", name, ("cpu", "cuda"))
    return compute.model_copy(update={"device": name})


def _evaluation(
    study: Study,
    compute: "Compute",
    model: nn.Module,
    test: TestSet,
    attacks: Sequence[str],
    radius: float,
    seed: int,
    *,
    title: str,
    with_images: bool = False,
) -> Evaluation:
    """The model's predictions, clean and under attack, with a hint where it wants other images."""
    p = study.params
    with restored_process(compute, seed) as device, restored_model(model, device) as ready:
        x, y = test.x.to(device), test.y.to(device)
        evaluation = evaluate(
            ready,
            x,
            y,
            {name: p.attacks[name] for name in attacks},
            eps=radius,
            batch_size=p.evaluation.batch_size,
            precision=p.evaluation.precision,
            seed=seed,
            classes=len(test.class_names),
            index=test.index,
            title=title,
            with_images=with_images,
        )
        hint = normalization_hint(ready, x, y, p.evaluation.batch_size)
    return evaluation if hint is None else _with_warning(evaluation, hint)


def _with_warning(evaluation: Evaluation, text: str) -> Evaluation:
    """The same with one more warning about the model."""
    verdicts = {
        name: replace(verdict, warnings=(text, *verdict.warnings))
        for name, verdict in evaluation.verdicts.items()
    }
    return replace(evaluation, verdicts=verdicts, warnings=(text, *evaluation.warnings))


def _frame(
    evaluation: Evaluation,
    test: TestSet,
    labels: Mapping[str, str],
    eps: float,
    confidence: float,
    train_counts: list[int] | None,
    groups: Mapping[str, Sequence[int]],
) -> pd.DataFrame:
    """The table of ``taet.api.functions.evaluate``."""
    y, verdicts = test.y.numpy(), evaluation.verdicts
    predictions = {"clean": evaluation.clean.numpy()}
    predictions |= {name: verdict.prediction.numpy() for name, verdict in verdicts.items()}
    facts = {name: (v.norm, v.eps, v.warnings) for name, v in verdicts.items()}
    facts["clean"] = (None, None, evaluation.warnings)
    inside = [name for name, v in verdicts.items() if v.norm == "linf" and v.eps == eps]
    if len(inside) > 1:
        predictions[WORST] = worst_case([predictions[name] for name in inside], y)
        warnings = dict.fromkeys(w for name in inside for w in verdicts[name].warnings)
        facts[WORST] = ("linf", eps, tuple(warnings))
    distances = {name: verdict.distance.numpy() for name, verdict in verdicts.items()}
    counts = train_counts or [0] * len(test.class_names)
    rows = scores(predictions, distances, y, counts, test.class_names, groups)
    frame = score_frame(rows, confidence, with_training=train_counts is not None)
    frame.insert(1, "label", [labels.get(name, name) for name in frame["attack"]])
    frame["norm"] = [facts[name][0] for name in frame["attack"]]
    frame["eps"] = [facts[name][1] for name in frame["attack"]]
    frame["eps"] = frame["eps"].astype(float)
    frame["warnings"] = [notes.join(facts[name][2]) for name in frame["attack"]]
    return frame


def table(frame: pd.DataFrame, confidence: float) -> str:
    """The table that the command line prints: a line for each attack, then n, and warnings.

    Args:
        frame: the result of ``attack_model``.
        confidence: level of its intervals.
    """
    title = f"accuracy % [{percent(confidence)} interval]"
    lines = [f"{'':24} {title:>27} {'balanced %':>12} {'worst class':>22}  perturbation"]
    all_classes = frame[frame["scope"] == "all"]
    for row in all_classes.itertuples():
        accuracy = f"{100 * row.accuracy:.2f} [{100 * row.accuracy_low:.2f}, {100 * row.accuracy_high:.2f}]"
        classes = frame[(frame["attack"] == row.attack) & (frame["scope"] == "class")]
        worst = classes.loc[classes["accuracy"].idxmin()]
        lines.append(
            f"{row.label:24} {accuracy:>27} "
            f"{100 * row.balanced_accuracy:6.2f} ±{100 * row.balanced_accuracy_se:.2f} "
            f"{worst['class_name'][:14]:>14} {100 * worst['accuracy']:6.2f}  "
            f"{_perturbation(row)}".rstrip()
        )
    lines.append(
        f"n = {all_classes['test_images'].iloc[0]} images; balanced: mean over classes, ± its standard error "
        "over images; an image that is misclassified when clean is not robust"
    )
    return "\n".join([*lines, *(f"warning: {note}" for note in _warnings(all_classes))])


def _warnings(all_classes: pd.DataFrame) -> list[str]:
    """Each warning once: those of the model, then those of single attacks."""
    clean, *attacked = all_classes[all_classes["attack"] != WORST].itertuples()
    of_model = notes.split(clean.warnings)
    lines = dict.fromkeys(of_model)
    for row in attacked:
        of_attack = [warning for warning in notes.split(row.warnings) if warning not in of_model]
        lines |= dict.fromkeys(f"{row.label}: {warning}" for warning in of_attack)
    return list(lines)


def _perturbation(row: Any) -> str:
    """Norm and bound; without a bound, the median norm that fools the model."""
    if pd.isna(row.norm) or row.attack == WORST:
        return ""
    norm = NORMS[row.norm]
    if not pd.isna(row.eps):
        return f"{norm} <= {row.eps:.4g}"
    return f"{norm}, no bound; median {row.median_distance:.3g}"

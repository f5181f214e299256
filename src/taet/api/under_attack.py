"""What all functions on a model of the user's own share: arguments, checked, and predictions under attack."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from taet.adversary.evaluation import Evaluation, evaluate
from taet.api import arguments
from taet.api.hints import normalization_hint
from taet.api.images import TestSet, own_test_set
from taet.api.restored import restored_model, restored_process
from taet.errors import ArgumentError, UserError
from taet.study.plan.study import Study

if TYPE_CHECKING:
    from taet.study.params.blocks import Compute, Params

NORMS = {"linf": "L-inf", "l2": "L2"}  # as printed


@dataclass(frozen=True)
class Call:
    """A call of such a function: a model, how it is attacked, and how that is computed.

    Attributes:
        study: the study with the parameters.
        attacks: names of attacks.
        radius: the L-inf radius.
        seed: of all random numbers.
    """

    study: Study
    model: nn.Module
    attacks: Sequence[str]
    radius: float
    seed: int
    compute: "Compute"


def checked_call(
    study: Study,
    model: Any,
    attacks: Sequence[str],
    eps: Any,
    seed: Any,
    device: str | torch.device | None,
    *,
    own_images: bool,
) -> Call:
    """The call with these arguments.

    Args:
        attacks: names of attacks that there are.
        own_images: see ``compute_of``.

    Raises:
        ArgumentError: an argument is none that it may be.
    """
    if not isinstance(model, nn.Module):
        raise ArgumentError(f"model: a {type(model).__name__}; must be a torch.nn.Module")
    radius = checked_radius(study.params, eps, attacks)
    number = seed_of(study, seed)
    compute = compute_of(study.params.compute, model, device, own_images=own_images)
    return Call(study, model, attacks, radius, number, compute)


def checked_radius(params: "Params", eps: Any, attacks: Sequence[str]) -> float:
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


def seed_of(study: Study, seed: Any) -> int:
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


def read_own_images(call: Call, given: Any, limit: int | None, index: Any) -> TestSet:
    """See ``own_test_set``; what a loader or the model draws meanwhile is drawn from the call's seed."""
    with (
        restored_process(call.compute, call.seed) as device,
        restored_model(call.model, device) as ready,
    ):
        return own_test_set(given, ready, device, limit, index)


def evaluation_of(
    call: Call, test: TestSet, *, title: str, with_images: bool = False
) -> Evaluation:
    """The model's predictions, clean and under attack, with a hint where it wants other images."""
    p = call.study.params
    with (
        restored_process(call.compute, call.seed) as device,
        restored_model(call.model, device) as ready,
    ):
        x, y = test.x.to(device), test.y.to(device)
        evaluation = evaluate(
            ready,
            x,
            y,
            {name: p.attacks[name] for name in call.attacks},
            eps=call.radius,
            batch_size=p.evaluation.batch_size,
            precision=p.evaluation.precision,
            seed=call.seed,
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

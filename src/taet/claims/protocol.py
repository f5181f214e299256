"""The protocol of claims for one data set: radius, attacks and images, from the block ``claim``. No torch."""

from collections.abc import Iterator
from typing import Any

from taet.errors import UserError, suggest
from taet.options import AttackOptions
from taet.study.params.blocks import ClaimedData, Params
from taet.study.plan.study import Study
from taet.values import Options

WORST = "worst"  # name of the worst case over all attacks of the protocol
LONGTAIL = ("class_order", "head_images", "test_per_class")  # what a data set can have of its own


def study_of_protocol(params: Params, dataset: str) -> Study:
    """A study with the protocol's radius, attacks and images of a data set in place of its own.

    Args:
        params: the common values of a parameter file, of no study.
        dataset: a name under ``datasets``.

    Raises:
        UserError: there is no such data set.
    """
    if dataset not in params.datasets:
        raise UserError(f"no data set {dataset!r}{suggest(dataset, params.datasets)}")
    claim = params.claim
    own = claim.datasets.get(dataset, ClaimedData())
    eps = claim.eps if own.eps is None else own.eps
    options, values = params.datasets[dataset], {name: getattr(own, name) for name in LONGTAIL}
    longtail = _changed(options.longtail, {name: v for name, v in values.items() if v is not None})
    changes = {
        "grid": _changed(params.grid, {"attacks": claim.attacks}),
        "threat": _changed(params.threat, {"eps": eps}),
        "attacks": {
            name: _with_step(params.attacks[name], claim.step_share * eps) for name in claim.attacks
        },
        "datasets": params.datasets | {dataset: _changed(options, {"longtail": longtail})},
    }
    return Study(params.model_copy(update=changes))


def protocol_facts(study: Study, dataset: str) -> dict[str, Any]:
    """All numbers of the protocol as JSON values, which a claim carries.

    Args:
        study: see ``study_of_protocol``.
    """
    params, claim = study.params, study.params.claim
    return {
        "name": claim.protocol,
        "version": claim.version,
        "eps": params.threat.eps,
        "seed": claim.seed,
        "confidence": claim.confidence,
        "bootstrap": claim.bootstrap,
        "precision": params.evaluation.precision,
        "groups": claim.groups.model_dump(),
        "longtail": params.datasets[dataset].longtail.model_dump(),
        # Without options at their defaults: attacks that learn another one stay what they are.
        "attacks": {
            name: options.model_dump(exclude={"job"}, exclude_defaults=True)
            for name, options in params.attacks.items()
        },
    }


def differences(given: Any, expected: Any, path: str) -> Iterator[str]:
    """Where two JSON values differ, in words: the path, what was given and what is expected."""
    if isinstance(given, dict) and isinstance(expected, dict):
        for name in [*expected, *(name for name in given if name not in expected)]:
            where = f"{path}.{name}"
            if name not in expected:
                yield f"{where}: unknown field"
            elif name not in given:
                yield f"{where}: missing"
            else:
                yield from differences(given[name], expected[name], where)
    elif given != expected or type(given) is not type(expected):
        yield f"{path}: {given!r} instead of {expected!r}"


def _changed(options: Any, values: dict[str, Any]) -> Any:
    return options.model_copy(update=values)


def _with_step(options: AttackOptions, step_size: float) -> Options:
    """An attack by gradient steps with steps of this length; any other as it is."""
    with_steps = "step_size" in type(options).model_fields
    return options.model_copy(update={"step_size": step_size}) if with_steps else options

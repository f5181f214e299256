"""All predictions of one model: those of its attack jobs, and the worst cases over them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from taet.errors import UserError
from taet.scores.metrics import Array, class_groups, worst_case
from taet.study.store import artifacts
from taet.threat import in_linf_ball

if TYPE_CHECKING:
    from taet.study.plan.job import Job


@dataclass(frozen=True)
class Predictions:
    """What a model says of the test images, clean and under every attack and worst case.

    Attributes:
        cell: ``dataset``, ``imbalance_ratio``, ``architecture``, ``method``, ``seed``.
        index: [N] which image of the data set each is.
        label: [N] true classes.
        predicted: [N] by attack, ``clean`` first, worst cases last.
        distance: [N] norms of the perturbations by attack, where there are any.
        facts: ``norm``, ``eps`` and ``warnings`` by attack.
        test_sets: [N] bool by test set: which images belong to it.
        train_counts: [C] training images.
        class_names: [C].
        groups: classes of head, medium and tail.
    """

    cell: dict[str, Any]
    index: Array
    label: Array
    predicted: dict[str, Array]
    distance: dict[str, Array]
    facts: dict[str, dict[str, Any]]
    test_sets: dict[str, Array]
    train_counts: list[int]
    class_names: list[str]
    groups: dict[str, list[int]]


def read_predictions(job: "Job", attacks: list["Job"]) -> Predictions:
    """Predictions of the model that some attack jobs share.

    Args:
        job: whose ``reads`` say which worst cases and groups there are, and the order of the attacks.
    """
    arrays, facts = _read(attacks)
    split_job = attacks[0].inputs["split"]
    split, of_split = artifacts.read_arrays(split_job.output, split_job.key)
    groups = job.reads["groups"]
    order = [name for name in job.reads["order"] if f"{name}/prediction" in arrays]
    predicted = {name: arrays[f"{name}/prediction"] for name in order}
    worst = {}
    for name, case in job.reads["worst_cases"].items():
        run = {attack: facts[attack] for attack in order}
        chosen = _members(name, case.attacks, run, job.reads["threat"].eps)
        worst[name] = worst_case([predicted[attack] for attack in chosen], arrays["label"])
        warnings = dict.fromkeys(w for attack in chosen for w in facts[attack]["warnings"])
        facts[name] = {**facts[chosen[0]], "warnings": list(warnings)}
    return Predictions(
        cell={axis: attacks[0].cell[axis] for axis in attacks[0].cell if axis != "job"},
        index=arrays["index"],
        label=arrays["label"],
        predicted={"clean": arrays["clean"], **predicted, **worst},
        distance={name: arrays[f"{name}/distance"] for name in order},
        facts=facts,
        test_sets={
            "balanced": np.ones(len(arrays["index"]), dtype=bool),
            "long_tailed": np.isin(arrays["index"], split["test_long_tailed"]),
        },
        train_counts=of_split["class_counts"],
        class_names=of_split["class_names"],
        groups=class_groups(of_split["class_counts"], groups.head, groups.tail),
    )


def _read(attacks: list["Job"]) -> tuple[dict[str, Array], dict[str, dict[str, Any]]]:
    """Arrays of all files of one model, and what they say of their attacks.

    Raises:
        UserError: two files disagree about the clean predictions.
    """
    together: dict[str, Array] = {}
    facts: dict[str, dict[str, Any]] = {}
    for attack in attacks:
        arrays, header = artifacts.read_arrays(attack.output, attack.key)
        for name in ("index", "label", "clean"):
            if name in together and not np.array_equal(together[name], arrays[name]):
                raise UserError(
                    f"two attacks of one model disagree about its {name} predictions: {attack.title}; "
                    "delete their files and run again"
                )
        together |= arrays
        facts |= header["attacks"]
        facts["clean"] = {"norm": None, "eps": None, "warnings": header["warnings"]}
    return together, facts


def _members(
    name: str, wanted: list[str] | str, facts: Mapping[str, Mapping[str, Any]], eps: float
) -> list[str]:
    """Attacks of a worst case.

    Raises:
        UserError: one of them is another adversary's: unbounded, or in another ball.
    """
    inside = [a for a, about in facts.items() if in_linf_ball(about["norm"], about["eps"], eps)]
    if wanted == "all":
        wanted = inside
    for attack in wanted:
        if attack not in inside:
            raise UserError(
                f"report.worst_cases.{name}: {attack} is not bounded by the L-inf eps {eps:g} of "
                "'threat'; a worst case is over attacks of one adversary"
            )
    if not wanted:
        raise UserError(f"report.worst_cases.{name}: the grid has no attack in the L-inf ball")
    return list(wanted)

"""PGD-K on cross-entropy in the L-inf ball (Madry et al. 2018).

An image counts as fooled if some iterate, the start included, is misclassified: never weaker than to count
the last iterate only, as most code of the field does (``convention: last_iterate``). Attacks of one job that
differ in the number of steps alone run once: PGD-20 is the beginning of PGD-100.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise

from taet.adversary.descent import Descent
from taet.adversary.objectives import CrossEntropy
from taet.adversary.parts import Part
from taet.options import RestartedDescentOptions


class Options(RestartedDescentOptions):
    """Those of every attack by gradient steps."""


def parts(options: Options) -> tuple[Descent, ...]:
    """One run of all steps for each random start."""
    return tuple(
        Descent(
            f"PGD-{options.steps}",
            CrossEntropy(),
            options.start,
            options.step_size,
            options.steps,
            options.convention,
            restart,
        )
        for restart in range(options.restarts)
    )


def chains(attacks: Mapping[str, Options]) -> dict[str, tuple[Part, ...]]:
    """The parts of several attacks: those that differ in the number of steps alone share their steps."""
    return {name: _segments(options, attacks.values()) for name, options in attacks.items()}


def _segments(options: Options, others: Iterable[Options]) -> tuple[Part, ...]:
    """The steps of an attack, cut where attacks with the same iterates end."""
    # With ``last_iterate``, fooled images take all steps; with restarts, each start takes all of them.
    if options.convention == "last_iterate" or options.restarts > 1:
        return parts(options)
    same = {"step_size", "start", "convention", "restarts", "eot_samples"}
    ends = sorted(
        {
            other.steps
            for other in others
            if other.steps <= options.steps
            and other.model_dump(include=same) == options.model_dump(include=same)
        }
    )
    return tuple(
        replace(parts(options)[0], title=f"PGD-{end}", steps=end - begin, continues=begin > 0)
        for begin, end in pairwise([0, *ends])
    )

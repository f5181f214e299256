"""Chains of an evaluation: which parts each attack consists of, and which chains begin alike."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from taet.adversary.parts import GradientPart, Part
from taet.errors import UserError
from taet.study.params import plugins

if TYPE_CHECKING:
    from taet.options import AttackOptions

Chain = tuple[Part, ...]
ChainInBall = tuple[float, Chain]  # with the radius of the ball


def chain_of(name: str, attacks: "Mapping[str, AttackOptions]") -> Chain:
    """The parts of an attack, cut so that attacks of the same kind share as many as possible.

    Raises:
        UserError: the attack should average gradients, and takes none.
    """
    kind, samples = attacks[name].kind, attacks[name].eot_samples
    module = plugins.load("attacks", kind)
    if hasattr(module, "chains"):
        same_kind = {other: options for other, options in attacks.items() if options.kind == kind}
        chain: Chain = module.chains(same_kind)[name]
    else:
        chain = module.parts(attacks[name])
    if samples > 1 and not any(isinstance(part, GradientPart) for part in chain):
        raise UserError(
            f"attack {name}: eot_samples: {samples}, but it takes no gradients; leave it out"
        )
    return tuple(
        replace(part, samples=samples) if isinstance(part, GradientPart) else part for part in chain
    )


def chains_of(attacks: "Mapping[str, AttackOptions]", eps: float) -> dict[str, ChainInBall]:
    """The chain of each attack, with the radius of its ball."""
    return {
        name: (radius_of(options, eps), chain_of(name, attacks))
        for name, options in attacks.items()
    }


def radius_of(options: "AttackOptions", eps: float) -> float:
    """The radius that bounds an attack; ``eps`` where none does."""
    _, bound = options.ball(eps)
    return eps if bound is None else bound


def longest(chains: Sequence[ChainInBall]) -> list[ChainInBall]:
    """The chains that are not the beginning of another one in the same ball, each once, in order."""
    distinct = list(dict.fromkeys(chains))
    return [
        (radius, chain)
        for radius, chain in distinct
        if not any(
            radius == other_radius and len(other) > len(chain) and other[: len(chain)] == chain
            for other_radius, other in distinct
        )
    ]


def shared_beginnings(chains: Sequence[ChainInBall]) -> list[ChainInBall]:
    """The beginnings that at least two of some chains have in common, each once."""
    counts = Counter(beginning for chain in chains for beginning in beginnings([chain]))
    return [beginning for beginning, chains_with_it in counts.items() if chains_with_it > 1]


def beginnings(chains: Sequence[ChainInBall]) -> list[ChainInBall]:
    """Every beginning of some chains, the whole chains included, each once."""
    return list(
        dict.fromkeys(
            (radius, chain[:depth])
            for radius, chain in chains
            for depth in range(1, len(chain) + 1)
        )
    )

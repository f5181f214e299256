"""Chains of an evaluation: which parts each attack is made of, and which chains contain which."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from taet.adversary.parts import Part
from taet.study.params import plugins

if TYPE_CHECKING:
    from taet.options import AttackOptions

Chain = tuple[Part, ...]
Bounded = tuple[float, Chain]  # with the radius of the ball


def chain_of(name: str, attacks: "Mapping[str, AttackOptions]") -> Chain:
    """The parts of an attack, cut so that attacks of the same kind share what they can."""
    kind = attacks[name].kind
    module = plugins.load("attacks", kind)
    if hasattr(module, "chains"):
        alike = {other: options for other, options in attacks.items() if options.kind == kind}
        return module.chains(alike)[name]  # type: ignore[no-any-return]
    return module.parts(attacks[name])  # type: ignore[no-any-return]


def radius_of(options: "AttackOptions", eps: float) -> float:
    """An attack's own radius, or ``eps``."""
    own = getattr(options, "eps", None)
    return eps if own is None else own


def longest(wanted: Sequence[Bounded]) -> list[Bounded]:
    """The chains that are no beginning of another one, each once, in order."""
    distinct = list(dict.fromkeys(wanted))
    return [
        (radius, chain)
        for radius, chain in distinct
        if not any(
            radius == r and len(other) > len(chain) and other[: len(chain)] == chain
            for r, other in distinct
        )
    ]


def beginnings(chains: Sequence[Bounded]) -> list[Bounded]:
    """Every beginning of some chains, the whole ones included, each once."""
    return list(
        dict.fromkeys(
            (radius, chain[:depth])
            for radius, chain in chains
            for depth in range(1, len(chain) + 1)
        )
    )

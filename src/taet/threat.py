"""The threat model: perturbations in the L-inf ball of one radius. Worst cases are over these attacks."""


def in_linf_ball(norm: str | None, radius: float | None, eps: float) -> bool:
    """Whether an attack is bounded by the L-inf ball of radius ``eps``, and by no other.

    Args:
        norm: of its perturbations; None for clean images.
        radius: its bound in that norm; None for none.
        eps: radius of the threat model.
    """
    return norm == "linf" and radius == eps

"""What tables and figures call a data set, imbalance ratio and architecture, and the radius of attacks."""

import math
from collections.abc import Mapping


def ratio_title(imbalance_ratio: str) -> str:
    return f"IR {imbalance_ratio}"


def setting_title(
    labels: Mapping[str, Mapping[str, str]], dataset: str, imbalance_ratio: str, architecture: str
) -> str:
    """What titles begin with."""
    ratio = ratio_title(imbalance_ratio)
    return f"{labels['datasets'][dataset]}, {ratio}, {labels['architectures'][architecture]}"


def eps_text(eps: float) -> str:
    """The radius as papers write it: ``8/255`` where that is shorter than the decimal number."""
    decimal, levels = f"{eps:.4g}", round(255 * eps)
    return min(decimal, f"{levels}/255", key=len) if math.isclose(levels, 255 * eps) else decimal


def all_pairs(methods: int) -> str:
    """What simultaneous intervals hold for."""
    return (
        f"all {math.comb(methods, 2)} pairs of {methods} methods" if methods > 2 else "both methods"
    )

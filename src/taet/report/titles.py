"""What tables and figures call a data set, imbalance ratio and architecture."""

from collections.abc import Mapping


def ratio_title(imbalance_ratio: str) -> str:
    return f"IR {imbalance_ratio}"


def setting_title(
    labels: Mapping[str, Mapping[str, str]], dataset: str, imbalance_ratio: str, architecture: str
) -> str:
    """What titles begin with."""
    ratio = ratio_title(imbalance_ratio)
    return f"{labels['datasets'][dataset]}, {ratio}, {labels['architectures'][architecture]}"

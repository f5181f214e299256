"""What tables and figures call a data set, imbalance ratio and architecture."""

from collections.abc import Mapping


def setting_title(
    labels: Mapping[str, Mapping[str, str]], dataset: str, imbalance_ratio: str, architecture: str
) -> str:
    """What titles begin with."""
    return f"{labels['datasets'][dataset]}, IR {imbalance_ratio}, {labels['architectures'][architecture]}"

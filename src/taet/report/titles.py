"""What tables and figures call a data set, imbalance ratio and architecture."""

from collections.abc import Mapping


def setting_title(
    labels: Mapping[str, Mapping[str, str]], dataset: str, ir: str, architecture: str
) -> str:
    """What titles begin with."""
    return f"{labels['datasets'][dataset]}, IR {ir}, {labels['architectures'][architecture]}"

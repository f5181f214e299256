"""The axes of a study, by the names that they have in cells, keys, columns and paths."""

SETTING = ("dataset", "imbalance_ratio", "architecture")  # what methods are compared in
NETWORK = (*SETTING, "method", "seed")  # one trained network

"""The axes of a study, by the names that they have in cells, keys, columns and paths."""

SETTING = ("dataset", "imbalance_ratio", "architecture")  # what methods are compared in
METHOD_IN_SETTING = (*SETTING, "method")  # a row of a table, over all seeds
NETWORK = (*METHOD_IN_SETTING, "seed")  # one trained network
MODEL = (*NETWORK, "checkpoint")  # its weights that are attacked
SPLIT = ("dataset", "imbalance_ratio", "seed")  # which images are trained and tested on

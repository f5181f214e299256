"""TAET against AT-BSL at the paper's scale: one training each, of the same split."""

import math

import scipy.stats

from result_tables import metrics_of, scored_of

STUDIES = {"taet": "cifar10_gpu", "at_bsl": "cifar10_gpu_at_bsl"}
TAIL = range(5, 10)  # the paper's tail classes; those of this project are the three rarest


def difference(attack, scope, test_set="balanced"):
    """TAET minus AT-BSL in points, and the ends of its interval over test images.

    Args:
        scope: ``papers_tail``: the classes of ``TAIL``.
    """
    values, errors = zip(
        *(_of_network(method, attack, scope, test_set) for method in STUDIES), strict=True
    )
    center = values[0] - values[1]
    level = scored_of(STUDIES["taet"])[1]["report"].confidence
    reach = float(scipy.stats.norm.ppf(0.5 + level / 2)) * math.hypot(*errors)
    return center, center - reach, center + reach


def _of_network(method, attack, scope, test_set):
    """Balanced accuracy and its standard error over test images, in per cent."""
    rows = metrics_of(STUDIES[method], test_set)
    rows = rows[rows["attack"] == attack]
    if scope != "papers_tail":
        (row,) = rows[rows["scope"] == scope].to_dict("records")
        return 100 * row["balanced_accuracy"], 100 * row["balanced_accuracy_se"]
    classes = rows[(rows["scope"] == "class") & rows["class_index"].astype(float).isin(TAIL)]
    share, count = classes["accuracy"], classes["test_images"]
    error = math.sqrt((share * (1 - share) / (count - 1)).sum()) / len(classes)
    return 100 * share.mean(), 100 * error

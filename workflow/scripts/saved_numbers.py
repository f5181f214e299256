"""What pages say of saved results: functions that templates of pages call, each giving the text of a number.

A number comes with its claim: ``lead`` refuses to render where the difference is not significant or has the
other sign, ``undecided`` where it is. So a sentence cannot outlive the results that it was written for.
"""

import functools
from pathlib import Path

import pandas as pd

import papers_scale
from result_tables import (
    differences_of,
    legend,
    made_by_older_code,
    results_of,
    setting_of,
    summary_of,
)
from taet.errors import UserError
from taet.report.tables.setting import settings
from taet.scores.summary import read_rows
from taet.scores.tukey import is_significant, left_out
from taet.study.params.load import load_common, load_params
from taet.study.plan.costs import training_passes

PUBLISHED = "data/reference/taet.csv"
PILOTED = "cifar10_overfit"
PILOT = "results/reference/pilots/cifar10_overfit.csv"


# -- differences over seeds ----------------------------------------------------------------------------


def lead(study, method, other, attack="worst", scope="all", test_set="balanced", ratio=None):
    """By how much a method is significantly better than another: ``6.1 points [5.1, 7.0]``.

    ``ratio`` is that of a study with several.
    """
    pair = _pair(study, method, other, attack, scope, test_set, ratio)
    if not pair["low"] > 0:
        raise UserError(f"{_name(study, method, other, attack, scope)}: no significant lead")
    return _points(pair, "{:.1f} points [{:.1f}, {:.1f}]")


def undecided(study, method, other, attack="worst", scope="all", test_set="balanced"):
    """A difference that is not significant: ``-1.1 points [-3.0, +0.7]``."""
    pair = _pair(study, method, other, attack, scope, test_set)
    if is_significant(pair):
        raise UserError(f"{_name(study, method, other, attack, scope)}: significant")
    return _points(pair, "{:+z.1f} points [{:+.1f}, {:+.1f}]")


def difference(study, method, other, attack="worst", scope="all", test_set="balanced", ratio=None):
    """A difference for a table, bold where significant: ``**-6.1 [-7.0, -5.1]**``."""
    pair = _pair(study, method, other, attack, scope, test_set, ratio)
    text = _points(pair, "{:+z.1f} [{:+.1f}, {:+.1f}]")
    return f"**{text}**" if is_significant(pair) else text


def significant_pairs(study, ratio, attack="worst", scope="all"):
    """How many pairs of methods differ significantly: ``16 of 55``."""
    pairs = _of_ratio(study, ratio).family(attack, scope)
    return f"{pairs.apply(is_significant, axis=1).sum()} of {len(pairs)}"


def trails(study, ratio, method, attack="worst", scope="all"):
    """Than how many others a method is significantly worse: ``9 of 10``; refuses if it leads any."""
    setting = _of_ratio(study, ratio)
    others = [other for other in setting.methods if other != method]
    pairs = [setting.difference(method, other, attack, scope) for other in others]
    if any(pair["low"] > 0 for pair in pairs):
        raise UserError(f"{study}, ratio {ratio}: {method} is significantly better than another")
    return f"{sum(pair['high'] < 0 for pair in pairs)} of {len(pairs)}"


def highest(study, *ratios):
    """The method of the highest mean in the worst case at all ratios; refuses if significantly best."""
    first, *others = {_highest(study, ratio) for ratio in ratios}
    if others:
        raise UserError(f"{study}: the highest mean depends on the ratio")
    return first


def _highest(study, ratio):
    setting, means = _of_ratio(study, ratio), _worst_case(study, ratio)
    first = means.idxmax()
    pairs = [setting.difference(first, other, "worst", "all") for other in means.drop(first).index]
    if all(pair["low"] > 0 for pair in pairs):
        raise UserError(f"{study}, ratio {ratio}: {first} is significantly best")
    return setting.methods[first]


def lowest(study, ratio):
    """The method of the lowest mean in the worst case over attacks."""
    return _of_ratio(study, ratio).methods[_worst_case(study, ratio).idxmin()]


def _worst_case(study, ratio):
    """Balanced robustness by method."""
    rows = _of_ratio(study, ratio).rows
    rows = rows[(rows["attack"] == "worst") & (rows["scope"] == "all")]
    return rows.set_index("method")["balanced_accuracy"]


def excluded(study, attack, scope):
    """Methods that do not enter the analysis of variance: ``PGD-AT``."""
    setting = _setting(study, "balanced")
    names = left_out(setting.family(attack, scope))
    if not names:
        raise UserError(f"{study}, {attack}, {scope} classes: no method is excluded")
    return ", ".join(setting.methods[name] for name in names)


def _of_ratio(study, ratio):
    """The results of a study with several ratios, at one of them."""
    for setting in settings(*summary_of(study)):
        if float(setting.rows.iloc[0]["imbalance_ratio"]) == ratio:
            return setting
    raise UserError(f"{study}: no ratio {ratio}")


def _pair(study, method, other, attack, scope, test_set, ratio=None):
    setting = _setting(study, test_set) if ratio is None else _of_ratio(study, ratio)
    pair = setting.difference(method, other, attack, scope)
    if pair is None or pd.isna(pair["low"]):
        raise UserError(f"{_name(study, method, other, attack, scope)}: has no interval")
    return pair


@functools.cache
def _setting(study, test_set):
    setting = setting_of(study)
    if test_set == setting.test_set:
        return setting
    return next(other for other in setting.other_test_sets if other.test_set == test_set)


def _name(study, method, other, attack, scope):
    return f"{study}, {method} minus {other}, {attack}, {scope} classes"


def _points(pair, form):
    return _signed(form.format(*(100 * pair[end] for end in ("difference", "low", "high"))))


def _signed(text):
    return text.replace("-", "\N{MINUS SIGN}")


# -- single numbers ------------------------------------------------------------------------------------


def mean(study, method, attack="worst", scope="all", test_set="balanced"):
    """Balanced accuracy or robustness in per cent, mean over seeds: ``19.5``."""
    return f"{100 * _mean(study, method, attack, scope, test_set):.1f}"


def span(study, methods, attack="worst", scope="all"):
    """Smallest and largest mean of some methods, in per cent: ``0.8 to 4.0``."""
    values = [100 * _mean(study, method, attack, scope, "balanced") for method in methods]
    return f"{min(values):.1f} to {max(values):.1f}"


def loss(study, method):
    """From PGD-20 to the worst case, in points: ``5.4``."""
    lost = _mean(study, method, "pgd20", "all", "balanced") - _mean(
        study, method, "worst", "all", "balanced"
    )
    return f"{100 * lost:.1f}"


def seeds(study):
    """n, the same in all settings of the study."""
    (count,) = {setting.seeds for setting in settings(*summary_of(study))}
    return count


def images(study, test_set="balanced"):
    """Test images of a seed."""
    rows = _rows(study, "all", test_set)
    return f"{int(rows['test_images'].iloc[0]):,}"


def passes(study, method):
    """Forward and backward passes of a training image, for the whole training."""
    return f"{training_passes(load_params(study=study), method):,.0f}"


def step_size(attack):
    """The common step size of an attack, in levels of 255: ``1/255``."""
    return f"{255 * load_common(Path('params.yaml')).attacks[attack].step_size:g}/255"


def detectable(study, attack="worst", scope="all"):
    """Smallest difference, in points, that the study finds with a power of 80 %."""
    return f"{100 * _setting(study, 'balanced').family(attack, scope)['detectable'].iloc[0]:.1f}"


def _mean(study, method, attack, scope, test_set):
    rows = _rows(study, scope, test_set)
    (row,) = rows[(rows["method"] == method) & (rows["attack"] == attack)].to_dict("records")
    return row["balanced_accuracy"]


def _rows(study, scope, test_set):
    (setting,) = settings(*summary_of(study))
    (chosen,) = [s for s in (setting, *setting.other_test_sets) if s.test_set == test_set]
    return chosen.rows[chosen.rows["scope"] == scope]


# -- the paper's scale: one training each, intervals over test images --------------------------------


def paper(attack="worst", scope="all", test_set="balanced"):
    """TAET minus AT-BSL for a table: ``+2.4 [+1.1, +3.6]``; never bold: one training each."""
    return _signed(
        "{:+.1f} [{:+.1f}, {:+.1f}]".format(*papers_scale.difference(attack, scope, test_set))
    )


def paper_lead(method, other, attack="worst", scope="all", test_set="balanced"):
    """Which of the two networks is better, beyond the error of the test images: ``2.4 points [1.1, 3.6]``."""
    ends = papers_scale.difference(attack, scope, test_set)
    sign = 1 if (method, other) == ("taet", "at_bsl") else -1
    center, low, high = (sign * end for end in ends)
    low, high = sorted((low, high))
    if low <= 0:
        raise UserError(
            f"paper's scale, {method} minus {other}, {attack}, {scope} classes: no lead"
        )
    return f"{center:.1f} points [{low:.1f}, {high:.1f}]"


def published_lead(attack="pgd20"):
    """TAET's published lead over AT-BSL in the paper's tail of its long-tailed test set: ``8.4``."""
    rows = read_rows(PUBLISHED)
    rows = rows[
        (rows["attack"] == attack) & (rows["scope"] == "class") & (rows["read_off"] == "no")
    ]
    rows = rows[rows["class_index"].astype(float).isin(papers_scale.TAIL)]
    means = rows.groupby("method")["value"].mean()
    return f"{means['taet'] - means['at_bsl']:.1f}"


# -- pilots --------------------------------------------------------------------------------------------


def pilot(head_images, method, seed):
    """Best and last validation robustness in a pilot, after stage 1, in per cent: ``20.3 to 12.3``."""
    rows = read_rows(PILOT)
    run = (rows["head_images"] == head_images) & (rows["method"] == method) & (rows["seed"] == seed)
    after_stabilization = rows["epoch"] > _share_of_stabilization(PILOTED, method) * rows["epochs"]
    measured = 100 * rows.loc[run & after_stabilization, "validation_robustness"].dropna()
    return f"{measured.max():.1f} to {measured.iloc[-1]:.1f}"


def _share_of_stabilization(study, method):
    """Of all epochs of a method."""
    params = load_params(study=study)
    options = params.methods[method]
    if options.stabilization is None:
        return 0
    return params.stabilizations[options.stabilization].epochs / options.training.epochs


# -- code ----------------------------------------------------------------------------------------------


def older(*studies):
    """Names all of the studies, if older code made each of them: ```digits`, `cifar10_small```."""
    if current := set(studies) - set(made_by_older_code(studies)):
        raise UserError(f"made by today's code: {', '.join(sorted(current))}")
    return ", ".join(f"`{study}`" for study in studies)


CALLS = (
    pilot,
    older,
    significant_pairs,
    trails,
    highest,
    lowest,
    excluded,
    legend,
    lead,
    undecided,
    difference,
    mean,
    span,
    loss,
    seeds,
    images,
    passes,
    step_size,
    detectable,
    paper,
    paper_lead,
    published_lead,
    results_of,
    differences_of,
)

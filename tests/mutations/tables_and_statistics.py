"""Changes to statistics, summaries, tables and figures, each of which falsifies numbers.

(file, exact text before, text after, what it breaks); the text before is in the file once.
"""

BOOTSTRAP = "src/taet/scores/bootstrap.py"
TUKEY = "src/taet/scores/tukey.py"
SUMMARY = "src/taet/scores/summary.py"
TYPESET = "src/taet/report/typeset.py"
PUBLISHED = "src/taet/study/plan/published.py"
VARIANTS = "src/taet/study/plan/variants.py"
CELLS = "src/taet/report/tables/cells.py"
DIFFERENCES = "src/taet/report/tables/differences.py"
HEADLINE = "src/taet/report/tables/headline.py"
TABLE = "src/taet/report/tables/methods.py"
NOTE = "src/taet/report/tables/table_note.py"
SETTING = "src/taet/report/tables/setting.py"
BESIDE = "src/taet/report/tables/published.py"
RAREST = "src/taet/report/tables/rarest.py"
OTHER_TEST_SET = "src/taet/report/tables/other_test_set.py"
STYLE = "src/taet/report/style.py"
CHARTS = "src/taet/report/charts.py"
LEARNING = "src/taet/report/figures/learning.py"
CONFUSION = "src/taet/report/figures/confusion.py"
IMBALANCE = "src/taet/report/figures/imbalance.py"
PER_CLASS = "src/taet/report/figures/per_class.py"
BA_BR = "src/taet/report/figures/ba_br.py"
EFFICIENCY = "src/taet/report/figures/efficiency.py"
WEIGHTS = "src/taet/report/figures/loss_weights.py"
TABLES = "src/taet/stages/tables.py"
LENGTH = "src/taet/report/figures/stabilization_length.py"
FOREST = "src/taet/report/figures/forest.py"
TITLES = "src/taet/report/titles.py"

MUTATIONS: list[tuple[str, ...]] = [
    # -- statistics -----------------------------------------------------------------------------------
    (BOOTSTRAP, "np.array_equal(seed.index, seeds[0].index)", "True or np.array_equal(seed.index, seeds[0].index)", "seeds with images of their own are crossed"),
    (BOOTSTRAP, "order if crossed else rng.permutation(order)", "order", "a seed picked twice brings the same images twice"),
    (BOOTSTRAP, "picked = rng.integers(0, len(seeds), (len(seeds), draws))", "picked = np.tile(np.arange(len(seeds))[:, None], (1, draws))", "bootstrap without seeds"),
    (BOOTSTRAP, "rng.integers(0, count, (draws, n)) + count", "np.tile(np.arange(n), (draws, 1)) + count", "bootstrap without images"),
    (BOOTSTRAP, "- (verdicts.sum(0) + 1) / count", "- verdicts.mean(0)", "draws that are not around the recalls"),
    (BOOTSTRAP, "np.flatnonzero(together))", "[c])", "a class with one image has no variance"),
    (BOOTSTRAP, "first = rng.random((draws, verdicts.shape[1])) < 0.5", "first = np.ones((draws, verdicts.shape[1]), dtype=bool)", "no half images added for differences"),
    (BOOTSTRAP, "[0.5 - confidence / 2, 0.5 + confidence / 2]", "[1 - confidence, confidence]", "bootstrap intervals: one-sided levels"),
    (BOOTSTRAP, "(values.exact[:, a] - values.exact[:, b]).mean()", "(values.exact[:, b] - values.exact[:, a]).mean()", "sign of the differences"),
    (BOOTSTRAP, "interval(values.draws[:, a] - values.draws[:, b], confidence)", "interval(values.draws[:, b] - values.draws[:, a], confidence)", "sign of the intervals of differences"),
    (BOOTSTRAP, "drawn[_present(seed, seed.scopes[scope])].mean(0)", "drawn[_present(seed, seed.scopes[\"all\"])].mean(0)", "bootstrap of all classes for every group"),
    (BOOTSTRAP, "recall = [table[seed.labels == c].mean(0) for c in _present(seed, members)]", "recall = [table[np.isin(seed.labels, members)].mean(0)]", "balanced accuracy of contrasts is accuracy"),
    (BOOTSTRAP, "np.clip(interval(values.draws[:, i], confidence), 0, 1).tolist()", "interval(values.draws[:, i], confidence)", "intervals beyond 0 and 1"),
    (TUKEY, "centered - centered.mean(0), (m - 1) * (s - 1)", "centered, (m - 1) * (s - 1)", "effects of seeds in the residuals"),
    (TUKEY, "(m - 1) * (s - 1)) if m", "m * (s - 1)) if m", "degrees of freedom of the residuals"),
    (TUKEY, "ppf(confidence, methods, df)) / 2**0.5", "ppf(confidence, methods, df))", "q for q / sqrt(2)"),
    (TUKEY, "(sd, df), means = self.residual, 2", "(sd, df), means = self.residual, 1", "error of a mean for that of a difference"),
    (TUKEY, "(sd, df), means = self.within, 1", "(sd, df), means = self.residual, 1", "methods that are left out as if seeds cancelled"),
    (TUKEY, "near > EXTREME + NO_SPREAD", "near >= 0", "methods without a tail in the pool"),
    (TUKEY, "critical_t(self.methods, df", "critical_t(int(self.pooled.sum()), df", "methods that are left out are not compared"),
    (TUKEY, "POWER = 0.8", "POWER = 0.9", "difference for another power"),
    (TUKEY, "sd * (2 / self.seeds) ** 0.5", "sd * (1 / self.seeds) ** 0.5", "detectable difference of a mean"),
    (TUKEY, "(shares[i] - shares[j]).mean()", "(shares[j] - shares[i]).mean()", "sign of Tukey's differences"),
    (TUKEY, 'pair["low"] > 0 or pair["high"] < 0', 'pair["low"] > 0', "only positive differences are significant"),
    (TUKEY, "if df < 1 or sd < NO_SPREAD:\n            return float(\"nan\")\n        return critical_t", "if df < 1:\n            return float(\"nan\")\n        return critical_t", "intervals without a width"),
    # -- summary --------------------------------------------------------------------------------------
    (SUMMARY, "groups[metric].std(ddof=1)", "groups[metric].std(ddof=0)", "sd over seeds with n, in tables"),
    (SUMMARY, "stats.t.ppf(0.5 + confidence / 2, (n - 1).clip(lower=1)) / n**0.5", "stats.norm.ppf(0.5 + confidence / 2) / n**0.5", "normal intervals for Student's"),
    (SUMMARY, "(n - 1).clip(lower=1)) / n**0.5", "(n - 1).clip(lower=1))", "interval of a seed, not of the mean"),
    (SUMMARY, "0.5 + confidence / 2", "confidence", "one-sided level of intervals"),
    (SUMMARY, "(mean - reach).clip(least, 1)", "mean - reach", "intervals below 0"),
    (SUMMARY, 'seeds=("seed", "nunique")', 'seeds=("seed", "max")', "number of seeds is the last seed"),
    (SUMMARY, 'median_distance=("median_distance", "mean")', 'median_distance=("median_distance", "first")', "distance of the first seed"),
    (SUMMARY, 'test_images=("test_images", "mean")', 'test_images=("test_images", "first")', "test images of the first seed"),
    (SUMMARY, '(rows["test_set"] == report.test_set) & (rows["checkpoint"] == report.checkpoint)', '(rows["test_set"] == report.test_set) & (rows["checkpoint"] == "last")', "the last checkpoint shown for the best"),
    (SUMMARY, '(rows["test_set"] == report.test_set) & (rows["checkpoint"] == report.checkpoint)', '(rows["test_set"] == "balanced") & (rows["checkpoint"] == report.checkpoint)', "the balanced test set shown always"),
    (SUMMARY, '"low": "bootstrap_low", "high": "bootstrap_high"', '"high": "bootstrap_low", "low": "bootstrap_high"', "bounds swapped"),
    (SUMMARY, "({most / least:.3g}:1)", "({least / most:.3g}:1)", "ratio of a test set turned round"),
    (SUMMARY, "n = groups[metric].count()", "n = groups[\"seed\"].nunique()", "seeds without images count in intervals"),
    # -- tables ---------------------------------------------------------------------------------------
    (CELLS, "key=lambda i: -values[i]", "key=lambda i: values[i]", "the worst in bold"),
    (CELLS, '("best", "second")', '("second", "best")', "best and second swapped"),
    (CELLS, "> EQUAL", "> 0", "equal means with a rounding between them"),
    (SUMMARY, ".where(sd > NO_SPREAD)", "", "intervals of Student's t without a width"),
    (CELLS, "if ends[0] == ends[1] else", "if low == high else", "intervals without a width as printed"),
    (CELLS, 'f" ± {100 * sd:.1f}"', 'f" ± {50 * sd:.1f}"', "half the sd in tables"),
    (CELLS, 'if row["seeds"] == 1 and metric', 'if row["seeds"] > 1 and metric', "kinds of intervals swapped"),
    (CELLS, 'stats.norm.ppf(0.5 + confidence / 2)', 'stats.norm.ppf(confidence)', "interval of one seed's accuracy"),
    (CELLS, 'form: str = ".1f") -> str:\n    """With', 'form: str = ".0f") -> str:\n    """With', "numbers without decimals"),
    (DIFFERENCES, "np.nanargmax", "np.nanargmin", "differences to the worst"),
    (TITLES, "math.comb(methods, 2)", "methods**2", "number of pairs"),
    (DIFFERENCES, '"yes" if tukey.is_significant(pair) else "no"', '"no" if tukey.is_significant(pair) else "yes"', "verdicts turned round"),
    (CELLS, '_between(row["low"], row["high"], "+z.1f")', '_between(row["high"], row["low"], "+z.1f")', "bounds of differences swapped"),
    (HEADLINE, 'picked[(*cell, "clean", "all")]', 'picked[(*cell, attack, "all")]', "BA is BR"),
    (HEADLINE, 'picked[(*cell, attack, "tail")]\n', 'picked[(*cell, "clean", "tail")]\n', "BR of the tail is its BA"),
    (HEADLINE, 'picked[(*cell, attack, "tail")]\n', 'picked[(*cell, attack, "all")]\n', "BR of the tail is that of all classes"),
    (HEADLINE, "round(100 * float(value), 3)", "round(100 * float(value), 0)", "headline without decimals"),
    (TABLE, "and not tukey.is_significant(pair)", "and tukey.is_significant(pair)", "≈ of significant differences"),
    (TABLE, "setting.difference(method, best[0], column.attack, column.scope)", "setting.difference(method, best[0], column.attack, \"all\")", "≈ of all classes for the tail"),
    (TABLE, 'pair["low"] == pair["low"] and', "", "≈ without an interval"),
    (TABLE, "costs[method] / least", "least / costs[method]", "cost ratios turned round"),
    (TABLE, "column + 2): mark", "column + 1): mark", "marks of the costs table a column off"),
    (SETTING, '-row["difference"],\n                -row["high"],\n                -row["low"],', '-row["difference"],\n                -row["low"],\n                -row["high"],', "bounds of a turned contrast"),
    (SETTING, '                -row["difference"],\n', '                row["difference"],\n', "sign of a turned contrast"),
    (SETTING, "math.nan if method in self.collapsed else value", "value", "collapsed methods are ranked"),
    (SETTING, 'int(self.rows["seeds"].max())', 'int(self.rows["seeds"].sum())', "number of seeds in notes"),
    (SETTING, 'self.summary[self.summary["test_set"] == self.test_set]', 'self.summary[self.summary["test_set"] == "balanced"]', "other test sets' tables show the balanced one"),
    (NOTE, '100 * of_all["balanced_accuracy_se"].max()', '100 * of_all["balanced_accuracy_se"].min()', "the smallest error for the largest"),
    (NOTE, '(report.groups.tail, "least")', '(report.groups.head, "least")', "share of the tail is that of the head"),
    (BESIDE, "math.hypot(reading, 50 * (high - low))", "math.hypot(reading, 100 * (high - low))", "whole intervals for half ones"),
    (BESIDE, '100 * ours["balanced_accuracy"] - published["value"]', 'published["value"] - 100 * ours["balanced_accuracy"]', "published minus ours"),
    (RAREST, '.sort_values(kind="stable")', '.sort_values(kind="stable", ascending=False)', "the most frequent classes for the rarest"),
    (RAREST, 'values.loc[(method, attack, c), "accuracy"]', 'values.loc[(method, "clean", c), "accuracy"]', "clean accuracies under attack"),
    (OTHER_TEST_SET, 'values.loc[(method, attack, "all")]', 'values.loc[(method, "clean", "all")]', "clean accuracy as robust one"),
    (PUBLISHED, 'row["scope"] == "all"', 'row["scope"] != ""', "published numbers of groups as those of all"),
    (PUBLISHED, 'and UNUSABLE not in row["note"]', "", "published numbers that must not be compared"),
    (PUBLISHED, "return [name for name in names if params.datasets[name].kind == kind]", "return [name for name in names if params.datasets[name].kind == kind][-1:]", "published numbers for the last data set of a kind"),
    (VARIANTS, "stabilization.epochs if stabilization else 0", "stabilization.epochs if stabilization else 1", "no stage 1 is one epoch of it"),
    # -- figures --------------------------------------------------------------------------------------
    (STYLE, "100 * (error if math.isnan(sd) else sd)", "100 * error", "bars are standard errors"),
    (STYLE, 'with_bar(100 * row["balanced_accuracy"]', 'with_bar(100 * row["accuracy"]', "figures show accuracy"),
    (STYLE, "min(reach, 100 - percent)", "reach", "bars beyond 100"),
    (STYLE, "[list(ends) for ends in zip(*reaches, strict=True)]", "[list(ends) for ends in zip(*reaches, strict=True)][::-1]", "bars' reaches down and up exchanged"),
    (SETTING, "means[self.reference] - means", "means - means[self.reference]", "differences with the other sign"),
    (SETTING, "self.difference(self.reference, method, attack, scope)", "self.difference(method, self.reference, attack, scope)", "interval with the other sign"),
    (FOREST, "scope: 100 * setting.leads(attack, scope)", "scope: 100 * setting.leads(attack, \"all\")", "differences over all classes in every panel"),
    (LEARNING, "values.std(ddof=1)", "values.std(ddof=0)", "shades: sd with n"),
    (LEARNING, "stabilization.max() + 0.5", "stabilization.max() - 0.5", "end of stage 1 an epoch early"),
    (LEARNING, "rates < DROP * rates.shift()", "rates < DROP * rates.shift(-1)", "drops of the learning rate"),
    (CONFUSION, "shares[method, attack].unstack(sort=False)", "shares[method, attack].unstack(sort=False).T", "confusion matrix drawn turned round"),
    (CONFUSION, "if n in texts][-RAREST:]", "if n in texts][:RAREST]", "confusion of the most frequent classes"),
    (CONFUSION, "table = table[list(texts)]", "table = table[list(table)]", "predicted classes in the order of the file"),
    (IMBALANCE, "sorted(about[\"ratios\"], key=float)", "sorted(about[\"ratios\"])", "ratios in the order of text"),
    (IMBALANCE, "values.loc[(method, attack, ratio)]", "values.loc[(method, \"clean\", ratio)]", "BR against IR is BA"),
    (PER_CLASS, ".sort_values(ascending=False, kind=\"stable\")", ".sort_values(kind=\"stable\")", "classes from tail to head"),
    (PER_CLASS, "classes[\"accuracy_sd\"].fillna(classes[\"accuracy_se\"])", "classes[\"accuracy_se\"]", "per class: bars are standard errors"),
    (PER_CLASS, 'accuracy=("accuracy", "mean")', 'accuracy=("accuracy", "median")', "median of the classes of a point"),
    (BA_BR, 'value_bar(part.loc[(method, report.figure_attack)])', 'value_bar(part.loc[(method, "clean")])', "BR is BA in the figure"),
    (BA_BR, "xerr=ba_bar, yerr=br_bar", "xerr=br_bar, yerr=ba_bar", "bars of BA and BR swapped"),
    (BA_BR, 'summary[summary["scope"] == scope]', 'summary[summary["scope"] == "all"]', "BA and BR of all classes in every panel"),
    (EFFICIENCY, "costs[method], row", "costs[method] + 1, row", "cost of training off by one"),
    (EFFICIENCY, "values.loc[(method, scope)]", "values.loc[(method, \"all\")]", "BR of all classes in every panel"),
    (LENGTH, "values.loc[(m, *key)]", "values.loc[(m, key[0], \"all\")]", "tail curves over the length of stage 1 are those of all classes"),
    (WEIGHTS, 'values[m, attack, "all"]', 'values[m, "clean", "all"]', "heat map of BA"),
    (WEIGHTS, 'in about["options"])', 'in sorted(about["options"], key="beta".__ne__))', "heat map: axes swapped"),
    (WEIGHTS, '[f"{b:g}" for b in betas]', '[f"{b:g}" for b in betas[::-1]]', "heat map: labels of beta in the reverse order"),
    # -- charts of the page ---------------------------------------------------------------------------
    (CHARTS, 'self.rows[method, attack, scope] for attack in ("clean", self.attack)', 'self.rows[method, attack, "all"] for attack in ("clean", self.attack)', "chart: BA and BR of all classes for the tail"),
    (CHARTS, "row = self.rows[method, self.attack, scope]", "row = self.rows[method, self.attack, \"all\"]", "chart: BR and cost of all classes for the tail"),
    (CHARTS, '"low": percent - down, "high": percent + up', '"low": percent - up, "high": percent + down', "chart: bars' reaches down and up exchanged"),
    (CHARTS, 'for row in [charts.rows[method, attack, "all"]]', 'for row in [first.rows[method, attack, "all"]]', "chart: numbers of the first ratio at every ratio"),
]  # fmt: skip

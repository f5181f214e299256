"""Changes to evaluation, metrics and what is scored, each of which falsifies numbers.

(file, exact text before, text after, what it breaks); the text before is in the file once.
"""

EVALUATION = "src/taet/adversary/evaluation.py"
CHAINS = "src/taet/adversary/chains.py"
SUBJECT = "src/taet/adversary/subject.py"
CHECKS = "src/taet/adversary/checks.py"
WARNINGS = "src/taet/adversary/warnings.py"
USER = "src/taet/api/under_attack.py"
VERDICT_FRAME = "src/taet/api/verdict_frame.py"
VERDICT_TABLE = "src/taet/api/verdict_table.py"
USER_IMAGES = "src/taet/api/images.py"
USER_FRAME = "src/taet/api/frame.py"
USER_WEIGHTS = "src/taet/api/weights.py"
HINTS = "src/taet/api/hints.py"
CACHE = "src/taet/api/cache.py"
NAMED = "src/taet/api/named_networks.py"
SAVED = "src/taet/study/plan/saved.py"
LONG_TAIL = "src/taet/api/long_tail.py"
METRICS = "src/taet/scores/metrics.py"
PREDICTIONS = "src/taet/scores/predictions.py"
BITS = "src/taet/scores/bits.py"
SCORE = "src/taet/stages/score.py"
ATTACK = "src/taet/stages/attack.py"
INSPECT = "src/taet/stages/inspect.py"
FGSM = "src/taet/attacks/fgsm.py"
PGD = "src/taet/attacks/pgd.py"
CW = "src/taet/attacks/cw_linf.py"
NORMS = "src/taet/adversary/norms.py"
METHODS = "src/taet/methods"
PGD20 = 'Descent("PGD-20", CrossEntropy(), "uniform", 2 / 255, 20, "any_iterate")'
READ = 'name: arrays[f"{name}/prediction"] for name in order'

MUTATIONS: list[tuple[str, ...]] = [
    # -- issue 21's own: an attack or a method is another one -----------------------------------------
    (PREDICTIONS, "[predicted[attack] for attack in chosen]", "[predicted[attack] for attack in chosen[:2]]", "worst case over the first two attacks only"),
    (PREDICTIONS, "[predicted[attack] for attack in chosen]", '[predicted[attack] for attack in chosen if "cw" not in attack]', "CW left out of the worst case"),
    (PREDICTIONS, READ, READ.replace("{name}/", "{'pgd20' if name == 'fgsm' and 'pgd20' in order else name}/"), "FGSM reported as PGD-20"),
    (PREDICTIONS, READ, READ.replace("{name}/", "{'pgd20' if name == 'pgd100' and 'pgd20' in order else name}/"), "PGD-100 reported as PGD-20"),
    (PREDICTIONS, READ, READ.replace("{name}/", "{'pgd20' if name.startswith('cw') and 'pgd20' in order else name}/"), "CW reported as PGD-20"),
    (PREDICTIONS, '"balanced": np.ones(len(arrays["index"]), dtype=bool),\n            "long_tailed": np.isin(arrays["index"], split["test_long_tailed"])', '"long_tailed": np.ones(len(arrays["index"]), dtype=bool),\n            "balanced": np.isin(arrays["index"], split["test_long_tailed"])', "test sets swapped"),
    (FGSM, 'Descent("FGSM", CrossEntropy(), "zero", None, 1, "any_iterate")', PGD20, "FGSM is PGD-20"),
    (PGD, "            options.steps,\n            options.convention", "            min(options.steps, 20),\n            options.convention", "PGD-100 is PGD-20"),
    (CW, "            options.steps,\n            options.convention", "            min(options.steps, 20) // 2,\n            options.convention", "CW-Linf: half the steps"),
    (ATTACK, 'eps=job.reads["threat"].eps', 'eps=job.reads["threat"].eps - 1 / 255', "an evaluation ball that is 1/255 smaller"),
    ("src/taet/adversary/chains.py", "(radius_of(options, eps), chain_of", "(radius_of(options, eps) - 1 / 255, chain_of", "balls of an evaluation 1/255 smaller"),
    (f"{METHODS}/trades.py", "(cross_entropy(clean, batch.y) + self.options.beta * kl).mean()", "cross_entropy(adversarial, batch.y).mean()", "TRADES is PGD-AT"),
    (f"{METHODS}/mart.py", "mart(model(batch.x), model(attacked.x), batch.y, self.options.beta)", "F.cross_entropy(model(attacked.x), batch.y)", "MART is PGD-AT"),
    (f"{METHODS}/he.py", "margin_logits(model(attacked.x), batch.y, options.scale, options.margin)", "options.scale * model(attacked.x)", "HE without margin"),
    (f"{METHODS}/reat.py", "        return fit + self.options.tail * tail\n", "        return fit\n", "REAT is AT-BSL"),
    (f"{METHODS}/robal.py", "(fit + options.beta * kl_divergence(clean, adversarial)).mean()", "fit.mean()", "RoBal is AT-BSL with cosines"),
    (f"{METHODS}/taet.py", "            options.gamma,\n", "            10 * options.gamma,\n", "gamma times ten"),
    (f"{METHODS}/taet.py", "            options.alpha,\n            options.beta,\n            options.gamma,\n", "            1.0,\n            1.0,\n            1.0,\n", "all weights of TAET are 1"),
    (f"{METHODS}/taet.py", "            options.beta,\n", "            0.0,\n", "TAET's options: no HDL"),
    # -- evaluation -----------------------------------------------------------------------------------
    (EVALUATION, "self.correct = (self.clean == y)", "self.correct = (y == y)", "misclassified images are attacked"),
    (EVALUATION, "self.noise.rows(robust)", "self.noise.rows(torch.arange(len(robust)))", "noise by the row in the batch"),
    (EVALUATION, "robust, iterate = robust[~fooled], x_adv[~fooled]", "robust, iterate = robust[~fooled], self.x[robust[~fooled]]", "parts that continue begin at the clean image"),
    (EVALUATION, "after.prediction[robust] = prediction", "after.prediction[robust[fooled]] = prediction[fooled] * 0", "fooled images are all of class 0"),
    (EVALUATION, "= norm_of(x_adv - x, part.norm)", "= norm_of(x_adv - x, \"linf\")", "distances in L-inf for all"),
    (EVALUATION, "after.broken_by[robust[fooled]] = len(chain) - 1", "after.broken_by[robust[fooled]] = len(chain)", "parts counted from 1"),
    (EVALUATION, "radius if chain[-1].bounded else None", "radius", "attacks without bound have an eps"),
    (EVALUATION, "rows[before.prediction[rows] == self.y[rows]]", "rows", "fooled images are attacked again"),
    (EVALUATION, "Noise(seed, index.to", "Noise(0, index.to", "noise of seed 0 in every evaluation"),
    (EVALUATION, "while done < len(chain) and chain[done].continues:", "while False:", "resumed attacks continue from the clean image"),
    (CHAINS, "eps if bound is None else bound", "eps", "an attack's own radius ignored"),
    (CHAINS, "radius == other_radius and len(other) > len(chain)", "len(other) > len(chain)", "chains of another ball are shared"),
    (SUBJECT, "2 * low - known.amax(1, keepdim=True) - 1", "known.amax(1, keepdim=True) + 1", "classes left out are the largest"),
    (SUBJECT, "        self.eval()  #", "        self.train()  #", "evaluation in train mode"),
    (SUBJECT, "self.raw(x).float()", "self.raw(x).float().softmax(1)", "attacks see probabilities"),
    (WARNINGS, "SQUARE_SHARE = 0.002", "SQUARE_SHARE = 0.02", "ten times as many images that Square alone breaks pass without a word"),
    (WARNINGS, 'across = 2 * eps if run[0].start == "uniform" else eps', "across = eps", "steps too short for the ball are passed over"),
    (WARNINGS, "steps, step_size = sum(part.steps for part in run), run[0].step_size", "steps, step_size = run[-1].steps, run[0].step_size", "reach of the last part only"),
    (CHECKS, "distance > inputs.eps + TOLERANCE", "distance > 2 * inputs.eps", "images outside the ball count"),
    (WARNINGS, "len(clean.unique()) == 1", "len(clean.unique()) == 0", "a collapsed training is ranked"),
    (NORMS, "flat.square().sum(1).sqrt()", "flat.square().mean(1).sqrt()", "L2 is a mean"),
    (EVALUATION, "[torch.searchsorted(rows, attacked)] = x_adv", "[torch.searchsorted(rows, attacked)] = self.x[attacked]", "examples are clean images"),
    (EVALUATION, "self.images.get((radius, chain[:done]), self.x)[rows]", "self.x[rows]", "examples that a shared beginning has broken are clean images"),
    (INSPECT, 'eps=self.reads["threat"].eps', 'eps=0.9 * self.reads["threat"].eps', "examples in another ball"),
    # -- attack and score -----------------------------------------------------------------------------
    (ATTACK, 'seed=job.cell["seed"]', "seed=0", "attack noise of seed 0"),
    (ATTACK, 'job.cell["checkpoint"])', '"last")', "the last checkpoint attacked for the best"),
    (ATTACK, "        index=index,\n", "", "noise by the place in the list"),
    ("src/taet/threat.py", "radius == eps", "radius is not None and radius >= eps", "worst cases over larger balls"),
    (PREDICTIONS, "groups.head, groups.tail)", "groups.tail, groups.head)", "shares of head and tail swapped"),
    (SCORE, "{name: values[inside] for name, values in model.predicted.items()}", "{name: np.where(inside, values, 0)[inside][::-1] for name, values in model.predicted.items()}", "predictions of other images"),
    (SCORE, "1 if epoch <= stabilization_epochs else 2", "1 if epoch < stabilization_epochs else 2", "stage 1 an epoch shorter in training.csv"),
    # -- bits ----------------------------------------------------------------------------------------
    (BITS, "for i in np.argsort(model.index):", "for i in range(len(model.index)):", "images of bits in the order of the file"),
    (BITS, "order = np.argsort(model.index)", "order = np.arange(len(model.index))", "bits in the order of the file"),
    (BITS, "bits = (predicted == model.label)[order]", "bits = (predicted != model.label)[order]", "bits of what is wrong"),
    (BITS, "np.unpackbits(packed, count=count)", "np.unpackbits(packed, count=count, bitorder='little')", "bits read from the other end"),
    (SCORE, "enumerate(facts[\"history\"], 1)", "enumerate(facts[\"history\"], 0)", "epochs counted from 0"),
    (SCORE, "np.bincount(true * len(bins) + predicted", "np.bincount(predicted * len(bins) + true", "confusion matrix turned round"),
    (SCORE, "matrix.sum(1, keepdims=True)", "matrix.sum(0, keepdims=True)", "confusion: shares of the predicted class"),
    (SCORE, "inside = model.test_sets[job.reads[\"test_set\"]]", "inside = model.test_sets[\"balanced\"]", "confusion of the balanced test set always"),
    (SCORE, "inside[np.argsort(same[0].index[inside])]", "inside", "images of seeds compared in other orders"),
    (SCORE, "_checkpoint(model) == job.reads[\"checkpoint\"]", "True", "confusion over all checkpoints"),
    (SCORE, "reads[\"bootstrap\"], rng)", "100, rng)", "a bootstrap of 100 draws"),
    (SCORE, "for scope in tukey.COMPARED if", 'for scope in ("all", "head") if', "contrasts of the head for the tail"),
    (SCORE, '"summary.csv": csv_bytes(summary)', '"summary.csv": csv_bytes(summary, DIGITS)', "means over seeds are rounded twice"),
    (INSPECT, "descending=True, stable=True)", "stable=True)", "the most frequent classes for the rarest"),
    (INSPECT, "_pixels(verdict.images - x)", "_pixels(verdict.images)", "what is added to an image is the image"),
    (INSPECT, "(len(rows) for rows in of_class[:-1])", "(len(rows) for rows in of_class[1:])", "examples of other images"),
    (INSPECT, 'seed=self.cell["seed"]', "seed=0", "examples with the noise of seed 0"),
    (INSPECT, 'seed_for("tsne", self.cell["seed"])', 'seed_for("tsne")', "one t-SNE for all seeds"),
    # -- metrics --------------------------------------------------------------------------------------
    (METRICS, "hits = np.bincount(labels[correct]", "hits = np.bincount(labels[~correct]", "recall is its complement"),
    (METRICS, "return Estimate(float(recall[present].mean()), float(error))", "return Estimate(float((recall * images)[present].sum() / images[present].sum()), float(error))", "balanced accuracy is accuracy"),
    (METRICS, "np.sqrt(variances(recall, images)[present].sum()) / len(present)", "np.sqrt(variances(recall, images)[present].sum() / len(present))", "standard error of the mean: n under the root"),
    (METRICS, "error = np.sqrt((n**2 * variances(recall, images)[present]).sum()) / n.sum()", "error = np.sqrt((n * variances(recall, images)[present]).sum()) / n.sum()", "standard error of accuracy"),
    (METRICS, "(together @ hits + 1) / (together @ images + 2)", "(together @ hits) / (together @ images)", "no Laplace: recalls of 0 have no error"),
    (METRICS, "count[members].sum() >= FEW", "count[members].sum() >= 1", "variance of a class with one image from that image"),
    (METRICS, "max(rank - width, 0)", "0", "small classes take the largest ones"),
    (METRICS, "key=lambda c: (-train_counts[c], c)", "key=lambda c: (train_counts[c], c)", "head and tail swapped"),
    (METRICS, "first = round(head * classes)", "first = int(head * classes)", "head rounded down"),
    (METRICS, "round(tail * classes)", "int(tail * classes)", "tail rounded down"),
    (METRICS, "ranked[first:last], \"tail\": ranked[last:]", "ranked[first : last + 1], \"tail\": ranked[last + 1 :]", "a tail class in the middle"),
    (METRICS, "np.nanargmin(recall)", "np.nanargmax(recall)", "the best class for the worst"),
    (METRICS, 'method="higher"', 'method="lower"', "the lower of two middle distances"),
    (METRICS, "np.where(fooled, distance, np.inf)[attacked]", "distance[attacked & fooled]", "median over fooled images only"),
    (METRICS, "for prediction in reversed(predictions):", "for prediction in predictions:", "worst case: the last wrong prediction"),
    (METRICS, "for prediction in reversed(predictions):", "for prediction in predictions[:1]:", "worst case of the first attack"),
    (METRICS, 'attacked = predictions["clean"] == labels', 'attacked = labels == labels', "distances of misclassified images count"),
    (METRICS, "attacked & np.isin(labels, members)", "attacked", "one median distance for all groups"),
    (METRICS, "int(sum(train_counts[c] for c in members))", "int(sum(train_counts))", "training images of all classes in every row"),
    (METRICS, "images[c] > 0]\n    if not present:\n        return Estimate(float(\"nan\"), float(\"nan\"))\n    r, n = recall[present], images[present]\n    error", "True]\n    if not present:\n        return Estimate(float(\"nan\"), float(\"nan\"))\n    r, n = recall[present], images[present]\n    error", "accuracy: classes without images are NaN"),
    # -- a model of the user's own --------------------------------------------------------------------
    (USER_IMAGES, "dataset=dataset, seed=seed", "dataset=dataset, seed=0", "user's model: tested on images of another seed"),
    (USER_IMAGES, "arrays[\"images\"][index]), facts[\"max_value\"])", "arrays[\"images\"][index]), 255)", "user's model: pixels by 255"),
    (USER_IMAGES, "of_class[: _per_class(images, len(names))] for", "of_class[:images] for", "user's model: more images than asked for"),
    (VERDICT_FRAME, "worst_case([predictions[name] for name in inside], y)", "worst_case([predictions[name] for name in inside[:2]], y)", "user's model: worst of the first two"),
    (USER, "eps=call.radius,\n", "eps=p.threat.eps,\n", "user's model: its own radius ignored"),
    (USER_FRAME, "round(share * n), n).proportion_ci(confidence, \"wilson\")", "round(share * n), n).proportion_ci(0.9, \"wilson\")", "user's model: intervals of 90 %"),
    (USER_IMAGES, "_, test, _ = draw_pools(", "test, _, _ = draw_pools(", "user's model: tested on training images"),
    (VERDICT_TABLE, "classes[\"accuracy\"].idxmin()", "classes[\"accuracy\"].idxmax()", "user's model: best class shown as the worst"),
    # -- networks by name, weights of others, hints, the cache ------------------------------------------
    (NAMED, "(axes.method, axes.seed) == (method, seed)", "axes.method == method", "taet.load: a network of another seed"),
    (NAMED, '_of_run(folder / study / "equalize") | _saved(folder / REFERENCE.name / study)', '_saved(folder / REFERENCE.name / study) | _of_run(folder / study / "equalize")', "taet.load: the network of a run for the saved one"),
    (NAMED, "ratio in (None, axes.imbalance_ratio)", "ratio is not None", "taet.load: a network of another imbalance ratio"),
    (NAMED, "folder or os.environ.get(VARIABLE)", "os.environ.get(VARIABLE) or folder", "taet.load: networks of another folder than the given one"),
    (SAVED, 'score["key"] != saved_key(manifest, files)', 'score["key"] != read_key(manifest)', "taet.load: weights that were changed after they were saved"),
    (SAVED, "trained.get(file.name) != read_key(file)", "file.name not in trained", "taet.load: networks exchanged along with their digests"),
    (USER_WEIGHTS, "len(head), statistics)", "len(head), None)", "weights of others: the file's normalisation is left out"),
    (USER_WEIGHTS, "return network.eval()", "return network", "weights of others: batch norm by the batch"),
    (USER_WEIGHTS, "load_state_dict(own | weights)", "load_state_dict(weights | own)", "weights of others: random weights remain"),
    (USER_WEIGHTS, 'position["block"] >= per_stage', 'position["block"] > per_stage', "weights of others: blocks of a deeper network in other stages"),
    (USER_WEIGHTS, "weights_only=True", "weights_only=False", "weights of others: code in the file is run"),
    (HINTS, "GAIN = 0.1", "GAIN = 0.05", "hint of normalisation: for a small gain"),
    (HINTS, "CLEAR = 4", "CLEAR = 3", "hint of normalisation: for a gain by chance"),
    (HINTS, "int((one & ~other).sum())", "int(one.sum())", "hint of normalisation: not paired"),
    (HINTS, "x.mean((0, 2, 3), keepdim=True)", "x.mean((1, 2, 3), keepdim=True)", "hint of normalisation: by each image's own mean"),
    (HINTS, "device=rows.device) * len(rows) // count", "device=rows.device)", "hint of normalisation: from the first images of each class"),
    (CACHE, "given or os.environ.get(VARIABLE)", "os.environ.get(VARIABLE) or given", "cache: another folder than the given one"),
    (CACHE, 'os.environ.get("XDG_CACHE_HOME") or "~/.cache"', '"~/.cache"', "cache: not in the user's cache folder"),
    (CACHE, ".expanduser().absolute()", ".absolute()", "cache: a folder called ~"),
    (CACHE, "if not is_current(job):", "if job:", "cache: images are made again at each call"),
    (CACHE, "with contextlib.chdir(folder):", "with contextlib.nullcontext():", "cache: images in the working folder"),
    (METRICS, "max(classes - round(tail * classes), first)", "classes - round(tail * classes)", "a class both head and tail"),
    (SCORE, "MOST_CONFUSED = 20", "MOST_CONFUSED = 19", "confusion of twenty classes in groups"),
    (LONG_TAIL, "class_groups(counts, shares.head, shares.tail)", "class_groups(counts, shares.tail, shares.head)", "balanced_scores: head and tail swapped"),
    ("src/taet/claims/check.py", "SAME = 1.5e-6", "SAME = 1.5e-3", "claims: a number moved by a tenth of a point"),
    ("src/taet/claims/check.py", "    yield from _of_bits(claim)\n", "", "claims: too many bits, or bits after the last image"),
    ("src/taet/claims/check.py", "    yield from _of_robustness(claim)\n", "", "claims: robust where misclassified"),
    ("src/taet/claims/check.py", "    yield from _of_numbers(claim)\n", "", "claims: numbers that bits do not give"),
    ("src/taet/claims/check.py", "    yield from _of_images(claim, lists)\n", "", "claims: images of another data set"),
    ("src/taet/claims/check.py", "    yield from _of_protocol(claim, lists.params)\n", "", "claims: a label of another attack"),
    ("src/taet/claims/check.py", "if claim.digest != digest_of(contents):", "if False:", "claims: a file changed afterwards"),
    ("src/taet/claims/check.py", "& ~clean).sum()", "& clean).sum()", "claims: robust and correct images are refused"),
    ("src/taet/claims/numbers.py", "np.all(attacks, axis=0)", "np.any(attacks, axis=0)", "claims: best case over attacks"),
    ("src/taet/claims/numbers.py", 'items() if name != "clean"]', 'items() if name != "pgd20"]', "claims: an attack left out of the worst case"),
    ("src/taet/claims/numbers.py", "(np.ones_like(long_tailed), long_tailed)", "(long_tailed, np.ones_like(long_tailed))", "claims: test sets swapped"),
    ("src/taet/claims/numbers.py", 'bootstrap("tail")', 'bootstrap("head")', "claims: head classes as the tail"),
    ("src/taet/claims/rows.py", "robustness=_share(numbers[WORST].balanced_accuracy)", 'robustness=_share(numbers["clean"].balanced_accuracy)', "leaderboard: accuracy as robustness"),
    ("src/taet/claims/rows.py", "-(row.robustness.value or 0.0))", "row.robustness.value or 0.0)", "leaderboard: least robust first"),
    ("src/taet/claims/rows.py", "return self.complete and COLLAPSED", "return COLLAPSED", "leaderboard: a rank by some attacks alone"),
    ("src/taet/datasets/tiny_imagenet.py", 'sorted(_lines(files, "wnids.txt"))', '_lines(files, "wnids.txt")', "Tiny ImageNet: labels in the order of the list"),
    ("src/taet/datasets/tiny_imagenet.py", "np.array([TRAIN, TEST], np.uint8)", "np.array([TEST, TRAIN], np.uint8)", "Tiny ImageNet: tested on training images"),
]  # fmt: skip

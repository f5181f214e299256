"""Changes to data, augmentation, networks, training jobs, checkpoints and the grid, each of which falsifies numbers.

(file, exact text before, text after, what it breaks); the text before is in the file once.
"""

LONGTAIL = "src/taet/data/longtail.py"
LOADER = "src/taet/data/loader.py"
AUGMENT = "src/taet/data/augment.py"
DATA = "src/taet/data/split_images.py"
STAGE = "src/taet/training/train_job.py"
EQUALIZE = "src/taet/stages/equalize.py"
IMAGE_FILES = "src/taet/data/image_files.py"
HAM10000 = "src/taet/datasets/ham10000.py"
MEDMNIST = "src/taet/datasets/medmnist.py"
CIFAR = "src/taet/data/cifar.py"
DIGITS = "src/taet/datasets/digits.py"
NETWORKS = "src/taet/networks/network.py"
TRAIN = "src/taet/training/loop.py"
CHECKPOINT = "src/taet/training/checkpoint.py"
VALIDATION = "src/taet/training/validation.py"
OPTIMIZERS = "src/taet/training/optimizers.py"
SEEDS = "src/taet/seeds.py"
STAGES = "src/taet/study/plan/stages.py"
COSTS = "src/taet/study/plan/costs.py"
TAET = "src/taet/methods/taet.py"
GRAPHS = "src/taet/compute/graphs.py"
JOBS = "src/taet/study/plan/job.py"
FINGERPRINT = "src/taet/study/store/fingerprint.py"
AVERAGES = "src/taet/training/averages.py"
PARALLEL = "src/taet/training/parallel.py"
BATCHES = "src/taet/compute/batches.py"
HEADS = "src/taet/networks/heads.py"
SMALL = "src/taet/architectures/small_cnn.py"
PREACT = "src/taet/networks/preact.py"
WIDE = "src/taet/architectures/wide_resnet.py"
RESNET = "src/taet/architectures/resnet18.py"
SELECTION = "src/taet/study/params/selection.py"
SWEEP = "src/taet/study/params/sweep.py"

MUTATIONS: list[tuple[str, ...]] = [
    # -- long-tailed lists ----------------------------------------------------------------------------
    (LONGTAIL, "imbalance_ratio ** (-c / max(classes - 1, 1))", "imbalance_ratio ** (-c / classes)", "exponential profile over C, not C - 1"),
    (LONGTAIL, "c < (classes + 1) // 2", "c < classes // 2", "step profile: the middle class"),
    (LONGTAIL, "math.floor(count + 1e-9)", "math.ceil(count - 1e-9)", "counts rounded up"),
    (LONGTAIL, "math.floor(count + 1e-9)", "math.floor(count)", "a whole number lost by rounding"),
    (LONGTAIL, "return labels[::-1]", "return labels", "reversed order is the order of labels"),
    (LONGTAIL, "key=lambda c: (-sizes[c], c)", "key=lambda c: (sizes[c], c)", "the smallest class is the head"),
    (LONGTAIL, "return min(train), min(test)", "return max(train), max(test)", "head as large as the largest class"),
    (LONGTAIL, "head_images * n // size", "head_images", "test set as large as the training set"),
    (LONGTAIL, "        counts[c] = count\n", "        counts[order.index(c)] = count\n", "counts by rank, not by label"),
    (LONGTAIL, "[c[per_class:] for c in permuted]", "[c[: len(c) - per_class] for c in permuted]", "test images are trained on"),
    (LONGTAIL, "rng.permutation(pool[labels[pool] == c])", "pool[labels[pool] == c]", "images in the order of the data set, not drawn"),
    (LONGTAIL, "for split in (TRAIN, TEST)", "for split in (TEST, TRAIN)", "official training and test images swapped"),
    (LONGTAIL, "np.random.RandomState(0)", "np.random.RandomState(1)", "LDAM-DRW's selection with another seed"),
    (LONGTAIL, "min(floor(share * count), count - 1)", "min(floor(share * count) + 1, count - 1)", "a validation image too many"),
    (LONGTAIL, "images[first:last] for images", "images[: last - first] for images", "validation images are training images"),
    (LONGTAIL, 'seed_for("split", dataset, seed)', 'seed_for("split", dataset)', "one split for all seeds"),
    (LONGTAIL, "train=take(train, train_counts)", "train=take(train, counts)", "validation images are trained on"),
    (LONGTAIL, "train_counts=train_counts", "train_counts=counts", "class counts with the validation images"),
    (LONGTAIL, "return [images[-per_class:] for images in permuted]", "return [images[:per_class] for images in permuted]", "validation images are trained on"),
    (LONGTAIL, "return [images[-per_class:] for images in permuted]", "return [images[n : n + per_class] for images, n in zip(permuted, counts, strict=True)]", "other validation images for every imbalance ratio"),
    (LONGTAIL, "return [images[:per_class] for images in test]", "return [images[: per_class + 1] for images in test]", "one test image too many of each class"),
    (LONGTAIL, "test = _of_each(test, test_per_class)", "test = _of_each(test, test_per_class + 1)", "another number of test images"),
    (LONGTAIL, "options.profile, order, what)", "options.profile, order[::-1] if what == \"test\" else order, what)", "long-tailed test set turned round"),
    (LONGTAIL, "test_long_tailed=take(test, test_counts)", "test_long_tailed=np.concatenate(test)", "long-tailed test set is the balanced one"),
    (LONGTAIL, 'options.selection == "ldam_drw"', 'options.selection != "ldam_drw"', "selections swapped"),
    # -- data sets ------------------------------------------------------------------------------------
    (DIGITS, "max_value=16", "max_value=255", "digits: 16 times darker"),
    (HAM10000, "if share < options.test_share:", "if share > options.test_share:", "HAM10000: training lesions are tested"),
    (HAM10000, "share < options.test_share + options.validation_share", "share < options.validation_share", "HAM10000: no lesion is held back"),
    (HAM10000, "(edge - side) // 2", "edge - side", "HAM10000: the right square for the central one"),
    (MEDMNIST, 'SPLITS = {"train": TRAIN, "val": VALIDATION, "test": TEST}', 'SPLITS = {"train": TRAIN, "val": TEST, "test": VALIDATION}', "MedMNIST: validation for test"),
    (MEDMNIST, "key=_number", "key=lambda entry: entry[0]", "MedMNIST: names of classes 10 and more"),
    (CIFAR, "np.array([TRAIN, TEST], dtype", "np.array([TEST, TRAIN], dtype", "CIFAR: training and test images swapped"),
    (CIFAR, "for train in (True, False)]", "for train in (True, True)]", "CIFAR: tested on training images"),
    (IMAGE_FILES, "int(name) if numbers else 0", "0", "own images: class 10 before class 2"),
    (IMAGE_FILES, "key=lambda file: file.split)", "key=lambda file: -file.split)", "own images: splits in another order"),
    (IMAGE_FILES, '"validation": VALIDATION, "val": VALIDATION', '"validation": TRAIN, "val": VALIDATION', "own images: validation images are trained on"),
    (DATA, "(counts * values).sum() / counts.sum()", "(counts * values).sum() / len(values)", "mean pixel"),
    (DATA, "variance.sqrt().item() / self.max_value", "variance.item() / self.max_value", "variance for the deviation of pixels"),
    (DATA, "train[..., channel].flatten()", "train[..., 0].flatten()", "statistics of the first channel for all"),
    (DATA, "index={name: torch.from_numpy(split[name])", "index={name: torch.arange(len(split[name]))", "images are numbered by their place in the list"),
    # -- loader and augmentation ----------------------------------------------------------------------
    (LOADER, 'seed_for("batches", self.seed, epoch)', 'seed_for("batches", self.seed)', "the same order in every epoch"),
    (LOADER, 'seed_for("batches", self.seed, epoch)', 'seed_for("batches", epoch)', "the same order with every seed"),
    (LOADER, ".float() / max_value", ".float() / 255", "pixels by 255, whatever is white"),
    (LOADER, "images.permute(0, 3, 1, 2)", "images.permute(0, 3, 2, 1)", "images turned"),
    (LOADER, "1 if rest and not self.drop_last else 0", "1 if rest else 0", "drop_last ignored"),
    (LOADER, "self.labels[rows]", "self.labels[rows.sort()[0]]", "labels of other images"),
    (AUGMENT, "2 * PADDING + 1, shape", "2 * PADDING, shape", "a crop too few"),
    (AUGMENT, "< 0.5).to", "< 0.25).to", "every fourth image is flipped"),
    (AUGMENT, "torch.where(flips[:, None], width - 1 - x, x)", "torch.where(flips[:, None], width - x, x)", "flip is a pixel off"),
    (AUGMENT, 'seed_for("augment", self.seed, epoch)', 'seed_for("augment", self.seed)', "the same crops in every epoch"),
    (AUGMENT, "RAND_AUGMENT = (2, 8)", "RAND_AUGMENT = (2, 9)", "RandAugment: magnitude"),
    (AUGMENT, "v2.TrivialAugmentWide()", "v2.TrivialAugmentWide(15)", "TrivialAugment: half the magnitudes"),
    (AUGMENT, 'seed_for("policy", self.seed, self.epoch, row)', 'seed_for("policy", self.seed, self.epoch)', "the same policy for all images"),
    (AUGMENT, "padded, indices, self.offsets[rows], self.flips[rows]", "padded, indices, self.offsets[indices], self.flips[indices]", "policies: crops depend on the place in the batch"),
    # -- networks -------------------------------------------------------------------------------------
    (NETWORKS, "(x - self.mean) / self.std if", "x / self.std - self.mean if", "normalisation in another order"),
    (NETWORKS, "self.scale * self.network(x) + self.bias", "self.scale * (self.network(x) + self.bias)", "the bias is scaled too"),
    (NETWORKS, 'seed_for("weights", kind, seed)', 'seed_for("weights", kind)', "the same first weights with every seed"),
    (NETWORKS, 'restore_model(model, arrays, f"{checkpoint}/")', 'restore_model(model, arrays, f"{LAST}/")', "best checkpoint is the last"),
    (NETWORKS, 'facts["checkpoints"][checkpoint]["inference"]', "None", "the saved model without its adjustment"),
    (NETWORKS, "return Adjusted(model, **inference).eval()", "return Adjusted(model, **inference)", "adjusted networks are attacked in train mode"),
    (SMALL, "nn.Conv2d(2 * width, 2 * width, 3, padding=1)", "nn.Conv2d(2 * width, 2 * width, 3, padding=1, bias=False)", "SmallCNN: no bias"),
    (PREACT, "out + (x if self.shortcut is None else self.shortcut(active))", "out + (active if self.shortcut is None else self.shortcut(active))", "PreAct: shortcut of the activated input"),
    (WIDE, "math.sqrt(2 / fan_out)", "2 / fan_out", "WideResNet: variance for deviation"),
    (RESNET, "2 if stage else 1", "2", "ResNet: the first stage strides"),
    (HEADS, "F.normalize(x, dim=1) @ (self.weight", "x @ (self.weight", "cosine head: features not normalised"),
    # -- training -------------------------------------------------------------------------------------
    (TRAIN, "robustness > run.best.robustness", "robustness >= run.best.robustness", "best: the last of equals"),
    (TRAIN, "value.detach().clone() for name", "value.detach() for name", "best weights are the last"),
    (TRAIN, "run.best = Best(run.epoch, robustness, copies)", "run.best = Best(run.epoch - 1, robustness, copies)", "best epoch counted from 0"),
    (TRAIN, "epoch % training.validation.every == 0 or epoch == stop", "epoch % training.validation.every == 0", "the last epoch is not measured"),
    (TRAIN, "_perturbed(run, batch_loss, batch.epoch)", "_perturbed(run, batch_loss, 0)", "AWP never begins"),
    (TRAIN, "        run.averager.after_step(model)\n", "        pass\n", "EMA never updated"),
    (TRAIN, "weights = weights_to_save(run.model, run.averager)", "weights = weights_to_save(run.model, None)", "best weights without EMA"),
    (STAGE, 'build_model(network, seed=job.cell["seed"])', "build_model(network, seed=0)", "first weights of seed 0"),
    (STAGE, '        job.cell["seed"],\n        training.augmentation', "        0,\n        training.augmentation", "batches and noise of seed 0"),
    (STAGE, 'channels=data.channels,\n        seed=job.cell["seed"]', "channels=data.channels,\n        seed=0", "a method's own draws of seed 0"),
    (STAGE, 'job.reads["threat"].eps,\n        training.batch_size', "run.method.context.eps,\n        training.batch_size", "validated in the ball of the training attack"),
    (STAGE, 'training.batch_size,\n        job.cell["seed"],\n', "training.batch_size,\n        0,\n", "validation's start of seed 0"),
    (STAGE, 'restore_run if job.stage == "stabilize" else start_from_stabilization', "restore_run", "stage 2 takes over the state of stage 1's method"),
    (STAGE, 'stop = job.reads["stop"]', 'stop = job.reads["training"].epochs', "stage 1 as long as the whole training"),
    (VALIDATION, 'seed_for("validation", seed)', 'seed_for("validation")', "one start of validation for all seeds"),
    (VALIDATION, "robust[correct] = predict", "robust[correct] |= True | predict", "validation robustness is accuracy"),
    (VALIDATION, "            steps=self.options.steps,\n", "            steps=1,\n", "validation attack of one step"),
    (VALIDATION, "stop_when_fooled=True", "stop_when_fooled=False", "validation judges the last iterate alone"),
    (VALIDATION, "(hits / images)[images > 0].mean()", "hits.sum() / images.sum()", "validation is not balanced"),
    (VALIDATION, "return max(range(len(scores))", "return min(range(len(scores))", "the worst bias is chosen"),
    (EQUALIZE, "(trained.epoch, weights_to_save(trained.model, trained.averager))", "(trained.epoch, trained.model.state_dict())", "EMA not in the saved weights"),
    (EQUALIZE, "(trained.best.epoch, trained.best.weights)", "(trained.best.epoch, checkpoints[LAST][1])", "best weights are the last, in the file"),
    (EQUALIZE, '"inference": inference}', '"inference": own}', "logit adjustment not saved"),
    (EQUALIZE, "    trained.model.load_state_dict(weights)\n", "", "tau chosen with the weights after the last epoch"),
    (EQUALIZE, "inference_of(own, bias, data.classes)", "inference_of(None, bias, data.classes)", "tau chosen without the method's own scale and bias"),
    # -- checkpoints ----------------------------------------------------------------------------------
    (CHECKPOINT, '    load_optimizer_state(run.optimizer, tensors_under(arrays, "optimizer/", run.device))\n    run.method', "    run.method", "momentum lost on resume"),
    (CHECKPOINT, '    run.method.load_state(tensors_under(arrays, "method/", run.device))\n', "", "a method's state lost on resume"),
    (CHECKPOINT, '        run.averager.load_state(tensors_under(arrays, "average/", run.device))\n', "        pass\n", "EMA lost on resume"),
    (CHECKPOINT, '        run.best = Best(**facts["best"], weights=tensors_under(arrays, "best/", run.device))\n', "        pass\n", "best lost on resume"),
    (CHECKPOINT, '    load_optimizer_state(run.optimizer, tensors_under(arrays, "optimizer/", run.device), count)\n', "", "momentum lost between stages"),
    (CHECKPOINT, 'facts["network"]["head"] == run.method.head', 'facts["network"]["head"]["kind"] == run.method.head["kind"]', "RoBal goes on with HE's head"),
    (CHECKPOINT, '    run.epoch = facts["epoch"]\n', '    run.epoch = facts["epoch"] + 1\n', "an epoch skipped on resume"),
    (AVERAGES, 'self.steps = int(self.average.pop("steps"))', 'self.average.pop("steps")', "EMA's steps counted anew on resume"),
    (OPTIMIZERS, "count is None or int(index) < count", "count is None or int(index) <= count", "the head's momentum goes into another head"),
    (SEEDS, '"/".join(map(str, names))', '"/".join(map(str, names[:-1]))', "streams without their last name"),
    (BATCHES, "tensor[done : done + size] for tensor", "tensor[:size] for tensor", "the first batch for all"),
    (GRAPHS, "recorded.copy_(given)", "pass", "GPU graphs repeat the first batch", "runs on a GPU alone: tests/gpu, which no machine without one can run"),
    (PARALLEL, "variance.detach() * count / (count - 1)", "variance.detach()", "shared batch norm: biased running variance"),
    # -- the grid -------------------------------------------------------------------------------------
    (STAGES, "stabilization.method, stabilization.epochs, stabilization.after)", "stabilization.method, stabilization.epochs // 2, stabilization.after)", "stage 1 of half its length"),
    (STAGES, "cell, stabilization.method, stabilization.epochs", 'cell, "pgd_at", stabilization.epochs', "stage 1 adversarial"),
    (STAGES, 'method.training.epochs, method.stabilization', 'method.training.epochs, None', "methods without their stage 1"),
    (STAGES, '"training": options.training', '"training": p.training', "a method's own training ignored"),
    (COSTS, "2 * (stop - first + perturbed) * options", "(stop - first + perturbed) * options", "costs without the backward passes of losses"),
    (COSTS, "method, stabilization.epochs, stop)", "method, 0, stop)", "costs of a chain of stages"),
    (TAET, "steps + self.extra_clean_forward, steps", "steps, steps", "costs without TAET's extra clean pass"),
    (COSTS, "(stop - first + perturbed)", "(stop - first)", "costs without AWP"),
    (COSTS, "max(first, options.weight_perturbation.warmup_epochs)", "first", "AWP costs before its warm-up ends"),
    (JOBS, '"inputs": {name: job.key for name, job in self.inputs.items()},\n', '"inputs": {},\n', "results of other inputs are taken for these"),
    (JOBS, '"reads": {name: self.dump(value) for name, value in self.reads.items()},\n', '"reads": {},\n', "results of other parameters are taken for these"),
    (FINGERPRINT, "_hash([_code(module), sorted(above), inside])", "_hash([_code(module), [], []])", "results of other imported code are taken for these"),
    (SWEEP, "block[option[-1]] = value", "block[option[-1]] = next(iter(point.values()))[1]", "every option of a sweep gets the first one's value"),
    (SWEEP, '[*grid["methods"], *made]', "[*made]", "a sweep drops the methods of the grid"),
    (SELECTION, "block[last] = assignment.value", "block.setdefault(last, None)", "--set loses the value"),
    (SELECTION, "hashlib.sha256(text.encode())", 'hashlib.sha256(b"")', "results of different --set share a folder"),
]  # fmt: skip

"""Parameter files with one mistake each, and what must be said of it.

Three kinds: mistakes that people make, written out; files that are no parameter files; and for every value of
the file, in turn, one that nothing may be, as well as an unknown and a missing key in every block.
"""

import contextlib
import copy
import datetime
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.faults.refusals import Refusal, refuse

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "params.yaml").read_text()
DATA = yaml.safe_load(TEXT)  # with all studies: the default one has most keys itself
# LibYAML's where there is one: five times as fast, for hundreds of files.
Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass(frozen=True)
class Mistake:
    """A parameter file with a mistake.

    Attributes:
        kind, title: of the mistake.
        content: of the file.
        said: words that the message must have.
    """

    kind: str
    title: str
    content: bytes
    said: tuple[str, ...]


# What to replace, by what, and what the one message must say.
WRITTEN = [
    ("alpha: 0.1, beta: 0.1", "alpha: null, beta: 0.1", ["methods.taet.alpha", "must be a number, got null"]),
    ("alpha: 0.1, beta: 0.1", "alhpa: 0.1, beta: 0.1", ["methods.taet.alhpa", "unknown key", "'alpha'"]),
    ("batch_size: 128", "batchsize: 128", ["training.batchsize", "did you mean 'batch_size'"]),
    ("evaluation:", "evalution:", ["evalution", "did you mean 'evaluation'"]),
    ("epochs: 28", "epochs: sixty", ["studies.digits.training.epochs", "integer", "'sixty'"]),
    ("epochs: 28", "epochs: 28.5", ["studies.digits.training.epochs", "integer", "28.5"]),
    ("epochs: 28", "epochs: true", ["studies.digits.training.epochs", "integer", "True"]),
    ("epochs: 28", "epochs: 0", ["studies.digits.training.epochs", "greater than or equal to 1"]),
    ("[10, 20]", "[10, 0.5]", ["grid.imbalance_ratios[1]", "number from 1 to", "0.5"]),
    ("[10, 20]", "[10, 10]", ["grid.imbalance_ratios[1]", "'10'", "twice"]),
    ("[10, 20]", "[10, 10.00000001]", ["grid.imbalance_ratios[1]", "6 significant digits"]),
    ("[10, 20]", "[]", ["grid.imbalance_ratios", "at least one entry"]),
    ("[10, 20]", "[.nan]", ["grid.imbalance_ratios[0]", "'.nan' as the float nan", "plain decimals"]),
    ("[0, 1, 2]", "[0, 1, 1]", ["grid.seeds[2]", "twice"]),
    ("[0, 1, 2]", "null", ["grid.seeds", "must be a list, such as [0, 1, 2], got null"]),
    ("[0, 1, 2]", "[-1]", ["grid.seeds[0]", "greater than or equal to 0", "-1"]),
    ("threat: {eps: 0.1}", "threat: {eps: 0}", ["studies.digits.threat.eps", "greater than 0"]),
    ("threat: {eps: 0.1}", "threat: {eps: 255/8}", ["studies.digits.threat.eps", "less than 1"]),
    ("threat: {eps: 0.1}", "threat: {eps: 8/0}", ["studies.digits.threat.eps", "8/255", "'8/0'"]),
    ("threat: {eps: 0.1}", "threat: {eps: 8 / x}", ["studies.digits.threat.eps", "fraction"]),
    ("threat: {eps: 0.1}", "threat: {eps: .inf}", ["studies.digits.threat.eps", "'.inf' as the float inf", "plain decimals"]),
    ("profile: exponential", "profile: linear", ["longtail.profile", "'linear' is unknown", "step"]),
    ("{eps: 8/255}", "{eps: 8}", ["threat.eps", "less than 1", "8"]),
    ("epochs: 100", "epochs: many", ["training.epochs", "integer", "'many'"]),
    ("[75, 90]", "[90, 75]", ["schedule.milestones[1]", "above the one before"]),
    ("[75, 90]", "[75, 190]", ["schedule.milestones[1]", "190 is never reached"]),
    ("attack: {step_size: 0.025}", "attack: {step_size: 0.25}", ["training.attack.step_size", "0.25", "2 eps"]),
    ("pgd20: {step_size: 0.0125}", "pgd20: {step_size: 0.9}", ["attacks.pgd20.step_size", "0.9", "2 eps"]),
    ("label: PGD-20,", "label: FGSM,", ["attacks.pgd20.label", "also the label of 'fgsm'"]),
    ("[10, 20]", "[10.1234567]", ["grid.imbalance_ratios[0]", "6 significant digits"]),
    ("  digits_ablation:\n", "  digits_ablation:\n    study: digits\n", ["studies.digits_ablation.study", "remove it"]),
    ("  digits_ablation:\n", "  digits_ablation:\n    datasets: {dermamnist: {size: 64}}\n", ["studies.digits_ablation.datasets.dermamnist", "shared by all"]),
    ("  checkpoints: [last]\n\n", "  checkpoints: !!python/object:os.system [1]\n\n", ["grid.checkpoints", "tag", "not read"]),
    ("{eps: 8/255}", "{eps: -1/-10}", ["threat.eps", "fraction", "'-1/-10'"]),
    ("evaluation: {batch_size: 500, precision: fp32}", "evaluation: null", ["evaluation", "must be a mapping, got null"]),
    ("  clean20: {method", "  Clean-2: {method: clean, epochs: 2}\n  clean20: {method", ["stabilizations.Clean-2", "no valid name"]),
    ("confidence: 0.95", "confidence: 1", ["report.confidence", "less than 1"]),
    ("{head: 0.3, tail: 0.3}", "{head: 0, tail: 0.3}", ["report.groups.head", "greater than 0"]),
    ("threads: 1", "threads: 100000", ["compute.threads", "100000"]),
    ("alpha: 0.1, beta: 0.1, gamma: 0.1", "alpha: 0, beta: 0, gamma: 0", ["methods.taet:", "nothing to train"]),
    ("[10, 20]", "[naturel]", ["grid.imbalance_ratios[0]", "natural", "'naturel'"]),
    ("[10, 20]", "[true]", ["grid.imbalance_ratios[0]", "natural", "True"]),
    ("  validation_share: 0\n", "  validation_share: 1\n", ["longtail.validation_share", "less than 1"]),
    ("mart: {label: MART,", "mart: {label: MART, training: {epoch: 3},", ["methods.mart.training.epoch", "did you mean 'epochs'"]),
    ("mart: {label: MART,", "mart: {label: MART, training: {optimizer: {weight_decay: -1}},", ["methods.mart.training.optimizer.weight_decay", "-1"]),
    ("mart: {label: MART,", "mart: {label: MART, training: {schedule: {milestones: [7, 120], kind: multistep, factor: 0.1, compounding: false}},",
     ["methods.mart.training.schedule.milestones[1]", "120 is never reached"]),
    ("mart: {label: MART,", "mart: {label: MART, weight_average: {kind: ema, decay: 1},", ["methods.mart.weight_average.decay", "less than 1"]),
    ("mart: {label: MART,", "mart: {label: MART, class_radius: {alpha: 2, beta: 0.8},", ["methods.mart.class_radius.alpha", "less than or equal to 1"]),
    ("softening: 1/32", "softening: 1/0", ["methods.robal.softening", "1/0"]),
    ("flag: dermamnist, size: 28", "flag: dermamnits, size: 28", ["datasets.dermamnist.flag", "did you mean 'dermamnist'"]),
    ("flag: dermamnist, size: 28", "flag: dermamnist, size: 32", ["datasets.dermamnist.size", "32", "64"]),
    ("  profile: exponential", "  <<: {profile: step}\n  profile: exponential", ["merge keys"]),
    ("taet_bcl, taet]", "taet_bcl, teat]", ["grid.methods[12]", "'teat'", "did you mean 'taet'"]),
    ("[fgsm, pgd20, pgd100, cw20]", "[pgd20, pgd2, cw20]", ["grid.attacks[1]", "no attack 'pgd2'", "'pgd20'"]),
    ("datasets: [digits]", "datasets: [digit]", ["grid.datasets[0]", "no data set", "'digits'"]),
    ("extends: taet, label: TAET (BCL only)", "extends: taett, label: TAET (BCL only)", ["methods.taet_bcl.extends", "no method 'taett'", "'taet'"]),
    ("kind: cw_linf,", "kind: cw_lin,", ["attacks.cw20", "no attack 'cw_lin'", "'cw_linf'"]),
    ("kind: pgd, label: PGD-20", "kind: ../pgd, label: PGD-20", ["attacks.pgd20", "no attack"]),
    ("label: PGD-AT}", "label: Clean}", ["methods.pgd_at.label", "also the label of 'clean'"]),
    ("stabilization: clean40, alpha: 0.1, beta: 0.1", "stabilization: clean4, alpha: 0.1, beta: 0.1",
     ["methods.taet.stabilization", "'clean4'", "did you mean 'clean40'"]),
    ("clean40: {epochs: 11}", "clean40: {epochs: 28}", ["studies.digits.stabilizations.clean40.epochs", "28"]),
    ("{method: clean, epochs: 40}", "{method: taet, epochs: 40}", ["stabilizations.clean40.method", "'taet'"]),
    ("{method: clean, epochs: 40}", "{method: cleen, epochs: 40}", ["stabilizations.clean40.method", "'clean'"]),
    ("clean40: {after: clean20}", "clean40: {after: clean2}", ["clean40.after", "'clean2'", "did you mean 'clean20'"]),
    ("clean40: {after: clean20}", "clean40: {after: clean60}", ["clean40.after", "17", "below 11"]),
    ("clean40: {after: clean20}", "clean40: {after: adversarial40}", ["clean40.after", "'pgd_at', not 'clean'"]),
    ("      gairat: {begin_epoch: 8}", "      gairat: {begin_epoch: 28}", ["methods.gairat.begin_epoch", "28 is never reached"]),
    ("      adt: {samples: 2}", "      adt: {samples: 2, weight_perturbation: {gamma: 0.01, warmup_epochs: 40}}",
     ["methods.adt.weight_perturbation.warmup_epochs", "40 is never reached"]),
    ("      adt: {samples: 2}", "      adt: {samples: 2, logit_adjustment: {tau: [0.5, 1]}}",
     ["methods.adt.logit_adjustment.tau", "'digits' has no validation images", "validation_share"]),
    ("      adt: {samples: 2}", "      at_bsl_clean40: {training: {optimizer: {kind: sgd, learning_rate: 0.1, momentum: 0.9, weight_decay: 0}}}",
     ["methods.at_bsl_clean40.stabilization", "'clean40' is trained with adam", "sgd"]),
    ("      adt: {samples: 2}", "      clean: {training: {epochs: 20}}",
     ["studies.digits_learning.stabilizations.clean40.epochs", "24 is beyond the last epoch of 'clean', 20"]),
    ("label: small CNN, normalization: none", "label: $small$, normalization: none", ["architectures.small_cnn.label", "without $"]),
    ("label: small CNN, normalization: none", "label: _small, normalization: none", ["architectures.small_cnn.label", "not begin with _"]),
    ("label: small CNN, normalization: none", "label: CNN \u03b1, normalization: none", ["architectures.small_cnn.label", "Latin letters"]),
    ("label: Digits", "label: ' Digits'", ["datasets.digits.label", "begins or ends with a space"]),
    ("images_per_class: 40", "images_per_class: 1", ["report.inspection.images_per_class", "greater than or equal to 2"]),
    ("headline_attack: pgd20", "headline_attack: cw", ["report.headline_attack", "'cw'"]),
    ("figure_attack: worst", "figure_attack: worst3", ["report.figure_attack", "'worst3'", "report.worst_cases"]),
    ("attacks: [pgd20, cw20]", "attacks: [pgd20, cw2]", ["report.worst_cases.worst2.attacks[1]", "'cw2' is not in grid.attacks"]),
    ("    worst2: {label: worst of", "    fgsm: {label: worst of", ["report.worst_cases.fgsm", "is that of an attack"]),
    ("las_at: {strategy_width: 8}", "las_at: {strategy_width: 8, training: {attack: {steps: 3}}}", ["methods.las_at", "training.attack.steps: has no part in this method"]),
    ("milestones: [59, 89, 109], factor: [0.1, 0.1, 0.5]", "milestones: [59, 89, 109], factor: [0.1, 0.5]", ["schedule.factor", "2 factors for 3 milestones"]),
    ("dermamnist: {longtail: {head_images: 681}}", "dermamnist: {longtail: {head_image: 681}}", ["datasets.dermamnist.longtail.head_image", "head_images"]),
    ("norm: l2, eps: 0.5", "norm: l2, eps: null", ["attacks.autoattack_l2", "an L2 ball needs a radius"]),
    ("{head: 0.3, tail: 0.3}", "{head: 0.7, tail: 0.7}", ["report.groups", "more than all"]),
    ("kind: adam,", "kind: adan,", ["training.optimizer.kind", "'adan'", "adam"]),
    ("kind: adam, learning_rate: 4e-3", "kind: adam, momentum: 0.9, learning_rate: 4e-3",
     ["training.optimizer.momentum", "unknown key"]),
    ("study: digits #", "study: digitz #", ["'digitz'", "did you mean 'digits'"]),
    ("digits_cut:\n    extends: digits", "digits_cut:\n    extends: digits_cut", ["circle"]),
    ("longtail: {test_per_class: 50}", "longtail: {test_per_class: 50, test_per_class: 60}", ["studies.digits.longtail.test_per_class", "twice"]),
    ("absent_classes: zero", "absent_classes: nul", ["methods.taet.absent_classes", "'nul'"]),
    ("label: FGSM, job: gradient", "label: FGSM, job: ../../x", ["attacks.fgsm.job", "valid name"]),
    ("  fgsm: {label", "  clean: {kind: fgsm, label: X, job: gradient}\n  fgsm: {label", ["attacks.clean", "taken"]),
    ("  clean: {label", "  Clean: {label", ["methods.Clean", "no method"]),
    ("compute: {threads: 1, device: cpu, processes: 1, sync_batch_norm: true}", "compute: [1]", ["compute", "[1]"]),
    ("threat: {eps: 8/255}", "", ["threat", "missing"]),
    ("compute: {threads: 1, device: cpu, processes: 1, sync_batch_norm: true}", "compute: {threads: 1", ["not valid YAML"]),
    ("compute: {threads: 1, device: cpu, processes: 1, sync_batch_norm: true}", "\tcompute: 1", ["not valid YAML"]),
    ("threads: 1, device: cpu", "threads: 1, device: gpu", ["compute.device", "'gpu'", "cpu", "cuda"]),
    ("threads: 1, device: cpu", "threads: 0, device: cpu", ["compute.threads", "greater than or equal to 1"]),
    ("processes: 1, sync", "processes: 0, sync", ["compute.processes", "greater than or equal to 1"]),
    ("sync_batch_norm: true", "sync_batch_norm: 2", ["compute.sync_batch_norm", "2"]),
    ("seeds: [0, 1, 2]", "seeds: [99999999999]", ["grid.seeds[0]", "99999999999"]),
    ("seeds: [0, 1, 2]", f"seeds: [{10**300}]", ["grid.seeds[0]"]),
    ("seeds: [0, 1, 2]", "seeds: 3", ["grid.seeds", "list", "3"]),
    ("seeds: [0, 1, 2]", "seeds: {0: 1}", ["grid.seeds", "a key must be plain text"]),
    ("seeds: [0, 1, 2]", "seeds: [0, 1.5]", ["grid.seeds[1]", "integer", "1.5"]),
    ("datasets: [digits]", "datasets: digits", ["grid.datasets", "list", "'digits'"]),
    ("datasets: [digits]", "datasets: [[digits]]", ["grid.datasets[0]", "string"]),
    ("datasets: [digits]", "datasets: [../digits]", ["grid.datasets[0]", "no valid name"]),
    ("datasets: [digits]", "datasets: []", ["grid.datasets", "at least one entry"]),
    ("methods: [clean, pgd_at", "methods: [clean, ~, pgd_at", ["grid.methods[1]", "string"]),
    ("methods: [clean, pgd_at", "methods: [clean, clean, pgd_at", ["grid.methods[1]", "twice"]),
    ("attacks: [fgsm, pgd20, pgd100, cw20]", "attacks: []", ["grid.attacks", "at least one entry"]),
    ("checkpoints: [last]\n\n", "checkpoints: [first]\n\n", ["grid.checkpoints[0]", "'first'", "best"]),
    ("checkpoints: [last]\n\n", "checkpoints: [last, best]\n\n", ["grid.checkpoints[1]", "training.validation"]),
    ("imbalance_ratios: [10, 20]", "imbalance_ratios: [1e9]", ["grid.imbalance_ratios[0]", "100000"]),
    ("imbalance_ratios: [10, 20]", "imbalance_ratios: [ten]", ["grid.imbalance_ratios[0]", "'ten'"]),
    ("selection: seeded", "selection: random", ["longtail.selection", "'random'", "ldam_drw"]),
    ("class_order: label", "class_order: null", ["longtail.class_order", "null is unknown", "label"]),
    ("head_images: null", "head_images: 0", ["longtail.head_images", "greater than or equal to 1"]),
    ("  validation_share: 0\n", "  validation_share: half\n", ["longtail.validation_share", "'half'"]),
    ("threat: {eps: 8/255}", "threat: {}", ["threat.eps", "missing"]),
    ("threat: {eps: 8/255}", "threat: {eps: 8/255, norm: l2}", ["threat.norm", "unknown key"]),
    ("threat: {eps: 8/255}", "threat: 8/255", ["threat", "must be a mapping", "'8/255'"]),
    ("threat: {eps: 8/255}", "threat: {eps: 8/255/2}", ["threat.eps", "fraction"]),
    ("threat: {eps: 8/255}", "threat: {eps: 1e-400}", ["threat.eps", "greater than 0"]),
    ("drop_last: true", "drop_last: 'yes'", ["training.drop_last", "boolean", "'yes'"]),
    ("augmentation: crop_flip", "augmentation: cropflip", ["training.augmentation", "did you mean 'crop_flip'"]),
    ("precision: fp32", "precision: fp16", ["training.precision", "'fp16'", "bf16"]),
    ("momentum: 0.9, weight_decay: 5e-4", "momentum: 1.5, weight_decay: 5e-4", ["training.optimizer.momentum", "1.5"]),
    ("kind: sgd, learning_rate: 0.1, momentum", "kind: sgd, learning_rate: 0, momentum", ["training.optimizer.learning_rate", "greater than 0"]),
    ("kind: sgd, learning_rate: 0.1, momentum", "learning_rate: 0.1, momentum", ["training.optimizer.kind", "missing"]),
    ("start: gauss, batch_norm: eval", "start: gaus, batch_norm: eval", ["training.attack.start", "did you mean 'gauss'"]),
    ("start: gauss, batch_norm: eval", "start: gauss, batch_norm: test", ["training.attack.batch_norm", "'test'"]),
    ("attack: {steps: 10, step_size: 2/255", "attack: {steps: -10, step_size: 2/255", ["training.attack.steps", "-10"]),
    ("factor: 0.1, compounding: false}\n  attack", "factor: 10, compounding: false}\n  attack", ["training.schedule", "10"]),
    ("label: small CNN, normalization: none", "label: '', normalization: none", ["architectures.small_cnn.label", "at least 1"]),
    ("label: small CNN, normalization: none", "label: \"a\\nb\", normalization: none", ["architectures.small_cnn.label", "one line"]),
    ("label: small CNN, normalization: none", f"label: {'x' * 5000}, normalization: none", ["architectures.small_cnn.label", "at most 60"]),
    ("normalization: none, width: 16}", "normalization: no, width: 16}", ["architectures.small_cnn.normalization", "'no' as the bool False", "true or false", "in quotes"]),
    ("normalization: none, width: 16}", "normalization: none, width: -16}", ["architectures.small_cnn.width", "-16"]),
    ("stem_stride: 1}", "stem_stride: 3}", ["architectures.resnet18.stem_stride", "3"]),
    ("depth: 34, widen: 10", "depth: 33, widen: 10", ["architectures.wrn34_10", "depth"]),
    ("trades: {label: TRADES, beta: 6}", "trades: {label: TRADES, beta: -6}", ["methods.trades.beta", "-6"]),
    ("trades: {label: TRADES, beta: 6}", "trades: {label: TRADES}", ["methods.trades.beta", "missing"]),
    ("trades: {label: TRADES, beta: 6}", "trades: TRADES", ["methods.trades", "must be a mapping"]),
    ("trades: {label: TRADES, beta: 6}", "trades: {label: TRADES, beta: 1/0}", ["methods.trades.beta", "1/0"]),
    ("scales: [0.01, 1, 10, 100]", "scales: []", ["attacks.lsa.scales", "at least one entry"]),
    ("scales: [0.01, 1, 10, 100]", "scales: [0]", ["attacks.lsa.scales[0]", "greater than 0"]),
    ("components: [apgd_ce, apgd_t]}", "components: [apgd_c, apgd_t]}", ["attacks.apgd_ce_t.components[0]", "apgd_ce"]),
    ("evaluation: {batch_size: 500,", "evaluation: {batch_size: 5e2,", ["evaluation.batch_size", "integer"]),
    ("precision: fp32}", "precision: fp16}", ["evaluation.precision", "'fp16'", "tf32"]),
    ("bootstrap: 1000", "bootstrap: -1", ["report.bootstrap", "-1"]),
    ("test_set: balanced", "test_set: both", ["report.test_set", "'both'", "long_tailed"]),
    ("perplexity: 30}", "perplexity: 0}", ["report.inspection.perplexity", "greater than 0"]),
    ("  digits_ablation:\n    extends: digits", "  digits_ablation:\n    extends: digit", ["studies.digits_ablation.extends", "did you mean 'digits'"]),
    ("  digits_ablation:\n    extends: digits", "  digits_ablation:\n    extends: digits_ablation", ["digits_ablation", "circle"]),
    ("  digits_ablation:\n    extends: digits", "  ../x:\n    extends: digits", ["../x", "no valid name"]),
    ("studies:\n", "studies: []\nstudies2:\n", ["studies", "missing"]),
    # What YAML 1.1 reads otherwise than people, and other YAML, do.
    ("[10, 20]", "[1:10]", ["grid.imbalance_ratios[0]", "'1:10' as the int 70", "plain decimals of at most 40 digits, such as 10"]),
    ("[10, 20]", "[010]", ["grid.imbalance_ratios[0]", "'010' as the int 8", "plain decimals"]),
    ("[0, 1, 2]", "[00, 010]", ["grid.seeds[0]", "'00' as the int 0", "plain decimals"]),
    ("steps: 10, step_size: 2/255", "steps: 020, step_size: 2/255", ["training.attack.steps", "'020' as the int 16", "plain decimals"]),
    ("[10, 20]", "[0x14]", ["grid.imbalance_ratios[0]", "'0x14' as the int 20", "plain decimals"]),
    ("[10, 20]", "[0b11]", ["grid.imbalance_ratios[0]", "'0b11' as the int 3", "plain decimals"]),
    ("[10, 20]", "[1_0]", ["grid.imbalance_ratios[0]", "'1_0' as the int 10", "plain decimals"]),
    ("[10, 20]", "['1_0']", ["grid.imbalance_ratios[0]", "number from 1 to", "'1_0'"]),
    ("[10, 20]", "[+10]", ["grid.imbalance_ratios[0]", "'+10' as the int 10", "plain decimals"]),
    ("[10, 20]", "[10.]", ["grid.imbalance_ratios[0]", "'10.' as the float 10.0", "plain decimals"]),
    ("[10, 20]", "[1:10.5]", ["grid.imbalance_ratios[0]", "'1:10.5' as the float 70.5", "plain decimals"]),
    ("[10, 20]", "['\N{ARABIC-INDIC DIGIT ONE}']", ["grid.imbalance_ratios[0]", "number from 1 to"]),
    ("[10, 20]", "[0o24]", ["grid.imbalance_ratios[0]", "number from 1 to", "'0o24'"]),
    ("[0, 1, 2]", "[1e3]", ["grid.seeds[0]", "integer in digits", "'1e3'"]),
    ("[0, 1, 2]", "[1.0e+3]", ["grid.seeds[0]", "integer in digits", "1000.0"]),
    ("[0, 1, 2]", "[!!int '0x10']", ["grid.seeds[0]", "'0x10' as the int 16"]),
    ("[0, 1, 2]", "[2001-01-01]", ["grid.seeds[0]", "'2001-01-01' as the timestamp", "in quotes"]),
    ("drop_last: true", "drop_last: yes", ["training.drop_last", "'yes' as the bool True", "true or false"]),
    ("datasets: [digits]", "datasets: [on]", ["grid.datasets[0]", "'on' as the bool True", "in quotes"]),
    ("label: Digits", "label: 010", ["datasets.digits.label", "'010' as the int 8", "in quotes"]),
    ("  digits_ablation:\n", "  010:\n", ["studies", "plain text", "'010'"]),
    # Numbers that would take minutes to compute.
    ("threat: {eps: 0.1}", "threat: {eps: 1/1e9999999}", ["studies.digits.threat.eps", "fraction", "'1/1e9999999'"]),
    ("threat: {eps: 0.1}", "threat: {eps: '1e-9999999/3'}", ["studies.digits.threat.eps", "fraction"]),
    ("threat: {eps: 0.1}", f"threat: {{eps: 1/{'9' * 50_000}}}", ["studies.digits.threat.eps", "fraction"]),
    ("threat: {eps: 0.1}", f"threat: {{eps: {'1:' * 20_000}1}}", ["studies.digits.threat.eps", "plain decimals"]),
    ("[10, 20]", "['1e9999999/1e9999998']", ["grid.imbalance_ratios[0]", "number from 1 to"]),
    ("tau: 1.0}\n  bsl_trades:", "tau: 1e9999999/1}\n  bsl_trades:", ["methods.at_bsl.tau", "fraction"]),
]  # fmt: skip


# Files of their own, and what must be said of them.
FILES = [
    ("empty", b"", ["must hold a mapping"]),
    ("a list", b"- study: digits\n", ["must hold a mapping"]),
    ("one word", b"digits\n", ["must hold a mapping"]),
    ("two documents", b"study: digits\n---\nstudy: digits\n", ["not valid YAML", "document"]),
    ("no studies", b"study: digits\n", ["studies", "missing"]),
    ("Latin-1", TEXT.encode().replace(b"label: Digits", b"label: Ziff\xe4rn"), ["is not UTF-8"]),
    ("UTF-16", TEXT.encode("utf-16"), ["is not UTF-8"]),
    ("zeros", bytes(5000), ["not valid YAML"]),
    ("an image", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), ["is not UTF-8"]),
    ("cut in the middle", TEXT.encode()[: TEXT.index("attack: {steps: 10, step") + 12], ["not valid YAML"]),
    ("no closing quote", b"study: 'digits\n" + TEXT.encode(), ["not valid YAML"]),
    ("tabs", TEXT.replace("\n  ", "\n\t").encode(), ["not valid YAML"]),
    ("a key twice", TEXT.encode() + b"\nthreat: {eps: 1/255}\n", ["threat", "given twice"]),
    ("a key of control characters", TEXT.encode() + b'\n"x\\x1b[31m\\ny": 1\n', [r"'x\x1b[31m\ny'", "unknown key"]),
    ("a key that is a list", TEXT.encode() + b"\n? [a, b]\n: 1\n", ["a key must be plain text"]),
    ("a number of 10,000 digits", TEXT.replace("epochs: 28", f"epochs: {'9' * 10_000}").encode(), ["studies.digits.training.epochs"]),
    ("brackets, 100,000 deep", b"study: " + b"[" * 100_000, ["nest"]),
    ("an alias of itself", b"study: &a [*a]\nstudies: {}\n", ["nested too deeply, or an alias contains itself"]),
    ("a billion laughs", b"\n".join([b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]", *(b"a%d: &a%d [%s]" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 10)) for i in range(1, 10))]), ["more than 100000 entries"]),
    ("Python to be run", TEXT.encode().replace(b"study: digits #", b"study: !!python/object/apply:os.system [touch hacked] #"), ["study", "is not read"]),
    ("Python to be named", TEXT.encode().replace(b"study: digits #", b"study: !!python/name:os.system #"), ["study", "is not read"]),
    ("bytes", TEXT.encode().replace(b"study: digits #", b"study: !!binary aGFja2Vk #"), ["study"]),
    ("a control character", TEXT.encode().replace(b"label: Digits", b'label: "Dig\\x1b[31mits"'), ["datasets.digits.label", "one line"]),
]  # fmt: skip

# For each value of the file in turn, one of these: nothing may be any of them.
NOTHING = ({"nonsense": 1}, math.nan, -math.inf, [[]], datetime.date(2000, 1, 1))
ANY_TEXT = {("download", "mirror")}
# Blocks whose keys are fixed, and where none may be left out.
FIXED = (
    ("grid",), ("longtail",), ("threat",), ("training",), ("training", "optimizer"), ("training", "schedule"),
    ("training", "attack"), ("evaluation",), ("compute",), ("report",), ("report", "groups"), ("report", "inspection"),
)  # fmt: skip


def _written_out(kind: str) -> Iterator[Mistake]:
    for old, new, said in WRITTEN:
        assert TEXT.count(old) >= 1, old
        content = TEXT.replace(old, new, 1).encode()
        yield Mistake(kind, f"{old.strip()} -> {new.strip()}"[:120], content, tuple(said))


def _whole_files(kind: str) -> Iterator[Mistake]:
    for title, content, said in FILES:
        yield Mistake(kind, title, content, tuple(said))


def _data() -> dict[str, Any]:
    """The file with its default study alone: what is wrong with a common value needs no other."""
    return DATA | {"studies": {DATA["study"]: DATA["studies"][DATA["study"]]}}


def _every_value(kind: str) -> Iterator[Mistake]:
    data = _data()
    common = {key: value for key, value in data.items() if key not in ("study", "studies")}
    for i, path in enumerate(_leaves(common)):
        if path in ANY_TEXT:
            continue
        value = NOTHING[i % len(NOTHING)]
        place = _dotted(path)
        yield Mistake(kind, f"{place}: {value!r}", _with(data, path, value), (place,))


def _unknown_keys(kind: str) -> Iterator[Mistake]:
    for block in FIXED:
        unknown = (*block, "nonsense")
        place = _dotted(unknown)
        yield Mistake(kind, place, _with(DATA, unknown, 1), (place, "unknown key"))


def _missing_keys(kind: str) -> Iterator[Mistake]:
    for block in FIXED:
        for key in _parent(DATA, (*block, "")):
            # A block that is left out is one that studies have in part; then each of them misses the rest.
            if (*block, key) in FIXED or key == "kind":
                continue
            place = _dotted((*block, key))
            yield Mistake(kind, place, _without(DATA, (*block, key)), (place, "missing"))


KINDS: dict[str, Callable[[str], Iterator[Mistake]]] = {
    "parameters: written out": _written_out,
    "parameters: whole file": _whole_files,
    "parameters: value": _every_value,
    "parameters: unknown key": _unknown_keys,
    "parameters: missing key": _missing_keys,
}


def mistakes(kind: str) -> list[Mistake]:
    """All of a kind."""
    return list(KINDS[kind](kind))


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, (*path, key))
    else:
        yield path


def _with(data: Any, path: tuple[str | int, ...], value: Any) -> bytes:
    changed = copy.deepcopy(data)
    _parent(changed, path)[path[-1]] = value
    return _written(changed)


def _without(data: Any, path: tuple[str | int, ...]) -> bytes:
    """The file without a key of the common values: studies that have it themselves need it no more."""
    changed = copy.deepcopy(data)
    del _parent(changed, path)[path[-1]]
    return _written(changed)


def _parent(data: Any, path: tuple[str | int, ...]) -> Any:
    for part in path[:-1]:
        data = data[part]
    return data


def _written(data: Any) -> bytes:
    return yaml.dump(data, Dumper=Dumper, sort_keys=False, encoding="utf-8")


def _dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).removeprefix(".")


def refused(mistake: Mistake, folder: Path) -> Refusal:
    """Show the file to ``python -m taet params``, in a folder of its own."""
    (folder / "params.yaml").write_bytes(mistake.content)
    with contextlib.chdir(folder):
        said = ("params.yaml", *mistake.said)
        return refuse(mistake.kind, mistake.title, ["params"], said)

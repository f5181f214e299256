"""Wrong parameters are refused with the path of the key, the value and what is allowed."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from taet import params, sources
from taet.errors import UserError
from taet.options import parse_number
from taet.schema import json_schema
from taet.yamlfile import read_yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "params.yaml").read_text()

# (what to replace, by what, what the one message must say)
MISTAKES = [
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
    ("[10, 20]", "[.nan]", ["grid.imbalance_ratios[0]", "number from 1 to", "nan"]),
    ("[0, 1, 2]", "[0, 1, 1]", ["grid.seeds[2]", "twice"]),
    ("[0, 1, 2]", "[-1]", ["grid.seeds[0]", "greater than or equal to 0", "-1"]),
    ("threat: {eps: 0.1}", "threat: {eps: 0}", ["studies.digits.threat.eps", "greater than 0"]),
    ("threat: {eps: 0.1}", "threat: {eps: 255/8}", ["studies.digits.threat.eps", "less than 1"]),
    ("threat: {eps: 0.1}", "threat: {eps: 8/0}", ["studies.digits.threat.eps", "8/255", "'8/0'"]),
    ("threat: {eps: 0.1}", "threat: {eps: 8 / x}", ["studies.digits.threat.eps", "fraction"]),
    ("threat: {eps: 0.1}", "threat: {eps: .inf}", ["studies.digits.threat.eps", "inf"]),
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
    ("evaluation: {batch_size: 500}", "evaluation: null", ["evaluation", "must be a mapping", "None"]),
    ("  clean20: {method", "  Clean-2: {method: clean, epochs: 2}\n  clean20: {method", ["stabilizations.Clean-2", "no valid name"]),
    ("confidence: 0.95", "confidence: 1", ["report.confidence", "less than 1"]),
    ("{head: 0.3, tail: 0.3}", "{head: 0, tail: 0.3}", ["report.groups.head", "greater than 0"]),
    ("threads: 1", "threads: 100000", ["compute.threads", "100000"]),
    ("alpha: 0.1, beta: 0.1, gamma: 0.1", "alpha: 0, beta: 0, gamma: 0", ["methods.taet:", "nothing to train"]),
    ("[10, 20]", "[naturel]", ["grid.imbalance_ratios[0]", "natural", "'naturel'"]),
    ("[10, 20]", "[true]", ["grid.imbalance_ratios[0]", "natural", "True"]),
    ("validation_share: 0", "validation_share: 1", ["longtail.validation_share", "less than 1"]),
    ("mart: {label: MART,", "mart: {label: MART, training: {epoch: 3},", ["methods.mart.training.epoch", "did you mean 'epochs'"]),
    ("mart: {label: MART,", "mart: {label: MART, training: {optimizer: {weight_decay: -1}},", ["methods.mart.training.optimizer.weight_decay", "-1"]),
    ("mart: {label: MART,", "mart: {label: MART, training: {schedule: {milestones: [7, 120], kind: multistep, factor: 0.1, compounding: false}},",
     ["methods.mart.training.schedule.milestones[1]", "120 is never reached"]),
    ("mart: {label: MART,", "mart: {label: MART, weight_average: {decay: 1},", ["methods.mart.weight_average.decay", "less than 1"]),
    ("mart: {label: MART,", "mart: {label: MART, class_radius: {alpha: 2, beta: 0.8},", ["methods.mart.class_radius.alpha", "less than or equal to 1"]),
    ("softening: 1/32", "softening: 1/0", ["methods.robal.softening", "1/0"]),
    ("flag: dermamnist, size: 28", "flag: dermamnits, size: 28", ["datasets.dermamnist.flag", "did you mean 'dermamnist'"]),
    ("flag: dermamnist, size: 28", "flag: dermamnist, size: 32", ["datasets.dermamnist.size", "32", "64"]),
    ("  profile: exponential", "  <<: {profile: step}\n  profile: exponential", ["merge keys"]),
    ("taet_bcl, taet]", "taet_bcl, teat]", ["grid.methods[12]", "'teat'", "did you mean 'taet'"]),
    ("[fgsm, pgd20, pgd100, cw20]", "[pgd20, pgd2, cw20]", ["grid.attacks[1]", "no attack 'pgd2'", "'pgd20'"]),
    ("datasets: [digits]", "datasets: [digit]", ["grid.datasets[0]", "no data set", "'digits'"]),
    ("kind: taet,", "kind: taett,", ["methods.taet_bcl", "no method 'taett'", "'taet'"]),
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
    ("headline_attack: pgd20", "headline_attack: cw", ["report.headline_attack", "'cw'"]),
    ("attacks: [pgd20, cw20]", "attacks: [pgd20, cw2]", ["report.worst_cases.worst2.attacks[1]", "'cw2' is not in grid.attacks"]),
    ("    worst: {label: worst of all", "    fgsm: {label: worst of all", ["report.worst_cases.fgsm", "is that of an attack"]),
    ("las_at: {strategy_width: 8}", "las_at: {strategy_width: 8, training: {attack: {steps: 3}}}", ["methods.las_at", "training.attack.steps: has no part in this method"]),
    ("milestones: [59, 89, 109], factor: [0.1, 0.1, 0.5]", "milestones: [59, 89, 109], factor: [0.1, 0.5]", ["schedule.factor", "2 factors for 3 milestones"]),
    ("dermamnist: {longtail: {head_images: 681}}", "dermamnist: {longtail: {head_image: 681}}", ["datasets.dermamnist.longtail.head_image", "head_images"]),
    ("eps: 0.5, components", "eps: null, components", ["attacks.autoattack_l2", "an L2 ball needs a radius"]),
    ("{head: 0.3, tail: 0.3}", "{head: 0.7, tail: 0.7}", ["report.groups", "more than all"]),
    ("kind: adam,", "kind: adan,", ["training.optimizer.kind", "'adan'", "adam"]),
    ("kind: adam, learning_rate: 4e-3", "kind: adam, momentum: 0.9, learning_rate: 4e-3",
     ["training.optimizer.momentum", "unknown key"]),
    ("study: digits #", "study: digitz #", ["'digitz'", "did you mean 'digits'"]),
    ("digits_cut:\n    extends: digits", "digits_cut:\n    extends: digits_spread", ["circle"]),
    ("test_per_class: 50}", "test_per_class: 50, test_per_class: 60}", ["studies.digits.longtail.test_per_class", "twice"]),
    ("absent_classes: zero", "absent_classes: nul", ["methods.taet.absent_classes", "'nul'"]),
    ("label: FGSM, job: gradient", "label: FGSM, job: ../../x", ["attacks.fgsm.job", "valid name"]),
    ("  fgsm: {label", "  clean: {kind: fgsm, label: X, job: gradient}\n  fgsm: {label", ["attacks.clean", "taken"]),
    ("  clean: {label", "  Clean: {label", ["methods.Clean", "no method"]),
    ("compute: {threads: 1, device: cpu}", "compute: [1]", ["compute", "[1]"]),
    ("compute: {threads: 1, device: cpu}", "", ["compute", "missing"]),
    ("compute: {threads: 1, device: cpu}", "compute: {threads: 1", ["not valid YAML"]),
    ("compute: {threads: 1, device: cpu}", "\tcompute: 1", ["not valid YAML"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "said"), MISTAKES, ids=[m[1][:40] or "removed" for m in MISTAKES]
)
def test_mistakes(tmp_path: Path, old: str, new: str, said: list[str]) -> None:
    assert old in TEXT
    file = tmp_path / "params.yaml"
    file.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(UserError) as caught:
        params.load(file)
    message = str(caught.value)
    for part in said:
        assert part in message, message
    assert "params.yaml" in message
    assert len(message.splitlines()) == 1, message


def test_every_message_carries_the_right_line(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(TEXT.replace("epochs: 28", "epochs: -1"))
    line = next(
        i for i, text in enumerate(file.read_text().splitlines(), 1) if "epochs: -1" in text
    )
    with pytest.raises(UserError, match=rf"params.yaml:{line}: studies.digits.training.epochs"):
        params.load(file)


def test_files_that_are_no_params(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        params.load(tmp_path / "none.yaml")
    for content in (b"", b"[1, 2]", b"\xff\xfe\x00", b"study: digits\n"):
        file = tmp_path / "odd.yaml"
        file.write_bytes(content)
        with pytest.raises(UserError, match=r"odd\.yaml"):
            params.load(file)


def test_studies_override_and_keep_the_rest(digits: params.Params) -> None:
    assert digits.threat.eps == 0.1
    assert digits.training.optimizer.kind == "adam"
    assert not hasattr(digits.training.optimizer, "momentum")  # another kind replaces the block
    assert digits.training.attack.steps == 10
    cut = params.load(ROOT / "params.yaml", "digits_cut")
    assert cut.grid.imbalance_ratios == [10]
    assert cut.threat == digits.threat


def test_origins() -> None:
    source = sources.of_study(sources.read_file(ROOT / "params.yaml"), "digits_cut")
    lines = TEXT.splitlines()

    def line_of(path: tuple[str, ...]) -> str:
        return lines[int(source.origin(path).rsplit(" ", 1)[1]) - 1]

    assert source.origin(("threat", "eps")).startswith("studies.digits, line")
    assert "eps: 0.1" in line_of(("threat", "eps"))
    assert source.origin(("longtail", "profile")).startswith("common, line")
    assert source.origin(("grid", "imbalance_ratios")).startswith("studies.digits_cut, line")
    assert source.origin(("study",)) == "command line"


@pytest.mark.parametrize(
    ("text", "value"), [("8/255", 8 / 255), ("4e-3", 0.004), (" 1 / 4 ", 0.25), (3, 3), (0.5, 0.5)]
)
def test_numbers(text: object, value: float) -> None:
    assert parse_number(text) == value


def test_schema_is_current_and_accepts_the_file() -> None:
    stored = (ROOT / "workflow/schemas/params.schema.json").read_text()
    schema = json_schema()
    assert yaml.safe_load(stored) == schema, (
        "renew it: python -m taet params --schema > workflow/schemas/params.schema.json"
    )
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(read_yaml(ROOT / "params.yaml")[0], schema)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("alpha: 0.1, beta: 0.1", "alhpa: 0.1, beta: 0.1"),
        ("[10, 20]", "[0.5]"),
        ("epochs: 28", "epochs: sixty"),
        ("\n    threat: {eps: 0.1}", "\n    treat: {eps: 0.1}"),
    ],
)
def test_schema_refuses(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(TEXT.replace(old, new, 1)), json_schema())

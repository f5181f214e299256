"""Wrong parameters are refused with the path of the key, the value and what is allowed."""

import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from taet.errors import UserError
from taet.study.params import blocks
from taet.study.params.load import TAKEN, load_params
from taet.study.params.overlay import of_study, read_file
from taet.study.params.schema import FRACTION, json_schema
from taet.study.params.selection import Selection
from taet.study.params.yamlfile import read_yaml
from taet.study.plan.study import Study
from taet.values import parse_number
from tests.conftest import ROOT

TEXT = (ROOT / "params.yaml").read_text()


def test_every_message_carries_the_right_line(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(TEXT.replace("epochs: 28", "epochs: -1"))
    line = next(
        i for i, text in enumerate(file.read_text().splitlines(), 1) if "epochs: -1" in text
    )
    with pytest.raises(UserError, match=rf"params.yaml:{line}: studies.digits.training.epochs"):
        load_params(file)


def test_files_that_are_no_params(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        load_params(tmp_path / "none.yaml")
    for content in (b"", b"[1, 2]", b"\xff\xfe\x00", b"study: digits\n"):
        file = tmp_path / "odd.yaml"
        file.write_bytes(content)
        with pytest.raises(UserError, match=r"odd\.yaml"):
            load_params(file)


def test_studies_override_and_keep_the_rest(digits: blocks.Params) -> None:
    assert digits.threat.eps == 0.1
    assert digits.training.optimizer.kind == "adam"
    assert not hasattr(digits.training.optimizer, "momentum")  # another kind replaces the block
    assert digits.training.attack.steps == 10
    cut = load_params(ROOT / "params.yaml", "digits_cut")
    assert cut.grid.imbalance_ratios == [10]
    assert cut.threat == digits.threat


def test_a_kind_that_is_the_blocks_own_name_changes_nothing(tmp_path: Path) -> None:
    """A block ``taet`` is of kind ``taet``: to say so is not to name another one."""
    file = tmp_path / "params.yaml"
    old = "las_at: {strategy_width: 8}"
    assert TEXT.count(old) == 1
    file.write_text(TEXT.replace(old, f"{old}\n      taet: {{kind: taet, alpha: 0.5}}"))
    method = load_params(file, "digits").methods["taet"]
    assert (method.stabilization, method.model_dump()["alpha"]) == ("clean40", 0.5)


def test_a_study_that_is_only_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(TEXT.replace("study: digits #", "#", 1))
    assert load_params(file, "digits_cut").study == "digits_cut"
    with pytest.raises(UserError, match="study: missing"):
        load_params(file)


def test_worst_cases_are_over_attacks_of_one_adversary(tmp_path: Path) -> None:
    """Known from the parameters, so that no training is in vain."""
    file = tmp_path / "params.yaml"
    grid = "attacks: [fgsm, pgd20, pgd100, cw20]\n  seeds"
    assert TEXT.count(grid) == 1
    more = TEXT.replace(grid, grid.replace("cw20]", "cw20, cw_l2, autoattack_l2]"))
    for attack in ("cw_l2", "autoattack_l2"):
        file.write_text(more.replace("attacks: [pgd20, cw20]}", f"attacks: [pgd20, {attack}]}}"))
        with pytest.raises(UserError, match=rf"worst2.attacks\[1\]: '{attack}' is not bounded by"):
            load_params(file, "digits")
    only = "attacks: [deepfool_l2]\n  seeds"
    file.write_text(TEXT.replace(grid, only).replace("attacks: [pgd20, cw20]}", "attacks: all}"))
    with pytest.raises(UserError, match=r"worst.attacks: no attack of the grid is bounded"):
        load_params(file, "digits")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("report.worst_cases.worst.attacks=[]", r"worst_cases\.worst\.attacks: the list is empty"),
        (
            "grid.methods=[pgd_at,las_at]",
            r"compute\.processes: 'las_at' trains in one process only",
        ),
        (
            "training.batch_size=63",
            "compute.processes: 2 need .* that they can share evenly; .*has 63",
        ),
        ("training.drop_last=false", r"compute\.processes: 2 need training\.drop_last: true"),
    ],
)
def test_what_no_training_should_begin_with(value: str, message: str) -> None:
    assignments = {"grid.methods": "[pgd_at]"}
    if "worst_cases" not in value:
        assignments["compute.processes"] = "2"

    def load() -> None:
        texts = tuple(f"{path}={text}" for path, text in assignments.items())
        load_params(ROOT / "params.yaml", Selection("digits", texts))

    load()
    path, _, text = value.partition("=")
    assignments[path] = text
    with pytest.raises(UserError, match=message):
        load()


def test_several_processes_are_for_the_chosen_study(tmp_path: Path) -> None:
    """Other studies have LAS-AT, which trains in one process."""
    file, old = tmp_path / "params.yaml", "processes: 1"
    assert TEXT.count(old) == 1
    file.write_text(TEXT.replace(old, "processes: 2"))
    assert load_params(file, "cifar10_small").compute.processes == 2
    with pytest.raises(UserError, match="'las_at' trains in one process only"):
        load_params(file, "digits")


def test_several_tau_are_not_measured_on_the_way(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    old = "    longtail: {validation_share: 0.2}\n"
    assert TEXT.count(old) == 1
    several = old + "    methods: {trades: {logit_adjustment: {tau: [0.5, 1]}}}\n"
    file.write_text(TEXT.replace(old, several))
    with pytest.raises(
        UserError, match=r"methods.trades.logit_adjustment.tau: several values are chosen"
    ):
        load_params(file, "digits_learning")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "cfa: {begin_epoch: 1,",
            "cfa: {begin_epoch: 28,",
            r"methods\.cfa\.begin_epoch: 28 is never",
        ),
        (
            "average_begin_epoch: 6}",
            "average_begin_epoch: 28}",
            r"cfa\.average_begin_epoch: 28 is never",
        ),
        ("dafa: {begin_epoch: 18}", "dafa: {begin_epoch: 28}", r"dafa\.begin_epoch: 28 is never"),
        (
            "dafa: {begin_epoch: 18}",
            "dafa: {lam: 1.5}",
            r"dafa\.lam: input should be less than or equal to 1",
        ),
        (
            "cfa: {begin_epoch: 1,",
            "cfa: {beta: null,",
            r"methods\.cfa: give both beta and regularization",
        ),
    ],
)
def test_options_of_cfa_and_dafa(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = tmp_path / "params.yaml"
    assert TEXT.count(old) == 1
    file.write_text(TEXT.replace(old, new))
    with pytest.raises(UserError, match=message):
        load_params(file, "digits_fairness")


def test_one_tau_is_no_choice(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    old = "las_at: {strategy_width: 8}"
    for tau, problem in (("[1]", None), ("1", None), ("[]", "the list is empty")):
        adjusted = f"{old}\n      trades: {{logit_adjustment: {{tau: {tau}}}}}"
        file.write_text(TEXT.replace(old, adjusted))
        if problem is None:
            load_params(file, "digits")
        else:
            with pytest.raises(UserError, match=problem):
                load_params(file, "digits")


STUDY = """
  other:
    extends: digits
    methods:
      taet: {beta: 0.5, training: {epochs: 30}}
      mine: {extends: theirs, label: Mine, gamma: 0.7, training: {optimizer: {weight_decay: 0.25}}}
      theirs: {extends: taet, label: Theirs, stabilization: null}
    attacks:
      slow: {extends: pgd20, label: PGD-40, steps: 40}
"""


def test_a_block_has_the_options_of_the_one_that_it_extends(tmp_path: Path) -> None:
    """As the study has them, but for labels and for what the block says itself."""
    file = tmp_path / "params.yaml"
    file.write_text(TEXT + STUDY)
    params = load_params(file, "other")
    taet, mine, theirs = (params.methods[name].model_dump() for name in ("taet", "mine", "theirs"))
    assert (mine["kind"], mine["label"], theirs["label"]) == ("taet", "Mine", "Theirs")
    assert (theirs["beta"], theirs["gamma"], theirs["stabilization"]) == (0.5, 0.1, None)
    assert theirs == taet | {"label": "Theirs", "stabilization": None}
    assert (mine["beta"], mine["gamma"]) == (0.5, 0.7)
    assert (mine["training"]["epochs"], taet["training"]["epochs"]) == (30, 30)
    assert mine["training"]["optimizer"] == taet["training"]["optimizer"] | {"weight_decay": 0.25}
    assert params.training.epochs == 28
    slow = params.attacks["slow"].model_dump()
    assert slow == params.attacks["pgd20"].model_dump() | {"label": "PGD-40", "steps": 40}


def test_a_value_from_another_block_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(TEXT + STUDY)
    source = of_study(read_file(file), "other")
    for path in (("beta",), ("training", "epochs")):
        assert source.origin(("methods", "mine", *path)) == source.origin(
            ("methods", "taet", *path)
        )
    assert source.origin(("methods", "mine", "gamma")) != source.origin(
        ("methods", "taet", "gamma")
    )
    file.write_text((TEXT + STUDY).replace("beta: 0.5", "beta: -0.5"))
    with pytest.raises(UserError) as error:
        load_params(file, "other")
    assert {line.split(": ")[1] for line in str(error.value).splitlines()} == {
        "studies.other.methods.taet.beta"
    }


def test_a_block_that_lacks_a_key_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    before, blocks = TEXT.split("\ndatasets:\n")
    file.write_text(f"{before}\ndatasets:\n  leaves: {{kind: digits}}\n{blocks}")
    line = before.count("\n") + 3
    message = rf"params.yaml:{line}: datasets.leaves.label: missing; give it a value"
    with pytest.raises(UserError, match=message):
        load_params(file)


def test_a_kind_of_its_own_inside_a_block_leaves_nothing_behind(tmp_path: Path) -> None:
    """Adam has no momentum: what the block lacks is its own mistake, whatever its base has."""
    file = tmp_path / "params.yaml"
    own = "foo: {extends: trades_faithful, label: Foo, training: {optimizer: {kind: adam}}}"
    file.write_text(f"{TEXT}\n  other:\n    extends: cifar10_lt\n    methods:\n      {own}\n")
    with pytest.raises(UserError, match=r"methods.foo.training.optimizer.*: missing"):
        load_params(file, "other")


def test_the_same_kind_named_again_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(TEXT + STUDY.replace("taet: {beta: 0.5,", "taet: {kind: taet, beta: 0.5,"))
    assert load_params(file, "other").methods["taet"].model_dump()["beta"] == 0.5
    own = "reat: {label: REAT, training: {attack: {steps: 3}}, "
    again = "      reat: {kind: reat, training: {attack: {start: zero}}}\n      theirs:"
    file.write_text(
        TEXT.replace("reat: {label: REAT, ", own) + STUDY.replace("      theirs:", again)
    )
    attack = load_params(file, "other").methods["reat"].training.attack
    assert (attack.steps, attack.start) == (3, "zero")
    own = "mart: {training: {optimizer: {weight_decay: 0.5}}}"
    heir = (
        "heir: {extends: mart, label: Heir, training: {optimizer: {kind: adam, learning_rate: 2}}}"
    )
    file.write_text(
        f"{TEXT}\n  other:\n    extends: digits\n    methods:\n      {own}\n      {heir}\n"
    )
    optimizer = load_params(file, "other").methods["heir"].training.optimizer
    assert (optimizer.weight_decay, optimizer.learning_rate) == (0.5, 2)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("extends: taet, label: Theirs", "extends: tet, label: Theirs", r"other.methods.theirs.extends: no method 'tet'.*'taet'"),
        ("extends: taet, label: Theirs", "extends: mine, label: Theirs", r"other.methods.\w+.extends: blocks extend each other in a circle, (mine -> theirs -> mine|theirs -> mine -> theirs)"),
        ("extends: taet, label: Theirs", "extends: taet, kind: trades, label: Theirs", r"theirs.kind: a block is of the kind"),
        ("extends: taet, label: Theirs", "extends: [taet], label: Theirs", r"theirs.extends: must be the name of one block of methods"),
        ("extends: taet, label: Theirs", "extends: taet", r"methods.theirs.label: missing"),
        ("theirs: {extends: taet", "trades: {extends: mart}\n      theirs: {extends: taet", r"methods.trades.extends: a block named 'trades' is of that kind; give the one that extends 'mart'"),
    ],
)  # fmt: skip
def test_wrong_bases(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = tmp_path / "params.yaml"
    assert STUDY.count(old) == 1
    file.write_text(TEXT + STUDY.replace(old, new))
    with pytest.raises(UserError, match=message):
        load_params(file, "digits")


def test_what_is_wrong_with_a_common_block_is_said_once(tmp_path: Path) -> None:
    """Every method has a version of ``training``, and every data set one of ``longtail``."""
    file = tmp_path / "params.yaml"
    for old, new in (
        ("drop_last: true", "drop_last: 7"),
        ("profile: exponential", "profile: linear"),
    ):
        file.write_text(TEXT.replace(old, new, 1))
        with pytest.raises(UserError) as error:
            load_params(file)
        assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("name", TAKEN)
def test_a_study_has_no_name_of_a_folder(tmp_path: Path, name: str) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(f"{TEXT}\n  {name}: {{extends: digits}}\n")
    with pytest.raises(UserError, match=f"studies.{name}: a folder of results has this name"):
        load_params(file)


def test_origins() -> None:
    source = of_study(read_file(ROOT / "params.yaml"), "digits_cut")
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


@pytest.mark.parametrize(
    "text",
    ["1/1e9999999", "1e9999999", "9" * 50, f"1/{'9' * 50}", "1e999", "1/-2", "1/0", "1_0", "inf", "nan", "+5", "1.", "010", "0x1", "1:10", "٣", ""],
)  # fmt: skip
def test_no_numbers(text: str) -> None:
    """Bounded before anything is computed, in every place where text is a number."""
    with pytest.raises(ValueError, match="a fraction such as 8/255, in plain decimals"):
        parse_number(text)
    with pytest.raises(ValueError, match="must be a number from 1 to"):
        blocks.imbalance_ratio(text)
    assert not re.fullmatch(FRACTION["pattern"], text) or text in ("1e999", "1/-2", "1/0")


def test_every_number_of_the_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("a: [8/255, 5e-4, 1e3, 10, -1, 0, 0.5, 1.0e-05, True, null, ~, '010']\nb:\n")
    read, _ = read_yaml(file)
    listed = ["8/255", "5e-4", "1e3", 10, -1, 0, 0.5, 1e-5, True, None, None, "010"]
    assert read == {"a": listed, "b": None}
    assert read_yaml(ROOT / "params.yaml")[0] == yaml.safe_load(TEXT)


def test_seeds_of_a_command_line(digits: blocks.Params) -> None:
    study = Study(digits)
    assert study.axis_value("seed", "12") == 12
    for text in ("010", "-1", "1_0", "9" * 5000, "٣", str(2**31)):
        with pytest.raises(UserError, match="must be a whole number from 0 to 2147483647"):
            study.axis_value("seed", text)


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


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("alpha: 0.1, beta: 0.1", "alpha: 0,1, beta: 0.1", r":\d+: methods.taet.alpha: write the number with a point, 0.1; a comma ends a value$"),
        ("label: HE, scale: 10,", "label: HE, scale: '1,5',", r"methods.he.scale: '1,5' is no number; write it with a point, 1.5$"),
        ("{eps: 8/255}", "{eps: 8}", r"threat.eps: must be less than 1, since pixels are in \[0,1\]; 8 of 255 levels is written 8/255$"),
        ("methods: [pgd_at, trades, at_bsl, taet]", "methods: pgd_at, taet", r"studies.digits_learning.grid.methods: must be a list, such as \[pgd_at, taet\], got 'pgd_at, taet'"),
        ("seeds: [0, 1, 2, 3, 4]", "seeds: 3", r"grid.seeds: must be a list, such as \[0, 1, 2\], got 3"),
        ("seeds: [0, 1, 2, 3, 4]", "seeds: 5", r"grid.seeds: must be a list, such as \[0, 1, 2, ...\], got 5"),
        ("seeds: [0, 1, 2, 3, 4]", "seeds: 0", r"grid.seeds: must be a list, such as \[0\], got 0"),
    ],
)  # fmt: skip
def test_mistakes_of_form_show_the_right_one(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    file = tmp_path / "params.yaml"
    assert old in TEXT
    file.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        load_params(file)

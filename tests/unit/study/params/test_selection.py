"""``--set`` and ``--smoke`` change what the same change in params.yaml would, in folders of their own."""

import shlex
from pathlib import Path

import pytest

from taet.errors import UserError
from taet.study.params.blocks import NATURAL
from taet.study.params.load import load_params, read_selected
from taet.study.params.overlay import of_study, read_file
from taet.study.params.selection import Selection, of_config
from taet.study.plan.stages import STAGES
from taet.study.plan.study import Study, load_study
from tests.conftest import ROOT

FILE = ROOT / "params.yaml"
TEXT = FILE.read_text()
DATA_ONLY = {"download"}  # all studies share these files


def keys(study: Study) -> dict[str, str]:
    return {job.title: job.key for stage in STAGES for job in study.jobs(stage)}


def outputs(study: Study) -> set[Path]:
    return {job.output for stage in STAGES for job in study.jobs(stage) if stage not in DATA_ONLY}


def by_hand(tmp_path: Path, name: str, block: str) -> Study:
    """The study that a person would write at the end of params.yaml."""
    file = tmp_path / "params.yaml"
    file.write_text(f"{TEXT}\n  {name}:\n    extends: digits_cut\n{block}")
    return load_study(file, name)


@pytest.mark.parametrize(
    ("settings", "block", "changed"),
    [
        (["methods.taet.alpha=0.2"], "    methods: {taet: {alpha: 0.2}}\n", {"taet"}),
        (["threat.eps=8/255"], "    threat: {eps: 8/255}\n", None),
        (["stabilizations.clean40.epochs=5", "methods.mart.beta=1e-1"], "    stabilizations: {clean40: {epochs: 5}}\n    methods: {mart: {beta: 1e-1}}\n", {"clean40", "taet", "mart"}),
        (["training.optimizer={kind: sgd, learning_rate: 0.1, momentum: 0.9, weight_decay: 0}", "methods.adt.samples=3"], "    training: {optimizer: {kind: sgd, learning_rate: 0.1, momentum: 0.9, weight_decay: 0}}\n    methods: {adt: {samples: 3}}\n", None),
        (["methods.taet.label=Ours"], "    methods: {taet: {label: Ours}}\n", set()),
    ],
)  # fmt: skip
def test_keys_are_those_of_the_same_change_in_the_file(
    tmp_path: Path, settings: list[str], block: str, changed: set[str] | None
) -> None:
    """Of all jobs; and the jobs whose key changes are those of the methods that the value reaches."""
    study = load_study(FILE, Selection("digits_cut", tuple(settings)))
    assert keys(study) == keys(by_hand(tmp_path, study.params.study, block))
    plain, now = keys(load_study(FILE, "digits_cut")), keys(study)
    assert plain.keys() == now.keys()
    networks = [t for t in plain if t.startswith(("equalize", "stabilize", "attack"))]
    other = {t.split()[4] for t in networks if plain[t] != now[t]}
    assert other == ({t.split()[4] for t in networks} if changed is None else changed)


def test_every_change_has_a_folder_of_its_own() -> None:
    selections = [
        Selection("digits_cut"),
        Selection("digits_cut", smoke=True),
        Selection("digits_cut", ("methods.taet.alpha=0.2",)),
        Selection("digits_cut", ("methods.taet.alpha=0.1",)),  # the value of the file
        Selection("digits_cut", ("methods.taet.alpha=0.2", "methods.mart.beta=6")),
        Selection("digits_cut", ("methods.taet.alpha=0.2",), smoke=True),
    ]
    written = [outputs(load_study(FILE, selection)) for selection in selections]
    assert len(set.union(*written)) == sum(map(len, written))
    assert FILE.read_text() == TEXT


def test_order_of_settings_is_no_difference() -> None:
    one, other = (
        Selection("digits", settings)
        for settings in (("threat.eps=0.2", "grid.seeds=[0]"), ("grid.seeds=[0]", "threat.eps=0.2"))
    )
    assert load_params(FILE, one) == load_params(FILE, other)


def test_a_command_of_a_job_makes_the_same_job() -> None:
    """The words that Snakemake starts, read again, give the key that was planned."""
    from taet.cli.commands import selection_of
    from taet.cli.parse import parse_arguments

    settings = ("methods.taet.label=Our's; {best}", "methods.taet.alpha=0.2")
    study = load_study(FILE, Selection("digits_cut", settings, smoke=True))
    job = study.jobs("equalize")[-1]
    options = parse_arguments(shlex.split(job.command))
    again = load_study(FILE, selection_of(options), planned=True)
    assert again.job("equalize", **job.cell).key == job.key == options.key


def test_config_of_snakemake() -> None:
    given = {"study": "digits", "set": "threat.eps=0.2; grid.seeds=[0, 1];", "smoke": "true"}
    selection = Selection("digits", ("threat.eps=0.2", "grid.seeds=[0, 1]"), smoke=True)
    assert of_config(given) == selection
    assert dict(word.split("=", 1) for word in selection.config) == {
        **given,
        "set": "threat.eps=0.2; grid.seeds=[0, 1]",
    }
    assert of_config({}) == Selection()
    for wrong, message in [
        ({"stduy": "digits"}, "--config stduy: no such key; did you mean 'study'"),
        ({"set": {"threat": "1"}}, "--config set: must be KEY=VALUE; KEY=VALUE"),
        ({"smoke": 3}, "--config smoke=3: must be true or false"),
    ]:
        with pytest.raises(UserError, match=message):
            of_config(wrong)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["methods.taet.alpha"], "--set methods.taet.alpha: must be KEY=VALUE"),
        (["methods..alpha=1"], "--set methods..alpha=1: must be KEY=VALUE"),
        (["methods.taet.alpha="], "--set methods.taet.alpha: a value is missing"),
        (["methods.taet.alpha=-1"], "--set methods.taet.alpha: .* greater than or equal to 0, got -1"),
        (["methods.taet.alhpa=1"], "--set methods.taet.alhpa: unknown key; did you mean 'alpha'"),
        (["methods.taet.alpha=0,2"], "--set methods.taet.alpha: '0,2' is no number; write it with a point, 0.2"),
        (["methods.taet.alpha=010"], "--set methods.taet.alpha: YAML reads '010' as the int 8"),
        (["grid.methods=[pgd_at, tat]"], r"--set grid.methods\[1\]: no method 'tat'; did you mean 'taet'"),
        (["grid.seeds=[0"], "--set grid.seeds: '.0' is not valid YAML"),
        (["study=digits"], "--set study: .* --study chooses the study"),
        (["threat.eps=0.1", "threat.eps=0.2"], "--set threat.eps: set twice"),
        (["threat=0.1", "threat.eps=0.2"], "--set threat: set twice"),
        (["threat.eps=0.1", "threat={eps: 0.2}"], "--set threat: set twice"),
        (["datasets.dermamnist.size=64"], "--set datasets.dermamnist: other options than in study 'digits'"),
    ],
)  # fmt: skip
def test_errors_name_the_flag(settings: list[str], message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        load_params(FILE, Selection("digits", tuple(settings)))


def test_names_that_cannot_be_given(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(
        f"{TEXT}\n  digits_smoke: {{extends: digits}}\n  {'d' * 36}: {{extends: digits}}\n"
    )
    with pytest.raises(
        UserError, match=r"params.yaml:\d+: studies.digits_smoke: the name that --smoke gives"
    ):
        load_params(file, Selection("digits", smoke=True))
    with pytest.raises(
        UserError, match=r"--smoke: the changed study would be called 'd+_smoke', which is longer"
    ):
        load_params(file, Selection("d" * 36, smoke=True))


def test_where_a_value_comes_from() -> None:
    source = of_study(read_selected(FILE, Selection("digits", ("threat.eps=0.2",))))
    assert source.origin(("threat", "eps")) == source.origin(("study",)) == "--set"
    assert source.origin(("training", "epochs")).startswith("studies.digits, line ")


@pytest.mark.parametrize("name", read_file(FILE).studies)
def test_smoke_of_every_study(name: str) -> None:
    """One ratio, one seed, few epochs and images; methods and attacks are all those of the study."""
    study, smoke = (
        load_params(FILE, chosen, planned=True) for chosen in (name, Selection(name, smoke=True))
    )  # the other studies are checked by the tests of load_params
    assert smoke.study == f"{name}_smoke"
    assert (len(smoke.grid.imbalance_ratios), len(smoke.grid.seeds)) == (1, 1)
    for axis in ("datasets", "architectures", "methods", "attacks", "checkpoints"):
        assert getattr(smoke.grid, axis) == getattr(study.grid, axis)
    assert {method.training.epochs for method in smoke.methods.values()} == {4}
    for dataset in smoke.grid.datasets:
        longtail = smoke.datasets[dataset].longtail
        natural = smoke.grid.imbalance_ratios == [NATURAL]
        assert longtail.head_images == (None if natural else 100)
        assert longtail.test_per_class == 10
    assert smoke.attacks == study.attacks

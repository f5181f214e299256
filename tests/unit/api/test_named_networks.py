"""``taet.load``: which network a name gives, and what is said where there is none."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import taet
from taet.study.plan.saved import NETWORKS, RECORDS
from taet.study.store import artifacts
from tests.conftest import ROOT

SAVED = ROOT / "results/reference/digits"


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The networks of the digits and their records, in a folder that is not the working folder."""
    folder = tmp_path / "results"
    (folder / "reference/digits").mkdir(parents=True)
    shutil.copytree(SAVED / NETWORKS, folder / "reference/digits" / NETWORKS)
    shutil.copy(SAVED / RECORDS, folder / "reference/digits")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.delenv("TAET_RESULTS", raising=False)
    return folder


def saved_file(ratio: int, method: str) -> Path:
    return Path(
        "reference/digits", NETWORKS, f"digits-ir{ratio}-small_cnn-{method}-seed0.safetensors"
    )


IMAGES = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    """Whether two networks give the same logits, to the last bit."""
    return torch.equal(one(IMAGES), other(IMAGES))


@pytest.mark.parametrize("ratio", [10, 20])
@pytest.mark.parametrize("method", ["taet", "at_bsl", "robal"])
def test_the_named_network_is_loaded(results: Path, method: str, ratio: int) -> None:
    model = taet.load(f"digits/{method}", ir=ratio, seed=0, results=results)
    file = taet.load_model(results / saved_file(ratio, method))
    assert same(model, file)
    assert not same(model, taet.load("digits/taet", ir=30 - ratio, results=results))
    assert not model.training


@pytest.mark.parametrize("ir", [10.0, "10", torch.tensor(10)])
def test_a_ratio_of_any_type(results: Path, ir: Any) -> None:
    expected = taet.load("digits/taet", ir=10, results=results)
    assert same(taet.load("digits/taet", ir=ir, seed=0.0, results=str(results)), expected)  # type: ignore[arg-type]


def test_the_folder(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument comes before the environment, and that before the working folder."""
    with pytest.raises(
        taet.UserError, match=r"no networks in results; name the folder 'results' of"
    ):
        taet.load("digits/taet", ir=10)
    with pytest.raises(taet.UserError, match=r"no networks in none; "):
        taet.load("digits/taet", ir=10, results="none")
    monkeypatch.setenv("TAET_RESULTS", "none")
    assert taet.load("digits/taet", ir=10, results=results)
    with pytest.raises(
        taet.UserError, match=r"no networks in none; .* results=\.\.\., or TAET_RESULTS$"
    ):
        taet.load("digits/taet", ir=10)
    monkeypatch.setenv("TAET_RESULTS", str(results))
    assert taet.load("digits/taet", ir=10)
    monkeypatch.delenv("TAET_RESULTS")
    monkeypatch.chdir(results.parent)
    assert taet.load("digits/taet", ir=10)


def trained(results: Path, path: str, source: Path) -> None:
    """A network that a run has made, with the weights of a saved one."""
    file = results / "digits/equalize/digits" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(results / source, file)


def test_networks_of_a_run(results: Path) -> None:
    """Other seeds and ratios come from a run; what is saved comes first."""
    trained(results, "ir10/small_cnn/taet/seed1.safetensors", saved_file(20, "taet"))
    trained(results, "ir33.3/small_cnn/taet/seed0.safetensors", saved_file(20, "robal"))
    trained(results, "ir10/small_cnn/taet/seed0.safetensors", saved_file(20, "robal"))
    loaded = [
        taet.load("digits/taet", ir=10, seed=1, results=results),
        taet.load("digits/taet", ir=33.3, results=results),
        taet.load("digits/taet", ir=10, results=results),
    ]
    expected = [saved_file(20, "taet"), saved_file(20, "robal"), saved_file(10, "taet")]
    for model, file in zip(loaded, expected, strict=True):
        assert same(model, taet.load_model(results / file))
    # One seed of one ratio: the ratio may be left out.
    assert same(taet.load("digits/taet", seed=1, results=results), loaded[0])


def test_more_than_one(results: Path) -> None:
    with pytest.raises(taet.UserError, match=r"^ir: digits/taet .* ratios 10, 20; name one$"):
        taet.load("digits/taet", results=results)
    trained(results, "ir10/other/taet/seed0.safetensors", saved_file(20, "taet"))
    with pytest.raises(
        taet.UserError, match=r"fits \S+, \S+; load one with taet\.load_model\(PATH\)$"
    ):
        taet.load("digits/taet", ir=10, results=results)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ir": 50}, r"^digits/taet, ir 50, seed 0: not in \S+results, which has of digits: adt, .*taet, trades "
         r"\(ir 10, 20; seed 0\); get others with dvc pull from a remote that you set \(docs/share_results.md\), "
         "or train them: snakemake --cores 4 all --config study=digits$"),
        ({"seed": 1}, "^digits/taet, ir 10, seed 1: not in"),
        ({"name": "digits/tae"}, "^digits/tae, ir 10, seed 0: not in"),
        ({"name": "cifar10_small/taet"}, "^cifar10_small/taet, ir 10, seed 0: no networks of study 'cifar10_small' "
         "in .*; known: digits; .* study=cifar10_small$"),
        ({"name": "digit/taet"}, "no networks of study 'digit' in .*did you mean 'digits'"),
        ({"name": "taet"}, "^name: 'taet'; must be STUDY/METHOD, such as digits/taet"),
        ({"name": "../digits/taet"}, "^name: '../digits/taet'; must be STUDY/METHOD"),
        ({"name": "digits/*"}, r"^name: 'digits/\*'; must be STUDY/METHOD"),
        ({"name": SAVED}, "^name: .*; must be STUDY/METHOD, .* a file is loaded with taet.load_model$"),
        ({"ir": "x"}, "^ir: must be a number from 1 to .* got 'x'$"),
        ({"seed": "x"}, "^seed 'x': must be a whole number"),
        ({"results": 5}, "^results: a value of the type int; must be the path of a folder$"),
    ],
)  # fmt: skip
def test_what_cannot_be_loaded(results: Path, arguments: dict[str, Any], message: str) -> None:
    whole = {"name": "digits/taet", "ir": 10, "results": results} | arguments
    with pytest.raises(taet.UserError, match=message) as refused:
        taet.load(**whole)
    assert "\n" not in str(refused.value)


def another_network(file: Path) -> None:
    shutil.copy(file.with_name(file.name.replace("-taet-", "-robal-")), file)


def one_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("damage", [another_network, one_bit, Path.unlink])
def test_changed_files_are_refused(results: Path, damage: Callable[[Path], None]) -> None:
    file = results / saved_file(10, "taet")
    damage(file)
    with pytest.raises(
        taet.UserError, match=re.escape(f"{file}: damaged (it is not what manifest")
    ):
        taet.load("digits/taet", ir=10, results=results)


def test_exchanged_files_are_refused(results: Path) -> None:
    """Though the manifest has the digests of both; each has the key of its training."""
    file = results / saved_file(10, "taet")
    another_network(file)
    files = [path.name for path in file.parent.glob("*.safetensors")]
    artifacts.write_manifest(
        file.parent, artifacts.read_key(file.parent / artifacts.MANIFEST), files
    )
    with pytest.raises(
        taet.UserError, match=re.escape(f"{file}: not of the run that records.jsonl")
    ):
        taet.load("digits/taet", ir=10, results=results)


def test_files_that_no_manifest_lists_are_not_loaded(results: Path) -> None:
    file = results / saved_file(10, "taet")
    shutil.copy(file, file.with_name(file.name.replace("ir10", "ir50")))
    with pytest.raises(taet.UserError, match="digits/taet, ir 50, seed 0: not in"):
        taet.load("digits/taet", ir=50, results=results)


def test_all_methods_and_ratios_of_the_digits_are_saved() -> None:
    files = sorted(path.name for path in (SAVED / NETWORKS).glob("*.safetensors"))
    assert len(files) == 22
    assert sum(path.stat().st_size for path in (SAVED / NETWORKS).iterdir()) < 3e6

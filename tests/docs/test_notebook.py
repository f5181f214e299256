"""The notebook in examples/ runs, on the networks of a study that has run; its saved output is of the default one."""

import json

import matplotlib as mpl
import pytest

from tests.conftest import ROOT, Tree

pytestmark = pytest.mark.docs

NOTEBOOK = ROOT / "examples/robustness_of_classes.ipynb"


def test_cells_run(
    finished: Tree, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [
        cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"
    ]
    code = "\n".join("".join(cell["source"]) for cell in cells)
    monkeypatch.chdir(finished.path)
    mpl.use("agg")
    names = {"results/digits/": "results/tiny/", "at_bsl": "taet_bcl"}
    for name, made in names.items():
        assert name in code
        code = code.replace(name, made)
    variables: dict[str, object] = {}
    exec(code, variables)
    assert capsys.readouterr().out.count("balanced robustness") == 2
    assert len(variables["axes"].containers) == 2


def test_output_is_saved() -> None:
    outputs = [
        output
        for cell in json.loads(NOTEBOOK.read_text())["cells"]
        for output in cell.get("outputs", [])
    ]
    assert [output["output_type"] for output in outputs] == ["stream", "display_data"]
    assert NOTEBOOK.stat().st_size < 100_000

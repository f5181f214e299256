"""Nothing in a file is run or followed; whoever reads it says in one line that it is not what it should be."""

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

from taet.report import typeset
from taet.study.params.load import load_params
from taet.study.plan.stages import STAGES
from taet.study.plan.study import Study
from taet.study.run import runner
from tests.conftest import ROOT
from tests.faults import hostile

LABEL = rf"""\input{{/etc/passwd}} $\write18{{touch {hostile.MARK}}}$ <script>alert(1)</script> a|b &amp; 50% #_^~{{"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a tiny study of one method."""
    from tests.conftest import TINY, with_study

    folder = tmp_path_factory.mktemp("hostile") / "deep" / "tree"
    folder.mkdir(parents=True)
    block = TINY.replace("methods: [pgd_at, taet_bcl, taet]", "methods: [pgd_at]")
    (folder / "params.yaml").write_text(
        with_study((ROOT / "params.yaml").read_text(), "tiny", block)
    )
    shutil.copytree(ROOT / "data/reference", folder / "data/reference")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        study = Study(load_params())
        for stage in STAGES:
            for job in study.jobs(stage):
                runner.run_job(job)
    return folder


@pytest.mark.faults
def test_hostile_files(results: Path) -> None:
    tried = list(hostile.refusals(results))
    assert len(tried) >= 100
    bad = [refusal for refusal in tried if not refusal.good]
    assert not bad, "\n".join(f"{r.title}: {r.status}, {r.unsaid}, {r.message!r}" for r in bad)
    assert not hostile.marks(results)


def test_harm_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(hostile.Harm()))
    assert hostile.marks(tmp_path)


def table() -> typeset.Table:
    return typeset.Table(
        LABEL, LABEL, LABEL, ["Method", LABEL], [[LABEL, "1 ± 2 ≈"]], {(0, 1): "best"}
    )


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="no pdflatex (texlive-latex-recommended)"
)
def test_latex_runs_no_names(tmp_path: Path) -> None:
    (tmp_path / "table.tex").write_text(typeset.latex([table()]))
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs,graphicx}\n"
        "\\begin{document}\\input{table}\\end{document}\n"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-shell-escape", "paper"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "/etc/passwd)" not in done.stdout, "the file was opened"
    assert not hostile.marks(tmp_path)


def test_names_stay_text_in_tables() -> None:
    latex, markdown = typeset.latex([table()]), typeset.markdown([table()], "T")
    for command in (r"\input", r"\write"):
        assert command not in latex
    assert "<script" not in markdown
    head = next(line for line in markdown.splitlines() if line.startswith("| Method"))
    assert head.replace("\\|", "").count("|") == 3


# Calls that run or follow what a file says, and what must stand in the call where it is harmless.
DANGEROUS = {
    "pickle.load": None, "pickle.loads": None, "torch.load": "weights_only=True", "yaml.load": None,
    "yaml.unsafe_load": None, "yaml.full_load": None, "np.load": "allow_pickle=False", "eval": None,
    "os.system": None, "os.popen": None, "tar.extractall": "filter=", "extractall": "filter=",
}  # fmt: skip


def test_no_call_that_trusts_a_file() -> None:
    found = []
    for file in [*(ROOT / "src").rglob("*.py"), *(ROOT / "workflow").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                text, name = ast.unparse(node), ast.unparse(node.func)
                needed = DANGEROUS.get(name, "") if name in DANGEROUS else ""
                if needed is None or needed not in text or "shell=True" in text:
                    found.append(f"{file.relative_to(ROOT)}: {text[:80]}")
    assert not found

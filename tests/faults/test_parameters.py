"""Every parameter file with a mistake is refused, soon, in one line that says where, what, and what may be."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.faults.parameters import FILES, KINDS, Mistake, mistakes, refused

QUICK = ("parameters: whole file", "parameters: unknown key")  # of the others there are hundreds


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[pytest.mark.faults] * (kind not in QUICK)) for kind in KINDS],
)
def test_mistakes(kind: str, tmp_path: Path) -> None:
    tried = [refused(mistake, tmp_path) for mistake in mistakes(kind)]
    assert tried
    bad = [refusal for refusal in tried if not refusal.good]
    assert not bad, "\n".join(f"{r.title}: {r.status}, {r.unsaid}, {r.message!r}" for r in bad)
    assert not (tmp_path / "hacked").exists()


@pytest.mark.faults
def test_there_are_many() -> None:
    assert len({mistake.content for kind in KINDS for mistake in mistakes(kind)}) >= 750


@pytest.mark.faults
@pytest.mark.parametrize("title", ["Latin-1", "a billion laughs", "Python to be run", "tabs"])
def test_stages_and_snakemake_say_it_too(title: str, tmp_path: Path) -> None:
    (name, content, said) = next(entry for entry in FILES if entry[0] == title)
    file = tmp_path / "params.yaml"
    file.write_bytes(Mistake("file", name, content, tuple(said)).content)
    stage = ("taet", "download", "--dataset", "digits")
    workflow = (
        "snakemake",
        "-n",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--directory",
        str(tmp_path),
    )
    for command in (stage, workflow):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True
        )
        text = done.stdout + done.stderr
        assert done.returncode != 0
        assert all(word in text for word in said), text
        assert "Traceback" not in text
    assert not (tmp_path / "hacked").exists()

"""The kept LaTeX tables are a page that pdflatex makes, in a text of two columns."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.regression.test_reference import REFERENCE, STUDIES


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="no pdflatex (texlive-latex-recommended)"
)
@pytest.mark.parametrize("study", STUDIES)
def test_kept_tables_compile(study: str, tmp_path: Path) -> None:
    shutil.copy(REFERENCE / study / "tables/main.tex", tmp_path / "table.tex")
    (tmp_path / "paper.tex").write_text(
        "\\documentclass[twocolumn]{article}\\usepackage{booktabs,graphicx}\n"
        "\\begin{document}\\input{table}\\end{document}\n"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "Overfull \\hbox" not in done.stdout

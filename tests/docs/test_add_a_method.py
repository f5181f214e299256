"""The page docs/add_a_method.md, done as it says."""

import shutil
import subprocess
import sys

import pytest

from taet import options
from tests.conftest import ROOT, Tree
from tests.docs.pages import block, commands

PAGE = "add_a_method.md"


@pytest.mark.docs
def test_page(finished_copy: Tree) -> None:
    tree = finished_copy
    models = {
        p: p.stat().st_mtime_ns for p in tree.path.glob("results/tiny/equalize/**/*.safetensors")
    }
    (tree.path / "src/taet/methods/alp.py").write_text(block(PAGE, "python"))
    tree.edit(
        "params.yaml",
        "  clean: {label: Clean}\n",
        "  clean: {label: Clean}\n" + block(PAGE, "yaml"),
    )
    tree.edit("params.yaml", "methods: [pgd_at, taet_bcl, taet], seeds: [0]", "methods: [pgd_at, alp, taet_bcl, taet], seeds: [0]")  # fmt: skip
    with (tree.path / "params.yaml").open("a") as file:
        file.write(block(PAGE, "yaml", 1))
    for command in commands(PAGE):
        tree.ok(*command)
    tree.ok("snakemake", "--cores", "2", "all")  # the reader's own study, which names it
    assert "| ALP |" in (tree.path / "results/alp_try/tables/main.md").read_text()
    assert "| ALP |" in (tree.path / "results/tiny/tables/main.md").read_text()
    assert "pairing: Weight of the pairing term." in tree.ok("taet", "methods")
    (tree.path / "docs").mkdir()
    (tree.path / "docs/methods.md").write_text(
        tree.ok("taet", "methods", "--markdown").split("\nUsing")[0]
    )
    for folder in ("contract", "docs"):
        shutil.copytree(ROOT / "tests" / folder, tree.path / "tests" / folder)
    shutil.copy(ROOT / "tests/conftest.py", tree.path / "tests")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["tests/contract/test_methods.py", "tests/docs/test_methods.py"]
    tested = subprocess.run(
        [*command, "-k", "alp or page or card"], cwd=tree.path, env=tree.environment(),
        capture_output=True, text=True,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout
    assert "passed" in tested.stdout
    again = {p: p.stat().st_mtime_ns for p in models}
    assert models == again, "nothing else is trained"


def test_types_of_options_are_on_the_page() -> None:
    """Those that a file in ``methods/`` uses, and every number that ``taet.options`` offers."""
    page = (ROOT / "docs" / PAGE).read_text()
    types = {name for name in options.__all__ if not name.endswith(("Options", "options", "Label"))}
    assert not {name for name in types if f"`{name}" not in page and f" {name}(" not in page}
    names: dict[str, object] = {}
    exec("from typing import *\nfrom taet.options import *", names)
    for text in (
        "list[Share]",
        "Share | None",
        "Annotated[Share, Field(gt=0)]",
        'Literal["mean", "sum"]',
    ):
        assert f"`{text}`" in page
        eval(text, names)


def test_page_is_short() -> None:
    assert len((ROOT / "docs" / PAGE).read_text().splitlines()) < 55

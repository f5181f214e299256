"""The page docs/add_a_method.md, done as it says."""

import pytest

from tests.conftest import ROOT, Tree
from tests.docs.pages import block, commands

PAGE = "add_a_method.md"

pytestmark = pytest.mark.e2e


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
    for command in commands(PAGE):
        tree.ok(*command)
    assert "| ALP |" in (tree.path / "results/tiny/tables/main.md").read_text()
    assert "pairing: Weight of the pairing term." in tree.ok("taet", "methods")
    again = {p: p.stat().st_mtime_ns for p in models}
    assert models == again, "nothing else is trained"


def test_page_is_short() -> None:
    assert len((ROOT / "docs" / PAGE).read_text().splitlines()) < 40

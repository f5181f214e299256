"""DVC's settings (.dvc/config): DVC must hide nothing from git."""

from pathlib import Path

from tests.conftest import Tree, version

PIPELINE = """
stages:
  copy: {cmd: cp params.yaml copy.yaml, deps: [params.yaml], outs: [copy.yaml: {cache: false}]}
"""


def edit_in_the_second_of_a_checkout(tree: Tree, text: str) -> None:
    """Git compares whole seconds, and reads such a file again as long as nobody else writes git's index."""
    params = tree.path / "params.yaml"
    while True:
        tree.ok("git", "checkout", "-qf", "other")
        tree.ok("git", "checkout", "-q", "main")
        written = params.stat().st_mtime
        params.write_text(text)
        if int(params.stat().st_mtime) == int(written):
            return


def test_git_sees_an_edit_right_after_a_checkout(tmp_path: Path) -> None:
    """A script that checks out, edits, reproduces and commits; DVC's autostage would lose the edit."""
    tree = Tree(tmp_path)
    version(tree)
    params = tree.path / "params.yaml"
    params.write_text("alpha: 1\n")
    (tree.path / "dvc.yaml").write_text(PIPELINE)
    tree.ok("git", "add", "-A")
    tree.ok("git", "commit", "-qm", "first")
    tree.ok("git", "checkout", "-qb", "other")
    params.write_text("alpha: 2 # other\n")
    tree.ok("git", "commit", "-qam", "other")
    edit_in_the_second_of_a_checkout(tree, "alpha: 3\n")
    tree.ok("dvc", "repro", "-q")
    assert " M params.yaml" in tree.ok("git", "status", "--porcelain")

"""docs/share_results.md, done as it says, with a folder, a real sshd and a real S3 service.

Needs what the tests that are skipped say: pytest -m remote -rs
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Tree
from tests.docs.pages import block
from tests.remotes.places import Folder, Place
from tests.remotes.ssh import Ssh
from tests.remotes.swift import Swift
from tests.workflow.test_run import ATTACK, planned, results, stages_run

PAGE = "share_results.md"
ORIGIN = "git@git.example.org:ada/taet.git"
TABLE = "results/tiny/tables/main.md"
DRAWN = ("results/tiny/tables", "results/tiny/figures")
FIRST = "first"  # the folder that `shared` is pushed to

pytestmark = pytest.mark.remote


@dataclass(frozen=True)
class Shared:
    """Results that were pushed to a place as the page says.

    Attributes:
        place: where DVC's objects are.
        author: the repository they come from; not to be changed.
        origin: the bare repository that its commits were pushed to.
    """

    place: Place
    author: Tree
    origin: Path

    def typed(self, text: str, folder: str = FIRST) -> str:
        """A block of the page with the places of this test instead of the examples."""
        words = {self.place.example: self.place.url(folder), ORIGIN: str(self.origin)}
        for example, real in (words | self.place.words).items():
            text = text.replace(example, real)
        return text

    def setup(self, folder: str = FIRST) -> str:
        """What the page says of this kind of place."""
        return self.typed(block(PAGE, "sh", section=self.place.title), folder)

    def own_lines(self, folder: str = FIRST) -> str:
        """The lines of it that everybody has to type."""
        return "".join(line for line in self.setup(folder).splitlines(True) if "--local" in line)

    def moved(self, base: Path, folder: str) -> Tree:
        """A copy of the author's repository, with an origin of its own, that pushes to another folder."""
        tree = Tree(base / "author")
        shutil.copytree(self.author.path, tree.path, symlinks=True)
        tree.ok("git", "remote", "remove", "origin")
        publish(tree, base / "author.git")
        self.move(tree, folder)
        tree.ok("git", "commit", "-qam", "moved")
        return tree

    def move(self, tree: Tree, folder: str) -> None:
        """Have a repository push to another folder from now on, as the page says."""
        type_in(tree, self.setup(folder).replace("remote add", "remote add --force"))

    def join(self, author: Tree, target: Path, folder: str) -> Tree:
        """A clone of an author's repository with keys, nothing pulled yet."""
        author.ok("git", "clone", "-q", str(author.path), str(target))
        type_in(Tree(target), self.own_lines(folder))
        return Tree(target)


def publish(tree: Tree, origin: Path) -> None:
    """Make a bare repository the upstream of a repository."""
    tree.ok("git", "init", "-q", "--bare", "-b", "main", str(origin))
    tree.ok("git", "remote", "add", "origin", str(origin))
    tree.ok("git", "push", "-q", "--set-upstream", "origin", "main")


def type_in(tree: Tree, text: str, folder: Path | None = None) -> str:
    """Type lines into a shell that has the tree's environment; all must succeed."""
    done = subprocess.run(
        ["bash", "-euc", text],
        cwd=folder or tree.path,
        env=tree.environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module", params=[Folder, Ssh, Swift], ids=["local", "ssh", "s3"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    for command, done in request.param.needs().items():
        if not done:
            pytest.skip(f"something is not installed; type: {command}")
    place = request.param(tmp_path_factory.mktemp("place") / "place")
    yield place
    place.down()


@pytest.fixture(scope="module")
def shared(place: Place, versioned: Tree, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    base = tmp_path_factory.mktemp("shared")
    shared = Shared(place, Tree(base / "tree"), base / "taet.git")
    shutil.copytree(versioned.path, shared.author.path, symlinks=True)
    publish(shared.author, shared.origin)
    page = block(PAGE, "sh", section=place.title)
    assert all(word in page for word in (place.example, *place.words))
    type_in(shared.author, shared.setup())
    type_in(shared.author, block(PAGE, "sh", section="Push"))
    return shared


@pytest.fixture(scope="module")
def pulled(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tree, str]:
    """What somebody else has who typed what the page says, and what was said to it."""
    base = tmp_path_factory.mktemp("other")
    clone, pull = (block(PAGE, "sh", number, "What the others type") for number in (0, 1))
    tree = Tree(base / "taet")
    return tree, type_in(tree, shared.typed(clone) + shared.own_lines() + pull, base)


def test_another_machine_trains_nothing(shared: Shared, pulled: tuple[Tree, str]) -> None:
    tree, said = pulled
    assert set(stages_run(said)) == {"report"}
    assert "match params.yaml and the code" in said
    assert results(tree) == results(shared.author)
    assert tree.ok("git", "status", "--porcelain") == ""


def test_times_of_files_say_nothing(pulled: tuple[Tree, str]) -> None:
    """A pull may write networks before the data that they were trained on."""
    tree, _ = pulled
    for age, folder in enumerate(("data", "results/tiny/equalize", "results/tiny/attack", *DRAWN)):
        for file in (tree.path / folder).rglob("*"):
            os.utime(file, (2e9 - 1e6 * age,) * 2)
    assert planned(tree) == {}


def test_tables_and_figures_are_drawn_again(shared: Shared, pulled: tuple[Tree, str]) -> None:
    tree, _ = pulled
    for folder in DRAWN:
        shutil.rmtree(tree.path / folder)
    said = tree.ok("snakemake", "--cores", "1", "all")
    assert set(stages_run(said)) == {"tables", "figures", "report"}
    assert results(tree) == results(shared.author)
    assert tree.ok("git", "status", "--porcelain") == ""


def test_keys_are_in_no_commit(shared: Shared) -> None:
    committed = shared.author.ok("git", "show", "HEAD:.dvc/config")
    assert shared.place.url(FIRST) in committed
    assert "verify = true" in committed
    for option in ("keyfile", "access_key_id", "secret_access_key"):
        assert option not in committed
    typed = re.findall(r"--local shared (\w+)", shared.own_lines())
    local = shared.author.path / ".dvc/config.local"
    assert all(f"{option} = " in local.read_text() for option in typed)
    assert shared.author.ok("git", "status", "--porcelain") == "", "config.local is ignored"


def test_commits_older_than_the_remote_can_be_read(shared: Shared) -> None:
    before = shared.place.objects(FIRST)
    assert json.loads(shared.author.ok("dvc", "params", "diff", "--json", "HEAD~1")) == {}
    type_in(shared.author, block(PAGE, "sh", section="Before you clean up"))
    assert shared.place.objects(FIRST) == before


def object_name(data: bytes) -> str:
    """Where a remote has the object with these contents."""
    name = hashlib.md5(data).hexdigest()
    return f"files/md5/{name[:2]}/{name[2:]}"


def test_damaged_objects_are_refused_and_pushed_anew(shared: Shared, tmp_path: Path) -> None:
    place, expected = shared.place, results(shared.author)
    author = shared.moved(tmp_path, "damaged")
    author.ok("dvc", "push")
    for file in (TABLE, ATTACK):  # each in a folder that is an output of DVC
        data = expected[file]
        place.replace("damaged", object_name(data), data[:-1] + bytes([data[-1] ^ 1]))
    clone = shared.join(author, tmp_path / "clone", "damaged")
    refused = clone.run("dvc", "pull")
    assert refused.returncode != 0
    assert "results/tiny/tables" in refused.stderr
    assert "results/tiny/attack" in refused.stderr
    found = results(clone)
    assert found.items() < expected.items()
    assert {TABLE, ATTACK}.isdisjoint(found)
    assert planned(clone).keys() == {"attack_cell", "score", "tables"}, "what is missing, and score"

    shared.move(author, "whole")
    type_in(author, block(PAGE, "sh", section="Push"))
    clone.ok("git", "pull", "-q")
    type_in(clone, shared.own_lines("whole"))
    clone.ok("dvc", "pull")
    assert results(clone) == expected


def test_killed_push_is_completed(shared: Shared, tmp_path: Path) -> None:
    author, place = shared.moved(tmp_path, "killed"), shared.place
    push = subprocess.Popen(
        [sys.executable, "-m", "dvc", "push", "-q", "--jobs", "1"],
        cwd=author.path,
        env=author.environment(),
    )
    while len(place.objects("killed")) < 3 and push.poll() is None:
        pass
    push.kill()
    assert push.wait() == -signal.SIGKILL
    everything = place.objects(FIRST)
    assert set() < place.objects("killed") < everything
    push_again(author, place, "killed")
    assert place.objects("killed") == everything
    clone = shared.join(author, tmp_path / "clone", "killed")
    clone.ok("dvc", "pull")
    assert results(clone) == results(author)


def push_again(author: Tree, place: Place, folder: str) -> None:
    """As the page says: an object that DVC calls corrupted is deleted first."""
    done = author.run("dvc", "push")
    while corrupted := re.search(r"object (\w+\.dir) is corrupted", done.stderr):
        (name,) = (o for o in place.objects(folder) if o.replace("/", "").endswith(corrupted[1]))
        place.remove(folder, name)
        done = author.run("dvc", "push")
    assert done.returncode == 0, done.stderr


def test_a_killed_push_left_an_empty_list_of_files(shared: Shared, tmp_path: Path) -> None:
    """In a folder DVC first tries a link, which begins with an empty file."""
    author, place = shared.moved(tmp_path, "empty"), shared.place
    author.ok("dvc", "push")
    everything = place.objects("empty")
    place.replace("empty", next(o for o in sorted(everything) if o.endswith(".dir")), b"")
    shutil.rmtree(author.path / ".dvc/tmp")
    failed = author.run("dvc", "push")
    assert failed.returncode != 0
    assert "is corrupted" in failed.stderr
    push_again(author, place, "empty")
    assert place.objects("empty") == everything
    clone = shared.join(author, tmp_path / "clone", "empty")
    clone.ok("dvc", "pull")
    assert results(clone) == results(author)


def test_place_is_down(shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    author, place, expected = shared.author, shared.place, results(shared.author)
    clone = shared.join(author, tmp_path / "clone", FIRST)
    clone.ok("dvc", "pull")
    shutil.rmtree(clone.path / ".dvc/cache")
    shutil.rmtree(clone.path / "results/tiny/figures")
    before = results(clone)
    place.down()
    try:
        failed = [clone.run("dvc", "pull")]
        if place.unseen:
            assert "pushed" in author.ok("dvc", "push"), "as the page warns"
        else:
            failed.append(author.run("dvc", "push"))
    finally:
        place.up()
    for done in failed:
        assert done.returncode != 0
        assert "ERROR: " in done.stderr
        assert "Traceback" not in done.stderr
    assert results(clone) == before
    assert results(author) == expected
    clone.ok("dvc", "pull")
    assert results(clone) == expected
    author.ok("dvc", "push")

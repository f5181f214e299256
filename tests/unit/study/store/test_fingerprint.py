"""The code fingerprint sees what can change a result, and nothing else."""

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from taet.study.store import fingerprint as module

FILES = {
    "__init__.py": "",
    "entry.py": """
        '''Docstring.'''
        from typing import TYPE_CHECKING
        from pkg import losses
        from pkg.deep.steps import step
        if TYPE_CHECKING:
            from pkg import typing_only
        else:
            from pkg import running
        if not TYPE_CHECKING:
            from pkg import also_running
        def f(x):
            '''Says what.'''
            if x < 0:
                raise ValueError('too small')
            from pkg.deep.left import turn
            return turn(losses.g(x)) + 1  # a comment
        def failed(x):
            from pkg.deep.right import turn
            return ValueError('not finite') if turn(x) else None
        loss = MeanSquaredError(0.1)
        def h(y, *rest, z=1):
            total = y
            class Local:
                size: int = 2
            return total
        @decorated
        def k(y: int) -> int:
            count = y
            return count
        class C:
            size: int = 1
            loss_passes: ClassVar[int] = 2
            def attack_passes(self, steps):
                return steps, steps
            def problem(self):
                return 'size: must be 1' if self.size > 1 else None
            def method(self, y):
                self.y = y
                return y
    """,
    "losses.py": "def g(x): return 2 * x\n",
    "typing_only.py": "A = 1\n",
    "unused.py": "B = 1\n",
    "running.py": "C = 1\n",
    "also_running.py": "D = 1\n",
    "deep/__init__.py": "",
    "deep/steps.py": "def step(): return 1\n",
    "deep/left.py": "def turn(x): return x\n",
    "deep/right.py": "def turn(x): return -x\n",
}


def forget() -> None:
    """Have every source read again."""
    for cached in (
        module.source,
        module.fingerprint,
        module._tree,
        module._imports,
        module._code,
    ):
        cached.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root = tmp_path / "pkg"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))
    monkeypatch.setattr(module, "PACKAGE", root)

    def edited(name: str, old: str, new: str) -> str:
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new))
        forget()
        return module.fingerprint("pkg.entry")

    yield edited
    forget()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("entry.py", "# a comment", "# another"),
        ("entry.py", "Says what", "Says more"),
        ("entry.py", "Docstring", "Text"),
        ("entry.py", "return turn", "return  turn"),
        ("typing_only.py", "A = 1", "A = 2"),
        ("unused.py", "B = 1", "B = 2"),
        ("entry.py", "too small", "must be at least 0"),
        ("entry.py", "not finite", "is infinite"),
        ("entry.py", "size: must be 1", "size: too large"),
        ("entry.py", "loss_passes: ClassVar[int] = 2", "loss_passes: ClassVar[int] = 3"),
        ("entry.py", "return steps, steps", "return steps + 1, steps"),
        ("entry.py", "def f(x)", "def f(x: int) -> float"),
        ("entry.py", "def h(y, *rest, z=1)", "def h(y: int, *rest: int, z: int=1) -> int"),
        ("entry.py", "def method(self, y)", "def method(self, y: int) -> int"),
        ("entry.py", "total = y", "total: int = y"),
        ("entry.py", "total = y", "number: int; total = y"),
        ("entry.py", "self.y = y", "self.y: int = y"),
        ("entry.py", "count = y", "count: int = y"),
    ],
)
def test_what_does_not_matter(package, name: str, old: str, new: str) -> None:
    assert package("entry.py", "+ 1", "+ 1") == package(name, old, new)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("entry.py", "+ 1", "+ 2"),
        ("losses.py", "2 * x", "3 * x"),
        ("entry.py", "if x < 0", "if x < 1"),
        ("entry.py", "raise ValueError", "raise KeyError"),
        ("entry.py", "return ValueError", "return KeyError"),
        ("entry.py", "MeanSquaredError(0.1)", "MeanSquaredError(0.2)"),  # no exception
        ("running.py", "C = 1", "C = 2"),
        ("also_running.py", "D = 1", "D = 2"),
        ("deep/steps.py", "return 1", "return 2"),
        # Read by dataclasses, by pydantic, or by the decorator of a function.
        ("entry.py", "size: int = 1", "size: float = 1"),
        ("entry.py", "size: int = 2", "size: float = 2"),
        ("entry.py", "def k(y: int)", "def k(y: float)"),
        ("entry.py", "total = y", "total: int = 2 * y"),
        ("entry.py", "z=1", "z=2"),
    ],
)
def test_what_matters(package, name: str, old: str, new: str) -> None:
    before = package("entry.py", "+ 1", "+ 1")
    assert package(name, old, new) != before


def test_relative_imports_are_refused(package) -> None:
    with pytest.raises(ValueError, match=r"pkg\.entry: line 4: import by full name"):
        package("entry.py", "from pkg import losses", "from . import losses")


def moved(package: Path, old: str, new: str) -> None:
    """A module gets another name, in all imports too."""
    (package / new).parent.mkdir(exist_ok=True)
    (package / old).rename(package / new)
    for file in package.rglob("*.py"):
        file.write_text(file.read_text().replace(_dotted(old), _dotted(new)))


def test_names_of_modules_do_not_matter(package, tmp_path: Path) -> None:
    before = package("entry.py", "+ 1", "+ 1")
    moved(tmp_path / "pkg", "deep/steps.py", "zoo/walk.py")
    forget()
    assert module.fingerprint("pkg.entry") == before


def test_what_is_imported_matters_not_only_what_it_is_called(package, tmp_path: Path) -> None:
    """Two modules that are both used have a function of one name."""
    (tmp_path / "pkg/deep/others.py").write_text("def step(): return 3\n")
    one, other = "from pkg.deep.steps import step", "from pkg.deep.others import step"
    before = package("entry.py", one, f"{one}\n{other} as walk")
    assert before != package("entry.py", f"{one}\n{other} as walk", f"{other}\n{one} as walk")


def test_where_a_function_imports_from_matters(package, tmp_path: Path) -> None:
    """Two functions that import one name from two modules, exchanged."""
    before = package("entry.py", "+ 1", "+ 1")
    entry = tmp_path / "pkg/entry.py"
    left, right = entry.read_text().split("def failed")
    entry.write_text(
        "def failed".join((left.replace("left", "right"), right.replace("right", "left")))
    )
    forget()
    assert module.fingerprint("pkg.entry") != before


def test_packages_run_nothing_when_they_are_imported() -> None:
    """``__init__`` files count only where they are imported by name."""
    root = module.PACKAGE
    for file in root.rglob("__init__.py"):
        body = ast.parse(file.read_text()).body
        named = file.parent in (root, root / "report/tables")
        assert named or all(map(module._is_text, body)), file


def test_modules_that_import_each_other_are_refused(package) -> None:
    with pytest.raises(ValueError, match=r"pkg\.losses"):
        package("losses.py", "def g", "from pkg.entry import f\ndef g")


def test_what_plans_and_stores_retrains_nothing() -> None:
    training = _closure("taet.stages.equalize", "taet.methods.taet")
    assert all(
        (module.PACKAGE / name).is_dir() or module._file(f"taet.{name}") for name in module.PLUMBING
    )
    assert not {name for name in training if name.split(".")[1] in module.PLUMBING}
    assert {"taet.training.loop", "taet.losses", "taet.seeds"} <= training


def test_no_constant_is_taken_from_what_does_not_count() -> None:
    """A result would change with it, and keep its key; types and functions are seen by their effect on keys."""
    everything = [f"taet.{file.relative_to(module.PACKAGE).with_suffix('')}".replace("/", ".")
                  for folder in ("stages", "methods", "attacks", "architectures", "datasets", "report/figures")
                  for file in (module.PACKAGE / folder).glob("[a-z]*.py")]  # fmt: skip
    taken = [
        (name, node.module, alias.name)
        for name in _closure(*everything)
        for node in module._running(module._tree(name))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("taet.")
        for alias in node.names
        if alias.name.isupper() and not module._computes(str(node.module))
    ]
    assert taken == []


def test_methods_do_not_see_each_other() -> None:
    taet = module.fingerprint("taet.stages.equalize", "taet.methods.taet")
    assert taet != module.fingerprint("taet.stages.equalize", "taet.methods.at_bsl")
    assert "taet.methods.at_bsl" not in _closure("taet.stages.equalize", "taet.methods.taet")


def test_closures_hold_what_runs() -> None:
    training = _closure("taet.stages.equalize", "taet.methods.taet")
    assert {
        "taet.training.loop",
        "taet.losses",
        "taet.adversary.pgd",
        "taet.training.checkpoint",
    } <= training
    assert (
        not {
            "taet.study.params.load",
            "taet.study.params.blocks",
            "taet.study.plan.study",
            "taet.cli.stages",
            "taet.adversary.evaluation",
            "taet.report.figures.ba_br",
        }
        & training
    )
    attack = _closure("taet.stages.attack", "taet.attacks.pgd")
    assert "taet.adversary.evaluation" in attack
    assert "taet.training.loop" not in attack


def test_same_in_another_process() -> None:
    code = "from taet.study.store.fingerprint import fingerprint as f; print(f('taet.stages.equalize'))"
    outs = {
        subprocess.check_output(
            [sys.executable, "-X", "utf8", "-c", code],
            env={"PYTHONHASHSEED": s, "PYTHONPATH": str(module.PACKAGE.parent)},
        )
        for s in "12"
    }
    assert outs == {module.fingerprint("taet.stages.equalize").encode() + b"\n"}


def _dotted(file: str) -> str:
    return f"pkg.{file.removesuffix('.py').replace('/', '.')}"


def _closure(*entries: str) -> set[str]:
    return set(module._imported_first(entries))

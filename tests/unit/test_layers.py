"""Imports point one way, planning needs no torch, and input gradients live in one place."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from taet.study.params import plugins

PACKAGE = Path(__file__).parents[2] / "src/taet"
FILES = sorted(PACKAGE.rglob("*.py"))

# A room is a package, or one of the modules at the top. Each may import itself and the rooms before it.
ROOMS = [
    "ground",
    "study.store",
    "study.params",
    "study.plan",
    "study.run",
    "compute",
    "data",
    "networks",
    "adversary",
    "training",
    "plugins",
    "scores",
    "report",
    "stages",
    "api",
    "claims",
    "cli",
    "package",
]
RANK = {room: rank for rank, room in enumerate(ROOMS)}
GROUND = (
    "axes",
    "characters",
    "collapse",
    "decimals",
    "errors",
    "losses",
    "messages",
    "options",
    "longtail_options",
    "training_options",
    "seeds",
    "source_code",
    "threat",
    "values",
    "version",
)
WHOLE = "__init__"  # the package itself, as ``module_of`` names it
PLUGINS = ("architectures", "attacks", "datasets", "methods")
# Numbers and pages know what was to be done and what was written, but not how it was computed.
BESIDE = {"scores", "report"}
# LAS-AT's strategy network is a ResNet-18.
PLUGINS_IN_PLUGINS = {("methods.las_at", "architectures.resnet18")}
# Of running jobs, training knows how to share work, show progress and resume; plugins know nothing.
RUNNING = {
    ("training.train_job", "study.run.processes"),
    ("training.train_job", "study.run.progress"),
    ("training.train_job", "study.run.resume"),
}


def room_of(module: str) -> str:
    """Room of a module, named below the package: ``study.plan.job`` is in ``study.plan``."""
    first, *rest = module.split(".")
    if first in GROUND:
        return "ground"
    if first in PLUGINS:
        return "plugins"
    if first in ("__init__", "__main__"):
        return "package"
    return f"{first}.{rest[0]}" if first == "study" and rest else first


def module_of(file: Path) -> str:
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {module_of(file) for file in FILES}


def imports(file: Path) -> list[str]:
    """Every module of this package that the file imports when it runs, named below the package."""
    modules = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            modules.extend(".".join(name[1:]) or WHOLE for name in names if name[0] == "taet")
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "taet":
            package = node.module.split(".")[1:]
            for alias in node.names:
                inner = ".".join([*package, alias.name])
                modules.append(inner if inner in MODULES else ".".join(package) or WHOLE)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(file.read_text()))
    return modules


def test_imports_are_absolute() -> None:
    """The functions here do not resolve relative ones."""
    for file in FILES:
        nodes = ast.walk(ast.parse(file.read_text()))
        assert not any(isinstance(node, ast.ImportFrom) and node.level for node in nodes), file


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import taet.report.page", ["report.page"]),
        ("from taet.report import page", ["report.page"]),
        ("from taet.report.tables import overview_tables", ["report.tables"]),
        ("if TYPE_CHECKING:\n    import taet.report.page", []),
        ("import taet", ["__init__"]),
        ("from taet import evaluate", ["__init__"]),
    ],
)
def test_every_kind_of_import_is_seen(tmp_path: Path, code: str, expected: list[str]) -> None:
    file = tmp_path / "module.py"
    file.write_text(code)
    assert imports(file) == expected
    assert set(expected) <= MODULES


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_point_down(file: Path) -> None:
    assert not wrong_rooms(room_of(module_of(file)), imports(file))


def wrong_rooms(own: str, imported: list[str]) -> list[str]:
    """What a module of a room may not import, in words."""
    rooms = [room_of(module) for module in imported]
    return [f"{own} imports {room}" for room in rooms if not may_import(own, room)]


def may_import(own: str, room: str) -> bool:
    if own in BESIDE and not (room in BESIDE | {"ground"} or room.startswith("study.")):
        return False
    return RANK[room] <= RANK[own]


def test_the_whole_package_is_above_its_rooms(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("import taet")
    assert wrong_rooms("ground", imports(file)) == ["ground imports package"]


def test_only_stages_and_doors_import_scores_and_reports() -> None:
    importers = {
        room_of(module_of(file)) for file in FILES if BESIDE & set(map(room_of, imports(file)))
    }
    assert importers - BESIDE <= {"stages", "api", "claims", "cli"}


def test_no_module_leads_back_to_itself() -> None:
    """Within a room too, where ranks say nothing."""
    wanted = {module_of(file): set(imports(file)) - {module_of(file)} for file in FILES}
    while leaves := {module for module, below in wanted.items() if not below & wanted.keys()}:
        wanted = {module: below for module, below in wanted.items() if module not in leaves}
    assert not wanted


def test_folders_of_plugins_have_nothing_else() -> None:
    for folder in PLUGINS:
        for file in (PACKAGE / folder).glob("*.py"):
            assert file.name == "__init__.py" or file.stem in plugins.names(folder)


def test_plugins_import_no_plugins() -> None:
    """Shared code is in the packages below them."""
    pairs = {
        (own, other) for own, other in imported_pairs("plugins") if room_of(other) == "plugins"
    }
    assert pairs <= PLUGINS_IN_PLUGINS


def test_what_training_and_plugins_know_of_running() -> None:
    pairs = imported_pairs("training") | imported_pairs("plugins")
    assert {(own, other) for own, other in pairs if room_of(other) == "study.run"} <= RUNNING


def imported_pairs(room: str) -> set[tuple[str, str]]:
    """Every module of a room with each module that it imports."""
    own = {module_of(file): imports(file) for file in FILES if room_of(module_of(file)) == room}
    return {(module, other) for module, others in own.items() for other in others}


def test_training_and_evaluation_do_not_know_each_other() -> None:
    for file in (PACKAGE / "training").glob("*.py"):
        assert not {"adversary.evaluation", "adversary.checks", "adversary.warnings"} & set(
            imports(file)
        ), file
    assert all(
        "training" not in map(room_of, imports(f)) for f in (PACKAGE / "adversary").glob("*.py")
    )


def test_the_package_knows_no_workflow_tool() -> None:
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {n.split(".")[0] for n in names} & {"snakemake", "dvc"}, file


def test_one_gradient_loop() -> None:
    for file in FILES:
        text = file.read_text()
        if file.parent.name not in ("adversary", "attacks"):
            # ADT's gradients are of its distribution's parameters, AWP's of the weights.
            if file.name not in ("adt.py", "addons.py"):
                assert "autograd.grad(" not in text, file
            assert ".sign()" not in text, file


@pytest.mark.parametrize("rooms", [("cli",), ("study.",), ("scores", "report")], ids=", ".join)
def test_no_torch(rooms: tuple[str, ...]) -> None:
    """Each module of planning, running, metrics, tables and figures."""
    modules = [f"taet.{module}" for module in sorted(MODULES) if room_of(module).startswith(rooms)]
    if rooms == ("scores", "report"):  # what reads claims
        modules += [
            f"taet.claims.{part}" for part in ("claim", "protocol", "rows", "saved", "numbers")
        ]
    code = f"import sys, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_planning_a_study_needs_no_torch() -> None:
    code = (
        "import sys; from taet.study.params.load import load_params; from taet.study.plan.stages import STAGES;"
        "from taet.study.plan.study import Study; study = Study(load_params());"
        "[job.key for stage in STAGES for job in study.jobs(stage)];"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parents[1]).returncode == 0

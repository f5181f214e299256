"""Imports point one way, planning needs no torch, and input gradients live in one place."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src/taet"
FILES = sorted(PACKAGE.rglob("*.py"))

# A module may import those of its own layer and of the layers below it.
LAYERS = [
    ["errors", "source_code", "decimals", "messages"],
    [
        "options",
        "seeds",
        "progress",
        "yamlfile",
        "folding",
        "locks",
        "batches",
        "processes",
        "gpus",
        "revision",
        "notes",
        "surroundings",
    ],
    ["devices", "graphs"],
    ["plugins", "fingerprint", "artifacts"],
    ["contents"],
    ["jobs"],
    ["records"],
    ["problems", "blocks"],
    ["sources"],
    ["consistency"],
    ["params", "losses", "metrics", "compare", "datasets", "models", "heads", "optimizers"],
    [
        "longtail",
        "attacks",
        "networks",
        "augment",
        "loader",
        "schedules",
        "summary",
        "schema",
        "variants",
        "costs",
        "published",
        "kept",
        "grid",
        "cards",
        "typeset",
    ],
    ["addons", "parallel"],
    ["methods", "tables", "figures"],
    ["subject", "restored", "arguments"],
    ["chains", "checks"],
    ["train", "evaluation", "examples"],
    ["checkpoint", "user_model", "validation"],
    ["stages"],
    ["runner", "report", "api"],
    ["verification"],
    ["cli"],
    ["__main__", "__init__"],
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def module_of(file: Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(file: Path) -> list[str]:
    """First part of every module of this package that the file imports when it runs."""
    found = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.ImportFrom) and node.module == "taet":
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("taet."):
            found.append(node.module.split(".")[1])
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(file.read_text()))
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_point_down(file: Path) -> None:
    own = module_of(file)
    for imported in imports(file):
        assert RANK[imported] <= RANK[own], f"{own} imports {imported}"


def test_no_module_leads_back_to_itself() -> None:
    """Within a layer too, where ranks say nothing."""
    wanted: dict[str, set[str]] = {}
    for file in FILES:
        own = module_of(file)
        wanted.setdefault(own, set()).update(set(imports(file)) - {own})
    while leaves := {module for module, below in wanted.items() if not below & wanted.keys()}:
        wanted = {module: below for module, below in wanted.items() if module not in leaves}
    assert not wanted


def test_train_and_evaluation_do_not_know_each_other() -> None:
    assert "evaluation" not in imports(PACKAGE / "train.py")
    assert "train" not in imports(PACKAGE / "evaluation.py")


def test_the_package_knows_no_workflow_tool() -> None:
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {n.split(".")[0] for n in names} & {"snakemake", "dvc"}, file


def test_one_gradient_loop() -> None:
    for file in FILES:
        text = file.read_text()
        if file.parent.name != "attacks":
            # ADT's gradients are of its distribution's parameters, AWP's of the weights.
            if file.name not in ("adt.py", "addons.py"):
                assert "autograd.grad(" not in text, file
            assert ".sign()" not in text, file


@pytest.mark.parametrize(
    "modules",
    [
        "taet.cli, taet.grid, taet.params, taet.blocks, taet.consistency, taet.schema",
        "taet.metrics, taet.summary, taet.tables, taet.figures.ba_br",
    ],
)
def test_no_torch(modules: str) -> None:
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_planning_a_study_needs_no_torch() -> None:
    code = (
        "import sys; from taet import params, grid, jobs; s = grid.Study(params.load());"
        "[job.key for stage in jobs.STAGES for job in s.jobs(stage)];"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parents[1]).returncode == 0

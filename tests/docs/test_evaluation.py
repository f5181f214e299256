"""The pages docs/evaluate_your_model.md and docs/evaluation.md, done as they say."""

import pytest
from safetensors.numpy import load_file

from tests.conftest import Tree
from tests.docs.pages import block, commands

PAGE = "evaluate_your_model.md"

pytestmark = pytest.mark.docs


def test_model_of_ones_own(tree: Tree) -> None:
    (tree.path / "mymodel.py").write_text(block(PAGE, "python"))
    said = [tree.ok(*command) for command in commands(PAGE)][-1]
    lines = said.splitlines()
    names = ["clean", "PGD-20", "PGD-100", "APGD-CE+T"]
    assert [line.split("  ")[0] for line in lines[1:5]] == names
    shares = [float(line[24:].split()[0]) for line in lines[1:5]]
    assert shares == sorted(shares, reverse=True)
    assert lines[5].startswith("worst of these")
    assert float(lines[5][24:].split()[0]) <= shares[-1]
    assert "n = 200 images" in lines[6]
    assert "L-inf <= 0.05" in lines[2]


@pytest.mark.parametrize(
    ("code", "arguments", "said"),
    [
        ("load = 3", [], "'load' is of the type int; must be a function"),
        ("def load(): return 3", [], "returned a value of type int; must be a torch.nn.Module"),
        ("def load(): raise OSError('no weights')", [], "OSError: no weights"),
        ("def other(): pass", [], "mymodel has no 'load'; must be a function"),
        (None, ["--attacks", "pgd2"], "no attack 'pgd2'"),
        (None, ["--eps", "2"], "eps: must be above 0 and below 1"),
        (None, ["--eps", "a"], "--eps 'a': must be a number or a fraction"),
        (None, ["--images", "3"], "--images 3: must be at least 10, one for each class"),
        (None, ["--dataset", "digit"], "no data set 'digit'"),
        (None, ["--model", "mymodel"], "must be MODULE:FUNCTION"),
        (None, ["--model", "nothing:load"], "no module 'nothing' in this folder"),
        (None, ["--dataset", "cifar10"], "run: python -m taet download --dataset cifar10"),
        ("from torch import nn\ndef load(): return nn.Flatten()", [], "outputs of the shape (500, 64)"),
        (None, ["--seed", "-1"], "--seed '-1': must be a whole number"),
        ("def load(): raise SystemExit('bye')", [], "SystemExit: bye"),
    ],
)  # fmt: skip
def test_mistakes(tree: Tree, code: str | None, arguments: list[str], said: str) -> None:
    (tree.path / "mymodel.py").write_text(code or block(PAGE, "python"))
    if not (tree.path / "data/raw/digits/images.safetensors").exists():
        tree.ok("taet", "download", "--dataset", "digits")
    base = [
        "taet",
        "evaluate",
        "--model",
        "mymodel:load",
        "--dataset",
        "digits",
        "--attacks",
        "fgsm",
    ]
    done = tree.run(*base, *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_file_of_predictions(finished: Tree) -> None:
    (file,) = list(finished.path.glob("results/tiny/attack/**/taet/seed0/last/*.safetensors"))
    arrays = load_file(file)
    images, attacks = len(arrays["index"]), {name.split("/")[0] for name in arrays if "/" in name}
    assert attacks
    body = sum(values.nbytes for values in arrays.values())
    assert body == images * (12 + 8 * len(attacks))
    assert file.stat().st_size < body + 4096

"""Command lines that cannot be, and what must be said of them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.faults.refusals import Refusal, refuse

SPLIT = ["--dataset", "digits", "--seed", "0", "--ir", "10"]
PLACE = [*SPLIT, "--architecture", "small_cnn"]
CELL = [*PLACE, "--method", "taet"]
ATTACK = ["attack", *CELL, "--checkpoint", "last", "--job"]
OWN = ["evaluate", "--dataset", "digits", "--model"]
NET = [*OWN, "mine:net"]

# A user's models, for digits: 8x8 pixels, ten classes.
MINE = """
import torch

def net():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))

def nine():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 9))

def infinite():
    made = net()
    torch.nn.init.constant_(made[1].weight, float("inf"))
    return made

def fails():
    raise ValueError("my weights\\nare gone")

def leaves():
    raise SystemExit(3)

text = "no function"
"""

# What follows ``python -m taet``, and what must be said.
LINES = [
    (["trian"], ["no command 'trian'", "equalize trains", "--help"]),
    (["train"], ["no command 'train'", "equalize trains", "run a whole study"]),
    (["equalise"], ["no command 'equalise'", "did you mean 'equalize'"]),
    (["--verion"], ["the command comes first", "--help"]),
    (["--study", "digits", "params"], ["the command comes first", "--help"]),
    (["params", "--studdy", "x"], ["no option --studdy", "did you mean '--study'", "--help"]),
    (["params", "digits", "--study", "digits_cut"], ["two studies, digits and --study digits_cut"]),
    (["params", "--set", "threat.eps"], ["--set threat.eps: must be KEY=VALUE"]),
    (["tables", "--set", "threat.eps=8"], ["--set threat.eps: must be less than 1", "8/255"]),
    (["tables", "--set", "threat.eps=0.2"], ["results/digits_set_", "no such file", "--config set=threat.eps=0.2"]),
    (["tables", "--smoke"], ["results/digits_smoke/", "no such file", "--config smoke=true"]),
    (["run"], ["Snakefile: no such file"]),
    (["run", "--set", "threat.esp=1"], ["--set threat.esp: unknown key", "'eps'"]),
    (["new", "method", "mine"], ["src/taet/methods: no such folder"]),
    (["new", "method", "../x"], ["'../x' is no valid name"]),
    (["new", "attack", "x"], ["invalid choice: 'attack'"]),
    (["params", "--study", "digitz"], ["params.yaml: no study 'digitz'", "did you mean 'digits'"]),
    (["params", "--study", ""], ["no study ''", "known: "]),
    (["params", "--study", "../digits"], ["no study '../digits'"]),
    (["params", "--params", "none.yaml"], ["none.yaml: no such file", "--params"]),
    (["params", "--params", "."], ["cannot be read", "directory"]),
    (["params", "extra"], ["no study 'extra'"]),
    (["methods", "--markdwn"], ["no option --markdwn", "did you mean '--markdown'"]),
    (["download"], ["required: --dataset", "download --help"]),
    (["download", "--dataset"], ["--dataset: expected one argument"]),
    (["download", "--dataset", "digit"], ["'digit'", "did you mean 'digits'"]),
    (["download", "--dataset", "../digits"], ["'../digits'", "known: digits"]),
    (["download", "--dataset", "a\\nb"], ["known: digits"]),
    (["download", "--dataset", "digits", "--seed", "0"], ["no option --seed"]),
    (["subsample", *SPLIT[:4]], ["required: --imbalance-ratio/--ir"]),
    (["subsample", *SPLIT[:5], "0"], ["'0'", "from 1 to 100000", "or natural"]),
    (["subsample", *SPLIT[:5], "nan"], ["'nan'", "from 1 to 100000"]),
    (["subsample", *SPLIT[:5], "1e9"], ["'1e9'", "from 1 to 100000"]),
    (["subsample", *SPLIT[:5], "10/0"], ["'10/0'", "from 1 to 100000"]),
    (["subsample", *SPLIT[:5], "10.1234567"], ["'10.1234567'", "6 significant digits"]),
    (["subsample", "--dataset", "digits", "--ir", "10", "--seed", "-1"], ["'-1'", "from 0 to 2147483647"]),
    (["subsample", "--dataset", "digits", "--ir", "10", "--seed", "1.5"], ["'1.5'", "whole number"]),
    (["subsample", "--dataset", "digits", "--ir", "10", "--seed", "99999999999"], ["'99999999999'", "2147483647"]),
    (["subsample", "--dataset", "digits", "--ir", "10", "--seed", "\u0663"], ["whole number"]),
    (["subsample", "--dataset", "cifar10", "--ir", "10", "--seed", "0"], ["cifar10/images.safetensors", "no such file", "snakemake"]),
    (["stabilize", *PLACE], ["required: --stabilization"]),
    (["stabilize", *PLACE, "--stabilization", "clean4"], ["'clean4'", "did you mean 'clean40'"]),
    (["stabilize", *PLACE, "--stabilization", "clean40"], ["longtail", "no such file", "snakemake"]),
    (["equalize", *PLACE], ["required: --method"]),
    (["equalize", *PLACE, "--method", "teat"], ["'teat'", "did you mean 'taet'"]),
    (["equalize", *PLACE, "--method", "../methods/taet"], ["'../methods/taet'", "known: "]),
    (["equalize", *SPLIT, "--architecture", "resnet", "--method", "taet"], ["'resnet'", "resnet18"]),
    (["equalize", *CELL], ["no such file", "snakemake"]),
    (["equalize", *CELL, "--key", "0000"], ["have changed since this was planned"]),
    (["equalize", *CELL, "--study", "medmnst"], ["no study 'medmnst'", "did you mean 'medmnist'"]),
    (ATTACK[:-1], ["--job", "required"]),
    (["attack"], ["--dataset", "required"]),
    ([*ATTACK, "gradients"], ["'gradients'", "did you mean 'gradient'"]),
    ([*ATTACK, "../gradient"], ["'../gradient'"]),
    ([*ATTACK, "gradient"], ["no such file", "snakemake"]),
    (["attack", *CELL, "--checkpoint", "first", "--job", "gradient"], ["'first'", "last"]),
    ([*NET, "--eps", "0"], ["eps", "0"]),
    ([*NET, "--eps", "1"], ["eps", "1"]),
    ([*NET, "--eps", "-8/255"], ["eps"]),
    ([*NET, "--eps", "nan"], ["eps", "nan"]),
    ([*NET, "--eps", "8/0"], ["--eps '8/0'", "8/255"]),
    ([*NET, "--eps", "eight"], ["--eps 'eight'", "8/255"]),
    ([*NET, "--images", "3"], ["--images 3", "at least 10"]),
    ([*NET, "--images", "-5"], ["--images -5"]),
    ([*NET, "--images", "x"], ["--images", "'x'"]),
    ([*NET, "--attacks", ","], ["--attacks", "empty name", "pgd20"]),
    ([*NET, "--attacks", "pgd2"], ["--attacks", "'pgd2'", "did you mean 'pgd20'"]),
    ([*NET, "--seed", "x"], ["--seed 'x'", "whole number"]),
    ([*NET, "--ir", "10"], ["no option --ir"]),
    ([*OWN, "mine:nine"], ["9", "10"]),
    ([*OWN, "mine:infinite"], ["not finite"]),
    ([*OWN, "mine:fails"], ["mine:fails", "ValueError", "my weights"]),
    ([*OWN, "mine:leaves"], ["mine:leaves", "SystemExit"]),
    ([*OWN, "mine:text"], ["mine:text", "must be a function"]),
    ([*OWN, "mine:absent"], ["mine:absent", "absent"]),
    ([*OWN, "mine:nte"], ["mine has no 'nte'", "did you mean 'net'"]),
    ([*OWN, "./mine:net"], ["did you mean ./mine.py:net?"]),
    ([*OWN, "mine.net"], ["did you mean mine.py:net?"]),
    ([*OWN, "mine.py"], ["5 functions; name one, mine.py:net or mine.py:nine"]),
    ([*OWN, "mien.py:net"], ["no file mien.py", "did you mean 'mine.py'"]),
    ([*OWN, "weights.pt"], ["add --architecture", "resnet18"]),
    ([*OWN, "seed0.safetensors"], ["no such file", "results/STUDY/equalize", "--architecture"]),
    ([*OWN, "data/raw/digits/images.safetensors"], ["holds no trained network", "--architecture"]),
    ([*OWN, "mine"], ["'mine'", "MODULE:FUNCTION"]),
    ([*OWN, ":net"], ["':net'", "MODULE:FUNCTION"]),
    ([*OWN, "no.such:net"], ["no module 'no'", "FILE.py:FUNCTION"]),
    ([*OWN, "mien:net"], ["no module 'mien'", "did you mean 'mine'"]),
    ([*OWN, "os:getcwd"], ["a value of type str", "torch.nn.Module"]),
    (["evaluate", "--model", "mine:net"], ["--dataset", "required"]),
    (["evaluate", "--model", "mine:net", "--dataset", "cifar"], ["--dataset", "'cifar'", "did you mean"]),
    (["evaluate", "--model", "mine:net", "--dataset", "cifar10"], ["cifar10", "taet download --dataset cifar10"]),
    (["score"], ["no such file", "snakemake"]),
    (["inspect"], ["no such file", "snakemake"]),
    (["tables"], ["score/manifest.json", "no such file", "snakemake"]),
    (["tables", "--key", "x"], ["have changed since this was planned"]),
    (["redraw", "--study", "medmnist"], ["no results of study 'medmnist' are saved"]),
    (["tables", "--kept"], ["no option --kept"]),
    (["figures"], ["no such file", "snakemake"]),
    (["report"], ["no such file", "snakemake"]),
    (["verify", "equalise"], ["'equalise'", "did you mean 'equalize'"]),
    (["verify", "--stage", "equalize"], ["no option --stage"]),
]  # fmt: skip


def refusals(folder: Path) -> Iterator[Refusal]:
    """Try them all in a folder that has params.yaml and the data set digits, and nothing else."""
    (folder / "mine.py").write_text(MINE)
    with contextlib.chdir(folder):
        for command, said in LINES:
            yield refuse("command line", " ".join(command), command, said)

"""Kill a study at random moments; the same command must finish it, with the same bytes.

    python -m tests.faults.kills --kills 100 --seed 0

The study ``tiny`` is started again and again with one command, ``snakemake --cores 2 all``. At a random moment
a random victim gets a random signal: everything at once, Snakemake alone (whose jobs then go on as orphans,
beside the next start), or one of the jobs. Now and then what a power cut may do is done as well: a file that
the victim was still writing, or its saved epochs, are cut short. After every kill no output may be half
written; whatever was finished then must never be made again; and when a start comes to its end, all results
must be, byte by byte, those of an undisturbed run.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from taet.errors import UserError
from taet.study.store import artifacts
from tests.conftest import Tree, choose_tiny, copy_project
from tests.faults.outcomes import shown

COMMAND = [sys.executable, "-m", "snakemake", "--cores", "2", "all"]
VICTIMS = ("everything", "snakemake", "a job")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
LONGEST = 14.0  # seconds until a kill; an undisturbed run takes about twice as long
PATIENCE = 300.0  # seconds until a victim's survivors have ended
CUT = 0.3  # share of the kills that also cut files short
RESULTS = ("data/raw", "data/longtail", "results/tiny")
NOT_RESULTS = (
    "results/tiny/logs", "results/tiny/benchmarks", "results/tiny/resume", "results/tiny/report.html",
)  # fmt: skip


@dataclass
class Kill:
    """What was done and what it led to.

    Attributes:
        number: of the kill, from 1.
        seconds: after the start.
        victim: one of ``VICTIMS``.
        signal: its name.
        cut: files that were cut short.
        half_written: outputs that are there, but not whole; must be none.
        made_again: outputs that were finished at an earlier kill, and are now others; must be none.
        different: results that differ at the end of the run that this kill was part of; must be none.
        hung: the start did not come to an end by itself afterwards; must not be.
    """

    number: int
    seconds: float
    victim: str
    signal: str
    cut: int = 0
    half_written: int = 0
    made_again: int = 0
    different: int = 0
    hung: bool = False

    @property
    def harmless(self) -> bool:
        return not (self.half_written or self.made_again or self.different or self.hung)


def tiny_tree(folder: Path) -> Tree:
    """A copy of the project that chooses the study ``tiny``."""
    tree = copy_project(folder)
    choose_tiny(tree)
    return tree


def results(tree: Tree) -> dict[str, bytes]:
    """Bytes of everything that the study has made."""
    found = tree.contents(*RESULTS)
    return {name: data for name, data in found.items() if not name.startswith(NOT_RESULTS)}


def kill_at_random(
    folder: Path, expected: dict[str, bytes], kills: int, seed: int
) -> Iterator[Kill]:
    """Start the study, kill it, start it again, until it was killed so many times and has ended.

    Args:
        folder: an empty one, for the trees.
        expected: ``results`` of an undisturbed run.
    """
    rng = random.Random(seed)
    number = 0
    while number < kills:
        tree, run, finished = tiny_tree(folder / f"after {number} kills"), [], {}
        while (process := _start(tree)) and not _ended(process, rng.uniform(0.5, LONGEST)):
            number += 1
            kill = _kill(process, tree, rng, number)
            now = whole_outputs(tree)
            kill.half_written = sum(time is None for time in now.values())
            kill.made_again = sum(now.get(name) != time for name, time in finished.items())
            finished = {name: time for name, time in now.items() if time is not None}
            run.append(kill)
        _end_group(process)
        assert process.returncode == 0, "it must end well when nobody kills it"
        ours = results(tree)
        again = sum(whole_outputs(tree)[name] != time for name, time in finished.items())
        for kill in run:
            kill.made_again += again
            kill.different = sum(ours.get(n) != expected.get(n) for n in {*ours, *expected})
            yield kill


def whole_outputs(tree: Tree) -> dict[str, int | None]:
    """When each output with its record was written, in ns; None for one that is not whole."""
    found: dict[str, int | None] = {}
    for name in results(tree):
        file = tree.path / name
        try:
            if file.suffix == ".safetensors":
                artifacts.read_arrays(file)
            elif file.name == artifacts.MANIFEST:
                listed = [file.parent / name for name in artifacts.read_manifest(file)["files"]]
                artifacts.verify_manifest(file, artifacts.read_key(file), listed)
            else:
                continue
        except UserError:
            found[name] = None
            continue
        if file.with_name(f"{file.stem}.record.json").exists():
            found[name] = file.stat().st_mtime_ns
    return found


def _start(tree: Tree) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        COMMAND,
        cwd=tree.path,
        env=tree.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # Whoever runs this in the background has it, and its children, ignore it.
        preexec_fn=_heed_interrupts,
    )


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: subprocess.Popen[bytes], tree: Tree, rng: random.Random, number: int) -> Kill:
    started = psutil.Process(process.pid).create_time()
    victim, how = rng.choice(VICTIMS), rng.choice(SIGNALS)
    kill = Kill(number, round(time.time() - started, 1), victim, how.name)
    jobs = [p for p in psutil.Process(process.pid).children(recursive=True) if _is_job(p)]
    if victim == "everything":
        os.killpg(process.pid, how)
    elif victim == "snakemake" or not jobs:
        kill.victim = "snakemake"
        process.send_signal(how)
    else:
        rng.choice(jobs).send_signal(how)
    kill.hung = not _ended(process, PATIENCE)
    if kill.hung:
        _show(process)
        _end_group(process)
        process.wait()
    if rng.random() < CUT:
        _end_group(process)  # the power is off for everyone
        kill.cut = _cut(tree, rng)
    return kill


def _show(process: subprocess.Popen[bytes]) -> None:
    """Print a process and all that it has started, for whoever looks into why it does not end."""
    top = psutil.Process(process.pid)
    for one in (top, *top.children(recursive=True)):
        print(
            one.pid, one.ppid(), one.status(), one.cpu_times().user, one.cmdline(), file=sys.stderr
        )


def _is_job(process: psutil.Process) -> bool:
    try:
        return "taet" in process.cmdline()
    except psutil.Error:  # it has ended
        return False


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End whoever is left of a start."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    while True:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)


def _cut(tree: Tree, rng: random.Random) -> int:
    """Cut short what was being written, and what was saved for going on."""
    files = [
        *tree.path.rglob("*.part"),
        *(tree.path / "results/tiny/resume").rglob("*.safetensors"),
    ]
    for file in files:
        os.truncate(file, rng.randrange(file.stat().st_size + 1))
    return len(files)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        undisturbed = tiny_tree(Path(folder, "undisturbed"))
        undisturbed.ok(*COMMAND)
        expected = results(undisturbed)
        found = shown(kill_at_random(Path(folder), expected, options.kills, options.seed))
    bad = [kill for kill in found if not kill.harmless]
    print(f"{len(found)} kills, {len(bad)} of them did harm")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())

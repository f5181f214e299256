"""A study on a cluster on which things go wrong, against the same study on one machine."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.cluster.slurm import Cluster, wait_for
from tests.conftest import copy_project, with_study

STUDY = "story"
BLOCK = """
  story:
    extends: digits_cut
    grid: {methods: [pgd_at, at_bsl, taet_bcl, taet]}
"""
LONG = 1800  # seconds after which something hangs
# A real cluster is asked less often.
COMMAND = (
    *("snakemake", "--workflow-profile", "profiles/slurm", "all", "--latency-wait", "10"),
    *("--slurm-init-seconds-before-status-checks", "3", "--seconds-between-status-checks", "3"),
)
PROFILE = "profiles/slurm/config.yaml"
NOT_RESULTS = (
    "results/slurm_logs",
    "results/logs",
    "results/benchmarks",
    "results/{}/logs",
    "results/{}/benchmarks",
    "results/{}/report",
)

Say = Callable[[str], None]


class Run:
    """A copy of the project in which a study is run."""

    def __init__(self, folder: Path, study: str) -> None:
        self.tree, self.study, self.gpus = copy_project(folder), study, ""
        file = self.tree.path / "params.yaml"
        file.write_text(with_study(file.read_text(), study, BLOCK))

    def ask_for_gpus(self, count: int) -> None:
        """On a cluster each training asks for so many GPUs, though it computes on the CPU."""
        asked = f"gpu: {count}, " if count else ""
        self.tree.edit(PROFILE, f"equalize_cell: {{{self.gpus}", f"equalize_cell: {{{asked}")
        self.gpus = asked

    def locally(self) -> None:
        self.tree.ok("snakemake", "--cores", "2", "all", timeout=LONG)

    def start(self, cluster: Cluster) -> "subprocess.Popen[bytes]":
        """Snakemake, which gives its jobs to the cluster."""
        with (self.tree.path / "snakemake.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *COMMAND],
                cwd=self.tree.path,
                env=self.tree.environment() | cluster.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, process: "subprocess.Popen[bytes]", condition: Callable[[], bool]) -> None:
        """Wait until something holds, while Snakemake works."""
        wait_for(lambda: condition() or process.poll() is not None, LONG, "nothing happens")
        if process.poll() is not None:
            raise RuntimeError(f"Snakemake ended too early:\n{self.said()[-5000:]}")

    def finish(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait for Snakemake, which must succeed."""
        if process.wait(LONG) != 0:
            raise RuntimeError(f"Snakemake failed:\n{self.said()[-5000:]}")

    def said(self) -> str:
        """All that Snakemake has printed."""
        return (self.tree.path / "snakemake.log").read_text()

    def artifacts(self) -> dict[str, bytes]:
        """All results; not logs, times and the page that shows times."""
        others = tuple(name.format(self.study) for name in NOT_RESULTS)
        found = self.tree.contents("data", "results", "provenance")
        return {name: data for name, data in found.items() if not name.startswith(others)}

    def at_work(self) -> list[Path]:
        """Outputs, below ``equalize/``, of trainings that have saved an epoch and are not at their end."""
        folder = self.tree.path / "results" / self.study / "resume" / "equalize"
        return sorted(file.relative_to(folder) for file in folder.rglob("*.safetensors"))

    def waits(self, output: Path) -> bool:
        """Whether a job has found another process at work on an output below ``equalize/``."""
        folder = self.tree.path / "results" / self.study / "logs" / "equalize"
        return "another process works on it" in (folder / output).with_suffix(".log").read_text()

    def started(self, output: Path) -> datetime:
        """When the work began that made an output below ``equalize/``."""
        folder = self.tree.path / "results" / self.study / "equalize"
        record = json.loads((folder / output).with_suffix(".record.json").read_text())
        return datetime.fromisoformat(record["started"])


def trainings(cluster: Cluster) -> dict[str, str]:
    """Node of each running job that trains, by its number."""
    rows = cluster.run("squeue", "--noheader", "--states=RUNNING", "--format=%i %N %k").splitlines()
    return {row.split()[0]: row.split()[1] for row in rows if "equalize_cell" in row}


def a_node_crashes(cluster: Cluster, run: Run, say: Say) -> None:
    """The power of a node fails while jobs train there, each with a GPU; they are done again on the other."""
    run.ask_for_gpus(1)  # two to a node, so that both nodes are needed
    snakemake = run.start(cluster)
    run.wait_for(snakemake, lambda: cluster.gpus("n2", "equalize") == ["0", "1"])
    lost = [job for job, node in trainings(cluster).items() if node == "n2"]
    cluster.crash("n2")
    say(f"  n2 crashed with {len(lost)} jobs")
    run.finish(snakemake)
    cluster.restore("n2")
    ended = cluster.states()
    if {ended.get(job) for job in lost} != {"NODE_FAIL"}:
        raise RuntimeError(f"the jobs of the crashed node ended otherwise: {ended}")
    say("  Snakemake ran them again on n1 and came to its end")


def snakemake_is_killed(cluster: Cluster, run: Run, say: Say) -> None:
    """SIGKILL, with jobs at work and in the queue; the same command at once, so that old and new jobs meet."""
    run.ask_for_gpus(2)  # all of a node, so that two jobs work and the others wait in the queue
    snakemake = run.start(cluster)
    run.wait_for(snakemake, lambda: len(run.at_work()) >= 2 and bool(cluster.queued("PENDING")))
    with cluster.frozen():  # else the old jobs may be done before the new ones begin
        orphans = run.at_work()
        snakemake.kill()
        snakemake.wait()
        killed = datetime.now(UTC)
        waiting = cluster.queued("PENDING")
        say(
            f"  Snakemake killed, {len(cluster.queued())} jobs left, {len(waiting)} of them waiting"
        )
        run.ask_for_gpus(0)  # so that new jobs come to where old ones are
        snakemake = run.start(cluster)
        run.wait_for(snakemake, lambda: all(run.waits(output) for output in orphans))
        say(f"  started again: {len(orphans)} new jobs wait for old ones")
    run.finish(snakemake)
    ended = cluster.states()
    if {ended.get(job) for job in waiting} != {"CANCELLED"}:
        raise RuntimeError(f"jobs that waited, {waiting}, ended otherwise: {ended}")
    if twice := [output for output in orphans if run.started(output) > killed]:
        raise RuntimeError(f"written by an old job and by a new one: {twice}")
    say(
        "  old jobs at work did it, those that waited were cancelled, and the same command came to its end"
    )


ACCIDENTS = (a_node_crashes, snakemake_is_killed)


def compare(local: Run, other: Run, say: Say) -> bool:
    """Whether both have the same files with the same bytes."""
    ours, theirs = local.artifacts(), other.artifacts()
    for name in sorted(ours.keys() ^ theirs.keys()):
        say(f"  only in one: {name}")
    different = [name for name in ours if name in theirs and ours[name] != theirs[name]]
    for name in different:
        say(f"  differs: {name}")
    return not different and ours.keys() == theirs.keys()

"""A real SLURM on this machine: a controller and two nodes, each with two GPUs that are null devices.

Everything lies in one folder: configuration, key, sockets, logs. Needs root, and what ``PREREQUISITE``
installs; starts no service of the system and touches no file of it.
"""

import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.ports import free_ports

PREREQUISITE = (
    "apt-get install -y --no-install-recommends slurm-wlm munge && pip install -e '.[test,slurm]'"
)
NODES = ("n1", "n2")
GPUS = 2  # of a node
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/finished_jobs
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# A node that says nothing for so long is down. JobRequeue is 1, as SLURM has it by itself: that the lost jobs are
# Snakemake's to start again, the profile must see to.
SlurmdTimeout=20
JobRequeue=1
ReturnToService=2
MinJobAge=300
GresTypes=gpu
# The two nodes may say that they have more processors than this machine.
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=8 RealMemory=32000 Gres=gpu:null:2
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=8 RealMemory=32000 Gres=gpu:null:2
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Why there can be no cluster here; None if there can."""
    if absent := [name for name in PROGRAMS if shutil.which(name) is None]:
        return f"no {absent[0]} here; {PREREQUISITE}"
    try:
        import snakemake_executor_plugin_slurm  # noqa: F401
    except ImportError:
        return f"no snakemake-executor-plugin-slurm here; {PREREQUISITE}"
    return "needs root, to make devices" if os.geteuid() != 0 else None


class Cluster:
    """Started by ``with``; its commands need ``environment``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._munged: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the commands of this cluster need."""
        path = os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]])
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": path}

    def __enter__(self) -> "Cluster":
        self._configure()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self, *command: str) -> str:
        """What a command of SLURM prints."""
        environment = os.environ | self.environment
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def queued(self, states: str = "PENDING,RUNNING") -> list[str]:
        """Numbers of the jobs that wait or run."""
        return self.run("squeue", "--noheader", f"--states={states}", "--format=%i").split()

    def finished(self) -> list[dict[str, str]]:
        """SLURM's own history of ended jobs."""
        file = self.folder / "finished_jobs"
        lines = file.read_text().splitlines() if file.exists() else []
        return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]

    def states(self) -> dict[str, str]:
        """How each ended job has ended, by its number."""
        return {job["JobId"]: job["JobState"] for job in self.finished()}

    def gpus(self, node: str, word: str) -> list[str]:
        """CUDA_VISIBLE_DEVICES of each process on a node that has a word on its command line."""
        found = []
        for process in self.work(node):
            with suppress(psutil.NoSuchProcess):  # ended meanwhile
                if word in process.cmdline():
                    found.append(process.environ()["CUDA_VISIBLE_DEVICES"])
        return sorted(found)

    def crash(self, node: str) -> None:
        """As if the node's power had failed: its daemon and whatever works there are gone at once."""
        for process in (psutil.Process(self._pid(f"slurmd-{node}")), *self.work(node)):
            _if_there(process, psutil.Process.kill)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Jobs that run now stand still inside the block."""
        work = [process for node in NODES for process in self.work(node)]
        for process in work:
            _if_there(process, psutil.Process.suspend)
        try:
            yield
        finally:
            for process in work:
                _if_there(process, psutil.Process.resume)

    def restore(self, node: str) -> None:
        """Power is back."""
        self.run("slurmd", "-N", node)
        wait_for(lambda: node in self._idle(), 60, f"{node} does not come back")

    def stop(self) -> None:
        """End everything that was started."""
        work = [process for node in NODES for process in self.work(node)]
        for name in (*(f"slurmd-{node}" for node in NODES), "slurmctld"):
            self._end(name)
        for process in work:
            _if_there(process, psutil.Process.kill)
        if self._munged is not None:
            self._munged.terminate()
            self._munged.wait(10)

    def _configure(self) -> None:
        host = socket.gethostname().split(".")[0]
        for name in ("state", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        text = CONFIGURATION.format(host=host, folder=self.folder, ports=free_ports(3))
        (self.folder / "slurm.conf").write_text(text)
        # The executor takes SLURM_CONF away from the srun in a job, which then looks in /etc.
        srun = self.folder / "bin" / "srun"
        srun.parent.mkdir()
        real = shutil.which("srun")
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {real} "$@"\n')
        srun.chmod(0o755)
        lines = ["AutoDetect=off"]
        for node in NODES:
            files = [self.folder / f"{node}-gpu{i}" for i in range(GPUS)]
            for file in files:
                os.mknod(file, stat.S_IFCHR | 0o666, os.makedev(1, 3))  # as /dev/null
            lines.append(
                f"NodeName={node} Name=gpu Type=null File={self.folder}/{node}-gpu[0-{GPUS - 1}]"
            )
        (self.folder / "gres.conf").write_text("\n".join(lines) + "\n")

    def _start(self) -> None:
        files = {
            "--socket": "munge.socket",
            "--key-file": "munge.key",
            "--pid-file": "munge.pid",
            "--seed-file": "munge.seed",
        }
        options = [f"{option}={self.folder / name}" for option, name in files.items()]
        with (self.folder / "munge.log").open("wb") as log:
            # Root is not whom it wants to be started by, hence --force.
            self._munged = subprocess.Popen(
                ["munged", "--foreground", "--force", *options], stdout=log, stderr=log
            )
        wait_for((self.folder / "munge.socket").exists, 20, "munged does not start")
        self.run("slurmctld")
        for node in NODES:
            self.run("slurmd", "-N", node)
        wait_for(lambda: self._idle() == set(NODES), 60, "the nodes do not come up")

    def _idle(self) -> set[str]:
        try:
            return set(self.run("sinfo", "-h", "-N", "-t", "idle", "-o", "%N").split())
        except RuntimeError:  # the controller is not there yet
            return set()

    def _pid(self, name: str) -> int:
        return int((self.folder / f"{name}.pid").read_text())

    def _end(self, name: str) -> None:
        try:
            process = psutil.Process(self._pid(name))
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        except (OSError, ValueError, psutil.NoSuchProcess):
            pass  # not started, or crashed on purpose

    def work(self, node: str) -> list[psutil.Process]:
        """The processes of a node's jobs, and those that SLURM has beside each."""
        log = str(self.folder / f"slurmd-{node}.log")
        found = []
        for process in psutil.process_iter():
            try:
                if process.name().startswith("slurmstepd") and log in _open_files(process):
                    found += [process, *process.children(recursive=True)]
            except psutil.Error:  # ended meanwhile
                continue
        return found


def _if_there(process: psutil.Process, action: Callable[[psutil.Process], None]) -> None:
    with suppress(psutil.NoSuchProcess):  # ended meanwhile
        action(process)


def _open_files(process: psutil.Process) -> list[str]:
    return [file.path for file in process.open_files()]


def wait_for(condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{otherwise} (in {seconds} s)")
        time.sleep(0.2)

"""A real sshd on a free port of 127.0.0.1, with keys of its own."""

import getpass
import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from tests.ports import free_ports
from tests.remotes import processes
from tests.remotes.places import files_under, replace_file

CONFIGURATION = """
Port {port}
ListenAddress 127.0.0.1
HostKey {base}/host_key
AuthorizedKeysFile {base}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
Subsystem sftp internal-sftp
"""


def sshd_program() -> str | None:
    """Where sshd is; it must be started by its whole path."""
    return shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


class Ssh:
    """A folder reached by SFTP; everything, keys too, lies in ``base``."""

    title = "SSH"
    example = "ssh://ada@server.example.org/srv/taet"
    unseen = False

    def __init__(self, base: Path) -> None:
        self._objects = base / "objects"
        self._objects.mkdir(parents=True)
        self._base = base
        self.words = {"~/.ssh/id_ed25519": str(base / "user_key")}
        self._port = free_ports(1)[0]
        for key in ("host_key", "user_key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(base / key)], check=True
            )
        (base / "sshd_config").write_text(CONFIGURATION.format(port=self._port, base=base))
        self.up()

    @staticmethod
    def needs() -> dict[str, bool]:
        return {
            "apt-get install openssh-server": sshd_program() is not None,
            "pip install -e '.[remotes]'": find_spec("dvc_ssh") is not None,
        }

    def url(self, folder: str) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self._port}{self._objects / folder}"

    def objects(self, folder: str) -> set[str]:
        return files_under(self._objects / folder)

    def replace(self, folder: str, name: str, data: bytes) -> None:
        replace_file(self._objects / folder / name, data)

    def remove(self, folder: str, name: str) -> None:
        (self._objects / folder / name).unlink()

    def down(self) -> None:
        processes.stop([self._server])

    def up(self) -> None:
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd asks for it when root starts it
        program, log = sshd_program(), self._base / "log"
        assert program, "no sshd"
        self._server = processes.start(
            [program, "-D", "-e", "-f", f"{self._base}/sshd_config"], log
        )
        processes.wait_until(lambda: processes.listens(self._port), [self._server], log)

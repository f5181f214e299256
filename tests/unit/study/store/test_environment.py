"""Records say whether a run had the packages of the saved results."""

from pathlib import Path

from taet.study.store.environment import is_locked
from taet.study.store.records import PACKAGES
from tests.conftest import ROOT

TEXT = """torch==2.14.1 \\
    --hash=sha256:00
numpy==2.4.6 ; python_version >= "3.11" \\
    --hash=sha256:11
"""


def test_versions_are_compared(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    assert is_locked({"torch": "2.14.1"}, lock) is None
    lock.write_text(TEXT)
    assert is_locked({"python": "3.11.7", "torch": "2.14.1", "numpy": "2.4.6"}, lock) is True
    assert is_locked({"torch": "2.14.1", "numpy": "2.4.7"}, lock) is False
    assert is_locked({"torch": "2.14"}, lock) is False


def test_the_lock_has_what_records_name() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert all(f"\n{package}==" in text for package in PACKAGES if package != "taet")

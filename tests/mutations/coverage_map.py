"""Which tests execute which lines, measured once a version of sources and tests.

Kept in ``.pytest_cache/mutations.json``, file of tests by file of tests.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.mutations.changes import ROOT, Change
from tests.mutations.scratch import Scratch
from tests.mutations.trial import forked, now, run_pytest

CACHE = ROOT / ".pytest_cache/mutations.json"
FOLDERS = ("tests/unit", "tests/contract", "tests/workflow")
# Parts of names of tests that notice that code differs, not that a number does: golden keys, imports, names,
# messages, plans.
NO_NUMBERS = (
    *("test_job", "test_layers", "test_names", "test_saved", "test_locks", "test_environment"),
    *("unit/cli/", "test_messages", "test_revision", "test_plan", "test_orphans", "test_profiles"),
    "test_what_the_caller_has_set",  # depends on which tests this process has run before
)
SECONDS = 600  # for one file of tests

# Of each test: "seconds", "passed", "lines" by source file.
Tests = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Map:
    """Tests by what they execute."""

    tests: Tests

    @classmethod
    def of(cls, scratch: Scratch) -> "Map":
        """Measured anew for files of tests that have changed, or all where sources have."""
        cache: dict[str, Any] = json.loads(CACHE.read_text()) if CACHE.exists() else {}
        sources = _digest(*sorted((ROOT / "src").rglob("*.py")))
        if cache.get("sources") != sources:
            cache = {"sources": sources, "files": {}}
        tests: Tests = {}
        for file in _test_files():
            name = str(file.relative_to(ROOT))
            entry = cache["files"].get(name, {})
            if entry.get("digest") != _digest(file):
                begun = now()
                found = forked(scratch, _measured, name, limit=SECONDS)
                print(f"{name}: {len(found or ())} tests, {now() - begun:.0f} s", flush=True)
                cache["files"][name] = entry = {"digest": _digest(file), "tests": found or {}}
                CACHE.parent.mkdir(exist_ok=True)
                CACHE.write_text(json.dumps(cache))
            tests |= entry["tests"]
        for name, test in tests.items():
            if not test["passed"]:
                print(f"left out, fails without a change: {name}")
        return cls({name: test for name, test in tests.items() if _counts(name, test)})

    def of_change(self, change: Change, scratch: Scratch) -> list[list[str]]:
        """Tests that execute what is changed, by file: that of the module's name, then the quickest first."""
        lines = change.lines((ROOT / change.file).read_text())
        files: dict[str, list[str]] = defaultdict(list)
        for name in sorted(self.tests, key=lambda name: self.tests[name]["seconds"]):
            there = self.tests[name]["lines"].get(change.file, ())
            # What runs on import is noticed by any test that goes on to use the module.
            if lines & set(there) if lines else there:
                files[name.split("::")[0]].append(name)
        mirror = f"/test_{Path(change.file).stem.strip('_')}.py"
        return sorted(files.values(), key=lambda names: (mirror not in names[0], self._cost(names)))

    def _cost(self, names: list[str]) -> float:
        return sum(float(self.tests[name]["seconds"]) for name in names)


def _counts(name: str, test: dict[str, Any]) -> bool:
    return bool(test["passed"]) and _guards_numbers(name)


def _guards_numbers(name: str) -> bool:
    return not any(part in name for part in NO_NUMBERS)


def _test_files() -> Iterator[Path]:
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("test_*.py")):
            if _guards_numbers(file.relative_to(ROOT).as_posix()):
                yield file


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _measured(scratch: Scratch, file: str) -> Tests:
    """Every test of a file; what a shared fixture executes is each test's that uses it."""
    recorder = _Recorder(scratch.path)
    run_pytest(scratch, file, plugin=recorder)
    return recorder.tests()


class _Recorder:
    """Lines and seconds of tests and of the fixtures that several share."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.coverage = coverage.Coverage(
            data_file=None, source=[str(root / "src")], config_file=False
        )
        self.coverage.start()
        self.seconds: dict[str, float] = defaultdict(float)
        self.fixtures: dict[str, list[str]] = {}
        self.failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.fixtures[item.nodeid] = list(getattr(item, "fixturenames", ()))
        yield from self._in_context(item.nodeid, "import")

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: Any, request: pytest.FixtureRequest
    ) -> Iterator[None]:
        if fixturedef.scope == "function":
            return (yield)
        test = request._pyfuncitem.nodeid
        begun = now()
        result = yield from self._in_context(f"fixture {fixturedef.argname}", test)
        self.seconds[test] -= now() - begun
        return result

    def _in_context(self, context: str, outer: str) -> Iterator[None]:
        self.coverage.switch_context(context)
        begun = now()
        try:
            return (yield)
        finally:
            self.seconds[context] += now() - begun
            self.coverage.switch_context(outer)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)

    def tests(self) -> Tests:
        self.coverage.stop()
        data = self.coverage.get_data()
        lines: dict[str, dict[str, list[int]]] = defaultdict(dict)
        for source in data.measured_files():
            name = str(Path(source).relative_to(self.root))
            by_context: dict[str, list[int]] = defaultdict(list)
            for line, contexts in data.contexts_by_lineno(source).items():
                for context in contexts:
                    by_context[context].append(line)
            for context, found in by_context.items():
                lines[context][name] = found
        return {test: self._entry(test, lines) for test in self.fixtures}

    def _entry(self, test: str, lines: dict[str, dict[str, list[int]]]) -> dict[str, Any]:
        parts = [test, *(f"fixture {name}" for name in self.fixtures[test])]
        together: dict[str, set[int]] = defaultdict(set)
        for part in parts:
            for file, found in lines.get(part, {}).items():
                together[file] |= set(found)
        return {
            "seconds": round(sum(self.seconds.get(part, 0.0) for part in parts), 3),
            "passed": test not in self.failed,
            "lines": {file: sorted(found) for file, found in together.items()},
        }

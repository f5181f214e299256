"""``python -m tests.mutations``: which changes that falsify a number the quick tests notice.

Each change of the tables is made in a scratch copy of the project, and the tests that execute the changed
lines run there, the quickest file first, until one fails. ``results.csv`` says which one did.
Exit status 1 where less than 95 % are caught.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.mutations.changes import Change, read_tables
from tests.mutations.coverage_map import Map
from tests.mutations.results import Result, Results
from tests.mutations.scratch import Scratch
from tests.mutations.trial import failing_test, prepare

GOAL = 0.95


def main() -> int:
    arguments = _parser().parse_args()
    changes, results = read_tables(), Results.read()
    wanted = [c for c in changes if arguments.only in f"{c.file} {c.breaks}"]
    if arguments.survivors:
        wanted = [c for c in wanted if not results.caught(c)]
    prepare()
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        scratch = Scratch(Path(folder))
        tests = Map.of(scratch)
        for i, change in enumerate(wanted):
            if change.equivalent:
                continue
            result = _tried(change, scratch, tests)
            results.add(result)
            results.write(changes)
            print(f"{i + 1}/{len(wanted)} {result}", flush=True)
    results.write(changes)
    return _summary(changes, results)


def _tried(change: Change, scratch: Scratch, tests: Map) -> Result:
    begun = time.monotonic()
    with scratch.changed(change):
        caught_by = failing_test(scratch, tests.of_change(change, scratch))
    return Result(change, caught_by, time.monotonic() - begun)


def _summary(changes: list[Change], results: Results) -> int:
    counted = [change for change in changes if not change.equivalent]
    caught = [change for change in counted if results.caught(change)]
    for change in counted:
        if not results.caught(change):
            print(f"survived: {change}")
    share = len(caught) / len(counted)
    print(f"{len(caught)} of {len(counted)} changes are caught: {100 * share:.1f} %")
    print(f"{len(changes) - len(counted)} more change no number, for reasons that the tables give")
    return int(share < GOAL)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations")
    parser.add_argument("--only", default="", metavar="TEXT", help="in the file or what it breaks")
    parser.add_argument("--survivors", action="store_true", help="those not yet known to be caught")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""What a person sees while Snakemake runs: records in, lines out."""

import importlib
import io
import logging
import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yte
from snakemake.logging import DefaultFormatter
from snakemake_interface_logger_plugins.common import LogEvent

import snakemake_logger_plugin_taet as plugin
from snakemake_logger_plugin_taet import handler, jobs, results
from snakemake_logger_plugin_taet.jobs import EXPECTED, Expected, announce
from snakemake_logger_plugin_taet.lines import duration
from snakemake_logger_plugin_taet.progress import Progress, Steps, last_steps
from snakemake_logger_plugin_taet.results import summary_lines
from taet.scores.summary import read_rows
from taet.study.params import blocks
from taet.study.params.load import load_params
from taet.study.plan.costs import training_passes
from taet.study.plan.saved import SavedStudy
from taet.study.plan.study import Study
from tests.conftest import ROOT

SETTINGS = dict.fromkeys(
    ("printshellcmds", "nocolor", "quiet", "debug_dag", "verbose", "stdout", "dryrun")
)
CELL = {"dataset": "digits", "imbalance_ratio": "10", "architecture": "small_cnn"}
STATS = {"equalize_cell": 2, "attack_cell": 1, "all": 1, "total": 4}
PGD_AT = {**CELL, "method": "pgd_at", "seed": "0"}
EXIT_1 = "returned non-zero exit status 1"
TITLE = "equalize digits ir10 small_cnn pgd_at seed0"


@pytest.fixture(autouse=True)
def nothing_announced() -> Iterator[None]:
    EXPECTED.clear()
    yield
    EXPECTED.clear()
    logging.getLogger("snakemake.logging").removeFilter(handler.WITHOUT_ADVICE)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2


class Run:
    """A handler, and what it has written."""

    def __init__(self, stream: io.StringIO, **settings: Any) -> None:
        self.stream = stream
        sys.stderr, before = stream, sys.stderr
        try:
            self.handler = plugin.LogHandler(SimpleNamespace(**{**SETTINGS, **settings}), None)
        finally:
            sys.stderr = before
        self.handler.setFormatter(DefaultFormatter())

    def tell(self, text: str | None, level: int = logging.INFO, **extra: Any) -> None:
        record = logging.makeLogRecord({"msg": text, "levelno": level, **extra})
        self.handler.handle(record)

    def begin(self) -> None:
        self.tell("started", event=LogEvent.WORKFLOW_STARTED)
        self.tell("stats", event=LogEvent.RUN_INFO, stats=STATS)

    def start(self, number: int, rule: str, cell: dict[str, str], log: str = "a.log") -> None:
        facts = {"jobid": number, "rule_name": rule, "wildcards": cell, "log": [log]}
        self.tell(None, event=LogEvent.JOB_INFO, output=["results/tiny/x"], **facts)

    def finish(self, number: int) -> None:
        self.tell(f"Finished jobid: {number}", event=LogEvent.JOB_FINISHED, job_id=number)

    def fail(self, number: int, rule: str, how: str, log: str = "a.log") -> None:
        text = f"RuleException:\nCalledProcessError in file x:\nCommand 'c > {log} 2>&1' {how}."
        self.tell(text, logging.ERROR, event=LogEvent.ERROR, exception="RuleException")
        facts = {"jobid": number, "rule_name": rule, "log": [log]}
        self.tell("Error", logging.ERROR, event=LogEvent.JOB_ERROR, **facts)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [1000.0]
    monkeypatch.setattr("snakemake_logger_plugin_taet.handler.time.monotonic", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds

    return wait


def test_a_line_for_each_finished_job_in_a_pipe(clock: Callable[[float], None]) -> None:
    run = Run(io.StringIO())
    run.tell("host: here")
    run.tell("Assuming unrestricted shared filesystem usage.")
    run.begin()
    run.tell("Select jobs to execute...")
    run.start(2, "equalize_cell", PGD_AT)
    run.start(3, "attack_cell", {**PGD_AT, "checkpoint": "last", "job": "gradient"})
    clock(75)
    run.finish(3)
    run.finish(2)
    run.finish(0)  # all
    run.tell("Complete log(s): x")
    clock(3600)
    run.handler.close()
    assert run.lines == [
        "1/3 attack digits ir10 small_cnn pgd_at seed0 last gradient, 1 min",
        f"2/3 {TITLE}, 1 min",
        "2 of 3 jobs done in 1 h 01 min; the same command goes on",
    ]


@pytest.mark.parametrize(
    "how", ["returned non-zero exit status 137", "died with <Signals.SIGKILL: 9>"]
)
def test_one_line_for_what_failed(how: str, tmp_path: Path, clock: Callable[[float], None]) -> None:
    log = tmp_path / "x.log"
    log.write_text("Traceback (most recent call last):\n  File x\nRuntimeError: boom\n")
    run = Run(io.StringIO())
    run.begin()
    run.start(1, "equalize_cell", PGD_AT, str(log))
    run.fail(1, "equalize_cell", EXIT_1, str(log))
    log.write_text("taet equalize: x: said by the job itself\n")
    run.start(1, "equalize_cell", PGD_AT, str(log))
    run.fail(1, "equalize_cell", EXIT_1, str(log))
    run.start(1, "equalize_cell", PGD_AT, str(log))
    run.fail(1, "equalize_cell", how, str(log))
    run.tell(
        "WorkflowError:\nAt least one job did not complete successfully.",
        logging.ERROR,
        event=LogEvent.ERROR,
    )
    run.handler.close()
    assert run.lines == [
        f"failed: {TITLE}, RuntimeError: boom, log: {log}",
        f"failed: {TITLE}, log: {log}",
        f"failed: {TITLE}, exit status 137 (killed), log: {log}",
        "0 of 3 jobs done in 0 s, 1 failed; the same command goes on",
    ]  # fmt: skip


def test_a_job_that_succeeds_at_the_second_try_has_not_failed(
    clock: Callable[[float], None],
) -> None:
    run = Run(io.StringIO())
    run.begin()
    for _ in range(2):
        run.start(1, "equalize_cell", PGD_AT)
        run.fail(1, "equalize_cell", EXIT_1)
    run.start(1, "equalize_cell", PGD_AT)
    run.finish(1)
    run.handler.close()
    assert run.lines[-1] == "1 of 3 jobs done in 0 s; the same command goes on"


@pytest.mark.parametrize(
    "how", ["returned non-zero exit status 130", "died with <Signals.SIGINT: 2>"]
)
def test_jobs_that_are_interrupted_have_not_failed(
    how: str, clock: Callable[[float], None]
) -> None:
    run = Run(io.StringIO())
    run.begin()
    run.start(1, "equalize_cell", PGD_AT)
    run.fail(1, "equalize_cell", how)
    run.handler.close()
    assert run.lines == ["stopped: 0 of 3 jobs done in 0 s; the same command goes on"]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(handler, "INTERVAL", 3600)
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((60, 24)))
    return Run(Terminal())


def test_one_live_line_on_a_terminal(
    terminal: Run, tmp_path: Path, clock: Callable[[float], None]
) -> None:
    log = tmp_path / "x.log"
    log.write_text("equalize digits: 12/28 epochs, 0.50 epochs/s, 32 s left, loss 0.1\n")
    kind = ("training", "digits", "small_cnn")
    EXPECTED[1] = Expected(TITLE, "equalize pgd_at", kind, 100)
    EXPECTED[2] = Expected("", "equalize taet", kind, 200)
    terminal.begin()
    terminal.start(1, "equalize_cell", PGD_AT, str(log))
    assert terminal.stream.getvalue() == "\r\x1b[K0/3 jobs | equalize pgd_at 0 s"
    clock(24)
    terminal.handler.progress.read_logs()
    terminal.handler._draw()
    drawn = terminal.stream.getvalue().split(handler.CLEAR)
    # 32 s, and of the second 5 s of starting and 200/100 * 28/16 * 32 s: 149 s.
    assert drawn[-1] == "0/3 jobs, 2 min left | equalize pgd_at epoch 12/28"
    terminal.start(2, "equalize_cell", {**PGD_AT, "method": "taet"}, str(tmp_path / "none"))
    drawn = terminal.stream.getvalue().split(handler.CLEAR)
    assert drawn[-1] == "0/3 jobs, 2 min left | equalize pgd_at epoch 12/28 | equal…"
    assert len(drawn[-1]) == 59, "a line of 60 wraps on some terminals"
    terminal.fail(2, "equalize_cell", EXIT_1)
    terminal.finish(1)
    terminal.handler.close()
    last = terminal.stream.getvalue().split(handler.CLEAR)[-1]
    assert last.startswith("\x1b[31mfailed: equalize digits ir10 small_cnn taet seed0, log: ")
    assert last.endswith("\n1 of 3 jobs done in 24 s, 1 failed; the same command goes on\n")


def test_the_remaining_time_follows_the_costs() -> None:
    kind = ("training", "digits", "small_cnn")
    EXPECTED.update({n: Expected("", "", kind, weight) for n, weight in enumerate((10, 30, 60))})
    EXPECTED[3] = Expected("", "", ("attack", "digits", "small_cnn", "gradient"))
    EXPECTED[4] = Expected("", "", ("score",))
    progress = Progress(total=5)
    assert progress.seconds_left(0) is None, "nothing has been measured"
    progress.start(0, "equalize", {}, None, 0)
    progress.finish(0, 15)  # 5 s of starting, 1 s for each unit of cost
    attack = 5 + (10 + 30 + 60) / 3
    assert progress.seconds_left(15) == pytest.approx(35 + 65 + attack + 5)
    progress.start(1, "equalize", {}, None, 15)
    assert progress.seconds_left(25) == pytest.approx(25 + 65 + attack + 5)
    progress.start(2, "equalize", {}, None, 25)
    assert progress.seconds_left(25) == pytest.approx((25 + 65 + attack + 5) / 2), "two at a time"
    progress.running[2].steps = Steps(0, 28, "epochs", 500.0)
    assert progress.seconds_left(25) == 500, "not before the longest job ends"
    progress.fail(2, "")
    assert progress.seconds_left(25) == pytest.approx((25 + attack + 5) / 2)


def test_little_work_says_nothing_about_the_rest() -> None:
    kind = ("training", "digits", "small_cnn")
    EXPECTED.update({1: Expected("", "", kind, 1), 2: Expected("", "", kind, 1000)})
    progress = Progress(total=2)
    progress.start(1, "stabilize", {}, None, 0)
    progress.finish(1, 15)
    assert progress.seconds_left(15) is None


def announced(study: Study, *stages: str) -> dict[str, Expected]:
    """What a dry run of these stages would announce, by title."""
    planned = [job for stage in stages for job in study.jobs(stage)]
    rules = {"download": "download_dataset", "score": "score"}
    given = [
        SimpleNamespace(
            jobid=number,
            output=[job.output],
            rule=SimpleNamespace(name=rules.get(job.stage, f"{job.stage}_cell")),
            wildcards_dict={axis: str(value) for axis, value in job.cell.items()},
        )
        for number, job in enumerate(planned)
    ]
    announce(study, [*given, SimpleNamespace(output=[])])
    assert [EXPECTED[n].title for n in range(len(planned))] == [job.title for job in planned]
    return {expected.title: expected for expected in EXPECTED.values()}


def test_costs_are_those_of_the_parameters(digits: blocks.Params) -> None:
    jobs_of = announced(Study(digits, ROOT), "download", "stabilize", "equalize", "attack", "score")
    assert set(digits.grid.imbalance_ratios) == {10, 20}
    for ratio, share in ((10, 0.9), (20, 0.95)):
        images = share / math.log(ratio)
        cell = f"digits ir{ratio} small_cnn"
        for method in digits.grid.methods:
            weight = jobs_of[f"equalize {cell} {method} seed0"].weight
            if digits.methods[method].stabilization:
                weight += jobs_of[f"stabilize {cell} clean40 seed0"].weight
            assert weight == pytest.approx(images * training_passes(digits, method))
    assert jobs_of["equalize digits ir10 small_cnn taet seed0"].short == "equalize ir10 taet seed0"
    assert jobs_of["score"].kind == ("score",)


def test_a_study_that_cannot_be_read_announces_nothing() -> None:
    announce(None, [SimpleNamespace(output=["x"])])
    assert EXPECTED == {}


def test_progress_in_a_log(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert last_steps(str(log)) is None
    assert last_steps(None) is None
    log.write_text("x: 1/4 epochs, 1.00 epochs/s, inf s left\nx: 3/4 epochs, 1.00 epochs/s, 1 s left, loss 1\nmore\n")  # fmt: skip
    assert last_steps(str(log)) == Steps(3, 4, "epochs", 1)
    log.write_text("attack x: 500/2000 image-attacks, 9.00 image-attacks/s, 170 s left\n")
    assert str(last_steps(str(log))) == "25 %"


def test_best_methods_of_a_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taet.study.plan.study.Study", SavedStudy)
    monkeypatch.chdir(ROOT)
    title, *lines = summary_lines("digits")
    assert title == "Best balanced robustness in the worst case over attacks, %, mean over 3 seeds:"
    files = SavedStudy(load_params(study="digits")).job("score").files
    metrics = read_rows(files[0])
    rows = metrics.query(
        "attack == 'worst' and scope == 'all' and test_set == 'balanced' and checkpoint == 'last'"
    )
    for line, ratio in zip(lines, ("10", "20"), strict=True):
        means = rows[rows["imbalance_ratio"] == ratio].groupby("method")["balanced_accuracy"].mean()
        best = means.sort_values(ascending=False)[:3]
        labels = load_params(study="digits").methods
        named = ", ".join(f"{labels[name].label} {100 * value:.1f}" for name, value in best.items())
        assert line == f"  Digits, IR {ratio}, small CNN: {named}"


def test_warnings_of_a_study() -> None:
    def lines(*fields: str | None) -> list[str]:
        return list(results.warning_lines(pd.DataFrame({"warnings": fields}, dtype=object)))

    assert lines(None, None) == []
    assert lines("a\nb", None, "b") == ["Warnings (2):", "  a", "  b"]
    assert lines("a\nb\nc\nd\ne")[-2:] == ["  c", "  and 2 more, in the report"]


def test_results_come_last_and_of_runs_that_made_them_alone(
    monkeypatch: pytest.MonkeyPatch, clock: Callable[[float], None]
) -> None:
    monkeypatch.setattr(handler, "summary_lines", lambda study: [f"best of {study}"])
    for rules, shown in (
        (("equalize_cell",), []),
        (("score",), ["best of tiny"]),
        (("score", "report"), ["best of tiny", "Results: report.html"]),
    ):
        run = Run(io.StringIO())
        run.begin()
        for number, rule in enumerate(rules):
            run.start(number, rule, {})
            run.finish(number)
        run.tell("Results: report.html", is_result=True)
        run.handler.close()
        run.handler.close()
        assert run.lines[len(rules) + 1 :] == shown


def test_a_run_without_work_says_so() -> None:
    run = Run(io.StringIO())
    run.tell("started", event=LogEvent.WORKFLOW_STARTED)
    run.tell("Building DAG of jobs...")
    run.tell("Nothing to be done (all requested files are present and up to date).")
    run.tell("a warning", logging.WARNING)
    run.handler.close()
    assert run.lines == [
        "Nothing to be done (all requested files are present and up to date).",
        "a warning",
    ]


@pytest.mark.parametrize("wish", ["dryrun", "verbose", "quiet", "printshellcmds", "debug_dag"])
def test_other_output_is_snakemakes_own(wish: str) -> None:
    run = Run(io.StringIO(), **{wish: True})
    assert not run.handler.writes_to_stream
    run.begin()
    run.tell("a warning", logging.WARNING)
    run.handler.close()
    assert run.lines == []


def test_a_display_that_fails_gives_way_to_snakemakes_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Run(io.StringIO())
    run.begin()
    run.tell("stats again", event=LogEvent.RUN_INFO)
    run.tell("Finished jobid: 3 (Rule: score)", event=LogEvent.JOB_FINISHED, job_id=3)
    run.handler.close()
    first, *rest = run.lines
    assert first == "the display of the run has failed (KeyError: 'stats')"
    assert rest[0] == "stats again"
    assert rest[-1] == "Finished jobid: 3 (Rule: score)"


def test_a_package_that_cannot_be_imported_gives_way_to_snakemakes_output(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "snakemake_logger_plugin_taet.handler", None)
    monkeypatch.delattr(plugin, "handler")
    try:
        broken = importlib.reload(plugin).LogHandler(SimpleNamespace(**SETTINGS), None)
        assert not broken.writes_to_stream
    finally:
        monkeypatch.undo()
        importlib.reload(plugin)


@pytest.mark.parametrize("installed", [True, False])
def test_the_profile_chooses_it_where_it_is_installed(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not installed:
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    text = (ROOT / "profiles/default/config.yaml").read_text()
    assert yte.process_yaml(text, require_use_yte=True).get("logger") == (
        ["taet"] if installed else None
    )


def test_the_advice_about_triggers_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    Run(io.StringIO(), dryrun=True)
    log = logging.getLogger("snakemake.logging")
    log.warning(
        "14 jobs have missing provenance/metadata so that it in part cannot be used to trigger re-runs.\n"
        "Rules with missing metadata: attack_cell"
    )
    log.warning("anything else")
    assert caplog.messages == ["anything else"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min"), (3540, "59 min"), (3599, "1 h 00 min"), (11100, "3 h 05 min")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_stages_of_rules() -> None:
    assert [jobs.stage_of(rule) for rule in ("attack_cell", "download_dataset", "score")] == [
        "attack", "download", "score",
    ]  # fmt: skip
    made = ("download_dataset", "subsample_cell", "score", "inspect", "tables", "figures", "report")
    assert all(map(handler.makes_something, made))
    assert not any(map(handler.makes_something, ("all", "download", "equalize", "attack")))


def test_each_failed_job_has_its_own_status(clock: Callable[[float], None]) -> None:
    """Jobs that end together: Snakemake says both statuses before it says of which jobs."""
    run = Run(io.StringIO())
    run.begin()
    for number, log in ((1, "one.log"), (2, "two.log")):
        run.start(number, "equalize_cell", PGD_AT, log)
    for log, how in (("one.log", "137"), ("two.log", "130")):
        run.tell(
            f"CalledProcessError: 'c > {log}' returned non-zero exit status {how}.", logging.ERROR
        )
    facts = {"event": LogEvent.JOB_ERROR, "rule_name": "equalize_cell"}
    run.tell("", logging.ERROR, jobid=2, log=["two.log"], **facts)
    run.tell("", logging.ERROR, jobid=1, log=["one.log"], **facts)
    run.handler.close()
    assert run.lines == [
        f"failed: {TITLE}, exit status 137 (killed), log: one.log",
        "stopped: 0 of 3 jobs done in 0 s, 1 failed; the same command goes on",
    ]


def test_scores_that_cannot_be_read_hide_no_results(
    monkeypatch: pytest.MonkeyPatch, clock: Callable[[float], None]
) -> None:
    def refuse(study: str) -> list[str]:
        raise OSError("gone")

    monkeypatch.setattr(handler, "summary_lines", refuse)
    run = Run(io.StringIO())
    run.begin()
    for number, rule in enumerate(("score", "report")):
        run.start(number, rule, {})
        run.finish(number)
    run.tell("Results: report.html", is_result=True)
    run.handler.close()
    assert run.lines[-2:] == ["no summary of the scores (gone)", "Results: report.html"]

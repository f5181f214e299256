"""Snakemake's records, shown: one live line on a terminal, in a pipe a line for each finished job."""

import contextlib
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_taet.jobs import stage_of
from snakemake_logger_plugin_taet.lines import failed_line, finished_line, last_line, live_line
from snakemake_logger_plugin_taet.progress import Progress, last_error
from snakemake_logger_plugin_taet.results import study_of, summary_lines
from taet.axes import job_title

INTERVAL = 1.0  # seconds between two drawings of the live line
CLEAR, RED, PLAIN = "\r\033[K", "\033[31m", "\033[0m"
# Printed by Snakemake before a run; not useful to users.
OBVIOUS = ("Assuming unrestricted shared filesystem usage", "host: ")
# Lines of ours say the same.
REPEATED = (
    "At least one job did not complete successfully",
    "Exiting because a job execution failed",
)
UNTOUCHED = "Nothing to be done"
COMMAND_FAILED = re.compile(
    r"CalledProcessError.* (?:returned non-zero exit status (\d+)|died with <Signals.\w+: (\d+)>)",
    re.DOTALL,
)
SIGNALLED = 128  # and the number of the signal: the exit status that a shell gives
INTERRUPTED = SIGNALLED + 2  # by Ctrl-C
RESULT = "is_result"  # of a record that the Snakefile writes when everything is done


def advises_on_triggers(record: logging.LogRecord) -> bool:
    """Whether Snakemake says which jobs its own records cannot judge; keys judge here, not records."""
    return isinstance(record.msg, str) and "provenance" in record.msg


class WithoutAdvice(logging.Filter):
    """Drops advice that is wrong where keys decide what runs."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not advises_on_triggers(record)


WITHOUT_ADVICE = WithoutAdvice()


class LogHandler(LogHandlerBase):
    """What Snakemake shows of a run; dry runs, and runs with options about output, keep its own output."""

    writes_to_file = has_filter = has_formatter = needs_rulegraph = False

    def __post_init__(self) -> None:
        logging.getLogger("snakemake.logging").addFilter(WITHOUT_ADVICE)
        wishes = ("dryrun", "verbose", "quiet", "printshellcmds", "debug_dag")
        self.active = not any(getattr(self.common_settings, wish, None) for wish in wishes)
        self.stream = sys.stderr
        self.live = self.stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.broken = self.drawn = False
        self.began: float | None = None
        self.progress = Progress()
        self.outputs: dict[str, str] = {}
        """Of stages that have finished: one output."""
        self.pending: dict[int, tuple[str, str]] = {}
        self.results: list[str] = []
        self.failures: list[str] = []
        """Snakemake's messages about failed commands, until it names their jobs."""
        self.stop = threading.Event()
        self.clock: threading.Thread | None = None

    @property
    def writes_to_stream(self) -> bool:
        """Whether this handler replaces Snakemake's own output."""
        return self.active

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record, in Snakemake's words if ours fail."""
        if not self.active:
            return
        if not self.broken:
            try:
                self._show(record)
                return
            except Exception as error:
                self._give_up(error)
        with contextlib.suppress(Exception):
            self._pass_on(record)

    def close(self) -> None:
        """The run has ended: say what came out."""
        self.stop.set()
        if self.clock is not None:
            self.clock.join(INTERVAL)  # it may wait for a lock that who closes this holds
            self.clock = None
        if self.active and not self.broken and self.began is not None and self.progress.total:
            began, self.began = self.began, None
            try:
                self._say_results(began)
            except Exception as error:
                self._give_up(error)
        super().close()

    # -- events ----------------------------------------------------------------------------------

    def _show(self, record: logging.LogRecord) -> None:
        event, facts = getattr(record, "event", None), record.__dict__
        if event == LogEvent.WORKFLOW_STARTED:
            self.began = time.monotonic()
        elif event == LogEvent.RUN_INFO:
            self._begin(facts["stats"])
        elif event == LogEvent.JOB_INFO:
            self._job_starts(facts)
        elif event == LogEvent.JOB_FINISHED:
            self._job_finishes(facts["job_id"])
        elif event == LogEvent.JOB_ERROR:
            self._job_fails(facts["rule_name"], facts["jobid"], facts["log"])
        elif event == LogEvent.GROUP_ERROR:
            for job in facts["job_error_info"]:
                self._job_fails(job["rule_name"], job["jobid"], job["log"])
        elif COMMAND_FAILED.search(record.getMessage()):  # and then comes JOB_ERROR
            self.failures.append(record.getMessage())
        elif getattr(record, RESULT, False):
            self.results.append(record.getMessage())
        elif self._is_for_people(record, event):
            self._pass_on(record)

    def _is_for_people(self, record: logging.LogRecord, event: str | None) -> bool:
        text = record.getMessage()
        if record.levelno >= logging.WARNING:
            return not any(repeated in text for repeated in REPEATED)
        if event is not None or text.startswith(OBVIOUS):
            return False
        return self.began is None or text.startswith(UNTOUCHED)

    def _begin(self, stats: dict[str, int]) -> None:
        if self.began is None:  # an older Snakemake does not say when it starts
            self.began = time.monotonic()
        self.progress.total = sum(n for rule, n in stats.items() if makes_something(rule))
        if self.live:
            self.clock = threading.Thread(target=self._redraw, name="live line", daemon=True)
            self.clock.start()

    def _job_starts(self, facts: dict[str, Any]) -> None:
        if not facts["output"]:
            return
        stage, log = stage_of(facts["rule_name"]), _first(facts["log"])
        self.pending[facts["jobid"]] = stage, facts["output"][0]
        self.progress.start(facts["jobid"], stage, dict(facts["wildcards"]), log, time.monotonic())
        self._draw()

    def _job_finishes(self, number: int) -> None:
        if (job := self.progress.finish(number, time.monotonic())) is None:
            return
        stage, output = self.pending.pop(number)
        self.outputs[stage] = output
        if not self.live:
            self._say(finished_line(self.progress, job, self.progress.finished[number]))
        self._draw()

    def _job_fails(self, rule: str, number: int, logs: Sequence[str]) -> None:
        log = _first(logs)
        status = self._exit_status(log)
        if status == INTERRUPTED:
            self.progress.interrupt(number)
            return
        self.progress.fail(number, job_title(stage_of(rule), {}))
        self._say(failed_line(self.progress.failed[number], status, last_error(log), log), RED)

    def _exit_status(self, log: str | None) -> int | None:
        """Exit status of the command that wrote a log; None if unknown."""
        for text in self.failures:
            if log is not None and log in text and (match := COMMAND_FAILED.search(text)):
                self.failures.remove(text)
                status, killed_by = match.groups()
                return int(status) if status else SIGNALLED + int(killed_by)
        return None

    # -- the end ---------------------------------------------------------------------------------

    def _say_results(self, began: float) -> None:
        self._say(last_line(self.progress, time.monotonic() - began))
        if "score" in self.outputs:
            try:
                for line in summary_lines(study_of(self.outputs["score"])):
                    self._say(line)
            except Exception as error:  # such as parameters that have changed meanwhile
                self._say(f"no summary of the scores ({error})")
        if "report" in self.outputs:
            for line in self.results:
                self._say(line)

    def _give_up(self, error: Exception) -> None:
        """From here on Snakemake's own words."""
        self.broken = True
        with contextlib.suppress(Exception):
            self._say(f"the display of the run has failed ({type(error).__name__}: {error})")

    # -- the terminal ----------------------------------------------------------------------------

    def _pass_on(self, record: logging.LogRecord) -> None:
        """Show a record in Snakemake's words."""
        if text := self.format(record):
            self._say(text, RED if record.levelno >= logging.ERROR else "")

    def _say(self, line: str, color: str = "") -> None:
        if self.drawn:
            self.stream.write(CLEAR)
            self.drawn = False
        if color and self.live and not self.common_settings.nocolor:
            line = f"{color}{line}{PLAIN}"
        self.stream.write(f"{line}\n")
        self.stream.flush()

    def _draw(self) -> None:
        if not self.live or not self.progress.running:
            return
        width = os.get_terminal_size(self.stream.fileno()).columns or 80
        self.stream.write(CLEAR + live_line(self.progress, time.monotonic(), width))
        self.stream.flush()
        self.drawn = True

    def _redraw(self) -> None:
        while not self.stop.wait(INTERVAL) and not self.broken:
            self.acquire()
            try:
                if not self.stop.is_set():
                    self.progress.read_logs()
                    self._draw()
            except Exception as error:
                self._give_up(error)
            finally:
                self.release()


def makes_something(rule: str) -> bool:
    """Whether a rule runs jobs; ``all`` and the stages with many jobs are targets alone."""
    return stage_of(rule) != rule or rule in ("score", "inspect", "tables", "figures", "report")


def _first(logs: Sequence[str]) -> str | None:
    return str(logs[0]) if logs else None

"""The words of the display."""

from snakemake_logger_plugin_taet.progress import Progress, Running

SEPARATOR = " | "
KILLED = 128 + 9  # by SIGKILL, such as for want of memory


def duration(seconds: float) -> str:
    """For people: ``40 s``, ``12 min``, ``3 h 05 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def live_line(progress: Progress, now: float, width: int) -> str:
    """How far the run is, in one line of a terminal."""
    parts = [f"{len(progress.finished)}/{progress.total} jobs"]
    if progress.failed:
        parts[0] += f", {len(progress.failed)} failed"
    if (left := progress.seconds_left(now)) is not None:
        parts[0] += f", {duration(left)} left"
    line = SEPARATOR.join([*parts, *(_running(job, now) for job in progress.running.values())])
    return (
        line if len(line) < width else line[: max(0, width - 2)] + "…"
    )  # the last column wraps on some


def _running(job: Running, now: float) -> str:
    return f"{job.short} {job.steps or duration(now - job.started)}"


def finished_line(progress: Progress, job: Running, seconds: float) -> str:
    """A job is done, for a log."""
    return f"{len(progress.finished)}/{progress.total} {job.title}, {duration(seconds)}"


def failed_line(title: str, status: int | None, error: str | None, log: str | None) -> str:
    """A job has failed.

    Args:
        title: its title.
        status: its exit status, if that is known.
        error: what a traceback in its log ends with; other errors a job writes to the terminal itself.
        log: path of the log.
    """
    line = f"failed: {title}"
    if status not in (None, 1):
        line += f", exit status {status}" + (" (killed)" if status == KILLED else "")
    if error:
        line += f", {error}"
    return line + (f", log: {log}" if log else "")


def last_line(progress: Progress, seconds: float) -> str:
    """The run has ended."""
    done = "stopped: " if progress.stopped else ""
    done += f"{len(progress.finished)} of {progress.total} jobs done in {duration(seconds)}"
    if progress.failed:
        done += f", {len(progress.failed)} failed"
    if len(progress.finished) < progress.total:
        done += "; the same command goes on"
    return done

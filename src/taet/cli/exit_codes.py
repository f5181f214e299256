"""Exit codes of all commands."""

OK, PROBLEM, MISUSED, INTERRUPTED = 0, 1, 2, 130
EXIT_CODES = {
    OK: "done",
    PROBLEM: "a problem, named in a line",
    MISUSED: "wrong command line",
    INTERRUPTED: "interrupted",
}

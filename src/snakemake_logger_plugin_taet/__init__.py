"""What a person sees while Snakemake runs a study; profiles/default chooses it.

Snakemake finds the package by its name and imports it at every start, so nothing here may fail or take long:
``taet`` itself is imported at the end of a run, from the folder that Snakemake works in. The full log is in
.snakemake/log as always.
"""

import sys
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase

from snakemake_logger_plugin_taet.command_line import refuse_mistake

refuse_mistake(sys.argv, Path())

try:
    from snakemake_logger_plugin_taet.handler import LogHandler
except Exception:  # Snakemake would not start

    class LogHandler(LogHandlerBase):  # type: ignore[no-redef]
        """Shows nothing, so that Snakemake's own output appears."""

        writes_to_stream = writes_to_file = has_filter = has_formatter = needs_rulegraph = False

        def emit(self, record: object) -> None:
            pass


__all__ = ["LogHandler"]

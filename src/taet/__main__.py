"""``python -m taet``."""

import sys

from taet.errors import is_out_of_memory, memory_message
from taet.messages import complain
from taet.study.store.surroundings import leave_out_choices


def main() -> int:
    """Run the command line; one line tells the user if memory does not suffice to load its libraries."""
    leave_out_choices()
    try:
        from taet.cli.main import main as command

        return command()
    except (ImportError, MemoryError, OSError) as error:
        if not is_out_of_memory(error):
            raise
        complain(f"taet: {memory_message(error)}")
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""``python -m taet``."""

import sys

from taet.cli import main

if __name__ == "__main__":
    sys.exit(main())

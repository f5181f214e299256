"""Double precision here too."""

from tests.unit.methods.conftest import double

__all__ = ["double"]

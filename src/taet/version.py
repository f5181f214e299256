"""The version of the package, for everything that names it."""

__version__ = "1.0.0"

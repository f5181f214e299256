"""The functions for Python users; the package names them as its own."""

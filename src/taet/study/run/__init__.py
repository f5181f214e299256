"""Doing jobs: processes, progress, resumption, verification of what was written."""

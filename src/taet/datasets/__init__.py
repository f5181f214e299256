"""Data sets, one file each: how to obtain verified images."""

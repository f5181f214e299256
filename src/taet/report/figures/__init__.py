"""The pictures: a file is the figure of its name."""

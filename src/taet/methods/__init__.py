"""Training methods, one file each: how to get a loss from a batch."""

"""A training run: the loop, what a method is, schedules, checkpoints, validation."""

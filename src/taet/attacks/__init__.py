"""Evaluation attacks, one file each, and the one gradient loop that they and training share."""

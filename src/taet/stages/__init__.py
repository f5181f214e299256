"""Stages, one file each: ``run(job)`` reads the job's inputs, works, and writes its output."""

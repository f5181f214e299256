"""Evaluation attacks, one file each, made of the parts in ``taet.adversary``."""

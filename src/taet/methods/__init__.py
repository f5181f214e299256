"""Training methods, one file each: how to get a loss from a batch.

A file has a class ``Options`` made from ``taet.options.MethodOptions`` and a class ``Method`` made from
``taet.training.method.TrainingMethod``.
"""

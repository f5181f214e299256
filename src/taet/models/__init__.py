"""Architectures, one file each: ``build(options, channels, size, classes)`` gives a torch module.

Every module takes images [B, C, H, W] float32 in [0,1] and gives logits [B, classes]; normalisation,
if any, is part of the module, so that eps is always a distance in pixel space.
"""

"""Architectures, one file each: ``build(options, channels, size)`` gives a ``Backbone``.

A backbone turns images [B, C, H, W] into features [B, D]; normalisation before it and the head after it are
those of ``taet.networks.network``, the same for all.
"""

"""Data sets, one file each: how to obtain verified images.

A file has a class ``Options`` made from ``taet.options.DatasetOptions`` and a function
``obtain(folder, options, mirror)``, which gives a ``taet.data.imageset.ImageSet``. One that reads a user's
own files has ``sources(folder, options)`` as well, which lists them.
"""

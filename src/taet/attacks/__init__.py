"""Evaluation attacks, one file each, made of the parts in ``taet.adversary``.

A file has a class ``Options`` made from ``taet.options.AttackOptions`` and a function ``parts(options)``,
which gives the ``taet.adversary.parts.Part`` that run one after the other. A function ``chains(attacks)`` may
give the parts of all attacks of the file in one job, by name, from their options by name: so they share work.
"""

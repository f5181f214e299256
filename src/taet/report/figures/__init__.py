"""Figures of a study, one file each.

A file has ``draw(rows, shown, about)``, which gives a matplotlib ``Figure``. ``REQUIRES`` says what a study
must have for it (``taet.study.plan.figures.Requirements``), ``SOURCES`` which tables its rows are of, each
an argument of ``draw``: the summary alone, if there is none.
"""

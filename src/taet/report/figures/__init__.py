"""Figures of a study, one file each.

A file has ``draw(rows, shown, picture)``, which gives a matplotlib ``Figure``. ``REQUIRES`` says what a study
must have for it (``taet.study.plan.pictures.Requirements``), ``SOURCE`` which table its rows are of: the
summary, if there is none.
"""

"""A table of attacks on a model of the user's own: any torch module from images in [0,1] to logits."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from taet.api import arguments
from taet.api.cache import cache_images
from taet.api.images import HERE, TestSet, is_name, read_test_set
from taet.api.restored import restored_process
from taet.api.under_attack import (
    Call,
    checked_call,
    evaluation_of,
    read_own_images,
)
from taet.api.verdict_frame import verdict_frame
from taet.scores.metrics import class_groups
from taet.study.plan.study import Study


def attack_model(
    study: Study,
    model: nn.Module,
    dataset: Any,
    attacks: Any = None,
    *,
    eps: Any = None,
    seed: Any = 0,
    images: Any = None,
    train_counts: Any = None,
    index: Any = None,
    device: str | torch.device | None = None,
    cache: Path | None = None,
    folders: Iterable[Path] = (HERE,),
    title: str = "attack",
) -> pd.DataFrame:
    """A model under attack; arguments, columns and errors are those of ``taet.api.functions.evaluate``.

    Args:
        study: the study with the parameters.
        cache: the folder into which a data set by name is put unless it is there; None for none.
        folders: see ``read_test_set``.
        title: the title of the progress bar.
    """
    p = study.params
    names = arguments.attack_names(p.grid.attacks if attacks is None else attacks, p.attacks)
    if by_name := is_name(dataset):
        arguments.one_of("dataset", "data set", dataset, p.datasets)
    limit = None if images is None else arguments.whole_number("images", images)
    call = checked_call(study, model, names, eps, seed, device, own_images=not by_name)
    if by_name:
        test = _named_test_set(call, dataset, limit, cache, folders)
    else:
        test = read_own_images(call, dataset, limit, index)
    counts = None
    if train_counts is not None:
        counts = arguments.train_counts(train_counts, test.class_names)
    evaluation = evaluation_of(call, test, title=title)
    labels = {name: p.attacks[name].label for name in names}
    groups = class_groups(counts or [], p.report.groups.head, p.report.groups.tail)
    return verdict_frame(evaluation, test, labels, call.radius, p.report.confidence, counts, groups)


def _named_test_set(
    call: Call, dataset: str, limit: int | None, cache: Path | None, folders: Iterable[Path]
) -> TestSet:
    """See ``attack_model`` and ``read_test_set``."""
    with restored_process(call.compute, call.seed):
        if cache is not None:
            cache_images(call.study, dataset, cache)
        return read_test_set(call.study, dataset, call.seed, limit, folders)

"""A table of attacks on a model of the user's own: any torch module from images in [0,1] to logits."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from taet.api import arguments
from taet.api.cache import fetch
from taet.api.images import HERE, is_name, read_test_set
from taet.api.restored import restored_process
from taet.api.under_attack import (
    check_model,
    compute_of,
    evaluation_of,
    radius_of,
    read_own_images,
    seed_of,
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
    check_model(model)
    names = arguments.attack_names(p.grid.attacks if attacks is None else attacks, p.attacks)
    if by_name := is_name(dataset):
        arguments.one_of("dataset", "data set", dataset, p.datasets)
    radius = radius_of(p, eps, names)
    limit = None if images is None else arguments.whole_number("images", images)
    seed = seed_of(study, seed)
    compute = compute_of(p.compute, model, device, own_images=not by_name)
    if by_name:
        with restored_process(compute, seed):
            if cache is not None:
                fetch(study, dataset, cache)
            test = read_test_set(study, dataset, seed, limit, folders)
    else:
        test = read_own_images(compute, seed, model, dataset, limit, index)
    counts = None
    if train_counts is not None:
        counts = arguments.train_counts(train_counts, test.class_names)
    evaluation = evaluation_of(study, compute, model, test, names, radius, seed, title=title)
    labels = {name: p.attacks[name].label for name in names}
    groups = class_groups(counts or [], p.report.groups.head, p.report.groups.tail)
    return verdict_frame(evaluation, test, labels, radius, p.report.confidence, counts, groups)

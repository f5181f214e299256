"""The public functions about models: a trained network as a torch module, and any module under attack."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from taet.api import arguments
from taet.api.adversarial_images import AdversarialImages, attack_images
from taet.api.images import is_name
from taet.api.named_networks import load_by_name
from taet.api.own_model import attack_model
from taet.api.parameters import OWN_PARAMETERS, study_of_data_set, study_of_images
from taet.api.weights import load_named
from taet.errors import ArgumentError, UserError
from taet.networks import network
from taet.study.params.load import load_common
from taet.study.store import artifacts


def load(
    name: str,
    *,
    ir: float | str | None = None,
    seed: int = 0,
    results: str | Path | None = None,
) -> nn.Module:
    """A trained network of a study by name: [N, C, H, W] float32 images in [0,1] to logits, in eval mode.

    It is the last checkpoint, as ``load_model`` gives it. Networks that are saved in git come first, compared
    with their digests and records; then those of a run of the study, or of ``dvc pull``.

    Args:
        name: ``STUDY/METHOD``, such as ``digits/taet``.
        ir: imbalance ratio of the training set, such as 10; it may be left out where the study has one.
        seed: of the training; studies are saved with one seed.
        results: the folder ``results`` of a checkout of this package; the environment's ``TAET_RESULTS`` if
            left out, or else ``results`` in the working folder.

    Raises:
        UserError: there is no such network, more than one, or the file is damaged.
    """
    return load_by_name(name, ir, seed, results)


def load_model(path: str | Path, checkpoint: str = network.LAST) -> nn.Module:
    """A trained network: takes [N, C, H, W] float32 images in [0,1], gives logits [N, classes] float32.

    It is the network that the study attacks, normalisation included, and what its method does to outputs at
    inference (the logit adjustment of RoBal, the scale of cosine heads). It is in eval mode, on the CPU, and
    its weights take gradients. The file is a safetensors file: nothing in it is executed.

    Args:
        path: a file under ``results/STUDY/equalize``, such as
            ``results/digits/equalize/digits/ir10/small_cnn/taet/seed0.safetensors``.
        checkpoint: ``last``, or ``best`` on validation images if the study saved it.

    Raises:
        UserError: the file does not exist, is damaged, or has no trained network or not this checkpoint.
    """
    path = arguments.path("path", path)
    hint = "trained networks are under results/STUDY/equalize, one for each seed"
    arguments.existing_file(path, f"; {hint}")
    try:
        facts = artifacts.read_facts(path)
    except UserError:
        raise UserError(
            f"{path}: no file that this project has stored, or damaged; {hint}"
        ) from None
    if "checkpoints" not in facts:
        raise UserError(f"{path}: holds no trained network; {hint}")
    return network.load_model(path, checkpoint=checkpoint)


def load_weights(
    path: str | Path, architecture: str, *, parameters: str | Path | None = None
) -> nn.Module:
    """A network with weights that others have trained, in eval mode: [N, C, H, W] in [0,1] to logits.

    Names of weights may be those of RobustBench, timm (with the CIFAR stem), Rice et al. 2020 or TRADES,
    inside ``module.`` or ``model.``. Nothing in the file is executed. The network normalises pixels if the
    file has their mean and standard deviation; otherwise it takes them as they are.

    Args:
        path: a safetensors file, or a ``state_dict`` that ``torch.save`` wrote.
        architecture: a name under ``architectures`` of the parameters, such as ``resnet18``,
            ``preact_resnet18``, ``wrn34_10`` or ``wrn28_10``.
        parameters: the parameter file; the one that the package ships if left out.

    Raises:
        UserError: the file is missing, damaged, or holds more than tensors; its weights are of another
            network or no possible values; or the architecture is unknown.
    """
    blocks = load_common(parameters or OWN_PARAMETERS).architectures
    return load_named(path, architecture, blocks)


def evaluate(
    model: nn.Module,
    dataset: str | tuple[Any, Any] | Iterable[tuple[Any, Any]],
    attacks: str | Iterable[str] | None = None,
    *,
    study: str | None = None,
    eps: float | str | None = None,
    seed: int = 0,
    images: int | None = None,
    train_counts: "Sequence[int] | Mapping[int, int] | pd.Series[int] | None" = None,
    index: Any = None,
    device: str | torch.device | None = None,
    parameters: str | Path | None = None,
    cache: str | Path | None = None,
) -> pd.DataFrame:
    """A model on clean test images and under attacks, as one tidy table.

    The images are your own, in any folder and without a parameter file, or those of a data set by name. It
    attacks as the stage ``attack`` does; ``python -m taet evaluate`` does the same on the command line.
    docs/evaluation.md explains the numbers. Nothing is stored.

    Results are those of a fresh process, whatever was set in torch before (threads, types, precisions, random
    numbers, gradient modes). All of it is restored afterwards, and so is the model.

    Args:
        model: takes [N, C, H, W] float32 images in [0,1], contiguous, and does not change them; gives
            logits [N, classes], -inf for classes that it leaves out. It runs in eval mode.
        dataset: images and labels ``(x, y)``, or an iterable of such pairs, such as a ``DataLoader``. ``x``
            is [N, C, H, W], a tensor or an array of floating-point numbers in [0,1]; ``y`` is [N], whole
            numbers from 0 to classes - 1. Or a name under ``datasets`` of the parameters: its own test images
            or, if it has none, those that the study holds out for the seed. In a folder without a
            ``params.yaml`` of this package they are downloaded into ``cache``, once. In one with it,
            ``python -m taet download --dataset NAME`` puts them under ``data/raw``; they are looked for in
            the folder of the parameter file, then in the working folder.
        attacks: names under ``attacks`` of the parameters; those of the study's grid if left out; an empty
            list for clean images alone.
        study: the study with the parameters (steps, eps, batch size, precision). If left out: of your own
            images the common values, without any study (eps 8/255), unless ``parameters`` is given;
            otherwise the file's own ``study``.
        eps: radius of the L-inf ball in the [0,1] pixel range, above 0 and below 1, such as 8 / 255
            or "8/255"; the study's if left out. Attacks in another norm do not use it: the column ``eps``
            shows their own radius. If no attack uses it, it is refused.
        seed: of the attacks' random starts, of random numbers that the model draws, and of the choice of
            held-out images.
        images: largest number of test images, equally many of each class; all if left out. Of your own
            images these are the first of each class.
        train_counts: [classes] training images of each class, in the order of the classes; a mapping or
            Series, such as a ``Counter`` or ``value_counts()``, is looked up by class 0 to classes - 1. With
            them there are rows for head, medium and tail classes, by the shares of ``report.groups``.
        index: [N] whole numbers from 0, one for each of your own images, on which its random starts depend
            besides ``seed``; 0 to N - 1 if left out. With an image's number in a data set it gets the starts
            that the stage ``attack`` gives it.
        device: ``cpu`` or ``cuda``; ``compute.device`` of the parameters if left out, but ``cuda`` for your
            own images if the model is on a GPU.
        parameters: the parameter file. If left out: ``params.yaml`` in the working folder for a data set by
            name, if it has ``studies`` or ``datasets``; otherwise the one that the package ships.
        cache: the folder for data sets by name; the environment's ``TAET_CACHE`` if left out, or else
            ``~/.cache/taet``. If given, it is used with a ``params.yaml`` too.

    Returns:
        A row for each attack and scope. ``attack``: ``clean``, the attacks, and, if several have the same
        L-inf ball, ``worst of these`` (an image is robust if it survives all of them). ``label``: its printed
        name. ``scope``: ``all``, ``head``, ``medium``, ``tail``, ``worst_class`` (the class with the lowest
        accuracy under this attack), ``class``. ``class_index``, ``class_name``: the class, in its rows.
        ``train_images``: missing without ``train_counts``. ``test_images``: n. ``accuracy``: share of the n
        images that are classified correctly, in [0,1]; an image that is misclassified when clean counts as
        wrong under every attack. ``accuracy_low``, ``accuracy_high``: its Wilson interval at the level
        ``report.confidence``. ``accuracy_se``: its standard error. ``balanced_accuracy``,
        ``balanced_accuracy_se``: mean over classes, and its standard error. Intervals and standard errors
        account for the choice of test images alone. ``median_distance``: of the perturbations that fool the
        model, see ``taet.scores.metrics``. ``norm``: ``linf`` or ``l2``. ``eps``: bound of the norm in the
        [0,1] pixel range, missing for attacks without one. ``warnings``: warnings about the row, one a line;
        missing if there are none.

    Raises:
        UserError: a name is unknown, a value impossible, the images are missing, or the model does not fit
            them or gives values that are not finite.
    """
    by_name = is_name(dataset)
    if by_name and index is not None:
        raise ArgumentError("index: a data set has its own; leave it out")
    if by_name:
        own, fetched_into, folders = study_of_data_set(study, parameters, cache)
    else:
        own, fetched_into, folders = study_of_images(study, parameters), None, []
    return attack_model(
        own,
        model,
        dataset,
        attacks,
        eps=eps,
        seed=seed,
        images=images,
        train_counts=train_counts,
        index=index,
        device=device,
        cache=fetched_into,
        folders=folders,
    )


def attack(
    model: nn.Module,
    x: Any,
    y: Any,
    attack: str,
    *,
    eps: float | str | None = None,
    seed: int = 0,
    index: Any = None,
    device: str | torch.device | None = None,
    study: str | None = None,
    parameters: str | Path | None = None,
) -> AdversarialImages:
    """Adversarial images, what the model makes of them, and which part of the attack fooled it.

    They are the images on which ``evaluate`` decides. Nothing is stored; the process and the model are left
    as they were. All images must fit into memory.

    Args:
        model: as for ``evaluate``.
        x: [N, C, H, W] images, a tensor or an array of floating-point numbers in [0,1].
        y: [N] classes, whole numbers from 0.
        attack: a name under ``attacks`` of the parameters, such as ``pgd20``, ``apgd_ce_t`` or
            ``autoattack``.
        eps: radius of the L-inf ball in the [0,1] pixel range, above 0 and below 1, such as 8 / 255
            or "8/255"; the study's if left out. It is refused for attacks that do not use it, as those in
            another norm.
        seed, index, device: as for ``evaluate``.
        study, parameters: as for ``evaluate`` with your own images.

    Returns:
        Tensors in main memory, a row for each image, in the given order; see its docstring.

    Raises:
        UserError: as for ``evaluate``.
    """
    own = study_of_images(study, parameters)
    return attack_images(own, model, x, y, attack, eps=eps, seed=seed, index=index, device=device)

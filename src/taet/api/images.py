"""The images on which a user's model is tested: those of a data set, or the user's own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from taet.api import arguments
from taet.data.loader import to_pixels
from taet.data.longtail import draw_pools
from taet.errors import ArgumentError, UserError, counted
from taet.study.plan.stages import STAGES
from taet.study.plan.study import Study
from taet.study.store import artifacts

HERE = Path()
PAIR = "images [N, C, H, W] and labels [N]"


def is_name(dataset: Any) -> bool:
    """Whether it names a data set of the parameters; ``None`` as well, which no data set is called."""
    return dataset is None or isinstance(dataset, str)


@dataclass(frozen=True)
class TestSet:
    """Test images.

    Attributes:
        x: [N, C, H, W] float32 in [0,1].
        y: [N] int64.
        index: [N] int64, each image's number in the data set, on which its random numbers depend.
        class_names: one per class.
    """

    x: Tensor
    y: Tensor
    index: Tensor
    class_names: list[str]


def read_test_set(
    study: Study,
    dataset: str,
    seed: int,
    images: int | None,
    folders: Iterable[Path] = (HERE,),
) -> TestSet:
    """A data set's own test images or, if it has none, those that the study holds out for a seed.

    Args:
        images: largest number, equally many of each class; None for all.
        folders: the first of them with this data set under ``data/raw`` is used.

    Raises:
        UserError: the data set is missing, or ``images`` is below the number of classes.
    """
    arrays, facts = read_stored_images(study, dataset, folders)
    names = facts["class_names"]
    longtail = study.params.datasets[dataset].longtail
    _, test, _ = draw_pools(
        arrays["labels"], arrays["official"], len(names), longtail, dataset=dataset, seed=seed
    )
    if images is not None:
        test = [of_class[: _per_class(images, len(names))] for of_class in test]
    index = np.sort(np.concatenate(test))
    return TestSet(
        to_pixels(torch.from_numpy(arrays["images"][index]), facts["max_value"]),
        torch.from_numpy(arrays["labels"][index]),
        torch.from_numpy(index),
        names,
    )


def read_stored_images(
    study: Study, dataset: str, folders: Iterable[Path] = (HERE,)
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arrays and facts that the stage ``download`` has stored; see ``taet.data.imageset``.

    Args:
        folders: the first of them with this data set under ``data/raw`` is used.

    Raises:
        UserError: the data set is missing or damaged.
    """
    stored = STAGES["download"].output.format(dataset=dataset)
    candidates = list(dict.fromkeys(folders))
    folder = next((folder for folder in candidates if (folder / stored).exists()), None)
    if folder is None:
        missing = " and no ".join(str(folder / stored) for folder in candidates)
        raise UserError(f"no {missing}; run: python -m taet download --dataset {dataset}")
    job = Study(study.params, folder=folder).job("download", dataset=dataset)
    return artifacts.read_arrays(folder / stored, job.key)


def _per_class(images: int, classes: int) -> int:
    """How many images of each class a limit allows."""
    if images < classes:
        raise ArgumentError(f"images {images}: must be at least {classes}, one for each class")
    return images // classes


def own_test_set(
    given: Any, model: nn.Module, device: torch.device, images: int | None, index: Any = None
) -> TestSet:
    """A user's own images, with as many classes as the model has logits.

    Args:
        given: a pair of images and labels, or an iterable of such pairs, as arrays or tensors.
        model: in eval mode, on ``device``.
        images: largest number, the first of each class; None for all.
        index: [N] the numbers of the images; 0 to N - 1 if left out.

    Raises:
        ArgumentError: it is something else, or of another shape or type.
    """
    x, y = _joined(given)
    classes = _classes(model, x[:1].to(device)) or int(y.max()) + 1
    numbers = torch.arange(len(x)) if index is None else arguments.whole_numbers("index", index)
    if len(numbers) != len(x):
        raise ArgumentError(
            f"index: {counted(len(numbers), 'number')} for {counted(len(x), 'image')}; must be as many"
        )
    if images is not None:
        limit = _per_class(images, classes)
        rows = torch.cat([(y == c).nonzero()[:limit, 0] for c in y.unique()]).sort().values
        x, y, numbers = x[rows], y[rows], numbers[rows]
    return TestSet(_as_stored(x), y, numbers, [str(c) for c in range(classes)])


def _as_stored(x: Tensor) -> Tensor:
    """In memory as ``to_pixels`` gives images of a data set, so that numbers are the same to the last bit.

    torch's own channels-last format leaves images with one channel as they are.
    """
    return x.permute(0, 2, 3, 1).clone(memory_format=torch.contiguous_format).permute(0, 3, 1, 2)


def _joined(given: Any) -> tuple[Tensor, Tensor]:
    """All images and labels of a pair, or of an iterable of pairs."""
    batches = [_batch(images, labels) for images, labels in _pairs(given)]
    if not sum(len(labels) for _, labels in batches):
        raise ArgumentError("dataset: has no image; must have at least one")
    shapes = {tuple(images.shape[1:]): None for images, _ in batches}
    if len(shapes) > 1:
        raise ArgumentError(
            f"dataset: images of the shapes {', '.join(map(str, shapes))}; must be of one shape"
        )
    images, labels = zip(*batches, strict=True)
    return torch.cat(images), torch.cat(labels)


def _pairs(given: Any) -> Iterator[tuple[Any, Any]]:
    if _is_pair(given):
        yield tuple(given)
        return
    if isinstance(given, Tensor | np.ndarray | dict | bytes) or not isinstance(given, Iterable):
        raise ArgumentError(
            f"dataset: a value of the type {type(given).__name__}; must be the name of a data set, a pair "
            f"of {PAIR}, or an iterable of such pairs, such as a DataLoader"
        )
    for batch in given:
        if not _is_pair(batch):
            parts = f" of {len(batch)}" if isinstance(batch, list | tuple) else ""
            raise ArgumentError(
                f"dataset: gives a {type(batch).__name__}{parts}; each batch must be a pair of {PAIR}"
            )
        yield tuple(batch)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and hasattr(value[0], "__array__")


def _batch(images: Any, labels: Any) -> tuple[Tensor, Tensor]:
    """Checked images in float32 and labels in int64, in main memory."""
    x = arguments.tensor("images", images)
    if not x.is_floating_point():
        kind = str(x.dtype).removeprefix("torch.")
        raise ArgumentError(
            f"images: of the type {kind}; must be floating point in [0,1]: divide by the value of white, "
            "such as 255"
        )
    if x.ndim != 4:
        single = "; for a Dataset, give a DataLoader of it" if x.ndim == 3 else ""
        raise ArgumentError(f"images: of the shape {tuple(x.shape)}; must be [N, C, H, W]{single}")
    y = arguments.class_numbers("labels", labels)
    if len(x) != len(y):
        have = f"{counted(len(x), 'image')} and {counted(len(y), 'label')}"
        raise ArgumentError(f"labels: {have}; must be as many")
    return x.to(torch.float32), y


def _classes(model: nn.Module, x: Tensor) -> int | None:
    """How many logits a model gives; None where it does not, which the evaluation itself reports."""
    if any(is_lazy(tensor) for tensor in (*model.parameters(), *model.buffers())):
        return None  # a first image would fix the shapes of its weights
    try:
        with torch.no_grad():
            shape = model(x).shape
    except Exception:  # of the user's code
        return None
    return int(shape[1]) if len(shape) == 2 else None

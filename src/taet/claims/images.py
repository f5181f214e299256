"""The test images of a claim: those of a data set, with what its imbalance ratio makes of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from taet.api.cache import cache_images
from taet.api.images import read_stored_images
from taet.claims.protocol import study_of_protocol
from taet.data.imageset import NO_SPLIT
from taet.data.longtail import draw_split
from taet.errors import UserError
from taet.study.params.blocks import NATURAL, Params, imbalance_ratio_label
from taet.study.store import artifacts


@dataclass(frozen=True)
class ClaimedImages:
    """The balanced test set of a data set, class by class, in each class by number in the data set.

    Attributes:
        index: [N] int64 number of each image in the data set.
        label: [N] int64 true classes, ascending.
        long_tailed: [N] bool, whether the image is in the long-tailed test set too.
        train_counts: [C] training images of each class.
        held_out: whether the test images are drawn by the seed, since the data set has none of its own.
    """

    index: Any
    label: Any
    long_tailed: Any
    train_counts: list[int]
    held_out: bool

    @property
    def test_counts(self) -> list[int]:
        """[C] images of each class."""
        counts: list[int] = np.bincount(self.label, minlength=len(self.train_counts)).tolist()
        return counts

    @property
    def digest(self) -> str:
        """Hash of which images they are, and of their classes."""
        return artifacts.digest({"index": self.index, "label": self.label}, {})


class ImageLists:
    """The test images of data sets and ratios, each read once.

    Args:
        params: the common values of a parameter file.
        folders: to search for data sets; see ``taet.api.images.read_stored_images``.
        cache: the folder into which data sets are put unless they are there; None for none.
    """

    def __init__(self, params: Params, folders: Iterable[Path], cache: Path | None = None) -> None:
        self.params, self.folders, self.cache = params, list(folders), cache
        self._lists: dict[tuple[str, str], ClaimedImages] = {}

    def of(self, dataset: str, ratio: float | str) -> ClaimedImages:
        """Those of a data set at an imbalance ratio.

        Raises:
            UserError: the data set is unknown, missing or damaged, or a class has too few images.
        """
        key = dataset, imbalance_ratio_label(ratio)
        if key not in self._lists:
            self._lists[key] = self._read(dataset, ratio)
        return self._lists[key]

    def _read(self, dataset: str, ratio: float | str) -> ClaimedImages:
        study = study_of_protocol(self.params, dataset)
        if self.cache is not None:
            cache_images(study, dataset, self.cache)
        arrays, facts = read_stored_images(study, dataset, self.folders)
        labels, official = arrays["labels"], arrays["official"]
        split = draw_split(
            labels,
            official,
            len(facts["class_names"]),
            None if ratio == NATURAL else float(ratio),
            study.params.datasets[dataset].longtail,
            dataset=dataset,
            seed=study.params.claim.seed,
        )
        index = np.sort(split.test)
        index = index[np.argsort(labels[index], kind="stable")]
        return ClaimedImages(
            index=index.astype(np.int64),
            label=labels[index].astype(np.int64),
            long_tailed=np.isin(index, split.test_long_tailed),
            train_counts=split.train_counts,
            held_out=bool((official == NO_SPLIT).any()),
        )


def check_untouched(images: ClaimedImages, trained_seed: int | None, seed: int) -> None:
    """Refuse a network that was trained with another split, and so on some of the test images.

    Args:
        trained_seed: of the training; None where not known.
        seed: of the protocol.

    Raises:
        UserError: it was.
    """
    if images.held_out and trained_seed not in (None, seed):
        raise UserError(
            f"--model: trained with the split of seed {trained_seed}, so on some of the test images, which "
            f"are those of seed {seed}; claim a network of seed {seed}"
        )

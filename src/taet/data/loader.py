"""Training images: one uint8 tensor, cut into batches in an order that the seed and epoch fix."""

from collections.abc import Iterator

import torch
from torch import Tensor

from taet.data.augment import POLICIES, Augmentation
from taet.errors import UserError
from taet.seeds import seed_for


def to_pixels(images: Tensor, max_value: int) -> Tensor:
    """uint8 [B, H, W, C] in 0..max_value to float32 [B, C, H, W] in [0,1], channels last in memory."""
    return images.permute(0, 3, 1, 2).float() / max_value


class Loader:
    """Batches of training images.

    Args:
        images: [N, H, W, C] uint8.
        labels: [N] int64.
        max_value: value of white.
        batch_size: images per step.
        drop_last: leave out the last, smaller batch of an epoch.
        seed: fixes order and augmentation of every epoch, the same for all methods.
        augmentation: see ``taet.data.augment``.
        device: stores and augments the images, and gets the batches.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        max_value: int,
        batch_size: int,
        drop_last: bool,
        seed: int,
        augmentation: str = "none",
        device: torch.device | str = "cpu",
    ) -> None:
        if augmentation in POLICIES and max_value != 255:
            raise UserError(
                f"training.augmentation: {augmentation} knows grey values from 0 to 255, these images "
                f"have 0 to {max_value}; use none or crop_flip"
            )
        self.device = torch.device(device)
        self.labels, self.max_value = labels.to(device), max_value
        self.batch_size, self.drop_last, self.seed = batch_size, drop_last, seed
        self.augmentation = Augmentation(augmentation, images.to(device), seed)

    def __len__(self) -> int:
        """Steps per epoch."""
        whole, rest = divmod(len(self.labels), self.batch_size)
        return whole + (1 if rest and not self.drop_last else 0)

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """An epoch's batches: images [B, C, H, W] float32 in [0,1], and labels [B] int64."""
        generator = torch.Generator().manual_seed(seed_for("batches", self.seed, epoch))
        order = torch.randperm(len(self.labels), generator=generator).to(self.device)
        self.augmentation.start_epoch(epoch)
        for step in range(len(self)):
            rows = order[step * self.batch_size : (step + 1) * self.batch_size]
            yield to_pixels(self.augmentation(rows), self.max_value), self.labels[rows]

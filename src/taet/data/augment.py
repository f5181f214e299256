"""Augmentation of training images, as batch operations on uint8 [B, H, W, C] tensors.

``none``: no change. ``crop_flip``: random crop after zero padding by 4, then a horizontal flip with
probability 1/2, one gather for both (the field's standard). ``auto_augment``, ``rand_augment`` and
``trivial_augment``: *before* crop and flip, by torchvision, the CIFAR-10 policy of AutoAugment (Cubuk et al.
2019), RandAugment (Cubuk et al. 2020) with 2 operations of magnitude 8, both as in AT-BSL, or one operation
of random magnitude, TrivialAugment Wide (Müller and Hutter 2021).

Draws depend on seed, epoch and the image's index in the training set, never on how batches are formed.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from taet.seeds import seed_for

PADDING = 4  # pixels on each side; RandomCrop(size, padding=4) in every code base of the field
POLICIES = ("auto_augment", "rand_augment", "trivial_augment")
RAND_AUGMENT = (2, 8)  # operations, magnitude: AT-BSL


class Augmentation:
    """Augmentation of one training set.

    Args:
        kind: see above.
        images: [N, H, W, C] uint8; stored once, padded.
        seed: fixes all draws, the same for all methods.
    """

    def __init__(self, kind: str, images: Tensor, seed: int) -> None:
        self.kind, self.seed = kind, seed
        self.count, self.height, self.width, _ = images.shape
        self.images = images if kind == "none" else _padded(images)

    def start_epoch(self, epoch: int) -> None:
        """Draw the crops and flips of an epoch."""
        self.epoch = epoch
        generator = torch.Generator().manual_seed(seed_for("augment", self.seed, epoch))
        shape, device = (self.count, 2), self.images.device
        # Drawn by the processor, so that every device sees the same crops and flips.
        self.offsets = torch.randint(0, 2 * PADDING + 1, shape, generator=generator).to(device)
        self.flips = (torch.rand(self.count, generator=generator) < 0.5).to(device)

    def __call__(self, rows: Tensor) -> Tensor:
        """Augmented images of some rows of the training set, [B, H, W, C] uint8."""
        if self.kind == "none":
            return self.images[rows]
        padded, indices = self.images, rows
        if self.kind in POLICIES:
            inner = slice(PADDING, -PADDING)
            padded = _padded(self._transformed(self.images[rows][:, inner, inner], rows))
            indices = torch.arange(len(rows), device=rows.device)
        return crop_flip(
            padded, indices, self.offsets[rows], self.flips[rows], self.height, self.width
        )

    def _transformed(self, images: Tensor, rows: Tensor) -> Tensor:
        """The images after the policy, each with its own random stream."""
        transform = _policy(self.kind)
        result = []
        with torch.random.fork_rng(devices=[]):
            for image, row in zip(images.permute(0, 3, 1, 2), rows.tolist(), strict=True):
                torch.manual_seed(seed_for("policy", self.seed, self.epoch, row))
                result.append(transform(image))
        return torch.stack(result).permute(0, 2, 3, 1)


def _policy(kind: str) -> Callable[[Tensor], Tensor]:
    """The transform of one image, [C, H, W] uint8."""
    from torchvision.transforms import v2  # here: importing it takes a second

    match kind:
        case "auto_augment":
            return v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10)
        case "rand_augment":
            return v2.RandAugment(*RAND_AUGMENT)
        case "trivial_augment":
            return v2.TrivialAugmentWide()
    raise ValueError(f"unknown policy {kind!r}")


def _padded(images: Tensor) -> Tensor:
    return F.pad(images, (0, 0, PADDING, PADDING, PADDING, PADDING))


def crop_flip(
    padded: Tensor, rows: Tensor, offsets: Tensor, flips: Tensor, height: int, width: int
) -> Tensor:
    """A window of each padded image, mirrored where ``flips`` says so, in one gather.

    Args:
        padded: [N, H', W', C] uint8.
        rows: [B] which images.
        offsets: [B, 2] upper left corner of the window.
        flips: [B] bool.
        height: of the window.
        width: of the window.

    Returns:
        [B, height, width, C] uint8.
    """
    _, full_height, full_width, channels = padded.shape
    y = offsets[:, :1] + torch.arange(height, device=rows.device)
    x = torch.arange(width, device=rows.device).expand(len(rows), -1)
    x = offsets[:, 1:] + torch.where(flips[:, None], width - 1 - x, x)
    pixel = (rows[:, None, None] * full_height + y[:, :, None]) * full_width + x[:, None, :]
    flat = padded.reshape(-1, channels).index_select(0, pixel.reshape(-1))
    return flat.view(len(rows), height, width, channels)

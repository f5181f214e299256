"""A hint about models that may want normalised images: this package gives them images in [0,1]."""

import math

import torch
from torch import Tensor, nn

from taet.networks.network import predict

MOST = 512  # images to judge from
CLEAR = 4  # standard deviations of McNemar's statistic, if neither kind of image suited the model better
GAIN = 0.1  # of accuracy; below, normalisation matters little


def normalization_hint(model: nn.Module, x: Tensor, y: Tensor, batch_size: int) -> str | None:
    """A warning if the model classifies normalised images much better than the same images in [0,1].

    The comparison is paired (McNemar 1947): of the images that only one of the two versions classifies
    correctly, nearly all must be normalised ones. Images of one class alone prove nothing, since a model may
    prefer that class for images of another range.

    Args:
        model: in eval mode, on the device of the images.
        x: [N, C, H, W] float32 in [0,1].
        y: [N] int64.
        batch_size: of the forward passes.
    """
    rows = _balanced(y)
    x, y = x[rows], y[rows]
    if len(y.unique()) < 2:
        return None
    mean, std = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    try:
        as_given, normalized = (
            predict(model, images, batch_size) == y
            for images in (x, (x - mean) / torch.where(std > 0, std, 1))
        )
    except Exception:  # of the user's code, which may refuse images beyond [0,1]
        return None
    better, worse = (
        int((one & ~other).sum()) for one, other in ((normalized, as_given), (as_given, normalized))
    )
    if better - worse < GAIN * len(y) or better - worse <= CLEAR * math.sqrt(better + worse):
        return None
    return (
        f"may want normalised images: classifies {normalized.float().mean():.0%} of them correctly, "
        f"{as_given.float().mean():.0%} of images in [0,1] (n = {len(x)}); if so, put the normalisation "
        "inside the model"
    )


def _balanced(y: Tensor) -> Tensor:
    """Rows of at most ``MOST`` images, equally many of each class where it has them, spread over all."""
    classes = y.unique()
    limit = max(MOST // max(len(classes), 1), 1)
    rows = [(y == c).nonzero()[:, 0] for c in classes]
    return torch.cat([_spread(of_class, limit) for of_class in rows])[:MOST]


def _spread(rows: Tensor, limit: int) -> Tensor:
    """At most so many rows, evenly spaced."""
    count = min(len(rows), limit)
    return rows[torch.arange(count, device=rows.device) * len(rows) // count]

"""A hint about models that want normalised images: this package gives them images in [0,1]."""

import torch
from torch import Tensor, nn

from taet.networks.network import predict

FEWEST, MOST = 100, 512  # images to judge from
GAIN = 0.2  # of accuracy; random networks gain less


def normalization_hint(model: nn.Module, x: Tensor, y: Tensor, batch_size: int) -> str | None:
    """A warning if the model classifies normalised images much better than images in [0,1].

    Args:
        model: in eval mode, on the device of the images.
        x: [N, C, H, W] float32 in [0,1].
        y: [N] int64.
        batch_size: of the forward passes.
    """
    x, y = x[:MOST], y[:MOST]
    if len(x) < FEWEST:
        return None
    mean, std = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    try:
        as_given, normalized = (
            (predict(model, images, batch_size) == y).float().mean().item()
            for images in (x, (x - mean) / torch.where(std > 0, std, 1))
        )
    except Exception:  # of the user's code, which may refuse images beyond [0,1]
        return None
    if normalized - as_given < GAIN:
        return None
    return (
        f"classifies {normalized:.0%} of normalised images correctly, {as_given:.0%} of images in [0,1] "
        f"(n = {len(x)}): put the normalisation inside the model"
    )

"""A vision transformer (Dosovitskiy et al. 2021), for images of 8x8 pixels and up.

patches - linear - positions - DEPTH x (norm - attention - norm - MLP of 4 WIDTH) - norm - mean over patches.
Pre-norm residual blocks, GELU, no dropout. At width 192, depth 12 and 3 heads this is ViT-Ti (Touvron et al.
2021): 5,350,090 weights with patches of 4x4, 3 channels and 10 classes.

Positions and pooling are those of Beyer, Zhai and Kolesnikov (2022), who train better so in few epochs.
Positions are fixed sines and cosines of row and column, not learned: the weights do not depend on the size of
the images. Features are the mean over patches, not a class token: they contain every patch.

As in the authors' code, linear layers begin with Xavier's uniform distribution and biases of 0. The head
begins with torch's values, not with zeros: the first training attacks would have no gradient. Presets
normalise pixels per channel: otherwise positions outweigh patches, and adversarial training hardly leaves its
first loss.
"""

import math

import torch
from torch import Tensor, nn

from taet.errors import UserError
from taet.networks.backbone import Backbone
from taet.options import Count, ModelOptions

MLP_RATIO = 4
LONGEST_WAVE = 10_000  # in patches; Vaswani et al. 2017


class Options(ModelOptions):
    patch: Count
    """Pixels on each side of a patch, which divides those of the images; 4 is usual at 32x32, 8 at 64x64."""
    width: Count
    """Features of a patch: a multiple of 4, and of ``heads``."""
    depth: Count
    """Blocks."""
    heads: Count
    """Heads of an attention."""

    def problem(self) -> str | None:
        if self.width % 4 or self.width % self.heads:
            return f"width: must be a multiple of 4 and of heads ({self.heads}), got {self.width}"
        return None


def build(options: Options, channels: int, size: int) -> Backbone:
    """The network for images of ``channels`` x ``size`` x ``size``.

    Raises:
        UserError: the images cannot be cut into whole patches.
    """
    if size % options.patch:
        raise UserError(
            f"architecture {options.label}: images of {size}x{size} pixels cannot be cut into patches of "
            f"{options.patch}x{options.patch}; set patch to a divisor of {size}"
        )
    return VisionTransformer(options, channels, size // options.patch)


class VisionTransformer(Backbone):
    def __init__(self, options: Options, channels: int, side: int) -> None:
        super().__init__()
        self.features = options.width
        self.patches = nn.Conv2d(channels, options.width, options.patch, options.patch)
        self.register_buffer("positions", positions(side, options.width), persistent=False)
        self.blocks = nn.Sequential(
            *(Block(options.width, options.heads) for _ in range(options.depth))
        )
        self.norm = nn.LayerNorm(options.width)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        return self.norm(self.blocks(tokens)).mean(1)


class Block(nn.Module):
    """Attention between patches, then an MLP for each; [B, N, D] to [B, N, D]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.first_norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        inner = MLP_RATIO * width
        self.mlp = nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.first_norm(x))
        return x + self.mlp(self.second_norm(x))


class Attention(nn.Module):
    """Multi-head self-attention: softmax(q k^T / sqrt(d)) v in each head of d features.

    In plain products. torch's fused kernels add up gradients in another order each time on a GPU, and its
    ``MultiheadAttention`` computes otherwise without gradients, so that a verdict would not be the attack's.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.inputs, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.inputs(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
        return self.output((scores.softmax(-1) @ value).transpose(1, 2).flatten(2))


def positions(side: int, width: int) -> Tensor:
    """Sines and cosines of row and column of each patch, [side * side, width].

    Args:
        side: patches on each side.
        width: a multiple of 4: one quarter each for sine and cosine of row and column.
    """
    rates = LONGEST_WAVE ** (-torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    angles = torch.arange(side).double()[:, None] * rates
    waves = torch.cat([angles.sin(), angles.cos()], 1)  # of one coordinate, [side, width / 2]
    rows, columns = waves.repeat_interleave(side, 0), waves.repeat(side, 1)
    return torch.cat([rows, columns], 1).float()

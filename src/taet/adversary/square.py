"""Square: random search with squares, which sees outputs only (Andriushchenko et al. 2020).

This is AutoAttack's version; two of its properties are options. Its upper limit of a position is exclusive:
a square smaller than the image never reaches the last row or column. Its sizes depend on the number of the
query alone; the code of Square's authors, and torchattacks, rescale the schedule to the number of queries.

Positions and signs are drawn for each image, where AutoAttack draws one position for a whole batch: for one
image, the distribution is the same.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from taet.adversary.norms import TINY, Norm, unit
from taet.adversary.objectives import margin
from taet.adversary.parts import AttackInput

FIRST_SHARE = 0.8  # p_init: share of the pixels in a square, halved after each of these queries
HALVED_AT = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
SCHEDULED = 10_000  # queries that the schedule is made for


@dataclass(frozen=True)
class Square:
    """Square attack on the margin of the logits.

    Attributes:
        title, norm: see ``taet.adversary.parts.Part``.
        queries: proposals for each image; its start costs one pass more.
        positions: of squares; all that fit into the image, or AutoAttack's.
        schedule: of their sizes; rescaled to the number of queries, or fixed (AutoAttack's).
        restart: number of the random search, from 0.
    """

    title: str
    norm: Norm
    queries: int
    positions: Literal["official", "all"] = "official"
    schedule: Literal["fixed", "rescaled"] = "fixed"
    restart: int = 0
    bounded: bool = True
    continues: bool = False

    def run(self, inputs: AttackInput) -> Tensor:
        """The first image that fools the model, or else the one with the smallest margin."""
        inputs = replace(inputs, noise=inputs.noise.for_restart(self.restart))
        begin, propose = (_stripes, _square_linf) if self.norm == "linf" else (_tiles, _square_l2)
        unused = 1 if self.positions == "official" else 0
        result = inputs.x.clone()
        rows = torch.arange(len(result), device=result.device)
        best = begin(inputs)
        best_margin = margin(inputs.logits(best), inputs.y)
        for query in range(self.queries):
            fooled = best_margin < 0
            if fooled.any():
                result[rows[fooled]] = best[fooled]
                rows, best, best_margin = rows[~fooled], best[~fooled], best_margin[~fooled]
                inputs = inputs.rows(~fooled)
            if not len(rows):
                break
            proposed = propose(inputs, best, self._share(query), query, unused)
            proposed_margin = margin(inputs.logits(proposed), inputs.y)
            better = proposed_margin < best_margin
            best = torch.where(better.view(-1, 1, 1, 1), proposed, best)
            best_margin = torch.where(better, proposed_margin, best_margin)
        result[rows] = best
        return result

    def _share(self, query: int) -> float:
        """Share of the image's pixels that the square of a query covers."""
        if self.schedule == "rescaled":
            query = int(query / self.queries * SCHEDULED)
        return FIRST_SHARE / 2 ** sum(query > border for border in HALVED_AT)


def _stripes(inputs: AttackInput) -> Tensor:
    """L-inf: vertical stripes of +-eps."""
    channels, _, width = inputs.x.shape[1:]
    signs = inputs.noise.signs("square stripes", channels, 1, width)
    return (inputs.x + inputs.eps * signs).clamp(0, 1)


def _square_linf(
    inputs: AttackInput, best: Tensor, share: float, query: int, unused: int
) -> Tensor:
    """A square whose pixels all go to +-eps, one sign for each channel."""
    channels, height, width = inputs.x.shape[1:]
    side = min(max(round(math.sqrt(share * height * width)), 1), height, width)
    draws = inputs.noise.uniform(f"square place {query}", 2)
    signs = inputs.noise.signs(f"square sign {query}", channels, 1, 1)
    inside, _, _ = _window(draws, side, height, width, unused)
    moved = best + 2 * inputs.eps * signs * inside
    return torch.clamp(moved, inputs.x - inputs.eps, inputs.x + inputs.eps).clamp(0, 1)


def _tiles(inputs: AttackInput) -> Tensor:
    """L2: a grid of bumps with random signs, a fifth of the image wide, of norm eps together."""
    channels, height, width = inputs.x.shape[1:]
    side = max(height // 5, 1)
    bump = _bump(side, inputs.x)
    first = max((height - side * 5) // 2, 0)
    delta = torch.zeros_like(inputs.x)
    for top in range(first, height - side + 1, side):
        for left in range(first, width - side + 1, side):
            signs = inputs.noise.signs(f"square tile {top} {left}", channels, 1, 1)
            turned = inputs.noise.uniform(f"square tile {top} {left} turned", 1)[:, 0] > 0.5
            delta[:, :, top : top + side, left : left + side] = signs * _turned(bump, turned)
    return (inputs.x + inputs.eps * unit(delta, "l2")).clamp(0, 1)


def _square_l2(inputs: AttackInput, best: Tensor, share: float, query: int, unused: int) -> Tensor:
    """Moves the norm of one window, and the unused part of eps, into a bump in another window."""
    x, eps = inputs.x, inputs.eps
    channels, height, width = x.shape[1:]
    side = _odd_side(share, height, width)
    draws = inputs.noise.uniform(f"square place {query}", 5)
    signs = inputs.noise.signs(f"square sign {query}", channels, 1, 1)
    into, rows, columns = _window(draws[:, :2], side, height, width, unused)
    out_of, _, _ = _window(draws[:, 2:4], side, height, width, unused)
    delta = best - x
    bumps = _turned(_bump(side, x), draws[:, 4] > 0.5)
    images = torch.arange(len(x), device=x.device).view(-1, 1, 1)
    placed_bump = bumps[images, 0, rows.clamp(0, side - 1), columns.clamp(0, side - 1)].unsqueeze(1)
    norm_into = _norm2(delta * into)  # [B, C, 1, 1]
    fresh = (placed_bump * signs + delta / (TINY + norm_into)) * into
    spare = (eps**2 - _norm2(delta, (1, 2, 3)).square()).clamp(min=0) / channels
    # The norm over all channels, as in AutoAttack; the code of Square's authors takes that of each channel.
    moved = _norm2(delta * torch.maximum(into, out_of), (1, 2, 3))
    fresh = fresh / (TINY + _norm2(fresh)) * (spare + moved.square()).sqrt()
    changed = delta * (1 - out_of) * (1 - into) + fresh
    return (x + eps * unit(changed, "l2")).clamp(0, 1)


def _odd_side(share: float, height: int, width: int) -> int:
    """Side of an L2 window: the next odd number from 3, or the largest one that fits."""
    wanted = max(round(math.sqrt(share * height * width)), 3)
    largest = min(height, width)
    return min(wanted + 1 - wanted % 2, largest - 1 + largest % 2)


def _window(
    draws: Tensor, side: int, height: int, width: int, unused: int
) -> tuple[Tensor, Tensor, Tensor]:
    """A square at a random position: mask [B, 1, H, W], and row [B, H, 1] and column [B, 1, W] within it.

    The last ``unused`` rows and columns of positions are left out, unless there is only one.

    Args:
        draws: [B, 2], uniform random numbers.
    """
    top = _below(draws[:, 0], height - side + 1 - unused)
    left = _below(draws[:, 1], width - side + 1 - unused)
    rows = torch.arange(height, device=draws.device) - top[:, None]
    columns = torch.arange(width, device=draws.device) - left[:, None]
    inside = ((rows >= 0) & (rows < side)).unsqueeze(2) & (
        (columns >= 0) & (columns < side)
    ).unsqueeze(1)
    return inside.unsqueeze(1).float(), rows.unsqueeze(2), columns.unsqueeze(1)


def _below(uniform: Tensor, count: int) -> Tensor:
    """Random numbers in [0,1) as whole numbers from 0 to ``count`` - 1; 0 if ``count`` is 0."""
    return (uniform * count).long().clamp(0, max(count - 1, 0))


def _bump(side: int, like: Tensor) -> Tensor:
    """Two halves of opposite sign, each highest in its middle, of norm 1 together; [side, side]."""
    upper = side // 2
    bump = torch.cat([_half_bump(upper, side), -_half_bump(side - upper, side)])
    return (bump / bump.norm()).to(like)


def _turned(bump: Tensor, turned: Tensor) -> Tensor:
    """The bump of each image, transposed or not, [B, 1, side, side]."""
    return torch.where(turned.view(-1, 1, 1, 1), bump.T, bump)


def _half_bump(height: int, width: int) -> Tensor:
    """Sum of 1 / (r + 1)^2 over the rectangles that are r wider than the middle; norm 1."""
    row, column = height // 2, width // 2
    down = (torch.arange(height) - row).abs()[:, None]
    across = (torch.arange(width) - column).abs()[None, :]
    distance = torch.maximum(down, across)
    layers = torch.arange(max(height, width) // 2 + 1)
    heights = ((layers >= distance[..., None]) / (layers + 1.0).square()).sum(-1)
    return heights / heights.norm()


def _norm2(delta: Tensor, dims: tuple[int, ...] = (2, 3)) -> Tensor:
    return delta.square().sum(dims, keepdim=True).sqrt()

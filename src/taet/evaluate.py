"""Evaluation: from a model and test images to one prediction per image and attack."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from taet import plugins
from taet.attacks._base import Target
from taet.errors import UserError
from taet.networks import predict
from taet.progress import Progress
from taet.seeds import seed_for

if TYPE_CHECKING:
    from taet.options import AttackOptions

TOLERANCE = 1e-6  # float32 rounding of x + eps and back


@dataclass(frozen=True)
class Verdict:
    """What an attack did, per test image.

    Attributes:
        prediction: [N] int64, class of the adversarial image; where the clean image is already
            misclassified, that class (such an image is never robust).
        distance: [N] float32, L-inf norm of the perturbation in [0,1] pixel range; 0 where the
            clean image is misclassified.
    """

    prediction: Tensor
    distance: Tensor


def evaluate(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    attacks: "Mapping[str, AttackOptions]",
    *,
    eps: float,
    batch_size: int,
    seed: int,
    title: str = "attack",
) -> tuple[Tensor, dict[str, Verdict]]:
    """Clean predictions [N] int64, and a verdict per attack.

    Args:
        model: takes [B, C, H, W] float32 in [0,1], gives logits; used in eval mode.
        x: [N, C, H, W] float32 test images in [0,1].
        y: [N] int64 labels.
        attacks: options by name; names are those of the verdicts.
        eps: radius of the L-inf ball.
        seed: fixes the random starts.
        title: shown with the progress.

    Raises:
        UserError: an attack broke its own rules (outside the ball or the pixel range, not finite).
    """
    model.eval()
    clean = predict(model, x, batch_size)
    standing = (clean == y).nonzero().squeeze(1)
    noise = _Noise(x.shape, seed)
    verdicts = {}
    with Progress(title, len(attacks) * len(standing), "images") as progress:
        for name, options in attacks.items():
            module = plugins.load("attacks", options.kind)
            prediction, distance = clean.clone(), torch.zeros(len(x))
            for rows in standing.split(batch_size) if len(standing) else ():
                target = Target(model, x[rows], y[rows], eps, partial(noise.rows, rows))
                x_adv = module.attack(options, target)
                verify(name, x_adv, target)
                prediction[rows] = predict(model, x_adv, batch_size)
                distance[rows] = (x_adv - target.x).abs().flatten(1).amax(1)
                progress.step(len(rows), name)
            verdicts[name] = Verdict(prediction, distance)
    return clean, verdicts


def verify(name: str, x_adv: Tensor, target: Target) -> None:
    """Check every adversarial image before it counts.

    Raises:
        UserError: not finite, outside [0,1], or further away than eps.
    """
    if not torch.isfinite(x_adv).all():
        raise UserError(f"attack {name}: adversarial images are not finite; is the model?")
    if x_adv.min() < 0 or x_adv.max() > 1:
        raise UserError(f"attack {name}: adversarial images leave the pixel range [0,1]")
    distance = (x_adv - target.x).abs().max().item()
    if distance > target.eps + TOLERANCE:
        raise UserError(
            f"attack {name}: a perturbation of {distance:.6g} exceeds eps = {target.eps:g}"
        )


class _Noise:
    """Noise for the whole test set, handed out by rows: how batches are cut changes nothing."""

    def __init__(self, shape: torch.Size, seed: int) -> None:
        self.shape, self.seed = shape, seed
        self.drawn: dict[str, Tensor] = {}

    def rows(self, rows: Tensor, sample: Callable[..., Tensor]) -> Tensor:
        """Noise of some rows; ``sample`` is torch.rand or torch.randn."""
        name = sample.__name__
        if name not in self.drawn:
            generator = torch.Generator().manual_seed(seed_for("start", name, self.seed))
            self.drawn[name] = sample(self.shape, generator=generator)
        return self.drawn[name][rows]

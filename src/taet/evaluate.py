"""Evaluation: from a model and test images to one prediction per image and attack.

Conventions. An image that is misclassified when clean is never robust, under any attack. It counts as
fooled when an image inside the ball was found that the model misclassifies; which iterates are looked at
is the attack's own ``convention``. Verdicts are those of a fresh pass in float32 over the finished images,
each of which is verified first.

What attacks share: clean predictions, and the beginnings of their chains (``taet.attacks._base``). A column
named after an attack was run on every image that was classified correctly; only the parts of one attack skip
what the parts before them have broken.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from taet import plugins
from taet.attacks._base import Part, Target
from taet.attacks._noise import Noise
from taet.attacks._norms import Norm, size
from taet.checks import chain_warnings, clean_warnings, model_warnings
from taet.errors import UserError
from taet.networks import predict
from taet.progress import Progress

if TYPE_CHECKING:
    from taet.options import AttackOptions

TOLERANCE = 1e-6  # float32 rounding of x + eps and back
CHUNK = 8  # batches whose images are attacked together, so that batches stay full as images leave
SAVE_EVERY = 30.0  # seconds
NOBODY = -1

Chain = tuple[Part, ...]
Arrays = dict[str, "np.ndarray[Any, Any]"]


@dataclass(frozen=True)
class Verdict:
    """What an attack did, per test image.

    Attributes:
        prediction: [N] int64, class of the adversarial image; where the clean image is already
            misclassified, that class (such an image is never robust).
        distance: [N] float32, norm of the perturbation (L-inf: in [0,1] pixel range); 0 where the clean
            image is misclassified.
        broken_by: [N] int64, which of the attack's ``parts`` fooled the model; -1 for none, also where the
            clean image is misclassified.
        norm: of the perturbation.
        eps: its bound; None for attacks without one.
        parts: titles.
        warnings: why the numbers should not be believed; see ``taet.checks``.
    """

    prediction: Tensor
    distance: Tensor
    broken_by: Tensor
    norm: Norm
    eps: float | None
    parts: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation:
    """What became of a model under attack.

    Attributes:
        clean: [N] int64, classes of the clean images.
        verdicts: by the name of the attack.
        warnings: what is odd about the model; also part of every verdict's.
    """

    clean: Tensor
    verdicts: dict[str, Verdict]
    warnings: tuple[str, ...]


@dataclass
class Saved:
    """Verdicts of an interrupted evaluation, and how to keep those of this one.

    Attributes:
        arrays: what ``keep`` was last given; empty at first.
        keep: called now and then with all verdicts so far.
    """

    arrays: Arrays = field(default_factory=dict)
    keep: Callable[[Arrays], None] = lambda arrays: None


def evaluate(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    attacks: "Mapping[str, AttackOptions]",
    *,
    eps: float,
    batch_size: int,
    seed: int,
    classes: int,
    index: Tensor | None = None,
    title: str = "attack",
    saved: Saved | None = None,
) -> "Evaluation":
    """Clean predictions, and a verdict per attack.

    Args:
        model: takes [B, C, H, W] float32 in [0,1], gives logits; used in eval mode.
        x: [N, C, H, W] float32 test images in [0,1].
        y: [N] int64 labels.
        attacks: options by name; names are those of the verdicts.
        eps: radius of the L-inf ball.
        batch_size: images per pass.
        seed: fixes all random numbers, with ``index``.
        classes: number of classes C.
        index: [N] int64, which image of the data set each is; 0, 1, 2, ... if left out.
        title: shown with the progress.
        saved: to go on from, and to keep.

    Raises:
        UserError: images, labels or model are not as they must be, or an attack broke its own rules
            (outside the ball or the pixel range, not finite).
    """
    check_images(x, y, classes, eps)
    check_model(model.eval(), x[:1], classes)
    with torch.no_grad():
        clean = predict(model, x, batch_size)
    standing = (clean == y).nonzero().squeeze(1)
    run = _Run(
        model,
        x,
        y,
        clean,
        Noise(seed, torch.arange(len(x)) if index is None else index),
        batch_size,
    )
    chains = {name: _chain(name, attacks) for name in attacks}
    radii = {name: _radius(options, eps) for name, options in attacks.items()}
    longest = _longest(chains, radii)
    total = sum(len(chain) for _, chain in longest) * len(standing)
    keeper = _Keeper(run, saved or Saved(), list(_prefixes(longest)))
    with Progress(title, total, "image-attacks") as progress:
        for radius, chain in longest:
            for rows in standing.split(CHUNK * batch_size) if len(standing) else ():
                run.walk(radius, chain, rows, progress, keeper.tick)
    odd = clean_warnings(clean, classes)
    odd += model_warnings(model, x[standing[:batch_size]], y[standing[:batch_size]])
    verdicts = {}
    for name, chain in chains.items():
        state = run.state(radii[name], chain)
        found = [*odd, *chain_warnings(chain, state.broken_by, classes, len(standing))]
        verdicts[name] = Verdict(
            state.prediction,
            state.distance,
            state.broken_by,
            chain[-1].norm,
            radii[name] if chain[-1].bounded else None,
            tuple(part.title for part in chain),
            tuple(found),
        )
    return Evaluation(clean, verdicts, tuple(odd))


def check_images(x: Tensor, y: Tensor, classes: int, eps: float) -> None:
    """Check what is to be attacked.

    Raises:
        UserError: pixels outside [0,1], labels outside 0..C-1, a class without an image, or eps outside
            (0,1).
    """
    if not 0 < eps < 1:
        raise UserError(f"eps: must be above 0 and below 1, in the [0,1] pixel range, got {eps:g}")
    if len(x) != len(y) or not len(x):
        raise UserError(f"{len(x)} images and {len(y)} labels; must be as many, at least one")
    if not (torch.isfinite(x).all() and x.min() >= 0 and x.max() <= 1):
        raise UserError(
            f"images go from {x.min():g} to {x.max():g}; must be in [0,1], with any normalisation inside "
            "the model"
        )
    if y.min() < 0 or y.max() >= classes:
        raise UserError(f"labels go from {y.min()} to {y.max()}; must be from 0 to {classes - 1}")
    if empty := (torch.bincount(y, minlength=classes) == 0).nonzero().flatten().tolist():
        raise UserError(f"class {empty[0]} has no test image, so balanced numbers are undefined")


@torch.no_grad()
def check_model(model: nn.Module, x: Tensor, classes: int) -> None:
    """Check a model on one image.

    Raises:
        UserError: weights that are not finite, or outputs of another shape than [B, C].
    """
    for name, value in model.state_dict().items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise UserError(f"weights {name!r} of the model are not finite; it has diverged")
    try:
        shape = tuple(model(x).shape)
    except (RuntimeError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"the model cannot take images of the shape {tuple(x.shape)}: {reason}"
        ) from None
    if shape != (len(x), classes):
        raise UserError(
            f"the model gives outputs of the shape {shape} for {len(x)} image; must be "
            f"({len(x)}, {classes}): one logit for each of the {classes} classes"
        )


def verify(part: Part, x_adv: Tensor, target: Target) -> None:
    """Check every adversarial image before it counts.

    Raises:
        UserError: not finite, outside [0,1], or further away than eps.
    """
    if not torch.isfinite(x_adv).all():
        raise UserError(f"attack {part.title}: adversarial images are not finite; is the model?")
    if x_adv.min() < 0 or x_adv.max() > 1:
        raise UserError(f"attack {part.title}: adversarial images leave the pixel range [0,1]")
    if not part.bounded:
        return
    distance = size((x_adv - target.x).double(), part.norm).max().item()
    if distance > target.eps + TOLERANCE:
        raise UserError(
            f"attack {part.title}: a perturbation of {distance:.7g} exceeds eps = {target.eps:g}"
        )


def _chain(name: str, attacks: "Mapping[str, AttackOptions]") -> Chain:
    """The parts of an attack, cut so that attacks of the same kind share what they can."""
    kind = attacks[name].kind
    module = plugins.load("attacks", kind)
    if hasattr(module, "chains"):
        alike = {other: options for other, options in attacks.items() if options.kind == kind}
        return module.chains(alike)[name]  # type: ignore[no-any-return]
    return module.parts(attacks[name])  # type: ignore[no-any-return]


def _radius(options: "AttackOptions", eps: float) -> float:
    own = getattr(options, "eps", None)
    return eps if own is None else own


def _longest(chains: Mapping[str, Chain], radii: Mapping[str, float]) -> list[tuple[float, Chain]]:
    """The chains that are no beginning of another one, each once, in order."""
    wanted = list(dict.fromkeys((radii[name], chain) for name, chain in chains.items()))
    return [
        (radius, chain)
        for radius, chain in wanted
        if not any(
            radius == r and len(other) > len(chain) and other[: len(chain)] == chain
            for r, other in wanted
        )
    ]


def _prefixes(longest: list[tuple[float, Chain]]) -> dict[tuple[float, Chain], None]:
    return dict.fromkeys(
        (radius, chain[:depth]) for radius, chain in longest for depth in range(1, len(chain) + 1)
    )


@dataclass
class _State:
    """Verdicts after the parts of a chain so far, and which rows have them; [N] each."""

    prediction: Tensor
    distance: Tensor
    broken_by: Tensor
    done: Tensor


class _Run:
    """One evaluation: the images, and the verdicts after every beginning of every chain."""

    def __init__(
        self, model: nn.Module, x: Tensor, y: Tensor, clean: Tensor, noise: Noise, batch_size: int
    ) -> None:
        self.model, self.x, self.y, self.clean = model, x, y, clean
        self.noise, self.batch_size = noise, batch_size
        self.states: dict[tuple[float, Chain], _State] = {}

    def state(self, radius: float, chain: Chain) -> _State:
        if (radius, chain) not in self.states:
            self.states[radius, chain] = _State(
                self.clean.clone(),
                torch.zeros(len(self.x)),
                torch.full_like(self.clean, NOBODY),
                torch.zeros(len(self.x), dtype=torch.bool),
            )
        return self.states[radius, chain]

    def walk(
        self,
        radius: float,
        chain: Chain,
        rows: Tensor,
        progress: Progress,
        tick: Callable[[], None],
    ) -> None:
        """Run the parts of a chain on some rows, each on those that are still standing."""
        depth = self._first_missing(radius, chain, rows)
        progress.step(depth * len(rows), chain[max(depth - 1, 0)].title)
        before = self.state(radius, chain[:depth])
        alive = rows if depth == 0 else rows[before.prediction[rows] == self.y[rows]]
        iterate = self.x[alive]
        for place, part in enumerate(chain[depth:], depth):
            after = self.state(radius, chain[: place + 1])
            for values in ("prediction", "distance", "broken_by"):
                getattr(after, values)[rows] = getattr(before, values)[rows]
            if len(alive):
                target = Target(
                    self.model,
                    self.x[alive],
                    self.y[alive],
                    radius,
                    self.noise.rows(alive),
                    self.batch_size,
                    iterate,
                )
                x_adv = part.run(target).detach()
                verify(part, x_adv, target)
                prediction = predict(self.model, x_adv, self.batch_size)
                fooled = prediction != target.y
                after.prediction[alive] = prediction
                after.distance[alive] = size(x_adv - target.x, part.norm)
                after.broken_by[alive[fooled]] = place
                alive, iterate = alive[~fooled], x_adv[~fooled]
            after.done[rows] = True
            before = after
            progress.step(len(rows), part.title)
            tick()

    def _first_missing(self, radius: float, chain: Chain, rows: Tensor) -> int:
        """Parts whose verdicts are there already; none that a part still to run would go on from."""
        depth = 0
        while depth < len(chain) and self.state(radius, chain[: depth + 1]).done[rows].all():
            depth += 1
        while depth < len(chain) and chain[depth].goes_on:
            depth -= 1
        return depth


class _Keeper:
    """Keeps the verdicts so far, now and then, and brings back those of an interrupted evaluation."""

    def __init__(self, run: _Run, saved: Saved, prefixes: list[tuple[float, Chain]]) -> None:
        self.run, self.saved, self.prefixes = run, saved, prefixes
        self.last = time.monotonic()
        for name, values in saved.arrays.items():
            number, what = name.split("/")
            state = run.state(*prefixes[int(number)])
            setattr(state, what, torch.from_numpy(np.array(values)))

    def tick(self) -> None:
        """A part is done."""
        if time.monotonic() - self.last < SAVE_EVERY:
            return
        self.last = time.monotonic()
        self.saved.keep(
            {
                f"{number}/{what}": values.numpy()
                for number, key in enumerate(self.prefixes)
                for what, values in vars(self.run.state(*key)).items()
            }
        )

"""Evaluation: from a model and test images to one prediction per image and attack.

Conventions. An image that is misclassified when clean is never robust, under any attack. It counts as
fooled when an image inside the ball was found that the model misclassifies; which iterates are looked at
is the attack's own ``convention``. Verdicts are those of a fresh pass in float32 over the finished images,
each of which is verified first.

What attacks share: clean predictions, and the beginnings of their chains (``taet.adversary.parts``). A column
named after an attack was run on every image that was classified correctly; only the parts of one attack skip
what the parts before them have broken.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from taet.adversary.chains import Bounded, Chain, beginnings, chain_of, longest, radius_of
from taet.adversary.checks import (
    chain_warnings,
    check_images,
    check_model,
    clean_warnings,
    model_warnings,
    reach_warnings,
    verify,
)
from taet.adversary.noise import Noise
from taet.adversary.norms import Norm, size
from taet.adversary.parts import Target
from taet.adversary.square import Square
from taet.adversary.subject import Subject
from taet.compute.devices import attack_precision
from taet.compute.folding import folded
from taet.networks.network import predict
from taet.study.run.progress import Progress
from taet.study.run.resume import ResumeFile

if TYPE_CHECKING:
    from taet.options import AttackOptions

# Batches whose images are attacked together, so that batches stay full as images leave. One with Square,
# whose thousands of passes over as many images at once would leave little to go on from after a crash.
CHUNK = 8
NO_PART = -1

Arrays = dict[str, "np.ndarray[Any, Any]"]


@dataclass(frozen=True)
class Verdict:
    """What an attack did, per test image; tensors are in main memory.

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
        warnings: why the numbers should not be believed; see ``taet.adversary.checks``.
        images: [N, C, H, W] float32, on the model's device: the last that the attack has made of each image,
            whether it fools the model or not; the clean one where that is misclassified. None unless asked
            for.
    """

    prediction: Tensor
    distance: Tensor
    broken_by: Tensor
    norm: Norm
    eps: float | None
    parts: tuple[str, ...]
    warnings: tuple[str, ...]
    images: Tensor | None = None


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
    precision: str = "fp32",
    index: Tensor | None = None,
    title: str = "attack",
    resume: ResumeFile | None = None,
    with_images: bool = False,
) -> Evaluation:
    """Clean predictions, and a verdict per attack.

    Args:
        model: takes [B, C, H, W] float32 in [0,1], gives logits; used in eval mode and folded, see
            ``taet.compute.folding``.
        x: [N, C, H, W] float32 test images in [0,1], on the device of the model.
        y: [N] int64 labels, likewise.
        attacks: options by name; names are those of the verdicts.
        eps: radius of the L-inf ball.
        batch_size: images per pass.
        seed: fixes all random numbers, with ``index``.
        classes: number of classes C.
        precision: in which attacks look for images; see ``taet.study.params.blocks.Evaluation``.
        index: [N] int64, which image of the data set each is; 0, 1, 2, ... if left out.
        title: shown with the progress.
        resume: verdicts of an interrupted evaluation, to go on from; those of this one are saved there.
        with_images: hand back the adversarial images too, which must all fit in memory; not with ``resume``.

    Raises:
        UserError: images, labels or model are not as they must be, or an attack broke its own rules
            (outside the ball or the pixel range, not finite).
    """
    check_images(x, y, classes, eps)
    index = torch.arange(len(x)) if index is None else index
    noise = Noise(seed, index.to(x.device))
    wanted = {
        name: (radius_of(options, eps), chain_of(name, attacks))
        for name, options in attacks.items()
    }
    planned = longest(list(wanted.values()))
    with folded(model):
        subject = Subject(model)
        batch_size = check_model(subject, x[:batch_size], classes)
        run = _Run(subject, x, y, noise, batch_size, precision, with_images)
        # Sorted: saved verdicts have numbers, and attacks may be named in another order next time.
        resumption = _Resumption(run, resume, sorted(beginnings(planned), key=repr))
        total = sum(len(chain) for _, chain in planned) * len(run.correct)
        with Progress(title, total, "image-attacks") as progress:
            for radius, chain in planned:
                for rows in run.chunks(chain):
                    run.walk(radius, chain, rows, progress, resumption.save)
        first = run.correct[:batch_size]
        odd = [*clean_warnings(run.clean, classes), *model_warnings(subject, x[first], y[first])]
    rounds = precision == "bf16" or (precision == "tf32" and x.device.type == "cuda")
    verdicts = {}
    for name, (radius, chain) in wanted.items():
        state = run.state(radius, chain)
        warnings = [
            *odd,
            *attacks[name].cautions(),
            *([f"images were looked for in {precision}"] if rounds else []),
            *reach_warnings(chain, radius),
            *chain_warnings(chain, state.broken_by, classes, len(run.correct)),
        ]
        verdicts[name] = Verdict(
            state.prediction.cpu(),
            state.distance.cpu(),
            state.broken_by.cpu(),
            chain[-1].norm,
            radius if chain[-1].bounded else None,
            tuple(part.title for part in chain),
            tuple(warnings),
            run.images.get((radius, chain), x) if with_images else None,
        )
    return Evaluation(run.clean.cpu(), verdicts, tuple(odd))


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
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        noise: Noise,
        batch_size: int,
        precision: str,
        with_images: bool,
    ) -> None:
        self.model, self.x, self.y = model, x, y
        self.noise, self.batch_size, self.precision = noise, batch_size, precision
        with torch.no_grad():
            self.clean = predict(model, x, batch_size)
        self.correct = (self.clean == y).nonzero().squeeze(1)
        self.states: dict[Bounded, _State] = {}
        self.with_images = with_images
        self.images: dict[Bounded, Tensor] = {}

    def chunks(self, chain: Chain) -> Sequence[Tensor]:
        """The rows to attack, as many at a time as are attacked together."""
        together = 1 if any(isinstance(part, Square) for part in chain) else CHUNK
        return self.correct.split(self.batch_size * together) if len(self.correct) else ()

    def state(self, radius: float, chain: Chain) -> _State:
        if (radius, chain) not in self.states:
            self.states[radius, chain] = _State(
                self.clean.clone(),
                torch.zeros_like(self.clean, dtype=torch.float32),
                torch.full_like(self.clean, NO_PART),
                torch.zeros_like(self.clean, dtype=torch.bool),
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
            images = self._images_after(radius, chain[: place + 1], rows)
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
                with attack_precision(self.precision, self.x.device.type):
                    x_adv = part.run(target).detach()
                verify(part, x_adv, target)
                prediction = predict(self.model, x_adv, self.batch_size)
                fooled = prediction != target.y
                after.prediction[alive] = prediction
                after.distance[alive] = size(x_adv - target.x, part.norm)
                after.broken_by[alive[fooled]] = place
                if images is not None:
                    images[alive] = x_adv
                alive, iterate = alive[~fooled], x_adv[~fooled]
            after.done[rows] = True
            before = after
            progress.step(len(rows), part.title)
            tick()

    def _images_after(self, radius: float, chain: Chain, rows: Tensor) -> Tensor | None:
        """Where the images after the last part go; for now those of the part before it."""
        if not self.with_images:
            return None
        before = self.images.get((radius, chain[:-1]), self.x)
        if (radius, chain) not in self.images:
            self.images[radius, chain] = self.x.clone()
        images = self.images[radius, chain]
        images[rows] = before[rows]
        return images

    def _first_missing(self, radius: float, chain: Chain, rows: Tensor) -> int:
        """Parts whose verdicts are there already; none that a part still to run would go on from."""
        depth = 0
        while depth < len(chain) and self.state(radius, chain[: depth + 1]).done[rows].all():
            depth += 1
        while depth < len(chain) and chain[depth].goes_on:
            depth -= 1
        return depth


class _Resumption:
    """Brings back the verdicts of an interrupted evaluation, and saves those of this one."""

    def __init__(self, run: _Run, file: ResumeFile | None, prefixes: list[Bounded]) -> None:
        self.run, self.file, self.prefixes = run, file, prefixes
        if file is not None:
            file.restore(self._restore)

    def save(self) -> None:
        """Called after each part."""
        if self.file is not None:
            self.file.save(self._collect)

    def _restore(self, arrays: Arrays, facts: dict[str, Any]) -> None:
        for name, values in arrays.items():
            number, field = name.split("/")
            state = self.run.state(*self.prefixes[int(number)])
            setattr(state, field, torch.from_numpy(np.array(values)).to(self.run.x.device))

    def _collect(self) -> tuple[Arrays, dict[str, Any]]:
        arrays = {
            f"{number}/{field}": values.cpu().numpy()
            for number, prefix in enumerate(self.prefixes)
            for field, values in vars(self.run.state(*prefix)).items()
        }
        return arrays, {}

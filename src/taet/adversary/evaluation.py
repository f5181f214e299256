"""Evaluation: from a model and test images to one prediction per image and attack.

Conventions. An image that is misclassified without an attack is not robust under any. Any other image is
robust unless an attack finds a misclassified image inside its ball; the attack's ``convention`` says which
iterates count. The adversarial images of a part are checked, and then classified in a separate pass in
float32, which decides.

Attacks share clean predictions and the beginnings of their chains (``taet.adversary.parts``). Every attack
runs on all images that are classified correctly; its later parts run only on those that are still robust.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from taet.adversary.chains import (
    Chain,
    ChainInBall,
    beginnings,
    chains_of,
    longest,
    shared_beginnings,
)
from taet.adversary.checks import check_adversarial, check_images, check_model
from taet.adversary.noise import Noise
from taet.adversary.norms import Norm, norm_of
from taet.adversary.parts import AttackInput
from taet.adversary.square import Square
from taet.adversary.subject import Subject
from taet.adversary.warnings import (
    averaged,
    chain_warnings,
    clean_warnings,
    model_warnings,
    precision_warnings,
    reach_warnings,
)
from taet.compute.devices import attack_precision
from taet.compute.folding import folded
from taet.networks.network import Arrays, predict
from taet.study.run.progress import Progress
from taet.study.run.resume import ResumeFile

if TYPE_CHECKING:
    from taet.options import AttackOptions

# Number of batches whose images are attacked together, so that batches stay full as images leave. One with
# Square: its thousands of passes take so long that a crash would lose much if more images ran together.
CHUNK = 8
NO_PART = -1


@dataclass(frozen=True)
class Verdict:
    """The result of an attack for each test image; tensors are in main memory.

    Attributes:
        prediction: [N] int64, class of the adversarial image; where the clean image is already
            misclassified, that class (such an image is never robust).
        distance: [N] float32, norm of the perturbation (L-inf: in [0,1] pixel range); 0 where the clean
            image is misclassified.
        broken_by: [N] int64, position in ``parts`` of the one that fooled the model; -1 for none, also where
            the clean image is misclassified.
        norm: of the perturbation.
        eps: its bound; None for attacks without one.
        parts: titles of the attack's parts.
        warnings: why the numbers should not be believed; see ``taet.adversary.warnings``.
        images: [N, C, H, W] float32, on the model's device: the last adversarial image of each image, whether
            it fools the model or not; the clean one where that is misclassified. None unless asked for.
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
    """Predictions of a model, clean and under attack.

    Attributes:
        clean: [N] int64, predicted classes of the clean images.
        verdicts: by the name of the attack.
        warnings: about the model; every verdict's warnings contain them, and that gradients are means.
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
        precision: in which attacks search for images; see ``taet.study.params.blocks.EvaluationOptions``.
        index: [N] int64, which image of the data set each is; 0, 1, 2, ... if left out.
        title: shown with the progress.
        resume: verdicts of an interrupted evaluation, to go on from; those of this one are saved there.
        with_images: hand back the adversarial images too, one tensor like ``x`` for each attack; not with
            ``resume``.

    Raises:
        ValueError: ``resume`` with ``with_images``: images are not saved.
        UserError: images, labels or model are not as they must be, or an attack broke its own rules
            (outside the ball or the pixel range, not finite).
    """
    if with_images and resume is not None:
        raise ValueError("an evaluation with images cannot be resumed")
    check_images(x, y, classes, eps)
    index = torch.arange(len(x)) if index is None else index
    noise = Noise(seed, index.to(x.device))
    chains = chains_of(attacks, eps)
    distinct = longest(list(chains.values()))
    keep_images = [*chains.values(), *shared_beginnings(distinct)] if with_images else []
    with folded(model):
        subject = Subject(model)
        batch_size = check_model(subject, x[:batch_size], classes)
        run = _Run(subject, x, y, noise, batch_size, precision, keep_images)
        _run_all(run, distinct, title, resume)
        warnings = _model_warnings(run, classes)
    verdicts = {
        name: _verdict(run, chain, attacks[name], warnings, classes)
        for name, chain in chains.items()
    }
    return Evaluation(run.clean.cpu(), verdicts, tuple(warnings))


def _model_warnings(run: "_Run", classes: int) -> list[str]:
    """Warnings about the model of a run."""
    first = run.correct[: run.batch_size]
    return [
        *clean_warnings(run.clean, classes),
        *model_warnings(run.model, run.x[first], run.y[first]),
    ]


def _verdict(
    run: "_Run",
    in_ball: ChainInBall,
    options: "AttackOptions",
    about_model: Sequence[str],
    classes: int,
) -> Verdict:
    """The verdict of an attack that has run, with its warnings."""
    radius, chain = in_ball
    warnings = (
        *averaged(about_model, options.eot_samples),
        *options.cautions(),
        *precision_warnings(run.precision, run.x.device.type),
        *reach_warnings(chain, radius),
        *chain_warnings(chain, run.state(radius, chain).broken_by, classes, len(run.correct)),
    )
    return run.verdict(radius, chain, warnings)


def _run_all(
    run: "_Run", chains: Sequence[ChainInBall], title: str, resume: ResumeFile | None
) -> None:
    """Attack all images with some chains, from the saved verdicts on."""
    # Sorted, since saved verdicts are numbered and attacks may come in another order next time.
    resumption = _Resumption(run, resume, sorted(beginnings(chains), key=repr))
    total = sum(len(chain) for _, chain in chains) * len(run.correct)
    with Progress(title, total, "image-attacks") as progress:
        for radius, chain in chains:
            for rows in run.chunks(chain):
                run.attack(radius, chain, rows, progress, resumption.save)


@dataclass
class _State:
    """Verdicts after a beginning of a chain, and the rows for which they are ``done``; [N] each."""

    prediction: Tensor
    distance: Tensor
    broken_by: Tensor
    done: Tensor


class _Run:
    """One evaluation: the images, and the verdicts after every beginning of every chain."""

    def __init__(
        self,
        model: Subject,
        x: Tensor,
        y: Tensor,
        noise: Noise,
        batch_size: int,
        precision: str,
        keep_images: Sequence[ChainInBall],
    ) -> None:
        self.model, self.x, self.y = model, x, y
        self.noise, self.batch_size, self.precision = noise, batch_size, precision
        with torch.no_grad():
            self.clean = predict(model, x, batch_size)
        self.correct = (self.clean == y).nonzero().squeeze(1)
        self.states: dict[ChainInBall, _State] = {}
        self.images = {chain: x.clone() for chain in keep_images}

    def chunks(self, chain: Chain) -> Sequence[Tensor]:
        """The rows to attack, in chunks that are attacked together."""
        batches = 1 if any(isinstance(part, Square) for part in chain) else CHUNK
        return self.correct.split(self.batch_size * batches) if len(self.correct) else ()

    def verdict(self, radius: float, chain: Chain, warnings: tuple[str, ...]) -> Verdict:
        """The verdict after a chain that has run."""
        state = self.state(radius, chain)
        return Verdict(
            state.prediction.cpu(),
            state.distance.cpu(),
            state.broken_by.cpu(),
            chain[-1].norm,
            radius if chain[-1].bounded else None,
            tuple(part.title for part in chain),
            warnings,
            self.images.get((radius, chain)),
        )

    def state(self, radius: float, chain: Chain) -> _State:
        """The verdicts after a beginning of a chain; before it has run, those of the clean images."""
        if (radius, chain) not in self.states:
            self.states[radius, chain] = _State(
                self.clean.clone(),
                torch.zeros_like(self.clean, dtype=torch.float32),
                torch.full_like(self.clean, NO_PART),
                torch.zeros_like(self.clean, dtype=torch.bool),
            )
        return self.states[radius, chain]

    def attack(
        self,
        radius: float,
        chain: Chain,
        rows: Tensor,
        progress: Progress,
        save: Callable[[], None],
    ) -> None:
        """Run the parts of a chain on some rows, each on the images that are still robust."""
        done = self._parts_done(radius, chain, rows)
        progress.step(done * len(rows), chain[max(done - 1, 0)].title)
        before = self.state(radius, chain[:done])
        robust = rows if done == 0 else rows[before.prediction[rows] == self.y[rows]]
        iterate = self.x[robust]
        images = self.images.get((radius, chain[:done]), self.x)[rows]
        for length in range(done + 1, len(chain) + 1):
            attacked, part = robust, chain[:length]
            robust, iterate, x_adv = self._attack_part(radius, part, rows, robust, iterate)
            if self.images:
                images[torch.searchsorted(rows, attacked)] = x_adv
            if (radius, part) in self.images:
                self.images[radius, part][rows] = images
            progress.step(len(rows), part[-1].title)
            save()

    def _attack_part(
        self, radius: float, chain: Chain, rows: Tensor, robust: Tensor, iterate: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run the last part of a chain on the robust rows.

        Returns:
            The rows that are robust after it, their iterates, and the adversarial images of all that were
            attacked.
        """
        before, after = self.state(radius, chain[:-1]), self.state(radius, chain)
        for values in ("prediction", "distance", "broken_by"):
            getattr(after, values)[rows] = getattr(before, values)[rows]
        x_adv = iterate
        if len(robust):
            part, x, y = chain[-1], self.x[robust], self.y[robust]
            noise = self.noise.rows(robust)
            inputs = AttackInput(self.model, x, y, radius, noise, self.batch_size, iterate)
            with attack_precision(self.precision, x.device.type):
                x_adv = part.run(inputs).detach()
            check_adversarial(part, x_adv, inputs)
            prediction = predict(self.model, x_adv, self.batch_size)
            fooled = prediction != y
            after.prediction[robust] = prediction
            after.distance[robust] = norm_of(x_adv - x, part.norm)
            after.broken_by[robust[fooled]] = len(chain) - 1
            robust, iterate = robust[~fooled], x_adv[~fooled]
        after.done[rows] = True
        return robust, iterate, x_adv

    def _parts_done(self, radius: float, chain: Chain, rows: Tensor) -> int:
        """How many parts of a chain need not run again on some rows.

        A part that continues another needs its iterates, which are not saved: both run again.
        """
        done = 0
        while done < len(chain) and self.state(radius, chain[: done + 1]).done[rows].all():
            done += 1
        while done < len(chain) and chain[done].continues:
            done -= 1
        return done


class _Resumption:
    """Restores the verdicts of an interrupted evaluation, and saves those of this one."""

    def __init__(self, run: _Run, file: ResumeFile | None, chains: list[ChainInBall]) -> None:
        self.run, self.file, self.chains = run, file, chains
        if file is not None:
            file.restore(self._restore)

    def save(self) -> None:
        """Called after each part."""
        if self.file is not None:
            self.file.save(self._collect)

    def _restore(self, arrays: Arrays, facts: dict[str, Any]) -> None:
        for name, values in arrays.items():
            number, field = name.split("/")
            state = self.run.state(*self.chains[int(number)])
            setattr(state, field, torch.from_numpy(np.array(values)).to(self.run.x.device))

    def _collect(self) -> tuple[Arrays, dict[str, Any]]:
        arrays = {
            f"{number}/{field}": values.cpu().numpy()
            for number, chain in enumerate(self.chains)
            for field, values in vars(self.run.state(*chain)).items()
        }
        return arrays, {}

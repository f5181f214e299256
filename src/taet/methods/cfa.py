"""CFA: class-wise calibrated fair adversarial training (Wei et al. 2023), on TRADES or on PGD-AT.

t_k is the share of class k's adversarial training images classified correctly in the epoch before. The
attack's radius is (radius_base + t_k) eps (CCM, eq. 6). On TRADES beta_k = (regularization_base + t_k) beta,
and the loss is mean (CE(z(x), y) + beta_y KL(q(x) || q(x'))) / (1 + beta_y) (CCR, eq. 7 and 8). Hard classes
get a smaller radius; DAFA and RobustLT (``class_radius``) enlarge it for hard or rare classes.

FAWA (section 4.3) saves an average of the weights after each epoch in which the worst class is robust
enough. The authors measure this on held-out images, which a method does not have: here the worst t_k of the
epoch itself decides. That costs no pass, but it is measured at the class's own radius while weights change,
and it overfits. Batch norm's statistics are averaged too, as in the authors' code. Until an epoch passes,
the last weights are saved.

The common preset follows the paper, ``cfa_faithful`` the code. On TRADES they differ (paper, code):
radius_base 0.3, 0.5; decay 0.85, 0.88; threshold 0.2, 0.24; first averaged epoch 50, 1 of 200. In both
presets calibration begins after 5 % of the epochs, as in the code; the paper begins after one. We divide a
class's hits by its own images. The code divides by N / C, which is right only in a balanced training set. A
class without images in an epoch keeps its t_k.
Cost per step with K attack steps (on PGD-AT 2 and 1 less): K + 3 forward and K + 2 backward passes.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from torch import Tensor

from taet.losses import cross_entropy, kl_divergence
from taet.networks.network import Network
from taet.options import Field, NonNegative, OnTradesOptions, Positive, Share, Whole
from taet.training.class_sums import class_sums
from taet.training.method import Attacked, Batch, TrainingContext
from taet.training.on_trades import OnTrades


class Options(OnTradesOptions):
    beta: Positive | None
    """Weight of TRADES' KL term before it is calibrated; authors: 6; null: on PGD-AT."""
    radius_base: Positive
    """lambda_1; authors: 0.5 on PGD-AT, 0.3 on TRADES."""
    regularization_base: NonNegative | None
    """lambda_2; authors: 0.5; null on PGD-AT."""
    begin_epoch: Whole
    """First epoch, counted from 0, that is calibrated; authors: 10 of 200."""
    average_decay: Annotated[Share, Field(lt=1)]
    """Weight of the average so far; authors: 0.85."""
    average_threshold: Share
    """Least robustness of the worst class in an epoch whose weights are averaged; authors: 0.2."""
    average_begin_epoch: Whole
    """First epoch, counted from 0, whose weights are averaged; authors: 49 of 200."""

    def problem(self) -> str | None:
        if (self.beta is None) != (self.regularization_base is None):
            return (
                "give both beta and regularization_base (on TRADES), or null for both (on PGD-AT)"
            )
        if self.weight_average is not None:
            return "CFA averages its weights itself; set weight_average to null"
        return None


class Method(OnTrades):
    options: Options

    def __init__(self, options: Options, context: TrainingContext) -> None:
        super().__init__(options, context)
        # Adversarial images of each class, those classified correctly among them: in this epoch so far,
        # and in the last epoch that had any.
        self.seen = torch.zeros_like(context.train_counts)
        self.correct, self.last_seen, self.last_correct = (self.seen.clone() for _ in range(3))
        self.step, self.steps = 0, steps_per_epoch(options, context)
        # Between epochs the network has the averaged weights; training continues from ``trained``.
        self.trained: dict[str, Tensor] = {}
        self.average: dict[str, Tensor] = {}
        self.averaging = torch.zeros_like(self.seen[0], dtype=torch.bool)

    def start_epoch(self, epoch: int) -> None:
        had_images = self.seen > 0
        self.last_correct = torch.where(had_images, self.correct, self.last_correct)
        self.last_seen = torch.where(had_images, self.seen, self.last_seen)
        self.correct, self.seen = torch.zeros_like(self.correct), torch.zeros_like(self.seen)
        self.step = 0

    def calibration(self, base: float, epoch: int) -> Tensor:
        """base + t_k, or 1 before ``begin_epoch`` and for a class of which no image was seen; [C]."""
        if epoch < self.options.begin_epoch:
            return torch.ones(self.classes, device=self.seen.device)
        return torch.where(self.last_seen > 0, base + self.last_correct / self.last_seen, 1)

    def budget(self, batch: Batch) -> tuple[float | Tensor, float | Tensor]:
        eps, step_size = super().budget(batch)
        return eps * self.calibration(self.options.radius_base, batch.epoch)[batch.y], step_size

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        beta, base = self.options.beta, self.options.regularization_base
        if beta is None or base is None:
            adversarial = model(attacked.x)
            losses = cross_entropy(adversarial, batch.y)
        else:
            clean, adversarial = model(batch.x), model(attacked.x)
            betas = beta * self.calibration(base, batch.epoch)[batch.y]
            kl = kl_divergence(clean, adversarial)
            losses = (cross_entropy(clean, batch.y) + betas * kl) / (1 + betas)
        attacked.extras["correct"] = adversarial.detach().argmax(1) == batch.y
        return losses.mean()

    def after_step(
        self, model: Network, batch: Batch, attacked: Attacked, learning_rate: float
    ) -> None:
        counted = torch.stack([torch.ones_like(batch.y), attacked.extras["correct"].long()], dim=1)
        seen, correct = class_sums(counted, batch.y, self.classes).unbind(1)
        self.seen += seen
        self.correct += correct
        self.step += 1
        if self.step == self.steps:
            self._end_epoch(model, batch.epoch)

    def _end_epoch(self, model: Network, epoch: int) -> None:
        """Include the weights in the average, and give it to the network. Asks the device for no number."""
        robustness = torch.where(self.seen > 0, self.correct / self.seen, 1)
        passes = robustness.min() >= self.options.average_threshold
        passes &= epoch >= self.options.average_begin_epoch
        share = torch.where(self.averaging, (1 - self.options.average_decay) * passes, 1)
        self.averaging = self.averaging | passes
        self.trained = copies(model)
        self.average = {
            name: averaged(self.average.get(name, weight), weight, share)
            for name, weight in self.trained.items()
        }
        overwrite(model, self.average)

    def constrain(self, model: Network) -> None:
        """Before an epoch, return from the averaged weights to the trained ones."""
        if self.trained and self.step == 0:
            self.average = copies(model)
            overwrite(model, self.trained)
            self.trained = {}

    def state(self) -> dict[str, Tensor]:
        counts = {name: getattr(self, name) for name in COUNTS}
        trained = {f"trained/{name}": value for name, value in self.trained.items()}
        return {**counts, "averaging": self.averaging, **trained}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        for name in (*COUNTS, "averaging"):
            setattr(self, name, state[name])
        prefix = "trained/"
        self.trained = {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}


COUNTS = ("seen", "correct", "last_seen", "last_correct")


def steps_per_epoch(options: Options, context: TrainingContext) -> int:
    """How many batches the training images make."""
    training, images = options.training, int(context.train_counts.sum())
    whole, rest = divmod(images, training.batch_size)
    return whole + (rest > 0 and not training.drop_last)


def averaged(average: Tensor, newest: Tensor, share: Tensor) -> Tensor:
    """The average with a share of the newest weights; counts of batches are the newest."""
    return average.lerp(newest, share.to(newest)) if newest.is_floating_point() else newest


def copies(model: Network) -> dict[str, Tensor]:
    """Weights and buffers by name."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


@torch.no_grad()
def overwrite(model: Network, weights: Mapping[str, Tensor]) -> None:
    """Change weights and buffers in place, as recorded attacks demand."""
    for name, value in model.state_dict().items():
        value.copy_(weights[name])

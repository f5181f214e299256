"""Averages of the weights of a training, which are saved and evaluated in place of the last weights."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from taet.networks.network import Network

if TYPE_CHECKING:
    from taet import options


class WeightAverager:
    """Base of averages: it counts the weights in the average, and is saved with the run."""

    def __init__(self) -> None:
        self.steps = 0
        self.average: dict[str, Tensor] = {}

    def after_step(self, model: nn.Module) -> None:
        """Called after every step of the optimiser."""

    def after_epoch(self, model: nn.Module, epoch: int) -> None:
        """Called after every epoch (0-based)."""

    @torch.no_grad()
    def include(self, name: str, value: Tensor, share: float) -> None:
        """Move an average towards the newest value by a share of the distance; the first is its copy."""
        if name in self.average:
            self.average[name].lerp_(value, share)
        else:
            self.average[name] = value.detach().clone()

    def state(self) -> dict[str, Tensor]:
        """The average and how many weights are in it, for the checkpoint."""
        return {"steps": torch.tensor(self.steps), **self.average}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Restore what ``state()`` returned."""
        self.average = dict(state)
        self.steps = int(self.average.pop("steps"))


class ExponentialAverager(WeightAverager):
    """Exponential moving average over steps; batch-norm statistics are those of the trained network.

    The decay grows with the number of steps k, min(decay, (1 + k) / (10 + k)), so that the first weights do
    not dominate the average (RobustLT's helper).
    """

    def __init__(self, options: "options.ExponentialAverage") -> None:
        super().__init__()
        self.decay = options.decay

    def after_step(self, model: nn.Module) -> None:
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, weight in model.named_parameters():
            self.include(name, weight, 1 - decay)
        self.steps += 1


class StochasticAverager(WeightAverager):
    """Stochastic weight averaging (Izmailov et al. 2018): the mean of the weights after each epoch.

    Batch-norm statistics are averaged too, as ``torch.optim.swa_utils.AveragedModel`` does with
    ``use_buffers``; the paper computes them anew in a pass over the training images. Until the first
    averaged epoch, the last weights are saved.
    """

    def __init__(self, options: "options.StochasticAverage") -> None:
        super().__init__()
        self.begin_epoch = options.begin_epoch

    def after_epoch(self, model: nn.Module, epoch: int) -> None:
        if epoch < self.begin_epoch:
            return
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.include(name, value, 1 / (self.steps + 1))
        self.steps += 1


def make_averager(
    options: "options.ExponentialAverage | options.StochasticAverage | None",
) -> WeightAverager | None:
    """The average that a method's options name; None without one."""
    if options is None:
        return None
    return ExponentialAverager(options) if options.kind == "ema" else StochasticAverager(options)


def weights_to_save(model: Network, averager: WeightAverager | None) -> dict[str, Tensor]:
    """Weights and buffers of the trained network, with averages where there is an averager."""
    return {**model.state_dict(), **(averager.average if averager else {})}

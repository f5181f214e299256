"""Optimisers: torch's own update functions, with their state in the open.

Not torch's optimiser classes: making one imports torch's compiler, which takes a second of every job, and
their state needs translating for a checkpoint. The functions are the same, in their fused form.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.sgd import sgd

if TYPE_CHECKING:
    from taet import recipes

    pass

ADAM_BETAS, ADAM_EPS = (0.9, 0.999), 1e-8  # torch's defaults


class Optimizer:
    """Base: some weights, and state for each of them."""

    def __init__(self, weights: Iterable[nn.Parameter]) -> None:
        self.weights = list(weights)
        self.states: list[dict[str, Tensor]] = [{} for _ in self.weights]

    def clear_gradients(self) -> None:
        """Forget the gradients of the last step."""
        for weight in self.weights:
            weight.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move the weights that have a gradient, at this learning rate."""
        pairs = zip(self.weights, self.states, strict=True)
        moving = [(w, w.grad, state) for w, state in pairs if w.grad is not None]
        self._move(*map(list, zip(*moving, strict=True)), rate)

    def _move(
        self,
        weights: list[Tensor],
        gradients: list[Tensor],
        states: list[dict[str, Tensor]],
        rate: float,
    ) -> None:
        raise NotImplementedError


class Sgd(Optimizer):
    """Stochastic gradient descent, with momentum and without Nesterov's."""

    def __init__(
        self, weights: Iterable[nn.Parameter], momentum: float, weight_decay: float
    ) -> None:
        super().__init__(weights)
        self.momentum, self.weight_decay = momentum, weight_decay

    def _move(
        self,
        weights: list[Tensor],
        gradients: list[Tensor],
        states: list[dict[str, Tensor]],
        rate: float,
    ) -> None:
        if self.momentum:
            for state, weight in zip(states, weights, strict=True):
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(weight)
        sgd(
            weights,
            gradients,
            [state.get("momentum") for state in states],
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            lr=rate,
            dampening=0,
            nesterov=False,
            maximize=False,
            fused=True,
        )


class Adam(Optimizer):
    """Adam with torch's default betas and epsilon."""

    def __init__(self, weights: Iterable[nn.Parameter], weight_decay: float) -> None:
        super().__init__(weights)
        self.weight_decay = weight_decay

    def _move(
        self,
        weights: list[Tensor],
        gradients: list[Tensor],
        states: list[dict[str, Tensor]],
        rate: float,
    ) -> None:
        for state, weight in zip(states, weights, strict=True):
            if "mean" not in state:
                state["mean"], state["square"] = torch.zeros_like(weight), torch.zeros_like(weight)
                state["steps"] = torch.zeros((), dtype=torch.float32, device=weight.device)
        adam(
            weights,
            gradients,
            [state["mean"] for state in states],
            [state["square"] for state in states],
            [],
            [state["steps"] for state in states],
            amsgrad=False,
            beta1=ADAM_BETAS[0],
            beta2=ADAM_BETAS[1],
            lr=rate,
            weight_decay=self.weight_decay,
            eps=ADAM_EPS,
            maximize=False,
            fused=True,
        )


def make_optimizer(
    weights: Iterable[nn.Parameter], options: "recipes.Sgd | recipes.Adam"
) -> Optimizer:
    """The optimiser that the parameters name."""
    if options.kind == "sgd":
        return Sgd(weights, options.momentum, options.weight_decay)
    return Adam(weights, options.weight_decay)


def optimizer_state(optimizer: Optimizer) -> dict[str, Tensor]:
    """State by ``INDEX/NAME``, for the checkpoint."""
    return {
        f"{index}/{name}": value
        for index, state in enumerate(optimizer.states)
        for name, value in state.items()
    }


def load_optimizer_state(
    optimizer: Optimizer, state: Mapping[str, Tensor], count: int | None = None
) -> None:
    """Go on from ``optimizer_state``, for the first ``count`` weights; all if None."""
    for name, value in state.items():
        index, field = name.split("/")
        if count is None or int(index) < count:
            weight = optimizer.weights[int(index)]
            if value.shape == weight.shape:
                # Fused updates walk through memory: state must lie there as the weight does.
                value = torch.empty_like(weight, requires_grad=False).copy_(value)
            optimizer.states[int(index)][field] = value

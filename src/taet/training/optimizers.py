"""Optimisers: torch's own update functions in their fused form, with their state in plain tensors.

Making one of torch's optimiser classes imports torch's compiler, which costs every job a second, and their
state must be converted for a checkpoint.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.sgd import sgd

if TYPE_CHECKING:
    from taet import training_options

Tensors = list[Tensor]
State = dict[str, Tensor]  # of one weight

ADAM_BETAS, ADAM_EPS = (0.9, 0.999), 1e-8  # torch's defaults


class Optimizer:
    """Base: weights, and a state for each, which begins when the weight has its first gradient.

    Args:
        weights: the weights to optimise.
        initial: first value of each tensor in a weight's state, given the weight.
    """

    def __init__(
        self,
        weights: Iterable[nn.Parameter],
        initial: Mapping[str, Callable[[Tensor], Tensor]],
    ) -> None:
        self.weights, self.initial = list(weights), initial
        self.states: list[State] = [{} for _ in self.weights]

    def clear_gradients(self) -> None:
        """Forget the gradients of the last step."""
        for weight in self.weights:
            weight.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move the weights that have a gradient, at this learning rate."""
        weights: Tensors = []
        gradients: Tensors = []
        states: list[State] = []
        for weight, state in zip(self.weights, self.states, strict=True):
            if weight.grad is not None:
                for name, first in self.initial.items():
                    if name not in state:
                        state[name] = first(weight)
                weights.append(weight)
                gradients.append(weight.grad)
                states.append(state)
        self._move(weights, gradients, states, rate)

    def _move(self, weights: Tensors, gradients: Tensors, states: list[State], rate: float) -> None:
        raise NotImplementedError


class Sgd(Optimizer):
    """Stochastic gradient descent, with momentum and without Nesterov's."""

    def __init__(
        self, weights: Iterable[nn.Parameter], momentum: float, weight_decay: float
    ) -> None:
        super().__init__(weights, {"momentum": torch.zeros_like} if momentum else {})
        self.momentum, self.weight_decay = momentum, weight_decay

    def _move(self, weights: Tensors, gradients: Tensors, states: list[State], rate: float) -> None:
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
        super().__init__(
            weights, {"mean": torch.zeros_like, "square": torch.zeros_like, "steps": _zero}
        )
        self.weight_decay = weight_decay

    def _move(self, weights: Tensors, gradients: Tensors, states: list[State], rate: float) -> None:
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


def _zero(weight: Tensor) -> Tensor:
    return torch.zeros((), dtype=torch.float32, device=weight.device)


def make_optimizer(
    weights: Iterable[nn.Parameter], options: "training_options.Sgd | training_options.Adam"
) -> Optimizer:
    """The optimiser that the parameters name."""
    if options.kind == "sgd":
        return Sgd(weights, options.momentum, options.weight_decay)
    if options.kind == "adam":
        return Adam(weights, options.weight_decay)
    raise ValueError(f"unknown optimiser {options.kind!r}")


def optimizer_state(optimizer: Optimizer) -> dict[str, Tensor]:
    """The states of all weights, by ``INDEX/NAME``, for the checkpoint."""
    return {
        f"{index}/{name}": value
        for index, state in enumerate(optimizer.states)
        for name, value in state.items()
    }


def load_optimizer_state(
    optimizer: Optimizer, state: Mapping[str, Tensor], count: int | None = None
) -> None:
    """Restore what ``optimizer_state`` returned, for the first ``count`` weights; all if None."""
    for name, value in state.items():
        index, field = name.split("/")
        if count is None or int(index) < count:
            weight = optimizer.weights[int(index)]
            if value.shape == weight.shape:
                # Fused updates walk through memory: state needs the memory layout of the weight.
                value = torch.empty_like(weight, requires_grad=False).copy_(value)
            optimizer.states[int(index)][field] = value

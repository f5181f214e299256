"""How good a network is on the validation images, clean and attacked: learning curves, and what is best.

Validation images are held out of the training part. Test images have no part in any choice.
"""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from taet.adversary.pgd import pgd, start_point
from taet.losses import cross_entropy
from taet.networks.network import Network, as_used, predict
from taet.seeds import seed_for

if TYPE_CHECKING:
    from taet.training_options import Validation


class Validator:
    """Balanced accuracy and balanced robustness of some weights on the validation images.

    The mean over classes, since validation images can be as long-tailed as the training set; classes without
    one are left out. An image is robust if it survives PGD on cross-entropy from one uniform start, the same
    after every epoch.

    Args:
        network: built as the weights are; a copy is made.
        inference: what is done to its outputs; see ``taet.networks.network.Adjusted``.
        x: [N, C, H, W] float32 in [0,1].
        y: [N] int64.
        options: steps and step size.
        eps: radius of the L-inf ball.
        batch_size: images per pass.
        seed: fixes the start.
    """

    def __init__(
        self,
        network: Network,
        inference: dict[str, Any] | None,
        x: Tensor,
        y: Tensor,
        options: "Validation",
        eps: float,
        batch_size: int,
        seed: int,
    ) -> None:
        self.network = copy.deepcopy(network)
        self.used = as_used(self.network, inference)
        self.x, self.y, self.options = x, y, options
        self.eps, self.batch_size = eps, batch_size
        noise = torch.Generator().manual_seed(seed_for("validation", seed))

        def draw(sample: Callable[..., Tensor]) -> Tensor:
            return sample(x.shape, generator=noise).to(x.device)

        self.start = start_point("uniform", x, eps, draw)

    def __call__(self, weights: dict[str, Tensor]) -> dict[str, float]:
        """``validation_accuracy`` and ``validation_robustness``, shares in [0,1]."""
        self.network.load_state_dict(weights)
        correct = predict(self.used, self.x, self.batch_size) == self.y
        x, y = self.x[correct], self.y[correct]
        x_adv = pgd(
            self.used,
            x,
            y,
            start=self.start[correct],
            objective=cross_entropy,
            eps=self.eps,
            step_size=self.options.step_size,
            steps=self.options.steps,
            stop_when_fooled=True,
            batch_size=self.batch_size,
        )
        robust = torch.zeros_like(correct)
        robust[correct] = predict(self.used, x_adv, self.batch_size) == y
        return {
            "validation_accuracy": balanced(correct, self.y),
            "validation_robustness": balanced(robust, self.y),
        }


def balanced(correct: Tensor, labels: Tensor) -> float:
    """Mean over the classes present of the share that is correct.

    Args:
        correct: [N] bool.
        labels: [N] int64.
    """
    images = labels.bincount()
    hits = labels[correct].bincount(minlength=len(images))
    return (hits / images)[images > 0].mean().item()


def best_bias(
    network: nn.Module,
    inferences: list[dict[str, Any] | None],
    x: Tensor,
    y: Tensor,
    batch_size: int,
) -> int:
    """Which adjustment of the outputs gives the best balanced accuracy on clean images; ties: the first."""
    scores = [
        balanced(predict(as_used(network, inference), x, batch_size) == y, y)
        for inference in inferences
    ]
    return max(range(len(scores)), key=scores.__getitem__)

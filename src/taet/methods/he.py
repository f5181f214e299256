"""HE: adversarial training with hypersphere embedding (Pang et al. 2020), eq. 10, on PGD-AT.

The head gives cosines. The loss on PGD images is cross-entropy of s (cos - m on the true class). The inner
attack maximizes cross-entropy of s cos, without the margin.

The authors project class weights to the sphere before every pass, with no gradient through their norm
(``projected``). They evaluate the raw cosines (``inference_scale: 1``), which weakens gradient attacks on
cross-entropy. Evaluating at the training scale avoids this.
Cost per step with K attack steps: K + 1 forward and K + 1 backward passes.
"""

from typing import Any

from torch import Tensor

from taet.losses import cross_entropy, margin_logits
from taet.networks.network import Network
from taet.options import MethodOptions, NonNegative, Positive
from taet.training.method import Attacked, Batch, TrainingMethod


class Options(MethodOptions):
    scale: Positive
    """s; authors: 10 for PGD-HE, paper: 15."""
    margin: NonNegative
    """Margin m; 0.2 in paper and code."""
    projected: bool
    """Project class weights to the sphere after every update, without gradient (the authors' code: before
    every pass), or normalize within the graph."""
    inference_scale: Positive
    """Scale of the saved model's logits; authors: 1."""


class Method(TrainingMethod):
    options: Options

    @property
    def head(self) -> dict[str, Any]:
        return {"kind": "cosine", "softening": 0.0, "projected": self.options.projected}

    def attack(self, model: Network, batch: Batch) -> Attacked:
        return Attacked(self.perturb(model, batch, self._without_margin))

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        options = self.options
        logits = margin_logits(model(attacked.x), batch.y, options.scale, options.margin)
        return cross_entropy(logits, batch.y).mean()

    def _without_margin(self, cosines: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(self.options.scale * cosines, y)

    def constrain(self, model: Network) -> None:
        if self.options.projected:
            model.head.project()

    def inference(self) -> dict[str, Any]:
        return {"scale": self.options.inference_scale, "bias": [0.0] * self.classes}

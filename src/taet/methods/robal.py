"""RoBal: scale-invariant classifier with class-aware margin and boundary adjustment (Wu et al. 2021).

Outputs g are cosines with softened class norms. The loss is CE(s (g_k(x') - m_k on the true class) + tau_b
log p_k, y) + beta KL(q(x) || q(x')). The margin m_k = m + (tau_m / s) log(n_k / n_min) is larger for head
classes. KL and attack use the *unscaled* cosines, as in the authors' code, so beta is weaker than in TRADES
and the attack never saturates. The saved model gives s g_k - tau_p log p_k.

Their code passes each batch four times through the network; two passes give the same loss. Authors' start of
the attack: ``one_sided``; their learning-rate rule: ``schedule.compounding``.
Cost per step with K attack steps: K + 2 forward and K + 2 backward passes.
"""

from typing import Any, ClassVar

from torch import Tensor

from taet.losses import cross_entropy, kl_divergence, margin_logits
from taet.networks.network import Network
from taet.options import MethodOptions, NonNegative, Positive
from taet.training.method import Attacked, Batch, TrainingMethod


class Options(MethodOptions):
    loss_passes: ClassVar[int] = 2

    scale: Positive
    """Scale s of the cosines in the loss."""
    margin: NonNegative
    """Margin m of the rarest class."""
    tau_b: NonNegative
    """Weight of the log prior in the loss."""
    tau_m: NonNegative
    """Growth of the margin with the log of the class's size."""
    beta: NonNegative
    """Weight of the KL term."""
    softening: NonNegative
    """gamma, added to the norm of the class weights; authors: 1/32 on CIFAR-10."""
    tau_p: NonNegative
    """Weight of the log prior that the saved model subtracts."""
    inference_scale: Positive
    """Scale of the saved model's cosines; s if the prior is subtracted; authors: 1 for RoBal-R."""


class Method(TrainingMethod):
    options: Options

    @property
    def head(self) -> dict[str, Any]:
        return {"kind": "cosine", "softening": self.options.softening, "projected": False}

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        options, clean, adversarial = self.options, model(batch.x), model(attacked.x)
        logits = margin_logits(adversarial, batch.y, options.scale, self.margins())
        fit = cross_entropy(logits + options.tau_b * self.log_prior, batch.y)
        return (fit + options.beta * kl_divergence(clean, adversarial)).mean()

    def margins(self) -> Tensor:
        """m_k of each class, [C]."""
        counts, options = self.context.train_counts.float(), self.options
        return options.margin + options.tau_m / options.scale * (counts / counts.min()).log()

    def inference(self) -> dict[str, Any]:
        bias = -self.options.tau_p * self.log_prior
        return {"scale": self.options.inference_scale, "bias": bias.tolist()}

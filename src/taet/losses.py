"""Losses that several methods share: pure functions of logits and labels.

A loss of one method alone is in that method's file. Logits are [B, C] float, labels [B] int64. Each returns
one loss per sample, [B], unless its docstring says otherwise; the caller aggregates.
"""

import torch.nn.functional as F
from torch import Tensor


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """-log softmax(logits)[y], per sample."""
    return F.cross_entropy(logits, y, reduction="none")


def balanced_softmax(logits: Tensor, y: Tensor, train_counts: Tensor, tau: float) -> Tensor:
    """Cross-entropy of logits + tau * log n, per sample.

    Balanced softmax (Ren et al. 2020, eq. 4) is tau = 1; other tau as in logit adjustment (Menon et
    al. 2021). Counts and class priors give the same value.

    Args:
        train_counts: [C] training images per class, all at least 1.
        tau: weight of the prior.
    """
    return cross_entropy(logits + tau * train_counts.to(logits.dtype).log(), y)


def kl_divergence(p_logits: Tensor, q_logits: Tensor) -> Tensor:
    """KL(softmax(p) || softmax(q)), per sample; gradients flow through both."""
    log_p, log_q = F.log_softmax(p_logits, 1), F.log_softmax(q_logits, 1)
    return (log_p.exp() * (log_p - log_q)).sum(1)


def margin_logits(cosines: Tensor, y: Tensor, scale: float, margin: float | Tensor) -> Tensor:
    """scale * (cosine - margin on the true class), [B, C].

    CosFace's margin, as in hypersphere embedding (Pang et al. 2020) and RoBal (Wu et al. 2021).

    Args:
        margin: a number, or [C], one for each class.
    """
    margins = margin.to(cosines)[y][:, None] if isinstance(margin, Tensor) else margin
    return scale * (cosines - F.one_hot(y, cosines.shape[1]).to(cosines) * margins)

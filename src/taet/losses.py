"""Loss functions: pure functions of logits and labels.

Logits are [B, C] float, labels [B] int64. Each returns one loss per sample, [B], unless its docstring says
otherwise; the caller aggregates.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

# The authors' guard against division by zero, in HARL's class means and shares.
HARL_GUARD = 1e-10


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """-log softmax(logits)[y], per sample."""
    return F.cross_entropy(logits, y, reduction="none")


def balanced_softmax(logits: Tensor, y: Tensor, class_counts: Tensor, tau: float) -> Tensor:
    """Cross-entropy of logits + tau * log n, per sample.

    Balanced softmax (Ren et al. 2020, eq. 4) is tau = 1; other tau as in logit adjustment (Menon et
    al. 2021). Counts and class priors give the same value.

    Args:
        class_counts: [C] training images per class, all at least 1.
        tau: weight of the prior.
    """
    return cross_entropy(logits + tau * class_counts.to(logits.dtype).log(), y)


def smoothed_cross_entropy(logits: Tensor, y: Tensor, confidence: float) -> Tensor:
    """Cross-entropy with the target ``confidence`` on y and the rest spread evenly, per sample."""
    others = (1 - confidence) / (logits.shape[1] - 1)
    log_q = F.log_softmax(logits, 1)
    log_q_y = log_q.gather(1, y[:, None]).squeeze(1)
    return -(confidence * log_q_y + others * (log_q.sum(1) - log_q_y))


def kl_divergence(p_logits: Tensor, q_logits: Tensor) -> Tensor:
    """KL(softmax(p) || softmax(q)), per sample; gradients flow through both."""
    log_p, log_q = F.log_softmax(p_logits, 1), F.log_softmax(q_logits, 1)
    return (log_p.exp() * (log_p - log_q)).sum(1)


def boosted_cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """-log p_y - log(1.0001 - max_{k != y} p_k + 1e-12), per sample.

    MART (Wang et al. 2020), eq. 8; the constants are those of the authors' code.
    """
    p = F.softmax(logits, 1)
    largest_other = p.scatter(1, y[:, None], 0).amax(1)
    return cross_entropy(logits, y) - (1.0001 - largest_other + 1e-12).log()


def margin_logits(cosines: Tensor, y: Tensor, scale: float, margin: float | Tensor) -> Tensor:
    """scale * (cosine - margin on the true class), [B, C].

    CosFace's margin, as in hypersphere embedding (Pang et al. 2020) and RoBal (Wu et al. 2021).

    Args:
        margin: a number, or [C], one for each class.
    """
    margins = margin.to(cosines)[y][:, None] if isinstance(margin, Tensor) else margin
    return scale * (cosines - F.one_hot(y, cosines.shape[1]).to(cosines) * margins)


def class_losses(per_sample: Tensor, y: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Mean loss of each class in the batch and how many samples it has; [C] and [C].

    A class without samples has loss 0.
    """
    sums = class_sums(per_sample, y, classes)
    counts = class_sums(torch.ones_like(per_sample), y, classes)  # bincount would make a GPU wait
    return sums / (counts + HARL_GUARD), counts


def class_sums(values: Tensor, y: Tensor, classes: int) -> Tensor:
    """Sum of the values of each class, [C]; on a given device always added in the same order.

    Args:
        values: [B].
    """
    if values.is_cuda:  # index_add on a GPU adds in no fixed order
        return _product_sums(values, y, classes)
    return values.new_zeros(classes).index_add(0, y, values)


def _product_sums(values: Tensor, y: Tensor, classes: int) -> Tensor:
    in_class = y[:, None] == torch.arange(classes, device=y.device)
    return (in_class.to(values.dtype) * values[:, None]).sum(0)


def harl(
    per_sample: Tensor,
    y: Tensor,
    classes: int,
    alpha: float,
    beta: float,
    gamma: float,
    absent_classes: str,
) -> Tensor:
    """Hierarchical adversarial robust learning loss of TAET, a scalar.

    With L_c the mean loss of class c in the batch:
    alpha * BCL + beta * HDL + gamma * RCEL, where BCL = mean_c L_c (balanced cross-class loss),
    HDL = mean_c (L_c - BCL)^2 (hierarchical deviation loss) and
    RCEL = sum_c (L_c / sum_k L_k)^2 (rare-class emphasis loss).

    Gradients flow through all three terms, including BCL inside HDL, as in the authors' code. A class
    whose loss is below BCL - alpha / (2 beta) has a negative weight in BCL and HDL: easy classes are
    unlearned. That is the published method, not a mistake here.

    Args:
        per_sample: [B] float32 losses, at least 0.
        y: [B] int64 labels, 0 to ``classes`` - 1.
        classes: number of classes C, those missing from the batch included.
        alpha: weight of BCL, at least 0.
        beta: weight of HDL, at least 0.
        gamma: weight of RCEL, at least 0.
        absent_classes: ``zero``: a class missing from the batch counts with loss 0 (the authors'
            code); ``skip``: it does not count.
    """
    losses, counts = class_losses(per_sample, y, classes)
    if absent_classes == "skip":
        losses = losses[counts > 0]
    bcl = losses.mean()
    hdl = (losses - bcl).square().mean()
    rcel = (losses / (losses.sum() + HARL_GUARD)).square().sum()
    return alpha * bcl + beta * hdl + gamma * rcel

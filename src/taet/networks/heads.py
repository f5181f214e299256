"""Heads: from features [B, D] to outputs [B, C]. A checkpoint's header says which one its network has."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LINEAR = {"kind": "linear"}


def build_head(spec: dict[str, Any], features: int, classes: int) -> nn.Module:
    """A head with fresh weights.

    Args:
        spec: ``{"kind": "linear"}``, or ``{"kind": "cosine", "softening": g, "projected": bool}``.
        features: D.
        classes: C.
    """
    if spec["kind"] == "linear":
        return nn.Linear(features, classes)
    if spec["kind"] == "cosine":
        return CosineHead(features, classes, spec["softening"], spec["projected"])
    raise ValueError(f"unknown head {spec['kind']!r}")


class CosineHead(nn.Module):
    """Cosines between features and class weights: <f/||f||, w_k/(||w_k|| + softening)>, in [-1, 1].

    Softening 0 is hypersphere embedding (Pang et al. 2020); 1/32 is RoBal (Wu et al. 2021), where the
    norm of a class's weight still matters a little. No scale, no bias: losses and the saved model's
    inference adjustment add them.

    Args:
        projected: in train mode the function leaves out the norm of the weights, which so has no gradient;
            training calls ``project`` after every step (HE's code projects before every pass: the same).
            If false, the norm is part of the function.
    """

    def __init__(self, features: int, classes: int, softening: float, projected: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.Linear(features, classes, bias=False).weight.detach())
        self.softening, self.projected = softening, projected

    def forward(self, x: Tensor) -> Tensor:
        if self.projected and self.training:
            return F.normalize(x, dim=1) @ self.weight.T
        norm = torch.linalg.vector_norm(self.weight, dim=1, keepdim=True)
        return F.normalize(x, dim=1) @ (self.weight / (norm + self.softening)).T

    @torch.no_grad()
    def project(self) -> None:
        """Put the class weights back on the unit sphere."""
        self.weight.copy_(F.normalize(self.weight, dim=1))

"""What an architecture hands over: features. Heads are added by ``taet.networks.network``."""

from torch import nn


class Backbone(nn.Module):
    """Takes images [B, C, H, W] float32, gives features [B, D].

    Attributes:
        features: D.
    """

    features: int

    def init_head(self, head: nn.Linear) -> None:
        """Initial values of a linear head on these features; torch's own unless a source differs."""

"""The part of a network that an architecture builds; ``taet.networks.network`` adds the head."""

from torch import nn


class Backbone(nn.Module):
    """Images [B, C, H, W] float32 to features [B, D].

    Attributes:
        features: D.
    """

    features: int

    def init_head(self, head: nn.Linear) -> None:
        """Initial values of a linear head on these features; torch's own unless a source differs."""

"""A small convolutional network for images of 8x8 pixels and up (23 thousand weights at width 16).

conv(w) - conv(2w) - pool - conv(2w) - pool - linear(4w) - linear(classes), ReLU, no batch norm.
Architecture and width come from this project's own sizing study on the digits data.
"""

from torch import Tensor, nn

from taet.networks.backbone import Backbone
from taet.options import Count, ModelOptions


class Options(ModelOptions):
    width: Count
    """Channels w of the first convolution."""


def build(options: Options, channels: int, size: int) -> Backbone:
    """The network for images of ``channels`` x ``size`` x ``size``; size is a multiple of 4."""
    return SmallCNN(options.width, channels, size)


class SmallCNN(Backbone):
    def __init__(self, width: int, channels: int, size: int) -> None:
        super().__init__()
        self.features = 4 * width
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),  # after the pool: the same function at a quarter of the work
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * (size // 4) ** 2, 4 * width),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)

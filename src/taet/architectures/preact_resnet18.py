"""PreActResNet-18 (He et al. 2016b) with the CIFAR stem and a last norm, as in Rice et al. 2020.

11,172,170 weights at width 64, 3 channels, 10 classes.
"""

from taet.networks.backbone import Backbone
from taet.networks.preact import PreActNet
from taet.options import ModelOptions, ResidualWidth


class Options(ModelOptions):
    width: ResidualWidth
    """Channels of the first stage; 64 is PreActResNet-18."""


def build(options: Options, channels: int, size: int) -> Backbone:
    """The network for images of ``channels`` x any size from 8 on."""
    w = options.width
    stages = [(w, 1, 2), (2 * w, 2, 2), (4 * w, 2, 2), (8 * w, 2, 2)]
    return PreActNet(w, stages, channels)

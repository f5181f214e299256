"""WideResNet-DEPTH-WIDEN (Zagoruyko and Komodakis 2016), no dropout.

WRN-34-10 has 46,160,474 weights and WRN-28-10 36,479,194, at 3 channels and 10 classes. TRADES' class,
which most of the field copied, has one more block, which it does not use; it is left out here. As in that
class, convolutions are initialised from He's normal distribution over outputs.
"""

import math

from torch import nn

from taet.networks.backbone import Backbone
from taet.networks.preact import PreActNet
from taet.options import Count, ModelOptions


class Options(ModelOptions):
    depth: Count
    """6 n + 4, for n blocks a stage; 34 and 28 are usual."""
    widen: Count
    """Factor on the channels 16, 32, 64; 10 is usual."""

    def problem(self) -> str | None:
        blocks, rest = divmod(self.depth - 4, 6)
        if rest or blocks < 1:
            return f"depth: must be 6 n + 4, such as 28, got {self.depth}"
        return None


def build(options: Options, channels: int, size: int) -> Backbone:
    """The network for images of ``channels`` x any size from 8 on."""
    return WideResNet(options.widen, (options.depth - 4) // 6, channels)


class WideResNet(PreActNet):
    def __init__(self, widen: int, blocks: int, channels: int) -> None:
        w = 16 * widen
        super().__init__(16, [(w, 1, blocks), (2 * w, 2, blocks), (4 * w, 2, blocks)], channels)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.out_channels * math.prod(module.kernel_size)
                nn.init.normal_(module.weight, 0, math.sqrt(2 / fan_out))

    def init_head(self, head: nn.Linear) -> None:
        nn.init.zeros_(head.bias)

"""Several processes, one network: each computes its share of every batch.

An attack, a loss or the statistics of classes are written for the whole batch, and some of them (TAET's, for
one) are no mean over images that could be taken share by share. So the batch stays whole in every process,
and so do head, loss and optimiser, which cost little. Only the backbone, which costs nearly everything, sees
a share: what goes in is cut, what comes out is put together again, and gradients go the same way back. Each
step is then the step of a single process, up to the order of sums.

This is data parallelism as torch's DistributedDataParallel does it, but for losses of the whole batch.
"""

from typing import Any

import torch
from torch import Tensor, distributed, nn

from taet.networks.network import Network


def share_out(model: Network, sync_batch_norm: bool) -> None:
    """Have ``model`` compute together with those of the other processes, from now on.

    All must call it with the same images in the same order. Copies of the model compute together too, but do
    not add up the gradients of their weights.

    Args:
        model: the same weights in every process.
        sync_batch_norm: take statistics over the whole batch. Otherwise each process takes those of its
            share, and the running statistics are the first process's.
    """
    backbone = model.backbone
    backbone.register_forward_pre_hook(_cut)
    backbone.register_forward_hook(_put_together)
    for weight in backbone.parameters():
        weight.register_hook(_summed)
    if sync_batch_norm:
        for module in backbone.modules():
            if type(module) is nn.BatchNorm2d:
                module.__class__ = (
                    SharedBatchNorm  # the same weights and buffers, by the same names
                )
    else:
        backbone.register_forward_hook(_spread_statistics)


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm with the statistics of the whole batch, of which each process has a share.

    torch's own, SyncBatchNorm, does not work on a CPU.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        shape, axes = (1, -1, 1, 1), (0, 2, 3)
        count = _summed(torch.tensor(x.numel() / x.shape[1], device=x.device))
        dtype = x.dtype
        x = x.to(torch.promote_types(dtype, torch.float32))  # from bfloat16, as torch's own does
        mean = _Sum.apply(x.sum(axes)) / count
        centered = x - mean.view(shape)
        variance = _Sum.apply(centered.square().sum(axes)) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centered * scale.view(shape) + self.bias.view(shape)).to(dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


class _Share(torch.autograd.Function):
    """[B, ...] to this process's part of it."""

    @staticmethod
    def forward(ctx: Any, whole: Tensor) -> Tensor:
        ctx.rows = len(whole)
        return _own(whole).clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _gathered(gradient, ctx.rows)


class _Whole(torch.autograd.Function):
    """The parts of all processes to [B, ...]. What follows is the same in all, and so is its gradient."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, rows: int) -> Tensor:
        return _gathered(part, rows)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _own(gradient), None


class _Sum(torch.autograd.Function):
    """Sum over the processes, each of which goes on with it in its own way."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return _summed(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def _cut(backbone: nn.Module, inputs: tuple[Tensor]) -> Tensor:
    (whole,) = inputs
    backbone.whole_rows = len(whole)
    return _Share.apply(whole)


def _put_together(backbone: nn.Module, inputs: object, features: Tensor) -> Tensor:
    return _Whole.apply(features, backbone.whole_rows)


def _spread_statistics(backbone: nn.Module, inputs: object, features: object) -> None:
    if backbone.training:
        for buffer in backbone.buffers():
            distributed.broadcast(buffer, src=0)


def _own(whole: Tensor) -> Tensor:
    return whole.tensor_split(distributed.get_world_size())[distributed.get_rank()]


def _gathered(part: Tensor, rows: int) -> Tensor:
    """Parts may differ by one row; what travels may not."""
    sizes = [len(p) for p in torch.arange(rows).tensor_split(distributed.get_world_size())]
    padded = part.new_zeros((max(sizes), *part.shape[1:]))
    padded[: len(part)] = part
    parts = [torch.empty_like(padded) for _ in sizes]
    distributed.all_gather(parts, padded)
    return torch.cat([p[:size] for p, size in zip(parts, sizes, strict=True)])


def _summed(value: Tensor) -> Tensor:
    total = value.contiguous().clone()
    distributed.all_reduce(total)
    return total

"""Several processes, one network: each computes its share of every batch.

Attacks, losses and class statistics are written for the whole batch, and some losses (such as TAET's) are not
means over images, so they cannot be computed share by share. Therefore every process has the whole batch, and
computes head, loss and optimiser for it, which cost little. Only the backbone, which costs nearly everything,
is shared out: its input is cut into shares, its outputs are gathered, and gradients take the same way back.
Each step then equals the step of a single process, up to the order of sums.

This is data parallelism as in torch's DistributedDataParallel, but for losses of the whole batch.
"""

from typing import Any

import torch
from torch import Tensor, distributed, nn

from taet.networks.network import Network


def share_out(model: Network, sync_batch_norm: bool) -> None:
    """Share the computations of ``model`` among all processes, from now on.

    All processes must call the model with the same images in the same order. Copies of the model are shared
    out too, but the gradients of their weights are not summed.

    Args:
        model: the same weights in every process.
        sync_batch_norm: take statistics over the whole batch. Otherwise each process takes those of its
            share, and the running statistics are the first process's.
    """
    backbone = model.backbone
    backbone.register_forward_pre_hook(_cut)
    backbone.register_forward_hook(_gather)
    for weight in backbone.parameters():
        weight.register_hook(_summed)
    if sync_batch_norm:
        for module in backbone.modules():
            if type(module) is nn.BatchNorm2d:
                # SharedBatchNorm has the same weights and buffers, with the same names.
                module.__class__ = SharedBatchNorm
    else:
        backbone.register_forward_hook(_spread_statistics)


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm with the statistics of the whole batch, of which each process has a share.

    torch's SyncBatchNorm does not work on a CPU.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        shape, axes = (1, -1, 1, 1), (0, 2, 3)
        count = _summed(torch.tensor(x.numel() / x.shape[1], device=x.device))
        dtype = x.dtype
        x = x.to(
            torch.promote_types(dtype, torch.float32)
        )  # from bfloat16, as in torch's BatchNorm2d
        mean = _Sum.apply(x.sum(axes)) / count
        centered = x - mean.view(shape)
        variance = _Sum.apply(centered.square().sum(axes)) / count
        self._update_running(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centered * scale.view(shape) + self.bias.view(shape)).to(dtype)

    @torch.no_grad()
    def _update_running(self, mean: Tensor, variance: Tensor) -> None:
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


class _Share(torch.autograd.Function):
    """[B, ...] to this process's share."""

    @staticmethod
    def forward(ctx: Any, whole: Tensor) -> Tensor:
        ctx.rows = len(whole)
        return _own_share(whole).clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _gathered(gradient, ctx.rows)


class _Whole(torch.autograd.Function):
    """The shares of all processes to [B, ...]; all compute the same from it, and so the same gradient."""

    @staticmethod
    def forward(ctx: Any, share: Tensor, rows: int) -> Tensor:
        return _gathered(share, rows)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _own_share(gradient), None


class _Sum(torch.autograd.Function):
    """Sum over the processes, each of which may compute something else from it."""

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


def _gather(backbone: nn.Module, inputs: object, features: Tensor) -> Tensor:
    return _Whole.apply(features, backbone.whole_rows)


def _spread_statistics(backbone: nn.Module, inputs: object, features: object) -> None:
    if backbone.training:
        for buffer in backbone.buffers():
            distributed.broadcast(buffer, src=0)


def _own_share(whole: Tensor) -> Tensor:
    return whole.tensor_split(distributed.get_world_size())[distributed.get_rank()]


def _gathered(share: Tensor, rows: int) -> Tensor:
    """The shares of all processes in one tensor. Shares may differ by one row, so they are sent padded."""
    sizes = [len(p) for p in torch.arange(rows).tensor_split(distributed.get_world_size())]
    padded = share.new_zeros((max(sizes), *share.shape[1:]))
    padded[: len(share)] = share
    shares = [torch.empty_like(padded) for _ in sizes]
    distributed.all_gather(shares, padded)
    return torch.cat([p[:size] for p, size in zip(shares, sizes, strict=True)])


def _summed(value: Tensor) -> Tensor:
    total = value.contiguous().clone()
    distributed.all_reduce(total)
    return total

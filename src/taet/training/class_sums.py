"""Sums over the images of each class."""

import torch
from torch import Tensor


def class_sums(values: Tensor, y: Tensor, classes: int) -> Tensor:
    """Sum of the values of each class, [C, ...]; on a given device always added in the same order.

    It asks the device for no number: ``bincount`` would make a GPU wait.

    Args:
        values: [B, ...], integers or floats.
        y: [B] int64 labels.
        classes: C.
    """
    if values.is_cuda:  # index_add on a GPU adds in no fixed order
        return product_sums(values, y, classes)
    return values.new_zeros(classes, *values.shape[1:]).index_add(0, y, values)


def product_sums(values: Tensor, y: Tensor, classes: int) -> Tensor:
    """The same by a product with indicators of the classes."""
    in_class = y[:, None] == torch.arange(classes, device=y.device)
    in_class = in_class.view(*in_class.shape, *(1 for _ in values.shape[1:]))
    return (in_class.to(values.dtype) * values[:, None]).sum(0)

"""The images that an attack still changes, and what it tracks of each."""

from dataclasses import dataclass, fields
from typing import Self

from torch import Tensor


@dataclass
class Active:
    """The images that an attack still changes.

    A subclass adds fields: tensors with a row for each image, and numbers that hold for all images.

    Attributes:
        rows: [B] int64, the row of each image in the whole batch.
        iterate: [B, C, H, W], the current iterate of each image.
    """

    rows: Tensor
    iterate: Tensor

    def retire(self, leaving: Tensor, result: Tensor) -> Self:
        """The images that stay; the iterates of the others are written to ``result``."""
        if not leaving.any():
            return self
        result[self.rows[leaving]] = self.iterate[leaving]
        values = (getattr(self, field.name) for field in fields(self))
        return type(self)(*(v[~leaving] if isinstance(v, Tensor) else v for v in values))

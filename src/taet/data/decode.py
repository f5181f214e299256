"""One image file, decoded: whatever a decoder raises becomes one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from PIL import Image, UnidentifiedImageError

from taet.errors import UserError


@contextmanager
def open_image(file: Path | IO[bytes], name: str, advice: str = "") -> Iterator[Image.Image]:
    """The image in a file; it is decoded inside the block.

    Args:
        name: of the file, in messages.
        advice: what messages end with.

    Raises:
        UserError: the file is no image, or damaged.
    """
    try:
        with Image.open(file) as image:
            yield image
    except UserError:
        raise
    except Exception as error:  # decoders raise what they like
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = "of no format that Pillow knows"
        raise UserError(f"{name}: cannot be read as an image: {reason}{advice}") from None

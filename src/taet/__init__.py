"""taet: reproducible adversarial training on long-tailed image data.

For Python users, in any folder:

- ``load`` gives a trained network of a study by name, ``load_model`` one by its file, ``load_weights`` one of
  others, as torch modules.
- ``evaluate`` attacks any torch module and gives a data frame; ``attack`` gives the adversarial images.
- ``longtail_split`` cuts a data set to a long tail; ``balanced_scores`` scores predictions class by class.
- A mistake that the caller can put right raises a ``UserError``.

Everything else is for the command line. Importing the package imports none of these, and so no torch (PEP
562).
"""

import importlib
from typing import TYPE_CHECKING, Any

from taet.source_code import compile_this_package
from taet.version import __version__ as __version__

if TYPE_CHECKING:
    from taet.api.functions import attack, evaluate, load, load_model, load_weights
    from taet.api.long_tail import balanced_scores, longtail_split
    from taet.errors import UserError

__all__ = [
    "UserError",
    "attack",
    "balanced_scores",
    "evaluate",
    "load",
    "load_model",
    "load_weights",
    "longtail_split",
]

_HOME = {
    "UserError": "taet.errors",
    "attack": "taet.api.functions",
    "balanced_scores": "taet.api.long_tail",
    "evaluate": "taet.api.functions",
    "load": "taet.api.functions",
    "load_model": "taet.api.functions",
    "load_weights": "taet.api.functions",
    "longtail_split": "taet.api.long_tail",
}


compile_this_package()


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

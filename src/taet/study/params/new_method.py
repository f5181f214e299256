"""The file of a new training method: ``python -m taet new method NAME``, then docs/add_a_method.md."""

import re
import time
from pathlib import Path
from string import Template

from taet.errors import UserError
from taet.study.params import plugins
from taet.study.params.problems import NAME_RULE
from taet.values import NAME_PATTERN

FOLDER = Path("src/taet/methods")
# A method that works, to be changed: PGD-AT with a term for clean images.
FILE = Template('''"""$label: adversarial training with a clean term (Author $year).

mean CE(x', y) + clean_weight mean CE(x, y). Say here what the method does, and from which paper and equation.
Inner attack: PGD on cross-entropy.
Cost per step with K attack steps: K + 2 forward and K + 2 backward passes.
"""

from typing import ClassVar

from torch import Tensor

from taet.losses import cross_entropy
from taet.networks.network import Network
from taet.options import MethodOptions, NonNegative
from taet.training.method import Attacked, Batch, TrainingMethod


class Options(MethodOptions):
    loss_passes: ClassVar[int] = 2  # what a step costs beside the attack: tables show it

    clean_weight: NonNegative
    """Weight of the cross-entropy of clean images."""


class Method(TrainingMethod):
    options: Options

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        adversarial = cross_entropy(model(attacked.x), batch.y).mean()
        clean = cross_entropy(model(batch.x), batch.y).mean()
        return adversarial + self.options.clean_weight * clean
''')
BLOCK = Template("  $name: {label: $label, clean_weight: 0.5}")
NEXT = Template("""wrote $file, a method that works: change its formula, and name its source in the docstring

1. Below 'methods' in params.yaml add:
$block
2. Test it:
  pytest tests/contract/test_methods.py -k $name
3. Try it in a tiny study:
  python -m taet run --smoke --set 'grid.methods=[pgd_at, $name]'
4. Name it in grid.methods of your study (docs/add_a_method.md).""")


def write_method(name: str, folder: Path = FOLDER) -> str:
    """Write ``methods/NAME.py``; returns what to do next.

    Raises:
        UserError: no file can have this name, there is one, or the folder is not that of a project.
    """
    file = folder / f"{name}.py"
    if not re.fullmatch(NAME_PATTERN, name):
        raise UserError(f"{name!r} is no valid name of a method ({NAME_RULE})")
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; run in the project's folder")
    if file.exists() or name in plugins.names("methods"):
        raise UserError(f"{file}: exists already; choose another name")
    label = name.replace("_", " ")
    values = {"name": name, "label": label, "year": time.gmtime().tm_year, "file": file}
    file.write_text(FILE.substitute(values), encoding="utf-8")
    return NEXT.substitute(values, block=BLOCK.substitute(values))

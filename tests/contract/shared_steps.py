"""Two steps of every method, for tests/contract/test_parallel.py, which starts it once and by torchrun:

python shared_steps.py FOLDER SYNC
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import distributed

from taet.networks.network import build_model, describe_network
from taet.study.params import blocks, plugins
from taet.study.params.load import load_params
from taet.study.run.processes import started
from taet.training.addons import WeightPerturber
from taet.training.loop import Run, _step
from taet.training.method import Batch, TrainingContext
from taet.training.optimizers import Sgd
from taet.training.parallel import share_out
from tests.conftest import ROOT
from tests.contract.test_methods import METHODS

CLASSES, IMAGES, EPOCH = 4, 10, 70


def weights_after_two_steps(
    name: str, digits: blocks.Params, sync: bool
) -> dict[str, torch.Tensor]:
    options = digits.methods[name]
    attack = digits.methods[name].training.attack.model_copy(update={"steps": 2})
    counts = torch.arange(10 * CLASSES, 0, -10)[:CLASSES]
    setting = TrainingContext(counts, 0.1, attack, epochs=90, channels=1, seed=0)
    method = plugins.load("methods", options.kind).Method(options, setting)
    if not options.by_several_processes:
        return {}
    block = digits.architectures["resnet18"].model_copy(update={"width": 8})
    model = build_model(describe_network(block, 1, 8, CLASSES, head=method.head), seed=0).double()
    run = Run(model, Sgd(model.parameters(), momentum=0.9, weight_decay=0), method)
    if options.weight_perturbation is not None:
        run.perturber = WeightPerturber(options.weight_perturbation)
    if started().count > 1:
        share_out(model, sync)
    method.start_epoch(EPOCH)
    method.constrain(model)
    images = torch.Generator().manual_seed(1)
    noise = torch.Generator().manual_seed(2)
    for _ in range(2):
        x = torch.rand(IMAGES, 1, 8, 8, generator=images)
        y = torch.randint(CLASSES, (IMAGES,), generator=images)
        _step(run, Batch(x, y, noise, EPOCH), 0.1, "fp32")
    return dict(model.state_dict())


def main(folder: str, sync: str) -> None:
    # In double precision the order of sums changes nothing that matters, no sign of a gradient above all.
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    if started().count > 1:
        distributed.init_process_group("gloo")
    digits = load_params(ROOT / "params.yaml", "digits")
    for name in METHODS:
        weights = {
            key: value.contiguous()
            for key, value in weights_after_two_steps(name, digits, sync == "sync").items()
        }
        save_file(weights, Path(folder, f"{name}.{started().number}of{started().count}"))
    if started().count > 1:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])

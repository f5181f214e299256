"""The code that trains runs on any device, and never asks it for a number within a step.

torch's ``meta`` device has shapes and types but no values: an operation that mixes devices fails there, and
so does one that would make a GPU wait for the processor (``.item()``, an index list of unknown length).
"""

from dataclasses import replace

import pytest
import torch
from torch import nn

from taet.compute.devices import set_up_device
from taet.data.loader import Loader
from taet.errors import UserError
from taet.networks.network import as_used, build_model, describe_network
from taet.options import ExponentialAverage, WeightPerturbation
from taet.study.params import blocks
from taet.training.addons import WeightPerturber
from taet.training.averages import make_averager
from taet.training.loop import Run, _step
from taet.training.method import Batch, TrainingMethod
from taet.training.optimizers import make_optimizer
from tests.contract.short_resnet import short_resnet
from tests.contract.test_methods import METHODS, make

NOWHERE = torch.device("meta")
# Images leave LAS-AT's attack when their own number of steps is done, and its reward is a number; REAT and
# TAET without absent classes pick rows of which only the device knows how many there are.
ASKS = {"las_at", "reat"}
CLASSES, BATCH = 4, 12


def moved_to(device: torch.device, method: TrainingMethod) -> TrainingMethod:
    """Everything that the method holds, on the device."""
    for name, value in vars(method).items():
        if isinstance(value, (torch.Tensor, nn.Module)):
            setattr(method, name, value.to(device))
    counts = method.context.train_counts.to(device)
    method.context = replace(method.context, train_counts=counts)
    return method


def run_on(device: torch.device, method: TrainingMethod, digits: blocks.Params) -> Run:
    """With Adam; torch's fused SGD cannot do without values."""
    block = digits.architectures["resnet18"].model_copy(update={"width": 8})
    spec = describe_network(block, 1, 8, CLASSES, head=method.head)
    model = build_model(spec, seed=0).to(device)
    return Run(model, make_optimizer(model.parameters(), digits.training.optimizer), method)


def run_of(name: str, digits: blocks.Params) -> Run:
    method = moved_to(NOWHERE, make(name, digits, CLASSES))
    model = short_resnet(method).to(NOWHERE)
    return Run(model, make_optimizer(model.parameters(), digits.training.optimizer), method)


def batch(epoch: int) -> Batch:
    x = torch.empty(BATCH, 1, 8, 8, device=NOWHERE)
    return Batch(x, torch.zeros(BATCH, dtype=torch.int64, device=NOWHERE), None, epoch)


@pytest.mark.parametrize("name", [m for m in METHODS if m.removesuffix("_faithful") not in ASKS])
def test_a_step_asks_the_device_for_nothing(name: str, digits: blocks.Params) -> None:
    run = run_of(name, digits)
    for _ in range(2):
        loss = _step(run, batch(epoch=70), 0.1, "fp32")
    assert (loss.device, loss.shape) == (NOWHERE, ())


def test_addons_ask_for_nothing(digits: blocks.Params) -> None:
    run = run_of("pgd_at", digits)
    run.perturber = WeightPerturber(WeightPerturbation(gamma=0.01, warmup_epochs=0))
    run.averager = make_averager(ExponentialAverage(kind="ema", decay=0.9))
    for _ in range(2):
        _step(run, batch(epoch=1), 0.1, "fp32")


def test_the_rule_is_one_that_can_be_broken(digits: blocks.Params) -> None:
    for name in sorted(ASKS):
        with pytest.raises((RuntimeError, NotImplementedError)):
            _step(run_of(name, digits), batch(epoch=70), 0.1, "fp32")


@pytest.mark.parametrize("augmentation", ["none", "crop_flip"])
def test_batches_come_out_where_they_are_wanted(augmentation: str) -> None:
    images = torch.zeros(20, 8, 8, 1, dtype=torch.uint8)
    labels = torch.arange(20) % CLASSES
    for x, y in Loader(images, labels, 16, 8, False, 0, augmentation, NOWHERE).batches(0):
        assert x.device == y.device == NOWHERE
        assert x.shape[1:] == (1, 8, 8)
        assert x.dtype == torch.float32


def test_outputs_are_adjusted_where_the_network_lies() -> None:
    network = nn.Linear(3, CLASSES, device=NOWHERE)
    used = as_used(network, {"scale": 2.0, "bias": [0.0] * CLASSES})
    assert used(torch.empty(2, 3, device=NOWHERE)).device == NOWHERE


def test_a_missing_gpu_is_said(digits: blocks.Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"compute.device: cuda, but torch sees no GPU here"):
        set_up_device(digits.compute.model_copy(update={"device": "cuda"}))

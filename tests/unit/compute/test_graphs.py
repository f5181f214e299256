"""What is recorded and what is not, with a recording that a CPU can make."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from taet.compute.graphs import Recorder, Work
from taet.losses import cross_entropy
from taet.methods import pgd_at
from taet.networks.network import Network
from taet.study.params import blocks
from taet.training.loop import Run, _step
from taet.training.method import Attacked, Batch, TrainingMethod
from taet.training.optimizers import make_optimizer
from tests.contract.short_resnet import short_resnet
from tests.contract.test_methods import METHODS, make

CLASSES, BATCH, STEPS = 4, 12, 2
# Their attacks are made anew in every step: ADT's and LAS-AT's are their own loops, GAIRAT's counts.
NEVER = {"adt", "las_at", "gairat"}
WITHOUT_ATTACK = {"clean"}


class Traced:
    """A graph on a CPU: the operations of one call, on the same weight tensors, whatever Python decides later."""

    def __init__(self, work: Work, tensors: Sequence[Tensor]) -> None:
        def first_call(*inputs: Tensor) -> Tensor:
            self.first = work(*inputs)
            return self.first

        self.operations = make_fx(first_call)(*tensors)

    def __call__(self, tensors: Sequence[Tensor]) -> Tensor:
        # Tracing computes, and moves batch-norm statistics, which the recording of a graph does not.
        if self.first is not None:
            result, self.first = self.first, None
            return result
        return self.operations(*tensors)


class Everywhere(Recorder):
    """Records on a CPU too."""

    def __init__(self) -> None:
        super().__init__(Traced)

    def can_record(self, values: Sequence[Tensor | float]) -> bool:
        return True


def scaled(factor: float, x: Tensor, y: Tensor | float) -> Tensor:
    return factor * x + y


def test_recorded_from_the_second_call_on() -> None:
    recorder, works = Everywhere(), []
    recorder.record = lambda work, tensors: works.append(work) or Traced(work, tensors)
    for i in range(5):
        x = torch.full((3,), float(i))
        assert torch.equal(recorder(scaled, (2.0,), x, x + 1), 3 * x + 1)
        assert len(works) == (1 if i else 0)


@pytest.mark.parametrize(
    "other",
    [
        (scaled, (3.0,), torch.ones(3), torch.ones(3)),
        (scaled, (2.0,), torch.ones(4), torch.ones(4)),
        (scaled, (2.0,), torch.ones(3, dtype=torch.float64), torch.ones(3)),
        (scaled, (2.0,), torch.ones(3), 1.0),
    ],
    ids=["setting", "shape", "dtype", "number for tensor"],
)
def test_another_kind_of_call_has_a_recording_of_its_own(other: tuple) -> None:
    recorder = Everywhere()
    for _ in range(2):
        recorder(scaled, (2.0,), torch.ones(3), torch.ones(3))
    for _ in range(2):
        work, settings, *values = other
        assert torch.equal(recorder(work, settings, *values), work(*settings, *values))
    assert len(recorder.recordings) == 2


def test_what_is_made_anew_is_never_recorded() -> None:
    recorder = Everywhere()
    for i in range(4):

        def fresh(x: Tensor, i: int = i) -> Tensor:
            return x + i

        assert recorder(fresh, (), torch.zeros(1)).item() == i
    assert not recorder.recordings


def test_nothing_is_recorded_on_a_cpu() -> None:
    recorder = Recorder()
    for _ in range(3):
        recorder(scaled, (2.0,), torch.ones(3), 1.0)
    assert not recorder.recordings


def run_of(method: TrainingMethod, digits: blocks.Params) -> Run:
    model = short_resnet(method)
    return Run(model, make_optimizer(model.parameters(), digits.training.optimizer), method)


def trained(name: str, digits: blocks.Params, recorder: Recorder) -> Network:
    """After some steps, in two epochs, of which each makes the method look at its state anew."""
    return after_steps(make(name, digits, CLASSES), digits, recorder)


def after_steps(method: TrainingMethod, digits: blocks.Params, recorder: Recorder) -> Network:
    method.recorder = recorder
    short = method.context.attack.model_copy(update={"steps": 3})
    method.context = replace(method.context, attack=short)
    run, noise = run_of(method, digits), torch.Generator().manual_seed(0)
    images = torch.Generator().manual_seed(1)
    draw = partial(torch.rand, (BATCH, 1, 8, 8), generator=images)
    for epoch in (70, 71):
        method.start_epoch(epoch)
        for _ in range(STEPS):
            y = torch.randint(0, CLASSES, (BATCH,), generator=images)
            _step(run, Batch(draw(), y, noise, epoch), 0.01, "fp32")
    return run.model


@pytest.mark.parametrize("name", METHODS)
def test_training_with_recordings_is_training_without(name: str, digits: blocks.Params) -> None:
    recorder = Everywhere()
    ours, plain = trained(name, digits, recorder), trained(name, digits, Recorder())
    for (what, a), b in zip(ours.state_dict().items(), plain.state_dict().values(), strict=True):
        assert torch.equal(a, b), what
    kind = digits.methods[name].kind
    assert len(recorder.recordings) == (0 if kind in NEVER | WITHOUT_ATTACK else 1)


class Forgetful(pgd_at.Method):
    """Breaks the rule: what its objective reads is another tensor in every epoch."""

    def start_epoch(self, epoch: int) -> None:
        self.sign = torch.tensor(1.0 if epoch % 2 else -1.0)

    def attack(self, model: Network, batch: Batch) -> Attacked:
        return Attacked(self.perturb(model, batch, self._signed))

    def _signed(self, logits: Tensor, y: Tensor) -> Tensor:
        return self.sign * cross_entropy(logits, y)


def test_the_rule_is_one_that_can_be_broken(digits: blocks.Params) -> None:
    ours, plain = (
        after_steps(
            Forgetful(digits.methods["pgd_at"], make("pgd_at", digits).context), digits, recorder
        )
        for recorder in (Everywhere(), Recorder())
    )
    assert not torch.equal(ours.head.weight, plain.head.weight)


def test_a_recording_sees_weights_that_moved() -> None:
    layer, recorder = nn.Linear(3, 2), Everywhere()
    x = torch.ones(1, 3)
    for _ in range(3):
        with torch.no_grad():
            assert torch.equal(recorder(_passed, (layer,), x), layer(x))
            layer.weight.add_(1)


def _passed(layer: nn.Module, x: Tensor) -> Tensor:
    return layer(x)

"""What only a GPU can show: recorded graphs give the bits of plain calls, and nothing waits within a step.

pytest -m gpu
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from taet.adversary.evaluation import Evaluation, evaluate
from taet.adversary.pgd import input_gradient
from taet.architectures.resnet18 import ResNet18
from taet.compute.folding import folded
from taet.compute.graphs import Recorder
from taet.losses import cross_entropy
from taet.networks.network import Network, build_model, describe_network
from taet.options import AttackOptions
from taet.study.params import blocks
from taet.study.params.load import load_params
from taet.training.loop import _step
from taet.training.method import Batch
from tests.conftest import ROOT
from tests.contract.test_devices import ASKS, moved_to, run_on
from tests.contract.test_methods import METHODS, make
from tests.unit.compute.test_graphs import NEVER, WITHOUT_ATTACK

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU here"),
]
GPU = torch.device("cuda")
CLASSES, BATCH, STEPS = 4, 12, 4


class Plain(Recorder):
    """Records nothing."""

    def can_record(self, values: object) -> bool:
        return False


@contextmanager
def no_waiting() -> Iterator[None]:
    """An operation that would make the processor wait for the GPU fails."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.fixture(autouse=True)
def exact() -> None:
    """As ``taet.compute.devices.set_up_device`` has it."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.deterministic = True


def trained(name: str, digits: blocks.Params, recorder: Recorder, precision: str) -> Network:
    method = moved_to(GPU, make(name, digits, CLASSES))
    method.recorder = recorder
    run, noise = run_on(GPU, method, digits), torch.Generator(GPU).manual_seed(0)
    images = torch.Generator(GPU).manual_seed(1)
    for epoch in (60, 61):
        method.start_epoch(epoch)
        for _ in range(STEPS):
            x = torch.rand((BATCH, 1, 8, 8), generator=images, device=GPU)
            y = torch.randint(0, CLASSES, (BATCH,), generator=images, device=GPU)
            _step(run, Batch(x, y, noise, epoch), 0.01, precision)
    return run.model


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", METHODS)
def test_a_graph_gives_the_bits_of_plain_calls(
    name: str, precision: str, digits: blocks.Params
) -> None:
    recorder = Recorder()
    recorded = trained(name, digits, recorder, precision).state_dict()
    plain = trained(name, digits, Plain(), precision).state_dict()
    for what, value in recorded.items():
        assert torch.equal(value, plain[what]), what
    kind = digits.methods[name].kind
    assert len(recorder.recordings) == (0 if kind in NEVER | WITHOUT_ATTACK else 1)


@pytest.mark.parametrize("name", [m for m in METHODS if m.removesuffix("_faithful") not in ASKS])
def test_no_step_waits(name: str, digits: blocks.Params) -> None:
    method = moved_to(GPU, make(name, digits, CLASSES))
    run, noise = run_on(GPU, method, digits), torch.Generator(GPU).manual_seed(0)
    x = torch.rand((BATCH, 1, 8, 8), device=GPU)
    batch = Batch(x, torch.zeros(BATCH, dtype=torch.int64, device=GPU), noise, 60)
    for _ in range(2):  # sets up, and records
        _step(run, batch, 0.01, "fp32")
    with no_waiting():
        _step(run, batch, 0.01, "fp32")


@pytest.fixture(scope="module")
def network() -> Network:
    """Has seen a few batches, so that batch norm has statistics."""
    block = load_params(ROOT / "params.yaml", "cifar10_lt").architectures["resnet18_narrow"]
    spec = describe_network(block, 3, 32, 10)
    model = build_model(spec, seed=0).to(GPU)
    with torch.no_grad():
        for _ in range(3):
            model.train()(torch.rand(64, 3, 32, 32, device=GPU))
    return model.eval()


def test_convolution_and_relu_in_one_kernel(network: Network) -> None:
    """Against the three that it stands for; a ReLU at zero may fall to its other side."""
    x, y = torch.rand(64, 3, 32, 32, device=GPU), torch.arange(64, device=GPU) % 10
    backbone = network.backbone
    assert isinstance(backbone, ResNet18)
    with folded(network):
        gradient, logits = input_gradient(network, x, y, cross_entropy)
        pair = backbone.stem
        weight, bias = pair.folded
        conv = partial(F.conv2d, stride=pair.conv.stride, padding=pair.conv.padding)
        torch.testing.assert_close(pair.activated(x), F.relu(conv(x, weight, bias)))
    gradient_plain, logits_plain = input_gradient(
        network, x, y, cross_entropy
    )  # batch norm by itself
    torch.testing.assert_close(logits, logits_plain, rtol=1e-4, atol=1e-5)
    apart = (gradient - gradient_plain).flatten(1).norm(dim=1)
    assert (apart / gradient_plain.flatten(1).norm(dim=1)).median() < 1e-4


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
def test_verdicts_are_in_float32(precision: str, network: Network, digits: blocks.Params) -> None:
    """Whatever arithmetic found an image, float32 says whether it fools the model; and few differ."""
    exact, found = (verdicts(network, digits, p) for p in ("fp32", precision))
    ours, theirs = (e.verdicts["pgd20"].prediction for e in (exact, found))
    assert torch.equal(exact.clean, found.clean)
    assert (ours != theirs).float().mean() < 0.1
    assert not torch.backends.cudnn.allow_tf32


def verdicts(network: Network, digits: blocks.Params, precision: str) -> Evaluation:
    attacks: dict[str, AttackOptions] = {"pgd20": digits.attacks["pgd20"]}
    generator = torch.Generator(GPU).manual_seed(2)
    x: Tensor = torch.rand((256, 3, 32, 32), generator=generator, device=GPU)
    y = torch.arange(len(x), device=GPU) % 10
    return evaluate(
        network, x, y, attacks, eps=1 / 255, batch_size=64, seed=0, classes=10, precision=precision
    )

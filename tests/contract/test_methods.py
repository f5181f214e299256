"""What every file in methods/ must keep, new ones included."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from taet import params, plugins
from taet.heads import build_head
from taet.methods._base import Attacked, Batch, Setting, TrainingMethod
from taet.models._base import Backbone
from taet.networks import Network
from taet.options import MethodOptions

METHODS = plugins.names("methods")


def options_of(name: str, digits: params.Params) -> MethodOptions:
    blocks = [block for block in digits.methods.values() if block.kind == name]
    assert blocks, f"params.yaml has no block for methods/{name}.py"
    return blocks[0]


def make(name: str, digits: params.Params, classes: int = 3, **changes: object) -> TrainingMethod:
    """The method with its own parameters; as far into training as all its parts are at work."""
    counts = torch.arange(10 * classes, 0, -10)[:classes]
    options = options_of(name, digits).model_copy(update=changes)
    attack = digits.training.attack
    setting = Setting(counts, 0.1, attack, epochs=45, channels=1, seed=0)
    method: TrainingMethod = plugins.load("methods", name).Method(options, setting)
    method.start_epoch(EPOCH)
    return method


EPOCH = 30


class Tiny(Backbone):
    features = 144

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def network(method: TrainingMethod) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        backbone = Tiny()
        return Network(backbone, build_head(method.head, backbone.features, method.classes), None)


def batch(labels: list[int]) -> Batch:
    generator = torch.Generator().manual_seed(len(labels))
    x = torch.rand(len(labels), 1, 8, 8, generator=generator)
    return Batch(x, torch.tensor(labels), torch.Generator().manual_seed(7), EPOCH)


def loss_of(method: TrainingMethod, model: Network, given: Batch) -> torch.Tensor:
    return method.loss(model, given, method.attack(model.train(), given))


def two_steps(method: TrainingMethod, model: Network, labels: list[int]) -> list[float]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    values = []
    for _ in range(2):
        given = batch(labels)
        attacked = method.attack(model.train(), given)
        loss = method.loss(model, given, attacked)
        assert loss.shape == ()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        method.after_step(model, given, attacked, 0.1)
        values.append(loss.item())
    return values


@pytest.mark.parametrize("name", METHODS)
def test_two_steps_move_the_weights(name: str, digits: params.Params) -> None:
    method = make(name, digits)
    model = network(method)
    before = [p.detach().clone() for p in model.parameters()]
    losses = two_steps(method, model, [0, 0, 1, 1, 2])
    assert all(math.isfinite(value) for value in losses)
    assert all(not torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True))
    assert all(torch.isfinite(b).all() for b in model.buffers())


@pytest.mark.parametrize("name", METHODS)
def test_deterministic(name: str, digits: params.Params) -> None:
    runs = []
    for _ in range(2):
        method = make(name, digits)
        model = network(method)
        runs.append((two_steps(method, model, [0, 1, 2]), model.state_dict()))
    assert runs[0][0] == runs[1][0]
    assert all(torch.equal(v, runs[1][1][k]) for k, v in runs[0][1].items())


@pytest.mark.parametrize("labels", [[0, 0, 2], [1]], ids=["class missing", "batch of one"])
@pytest.mark.parametrize("name", METHODS)
def test_odd_batches(name: str, labels: list[int], digits: params.Params) -> None:
    method = make(name, digits)
    assert all(map(math.isfinite, two_steps(method, network(method), labels)))


@pytest.mark.parametrize("classes", [2, 100])
@pytest.mark.parametrize("name", METHODS)
def test_numbers_of_classes(name: str, classes: int, digits: params.Params) -> None:
    labels = [0, 1, classes - 1]
    method = make(name, digits, classes)
    assert all(map(math.isfinite, two_steps(method, network(method), labels)))


@pytest.mark.parametrize("name", METHODS)
def test_the_attack_leaves_the_model_as_it_was(name: str, digits: params.Params) -> None:
    method = make(name, digits)
    model = network(method).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    given = batch([0, 1, 2])
    attacked = method.attack(model, given)
    assert all(module.training for module in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not attacked.x.requires_grad
    assert attacked.x.min() >= 0
    assert attacked.x.max() <= 1
    assert torch.isfinite(attacked.x).all()
    reach = 0.1 * max(getattr(method.options, "eps_factors", [1]))
    assert (attacked.x - given.x).abs().max() <= reach + 1e-6
    method.loss(model, given, attacked)
    assert all(module.training for module in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("name", METHODS)
def test_loss_is_the_same_when_asked_twice(name: str, digits: params.Params) -> None:
    """Weight perturbation asks twice; batch-norm statistics do not matter in train mode."""
    method = make(name, digits)
    model, given = network(method), batch([0, 1, 2, 2])
    attacked = method.attack(model.train(), given)
    state = {key: value.clone() for key, value in method.state().items()}
    first, second = (method.loss(model, given, attacked).item() for _ in range(2))
    assert first == second
    assert all(torch.equal(value, state[key]) for key, value in method.state().items())


@pytest.mark.parametrize("name", METHODS)
def test_state_survives(name: str, digits: params.Params) -> None:
    method = make(name, digits)
    two_steps(method, network(method), [0, 1, 2])
    state = {key: value.clone() for key, value in method.state().items()}
    fresh = make(name, digits)
    fresh.load_state(state)
    assert fresh.state().keys() == state.keys()
    assert all(torch.equal(value, state[key]) for key, value in fresh.state().items())


def test_some_methods_have_state(digits: params.Params) -> None:
    with_state = {name for name in METHODS if make(name, digits).state()}
    assert with_state == {"reat", "las_at"}


@pytest.mark.parametrize("name", METHODS)
def test_gradient_by_finite_differences(name: str, digits: params.Params) -> None:
    """In float64, along a random direction of all weights, the attack held fixed."""
    # REAT's term on tail features has one side cut from the gradient on purpose.
    method = make(name, digits, **({"tail": 0.0} if name == "reat" else {}))
    model, given = network(method).double(), batch([0, 0, 1, 2])
    given = replace(given, x=given.x.double())
    method.log_prior = method.log_prior.double()
    attacked = Attacked((given.x + 0.05).clamp(0, 1), {"kappa": torch.tensor([1.0, 5, 9, 10])})
    parameters = list(model.train().parameters())
    gradients = torch.autograd.grad(method.loss(model, given, attacked), parameters)
    generator = torch.Generator().manual_seed(0)
    direction = [torch.randn(p.shape, generator=generator).double() for p in parameters]
    slope = sum((g * d).sum().item() for g, d in zip(gradients, direction, strict=True))

    def at(distance: float) -> float:
        with torch.no_grad():
            torch._foreach_add_(parameters, [distance * d for d in direction])
            value = method.loss(model, given, attacked).item()
            torch._foreach_sub_(parameters, [distance * d for d in direction])
        return value

    h = 1e-6
    numeric = (at(h) - at(-h)) / (2 * h)
    assert slope == pytest.approx(numeric, rel=1e-4)


@pytest.mark.parametrize("name", METHODS)
def test_card(name: str) -> None:
    card = plugins.card("methods", name)
    assert "Cost per step" in card
    assert len(card) > 100
    fields = plugins.options_class("methods", name).model_fields
    assert all(info.description for key, info in fields.items()), "every option explains itself"


# Forward and backward passes per step with K steps of the attack, as multiples of the batch.
PASSES = {
    "clean": (0, 1, 1), "trades": (1, 3, 2), "mart": (1, 2, 2), "robal": (1, 2, 2), "adt": (0, 1, 1),
    "las_at": (1, 1, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_passes_per_step(name: str, digits: params.Params) -> None:
    """As the cards state: the fewest that the method needs. Images are counted, not calls."""
    images = {"forward": 0, "backward": 0}
    method = make(name, digits)
    model, given = network(method).train(), batch([0, 1, 2])

    def forward(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        images["forward"] += len(inputs[0])
        if output.requires_grad:
            output.register_hook(lambda _: images.update(backward=images["backward"] + len(output)))

    model.backbone.register_forward_hook(forward)
    attacked = method.attack(model, given)
    method.loss(model, given, attacked).backward()
    per_step, forwards, backwards = PASSES.get(name, (1, 1, 1))
    steps = digits.training.attack.steps
    if name == "las_at":  # each image has its own number of steps
        chosen = torch.tensor(method.options.steps)[attacked.facts["actions"][1]]
        steps = chosen.double().mean().item()
    if name == "adt":
        forwards = backwards = 1 + method.options.steps * method.options.samples
    assert images["forward"] / 3 == pytest.approx(per_step * steps + forwards)
    assert images["backward"] / 3 == pytest.approx(per_step * steps + backwards)

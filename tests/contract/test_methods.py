"""What every block under ``methods`` must keep, and so every file in methods/, new ones included."""

import copy
import json
import math
import re
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from taet.errors import UserError
from taet.methods.reat import tail_loss
from taet.networks.backbone import Backbone
from taet.networks.heads import build_head
from taet.networks.network import Network
from taet.options import MethodOptions
from taet.study.params import blocks, plugins
from taet.study.params.load import load_params
from taet.training.method import Attacked, Batch, TrainingContext, TrainingMethod
from tests.conftest import ROOT

KINDS = plugins.names("methods")
DIGITS = load_params(ROOT / "params.yaml", "digits")


def distinct_blocks() -> list[str]:
    """Every block, but one of those that differ in weights of the loss alone."""
    first_names: dict[str, str] = {}
    for name, options in DIGITS.methods.items():
        weights = {"label", "alpha", "beta", "gamma", "stabilization", "training"}
        attack = DIGITS.methods[name].training.attack.model_dump()
        same = json.dumps([options.model_dump(exclude=weights), attack])
        first_names.setdefault(same, name)
    return list(first_names.values())


METHODS = distinct_blocks()


def test_every_file_has_a_block() -> None:
    assert {DIGITS.methods[name].kind for name in METHODS} == set(KINDS)


def options_of(name: str, digits: blocks.Params) -> MethodOptions:
    """A block; what happens now and then only (LAS-AT's learning) happens in every step."""
    options = digits.methods[name]
    rare = {"update_every": 1} if options.kind == "las_at" else {}
    return options.model_copy(update=rare)


def make(name: str, digits: blocks.Params, classes: int = 4, **changes: object) -> TrainingMethod:
    """The method as its block and attack say; as far into training as all its parts are at work."""
    counts = torch.arange(10 * classes, 0, -10)[:classes]
    options = options_of(name, digits).model_copy(update=changes)
    attack = digits.methods[name].training.attack
    setting = TrainingContext(counts, 0.1, attack, epochs=45, channels=1, seed=0)
    method: TrainingMethod = plugins.load("methods", options.kind).Method(options, setting)
    method.start_epoch(EPOCH)
    return method


EPOCH = 70


class Tiny(Backbone):
    features = 144

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def network(method: TrainingMethod) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        backbone = Tiny()
        head = build_head(method.head, backbone.features, method.classes)
        made = Network(backbone, head, None)
    method.constrain(made)
    return made


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
        method.constrain(model)
        method.after_step(model, given, attacked, 0.1)
        values.append(loss.item())
    return values


@pytest.mark.parametrize("name", METHODS)
def test_two_steps_move_the_weights(name: str, digits: blocks.Params) -> None:
    method = make(name, digits)
    model = network(method)
    before = [p.detach().clone() for p in model.parameters()]
    losses = two_steps(method, model, [0, 0, 1, 1, 2, 3, 3])
    assert all(math.isfinite(value) for value in losses)
    assert all(not torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True))
    assert all(torch.isfinite(b).all() for b in model.buffers())


@pytest.mark.parametrize("name", METHODS)
def test_deterministic(name: str, digits: blocks.Params) -> None:
    runs = []
    for _ in range(2):
        method = make(name, digits)
        model = network(method)
        runs.append((two_steps(method, model, [0, 1, 2, 3]), model.state_dict()))
    assert runs[0][0] == runs[1][0]
    assert all(torch.equal(v, runs[1][1][k]) for k, v in runs[0][1].items())


@pytest.mark.parametrize("labels", [[0, 0, 3], [1]], ids=["class missing", "batch of one"])
@pytest.mark.parametrize("name", METHODS)
def test_odd_batches(name: str, labels: list[int], digits: blocks.Params) -> None:
    method = make(name, digits)
    assert all(map(math.isfinite, two_steps(method, network(method), labels)))


@pytest.mark.parametrize("classes", [2, 100])
@pytest.mark.parametrize("name", METHODS)
def test_numbers_of_classes(name: str, classes: int, digits: blocks.Params) -> None:
    labels = [0, 1, classes - 1]
    method = make(name, digits, classes)
    assert all(map(math.isfinite, two_steps(method, network(method), labels)))


@pytest.mark.parametrize("name", METHODS)
def test_the_attack_leaves_the_model_as_it_was(name: str, digits: blocks.Params) -> None:
    method = make(name, digits)
    model = network(method).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    given = batch([0, 1, 2])
    attacked = method.attack(model, given)
    assert all(module.training for module in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    # Statistics that the attack is meant to move.
    moving = method.context.attack.batch_norm == "train"
    moving |= getattr(method.options, "extra_clean_forward", False)
    assert all(
        torch.equal(value, before[key]) or (moving and key in dict(model.named_buffers()))
        for key, value in model.state_dict().items()
    )
    assert not attacked.x.requires_grad
    assert attacked.x.min() >= 0
    assert attacked.x.max() <= 1
    assert torch.isfinite(attacked.x).all()
    reach = 0.1 * max(getattr(method.options, "eps_factors", [1]))
    if method.radii is not None:
        reach *= method.radii.max().item()
    assert (attacked.x - given.x).abs().max() <= reach + 1e-6
    method.loss(model, given, attacked)
    assert all(module.training for module in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("name", METHODS)
def test_loss_is_the_same_when_asked_twice(name: str, digits: blocks.Params) -> None:
    """Weight perturbation asks twice; batch-norm statistics do not matter in train mode."""
    method = make(name, digits)
    model, given = network(method), batch([0, 1, 2, 2])
    attacked = method.attack(model.train(), given)
    state = {key: value.clone() for key, value in method.state().items()}
    first, second = (method.loss(model, given, attacked).item() for _ in range(2))
    assert first == second
    assert all(torch.equal(value, state[key]) for key, value in method.state().items())


@pytest.mark.parametrize("name", METHODS)
def test_state_survives(name: str, digits: blocks.Params) -> None:
    method = make(name, digits)
    two_steps(method, network(method), [0, 1, 2, 3])
    state = {key: value.clone() for key, value in method.state().items()}
    fresh = make(name, digits)
    fresh.load_state(state)
    assert fresh.state().keys() == state.keys()
    assert all(torch.equal(value, state[key]) for key, value in fresh.state().items())


def test_state_is_what_was_learned(digits: blocks.Params) -> None:
    """A state that a step does not change would make the tests of saving it empty."""
    with_state = set()
    for name in METHODS:
        method = make(name, digits)
        before = {key: value.clone() for key, value in method.state().items()}
        two_steps(method, network(method), [0, 1, 2, 3])
        after = method.state()
        if after:
            with_state.add(method.options.kind)
            assert any(not torch.equal(value, before[key]) for key, value in after.items()), name
    assert {"reat", "las_at", "cfa", "dafa", "wat", "frl"} <= with_state


@pytest.mark.parametrize("name", METHODS)
def test_gradient_by_finite_differences(name: str, digits: blocks.Params) -> None:
    """In float64, along a random direction of all weights, the attack held fixed."""
    # REAT's term on tail features has one side cut from the gradient on purpose.
    method = make(name, digits, **({"tail": 0.0} if digits.methods[name].kind == "reat" else {}))
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


@pytest.mark.parametrize("name", KINDS)
def test_card(name: str) -> None:
    card = plugins.card("methods", name)
    assert "Cost per step" in card
    assert len(card) > 100


COST = re.compile(r"Cost per step[^:]*: (.+?) forward and (?:(.+?) )?backward pass")


def stated_cost(kind: str, **values: float) -> tuple[float, float]:
    """Forward and backward passes per step, as the card says; K, T and S are its letters."""
    cost = COST.search(" ".join(plugins.card("methods", kind).split()))
    assert cost, (
        f"methods/{kind}.py: the card must say 'Cost per step ...: ... forward and ... backward passes'"
    )
    forward, backward = (text.replace("T S", "T * S") for text in (cost[1], cost[2] or cost[1]))
    return eval(forward, {}, values), eval(backward, {}, values)


@pytest.mark.parametrize("name", METHODS)
def test_passes_per_step(name: str, digits: blocks.Params) -> None:
    """As the cards state: the fewest that the method needs. Images are counted, not calls."""
    images = {"forward": 0, "backward": 0}
    method = make(name, digits)
    options, kind = method.options, method.options.kind
    model, given = network(method).train(), batch([0, 1, 2])

    def forward(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        images["forward"] += len(inputs[0])
        if output.requires_grad:
            output.register_hook(lambda _: images.update(backward=images["backward"] + len(output)))

    model.backbone.register_forward_hook(forward)
    attacked = method.attack(model, given)
    method.loss(model, given, attacked).backward()
    letters = {"K": method.context.attack.steps}
    if kind == "las_at":  # each image has its own number of steps
        chosen = torch.tensor(options.steps)[attacked.extras["actions"][1]]
        letters = {"K": chosen.double().mean().item()}
    if kind == "adt":
        letters = {"T": options.steps, "S": options.samples}
    forwards, backwards = stated_cost(kind, **letters)
    forwards += getattr(options, "extra_clean_forward", False)
    forwards -= (
        getattr(options, "fit", "clean") == "adversarial"
    )  # clean images enter the loss alone
    if (
        getattr(options, "beta", 0) is None
    ):  # on PGD-AT; the cards of CFA and DAFA give the cost on TRADES
        forwards, backwards = forwards - 2, backwards - 1
    assert images["forward"] / 3 == pytest.approx(forwards)
    assert images["backward"] / 3 == pytest.approx(backwards)
    if kind != "las_at":  # its numbers are averages over choices and steps
        forwards, backwards = options.attack_passes(method.context.attack.steps)
        assert images["forward"] / 3 == forwards + options.loss_passes
        assert images["backward"] / 3 == backwards + options.loss_passes

    images.update(forward=0, backward=0)
    method.after_step(model, given, attacked, 0.1)
    more = {"las_at": (24, 21)}.get(kind, (0, 0))
    assert (images["forward"] / 3, images["backward"] / 3) == more
    if kind == "las_at":
        mean = sum(options.steps) / len(options.steps)
        assert options.attack_passes(10) == (mean + more[0], mean + more[1]), "learns in every step"


def test_class_without_training_images(digits: blocks.Params) -> None:
    setting = TrainingContext(torch.tensor([5, 0, 3]), 0.1, digits.training.attack, 45, 1, 0)
    for kind in KINDS:
        options = next(block for block in digits.methods.values() if block.kind == kind)
        with pytest.raises(UserError, match="class 1 has no training image"):
            plugins.load("methods", kind).Method(options, setting)


def test_las_at_learns_by_its_formula(digits: blocks.Params) -> None:
    """Reward and policy step against a literal second version, in the order of the random numbers."""
    method = make("las_at", digits, classes=3)
    options, model, given = method.options, network(method).train(), batch([0, 1, 2, 0, 1, 2])
    attacked = method.attack(model, given)
    strategy, student = copy.deepcopy(method.strategy), copy.deepcopy(model).train()
    stream = given.noise.get_state()
    method.after_step(model, given, attacked, 0.05)
    given.noise.set_state(stream)

    x, y, rate = given.x, given.y, 0.05
    logits = student(attacked.x)
    r1 = F.cross_entropy(logits, y, reduction="none").clamp(0, 10).mean().item()
    target = torch.full((6, 3), (1 - options.confidence) / 2)
    target[torch.arange(6), y] = options.confidence
    sgd = torch.optim.SGD(student.parameters(), lr=rate, weight_decay=options.copy_weight_decay)
    sgd.zero_grad()
    (-(target * logits.log_softmax(1)).sum(1).mean()).backward()
    sgd.step()
    student.eval()
    robust = torch.ones(6, dtype=torch.bool)
    for _ in range(2):
        x_adv = (x + 0.1 * (2 * torch.rand(x.shape, generator=given.noise) - 1)).clamp(0, 1)
        for _ in range(10):
            x_adv = x_adv.detach().requires_grad_()
            (g,) = torch.autograd.grad(F.cross_entropy(student(x_adv), y), x_adv)
            x_adv = x_adv.detach() + digits.training.attack.step_size * g.sign()
            x_adv = torch.min(torch.max(x_adv, x - 0.1), x + 0.1).clamp(0, 1)
        robust &= student(x_adv).argmax(1) == y
    r3 = (student(x).argmax(1) == y).float().mean().item()
    reward = r1 + options.robust_reward * robust.float().mean().item() + options.clean_reward * r3
    sgd = torch.optim.SGD(strategy.parameters(), lr=options.strategy_learning_rate)
    loss = sum(
        -reward * head.log_softmax(1)[torch.arange(6), action].mean()
        for head, action in zip(strategy.train()(x), attacked.extras["actions"], strict=True)
    )
    sgd.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(strategy.parameters(), options.strategy_clip)
    sgd.step()
    moved = 0.0
    for ours, literal in zip(method.strategy.parameters(), strategy.parameters(), strict=True):
        torch.testing.assert_close(ours, literal)
        moved += literal.grad.abs().sum().item()
    assert moved > 0


def test_tail_of_reat_is_the_rarest_classes() -> None:
    """In whatever order the labels stand."""
    torch.manual_seed(0)
    features, y = torch.randn(12, 5), torch.arange(12) % 6
    counts = torch.tensor([60, 50, 40, 30, 20, 10])
    order = torch.tensor([3, 5, 0, 2, 4, 1])  # new label of each class
    renamed = torch.empty(6, dtype=torch.int64)
    renamed[order] = counts
    for reduction in ("batch_mean", "per_pair"):
        expected = tail_loss(features, y, counts, reduction)
        assert tail_loss(features, order[y], renamed, reduction) == pytest.approx(expected.item())
        only_tail = tail_loss(features[y == 5], y[y == 5], counts, reduction)
        assert only_tail != 0
        assert tail_loss(features[y == 0], y[y == 0], counts, reduction) == 0

"""Two epochs of every method against a second version of the training (``second.py``).

Noise, attack, loss, update, batch norm's statistics, momentum, weight decay, learning rate, add-ons.
"""

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from taet.compute.folding import ConvNorm
from taet.methods.pgd_at import Method as PgdAt
from taet.networks.backbone import Backbone
from taet.networks.heads import build_head
from taet.networks.network import Network
from taet.options import ClassRadius, ExponentialAverage, StochasticAverage, WeightPerturbation
from taet.study.params import plugins
from taet.training.addons import WeightPerturber
from taet.training.averages import make_averager
from taet.training.loop import Run, train
from taet.training.method import Attacked, Batch
from taet.training.optimizers import make_optimizer
from taet.training_options import Training
from tests.unit.methods.options import ATTACK, COMMON, make
from tests.unit.methods.second import begin

COUNTS = [40, 7, 18, 3]
BATCHES = ([0, 0, 2, 3, 0, 2], [1, 0, 3, 2, 0, 3])  # class 1 is absent from the first
SGD = {"kind": "sgd", "learning_rate": 0.2, "momentum": 0.8, "weight_decay": 0.03}
ADAM = {"kind": "adam", "learning_rate": 0.05, "weight_decay": 0.03}
MULTISTEP = {"kind": "multistep", "milestones": [1], "factor": 0.3, "compounding": False}
COSINE = {"kind": "cosine", "warmup": 0.3}
FACTORS = {
    "multistep": [1, 1, 0.3, 0.3],
    # Of 4 steps 1.2 are warm-up; half a cosine is laid over the other 2.8.
    "cosine": [1 / 2.2, 2 / 2.2, *((1 + math.cos(math.pi * k / 2.8)) / 2 for k in (0.8, 1.8))],
}

# Batches of 34 of the 68 images that COUNTS promise: CFA averages weights after every second step.
TWO_STEPS = COMMON.model_copy(update={"batch_size": 34})
ON_PGD_AT = {"beta": None, "regularization_base": None}

# (kind, options, attack, training)
CASES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("clean", {}, {}, {}),
    ("clean", {}, {}, {"optimizer": ADAM, "schedule": COSINE}),
    ("pgd_at", {}, {"start": "uniform", "batch_norm": "train"}, {}),
    ("pgd_at", {}, {"start": "zero"}, {"optimizer": SGD | {"momentum": 0.0}, "schedule": COSINE}),
    ("pgd_at", {"class_radius": ClassRadius(alpha=0.3, beta=0.8)}, {"batch_norm": "train_no_track"}, {}),
    ("trades", {}, {}, {}),
    ("trades", {}, {"start": "uniform", "batch_norm": "train"}, {}),
    ("mart", {}, {}, {}),
    ("adt", {}, {}, {}),
    ("adt", {"accumulate_gradients": False, "steps": 3}, {}, {}),
    ("he", {}, {}, {}),
    ("he", {"projected": True, "weight_average": ExponentialAverage(kind="ema", decay=0.2)}, {}, {}),
    ("gairat", {}, {"start": "uniform"}, {}),
    ("las_at", {}, {}, {}),
    ("las_at", {"update_every": 1, "strategy_clip": 0.7}, {}, {}),
    ("robal", {}, {"start": "one_sided"}, {}),
    # With statistics of the batch, images see each other, and the attack's weights matter.
    ("reat", {"tail_reduction": "per_pair"}, {"start": "uniform", "batch_norm": "train_no_track"}, {}),
    ("at_bsl", {}, {}, {}),
    ("at_bsl", {"weight_perturbation": WeightPerturbation(gamma=0.2, warmup_epochs=1)}, {}, {}),
    ("at_bsl", {"weight_average": ExponentialAverage(kind="ema", decay=0.2)}, {}, {}),
    ("at_bsl", {"weight_average": StochasticAverage(kind="swa", begin_epoch=0)}, {}, {}),
    ("at_bsl", {"weight_average": StochasticAverage(kind="swa", begin_epoch=1)}, {}, {}),
    ("bsl_trades", {}, {}, {}),
    ("bsl_trades", {"fit": "adversarial"}, {"start": "uniform", "batch_norm": "train"}, {}),
    ("cfa", {"training": TWO_STEPS}, {}, {}),
    ("cfa", {"training": TWO_STEPS, "average_threshold": 1.0}, {"start": "uniform"}, {}),
    ("cfa", {"training": TWO_STEPS, "average_begin_epoch": 1}, {"batch_norm": "train_no_track"}, {}),
    ("cfa", {"training": TWO_STEPS} | ON_PGD_AT, {"start": "uniform", "batch_norm": "train"}, {}),
    ("cfa", {"training": TWO_STEPS, "class_radius": ClassRadius(alpha=0.3, beta=0.8)}, {}, {}),
    ("dafa", {}, {}, {}),
    ("dafa", {"beta": None}, {"start": "uniform", "batch_norm": "train"}, {}),
    ("dafa", {"class_radius": ClassRadius(alpha=0.3, beta=0.8)}, {}, {}),
    ("wat", {}, {}, {}),
    ("wat", {"eta": 3.0, "class_radius": ClassRadius(alpha=0.3, beta=0.8)}, {"start": "uniform"}, {}),
    ("frl", {}, {}, {}),
    ("frl", {"rate": 0.0}, {"start": "uniform", "batch_norm": "train"}, {}),
    ("frl", {"radius_rate": 0.0, "clean_bound": 0.0, "boundary_bound": 0.0}, {}, {}),
    ("taet", {}, {}, {}),
    ("taet", {"absent_classes": "skip", "extra_clean_forward": True}, {}, {}),
]  # fmt: skip


class Tiny(Backbone):
    features = 48

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.BatchNorm2d(1)  # not folded into a convolution in attacks
        self.block = ConvNorm(1, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.block(self.first(x)).relu().flatten(1)


class Batches:
    """Stands for ``taet.data.loader.Loader``: two batches, of other images in each epoch."""

    device, seed, drop_last = torch.device("cpu"), 11, True
    labels = torch.zeros(12)

    def __len__(self) -> int:
        return len(BATCHES)

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(epoch)
        for labels in BATCHES:
            yield torch.rand(len(labels), 1, 4, 4, generator=generator), torch.tensor(labels)


def training_of(changes: dict[str, Any]) -> Training:
    common = {
        "epochs": 2, "batch_size": 6, "drop_last": True, "augmentation": "none", "optimizer": SGD,
        "schedule": MULTISTEP, "attack": ATTACK, "precision": "fp32", "validation": None,
    }  # fmt: skip
    return Training(**common | changes)


def network(head: dict[str, Any]) -> Network:
    torch.manual_seed(4)
    made = Network(Tiny(), build_head(head, Tiny.features, len(COUNTS)), None)
    with torch.no_grad():
        norms = (made.backbone.first, made.backbone.block.norm)
        for value in (*made.parameters(), *(norm.running_mean for norm in norms)):
            value += 0.3 * torch.randn(value.shape)
    return made


@pytest.mark.parametrize(("kind", "changes", "attack", "training"), CASES)
def test_two_epochs(
    kind: str, changes: dict[str, Any], attack: dict[str, Any], training: dict[str, Any]
) -> None:
    compare(kind, changes, attack, training)


@pytest.mark.parametrize("scale", [4.0, 30.0])
def test_rewards_of_las_at_on_sure_networks(scale: float) -> None:
    """Some images are robust, some not; with the larger scale, losses are beyond the limit of the reward."""
    slow = {"optimizer": SGD | {"learning_rate": 0.2 / scale**2}}
    compare("las_at", {"update_every": 1}, {}, slow, scale)


def compare(
    kind: str,
    changes: dict[str, Any],
    attack: dict[str, Any],
    training: dict[str, Any],
    scale: float = 1.0,
) -> None:
    method, parameters = make(kind, COUNTS, attack, **changes), training_of(training)
    options, optimizer = method.options, parameters.optimizer
    model = network(method.head)
    with torch.no_grad():
        model.head.weight.mul_(scale)
    used = ATTACK | attack
    second = begin(method, model, COUNTS, used["start"], used["batch_norm"])
    run = Run(
        model,
        make_optimizer(model.parameters(), optimizer),
        method,
        WeightPerturber(options.weight_perturbation) if options.weight_perturbation else None,
        make_averager(options.weight_average),
    )
    train(run, Batches(), parameters, 2)
    factors = FACTORS[parameters.schedule.kind]
    second.run(Batches(), [optimizer.learning_rate * factor for factor in factors], optimizer)

    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, second.w[name], rtol=1e-6, atol=1e-7, msg=name)
    for ours, theirs in zip(run.history, second.history, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-6)
    if run.averager:
        assert run.averager.average.keys() == second.average.keys()
        for name, value in run.averager.average.items():
            torch.testing.assert_close(value, second.average[name], rtol=1e-6, atol=1e-7)
    if kind == "las_at":
        state = method.strategy.state_dict()
        for name, value in second.strategy.state_dict().items():
            torch.testing.assert_close(state[name], value, rtol=1e-6, atol=1e-7, msg=name)


def test_every_method_has_a_case() -> None:
    assert {kind for kind, *_ in CASES} == set(plugins.names("methods"))


class Listening(PgdAt):
    """PGD-AT that keeps a list of its training images' noise."""

    def attack(self, model: Network, batch: Batch) -> Attacked:
        self.heard.append((super().attack(model, batch).x - batch.x, batch.draw(torch.rand)))
        return Attacked(batch.x)


def noise_of_two_epochs(seed: int) -> list[Tensor]:
    made = make("pgd_at", COUNTS, {})
    method = Listening(made.options, made.context)
    method.heard = []
    model, batches = network(method.head), Batches()
    batches.seed = seed
    train(
        Run(model, make_optimizer(model.parameters(), training_of({}).optimizer), method),
        batches,
        training_of({}),
        2,
    )
    return [noise for _, noise in method.heard]


def test_noise_differs_between_steps_epochs_and_seeds() -> None:
    draws = [*noise_of_two_epochs(11), *noise_of_two_epochs(12)]
    assert len(draws) == 8
    assert all(not torch.equal(a, b) for i, a in enumerate(draws) for b in draws[:i])
    assert all(torch.equal(a, b) for a, b in zip(noise_of_two_epochs(11), draws[:4], strict=True))

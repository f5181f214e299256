"""The training loop: what a run is must not depend on how it was cut."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from taet.data.loader import Loader, to_pixels
from taet.errors import UserError
from taet.networks.network import build_model, describe_network
from taet.options import ClassRadius, ExponentialAverage, WeightPerturbation
from taet.study.params import blocks, plugins
from taet.study.store import artifacts
from taet.training.addons import WeightPerturber
from taet.training.averages import make_averager
from taet.training.checkpoint import restore_run, run_arrays, run_facts, start_from_stabilization
from taet.training.loop import Run, train
from taet.training.method import TrainingContext
from taet.training.optimizers import make_optimizer
from taet.training.schedules import rate_factor
from taet.training_options import Cosine, Multistep, Sgd, Training

COUNTS = torch.tensor([30, 12, 5])
CONSTANT = Multistep(
    kind="multistep", milestones=[99], factor=1.0, compounding=False
)  # never reached
METHODS = plugins.names("methods")
ADDONS = {
    "weight_perturbation": WeightPerturbation(gamma=0.01, warmup_epochs=1),
    "weight_average": ExponentialAverage(kind="ema", decay=0.9),
    "class_radius": ClassRadius(alpha=0.3, beta=0.5),
}


@dataclass(frozen=True)
class Problem:
    training: Training
    options: blocks.Params
    network: dict
    loader: Loader

    def run(self, method: str = "taet", optimizer: str = "adam", addons: bool = False) -> Run:
        changes = {"training": self.training, **(ADDONS if addons else {})}
        options = self.options.methods[method].model_copy(update=changes)
        if options.kind == "las_at":  # learn in every step, so that there is something to lose
            options = options.model_copy(update={"update_every": 1, "strategy_width": 8})
        module = plugins.load("methods", options.kind)
        setting = TrainingContext(COUNTS, 0.1, self.training.attack, epochs=4, channels=1, seed=3)
        made = module.Method(options, setting)
        model = build_model({**self.network, "head": made.head}, seed=3)
        chosen = {
            "adam": self.training.optimizer,
            "sgd": Sgd(kind="sgd", learning_rate=0.05, momentum=0.9, weight_decay=5e-4),
        }[optimizer]
        return Run(
            model,
            make_optimizer(model.parameters(), chosen),
            made,
            perturber=WeightPerturber(ADDONS["weight_perturbation"]) if addons else None,
            averager=make_averager(ADDONS["weight_average"] if addons else None),
        )


@pytest.fixture
def problem(digits: blocks.Params) -> Problem:
    torch.manual_seed(0)
    attack = digits.training.attack.model_copy(update={"steps": 2})
    training = digits.training.model_copy(
        update={"epochs": 4, "batch_size": 16, "attack": attack, "drop_last": False}
    )
    labels = torch.repeat_interleave(torch.arange(3), COUNTS)
    images = torch.randint(0, 17, (len(labels), 8, 8, 1), dtype=torch.uint8)
    loader = Loader(images, labels, 16, 16, False, seed=5)
    network = describe_network(digits.architectures["small_cnn"], 1, 8, 3)
    return Problem(training, digits, network, loader)


def weights(run: Run) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in run.model.state_dict().items()}


def assert_same(a: Run, b: Run) -> None:
    assert a.epoch == b.epoch
    assert a.history == b.history
    for name, value in weights(a).items():
        assert torch.equal(value, b.model.state_dict()[name]), name


def resumed(
    problem: Problem, tmp_path, cut: int, epochs: int = 4, **options: object
) -> tuple[Run, Run]:
    """An undisturbed run, and one that was written to a file after ``cut`` epochs and went on from it."""
    whole = problem.run(**options)
    train(whole, problem.loader, problem.training, epochs)

    first = problem.run(**options)
    train(first, problem.loader, problem.training, cut)
    file = tmp_path / "run.safetensors"
    artifacts.write_arrays(file, run_arrays(first), "k", **run_facts(first))

    second = problem.run(**options)
    restore_run(second, *artifacts.read_arrays(file))
    train(second, problem.loader, problem.training, epochs)
    return whole, second


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("cut", [1, 3])
def test_resumed_run_equals_an_undisturbed_one(
    problem: Problem, tmp_path, cut: int, optimizer: str
) -> None:
    assert_same(*resumed(problem, tmp_path, cut, optimizer=optimizer))


@pytest.mark.parametrize("addons", [False, True], ids=["plain", "add-ons"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_be_resumed(problem: Problem, tmp_path, method: str, addons: bool) -> None:
    """State of the method, averaged weights, strategy network, counts: all of it is in the file."""
    whole, second = resumed(problem, tmp_path, 1, 2, method=method, addons=addons)
    assert_same(whole, second)
    for name, value in whole.method.state().items():
        assert torch.equal(value, second.method.state()[name]), name
    if addons:
        assert whole.averager is not None
        assert second.averager is not None
        for name, value in whole.averager.state().items():
            assert torch.equal(value, second.averager.state()[name]), name


@pytest.mark.parametrize(
    ("first", "method"), [("clean", "he"), ("clean", "robal"), ("he", "robal")]
)
def test_another_head_starts_fresh_after_stage_one(
    problem: Problem, first: str, method: str
) -> None:
    """Cosines after a linear head, and RoBal's cosines after HE's, which are not softened."""
    stabilization = problem.run(first, "sgd")
    train(stabilization, problem.loader, problem.training, 2)
    network = {**problem.network, "head": stabilization.method.head}
    facts = {**run_facts(stabilization), "network": network}
    stage2, fresh = problem.run(method, "sgd"), problem.run(method, "sgd")
    start_from_stabilization(stage2, run_arrays(stabilization), facts)
    for name, value in weights(stage2).items():
        source = fresh if name.startswith("head") else stabilization
        assert torch.equal(value, source.model.state_dict()[name]), name
    train(stage2, problem.loader, problem.training, 4)
    assert stage2.epoch == 4


def test_stage_one_then_stage_two_equals_one_run(problem: Problem) -> None:
    """Two jobs with a checkpoint between them, against one run that changes its method."""
    one = problem.run("clean")
    train(one, problem.loader, problem.training, 2)
    one.method = problem.run("taet").method
    train(one, problem.loader, problem.training, 4)

    stabilization = problem.run("clean")
    train(stabilization, problem.loader, problem.training, 2)
    arrays = {name: value.copy() for name, value in run_arrays(stabilization).items()}
    stage2 = problem.run("taet")
    facts = {**run_facts(stabilization), "network": problem.network}
    start_from_stabilization(stage2, arrays, facts)
    train(stage2, problem.loader, problem.training, 4)
    assert_same(stage2, one)


def test_methods_are_told_the_epoch_from_0_on(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, epochs = problem.run("clean"), []
    monkeypatch.setattr(run.method, "start_epoch", epochs.append)
    train(run, problem.loader, problem.training, 3)
    assert epochs == [0, 1, 2]


def test_methods_share_weights_and_batches(problem: Problem) -> None:
    a, b = problem.run("clean"), problem.run("taet")
    for name, value in weights(a).items():
        assert torch.equal(value, b.model.state_dict()[name])
    first, again = (list(problem.loader.batches(0)) for _ in range(2))
    assert all(torch.equal(x, z) for (x, _), (z, _) in zip(first, again, strict=True))
    other = list(problem.loader.batches(1))
    assert not all(torch.equal(y, z) for (_, y), (_, z) in zip(first, other, strict=True))


def test_an_epoch_is_every_image_once(problem: Problem) -> None:
    batches = list(problem.loader.batches(0))
    assert [len(y) for _, y in batches] == [16, 16, 15]
    assert torch.cat([y for _, y in batches]).bincount().tolist() == COUNTS.tolist()
    problem.loader.drop_last = True
    assert [len(y) for _, y in problem.loader.batches(0)] == [16, 16]


def test_pixels_are_exact() -> None:
    images = torch.arange(17, dtype=torch.uint8).reshape(1, 1, 17, 1)
    x = to_pixels(images, 16)
    assert x.dtype == torch.float32
    assert x.shape == (1, 1, 1, 17)
    assert x.flatten().tolist() == [v / 16 for v in range(17)]


def test_diverged_run_is_an_error(problem: Problem) -> None:
    run = problem.run("clean")

    class Diverged(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return run.model.head.bias * float("nan") + x.flatten(1)[:, :3]

    broken = Run(run.model, run.optimizer, run.method)
    broken.model.forward = Diverged().forward
    with pytest.raises(UserError, match=r"training diverged: the loss in epoch 1 is nan"):
        train(broken, problem.loader, problem.training, 1)


@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize(("weight", "exact"), [(0.125, True), (0.1, False)])
def test_a_factor_in_the_loss_is_a_rate_and_a_decay(
    problem: Problem, weight: float, exact: bool, epochs: int
) -> None:
    """Under SGD a loss times s at rate r and decay d is the loss at rate s r and decay d / s.

    So TAET's weights of 0.1 are weights of 1 at a tenth of the rate and ten times the decay. A power of two
    is exact in floating point; other factors are equal to rounding until the signs of the training attack
    amplify it, so that attack is taken from clean images in zero steps there.
    """

    def trained(weight: float, rate: float, decay: float) -> Run:
        options = problem.options.methods["taet"].model_copy(
            update={"alpha": weight, "beta": weight, "gamma": weight}
        )
        optimizer = Sgd(kind="sgd", learning_rate=rate, momentum=0.9, weight_decay=decay)
        attack = problem.training.attack
        if not exact:
            attack = attack.model_copy(update={"start": "zero", "step_size": 0.0})
        changes = {"optimizer": optimizer, "attack": attack, "schedule": CONSTANT}
        training = problem.training.model_copy(update=changes)
        setting = TrainingContext(COUNTS, 0.1, attack, epochs=4, channels=1, seed=3)
        method = plugins.load("methods", "taet").Method(options, setting)
        model = build_model(problem.network, seed=3)
        run = Run(model, make_optimizer(model.parameters(), optimizer), method)
        train(run, problem.loader, training, epochs)
        return run

    scaled = trained(weight, rate=0.05, decay=0.02)
    plain = trained(1.0, rate=weight * 0.05, decay=0.02 / weight)
    other = trained(1.0, rate=weight * 0.05, decay=0.02)
    for name, value in weights(plain).items():
        same, otherwise = scaled.model.state_dict()[name], other.model.state_dict()[name]
        if exact:
            assert torch.equal(value, same), name
        else:
            torch.testing.assert_close(value, same, rtol=1e-4, atol=1e-5)
        assert name.endswith(("running_mean", "running_var", "num_batches_tracked")) or not (
            torch.allclose(value, otherwise, rtol=1e-4, atol=1e-5)
        ), name


def test_no_full_batch_is_an_error(problem: Problem) -> None:
    problem.loader.batch_size, problem.loader.drop_last = 64, True
    with pytest.raises(UserError, match=r"lower training\.batch_size"):
        train(problem.run(), problem.loader, problem.training, 1)


def test_multistep_schedule() -> None:
    schedule = Multistep(kind="multistep", milestones=[75, 90], factor=0.1, compounding=False)
    rates = [rate_factor(schedule, epoch * 7, 700, epoch) for epoch in range(100)]
    assert rates == pytest.approx([1.0] * 75 + [0.1] * 15 + [0.01] * 10)


def test_compounding_schedule_is_robals() -> None:
    """0.1 to epoch 59, then 0.01, 1e-3, 1e-4, ...; a factor of 0.01 an epoch from 75 on."""
    schedule = Multistep(kind="multistep", milestones=[60, 75], factor=0.1, compounding=True)
    rates = [0.1 * rate_factor(schedule, epoch * 7, 560, epoch) for epoch in range(80)]
    assert rates[59:63] == pytest.approx([0.1, 0.01, 1e-3, 1e-4])
    assert rates[75] / rates[74] == pytest.approx(0.01)
    assert rates[76] / rates[75] == pytest.approx(0.01)


def test_cosine_schedule() -> None:
    schedule = Cosine(kind="cosine", warmup=0.05)
    rates = [rate_factor(schedule, step, 400, step // 8) for step in range(400)]
    assert rates[0] == pytest.approx(1 / 21)
    assert rates[:21] == sorted(rates[:21])
    assert rates[20] == 1.0
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[210] == pytest.approx(0.5)
    assert 0 < rates[-1] < 1e-4


@pytest.mark.parametrize("method", [*METHODS, "he_faithful"])
def test_weight_perturbation_is_taken_back(problem: Problem, method: str) -> None:
    """With steps of nearly no length the weights stay where they were."""
    run = problem.run(method=method, optimizer="sgd", addons=True)
    run.method.constrain(run.model)
    before = {name: value.detach().clone() for name, value in run.model.named_parameters()}
    sgd = Sgd(kind="sgd", learning_rate=1e-12, momentum=0.0, weight_decay=0.0)
    still = problem.training.model_copy(update={"optimizer": sgd, "epochs": 2})
    train(run, problem.loader, still, 2)
    for name, value in run.model.named_parameters():
        torch.testing.assert_close(value.detach(), before[name], atol=2e-6, rtol=1e-5)


def test_last_move_of_an_epoch_may_be_the_one_too_far(problem: Problem) -> None:
    run = problem.run(method="clean", optimizer="sgd")
    sgd = Sgd(kind="sgd", learning_rate=1e38, momentum=0.0, weight_decay=0.0)
    loader = Loader(
        torch.randint(0, 17, (16, 8, 8, 1), dtype=torch.uint8),
        torch.arange(16) % 3,
        16,
        16,
        False,
        0,
    )
    far = problem.training.model_copy(update={"optimizer": sgd})
    for group in run.model.parameters():
        group.data *= 1e3
    with pytest.raises(UserError, match="training diverged: "):
        train(run, loader, far, 1)


def test_last_batch_of_one_image(problem: Problem) -> None:
    images = torch.randint(0, 17, (17, 8, 8, 1), dtype=torch.uint8)
    loader = Loader(images, torch.arange(17) % 3, 16, 16, False, 0)
    with pytest.raises(UserError, match="last of the batches of 16 has one image"):
        train(problem.run(), loader, problem.training, 1)


@pytest.mark.parametrize("precision", ["attack_bf16", "bf16"])
def test_bfloat16_is_another_rounding_of_the_same_training(
    problem: Problem, precision: str
) -> None:
    """Weights, gradients and losses are float32 in every mode; after one epoch nothing else is apart."""
    exact, rounded = problem.run("pgd_at", "sgd"), problem.run("pgd_at", "sgd")
    train(exact, problem.loader, problem.training, 1)
    train(rounded, problem.loader, problem.training.model_copy(update={"precision": precision}), 1)
    assert all(value.dtype != torch.bfloat16 for value in rounded.model.state_dict().values())
    assert rounded.history[0]["loss"] == pytest.approx(exact.history[0]["loss"], rel=0.02)
    assert any((value != weights(exact)[name]).any() for name, value in weights(rounded).items())
    for name, value in weights(rounded).items():
        torch.testing.assert_close(value, weights(exact)[name], rtol=0.05, atol=0.02)


def test_bfloat16_in_the_attack_alone_leaves_the_loss_exact(problem: Problem) -> None:
    """The first loss of a run whose attack does not matter (clean training) is the same to the bit."""
    losses = {}
    for precision in ("fp32", "attack_bf16", "bf16"):
        run = problem.run("clean", "sgd")
        train(run, problem.loader, problem.training.model_copy(update={"precision": precision}), 1)
        losses[precision] = run.history[0]["loss"]
    assert losses["attack_bf16"] == losses["fp32"]
    assert losses["bf16"] != losses["fp32"]


def test_the_loss_is_taken_in_one_arithmetic(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where weight perturbation takes it a second time."""
    run = problem.run("pgd_at", "sgd", addons=True)
    plain, seen = run.method.loss, []

    def loss(*given: object) -> torch.Tensor:
        seen.append(torch.is_autocast_enabled("cpu"))
        return plain(*given)

    monkeypatch.setattr(run.method, "loss", loss)
    for precision, rounded in (("bf16", True), ("attack_bf16", False)):
        seen.clear()
        run.epoch = 1  # weights are perturbed from the second epoch on
        train(run, problem.loader, problem.training.model_copy(update={"precision": precision}), 2)
        assert set(seen) == {rounded}
        assert len(seen) == 2 * len(problem.loader)

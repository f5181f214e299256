"""The training loop: what a run is must not depend on how it was cut."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from taet import artifacts, params
from taet.checkpoint import restore_run, run_arrays
from taet.errors import UserError
from taet.loader import Loader, to_pixels
from taet.methods import clean, taet
from taet.methods._base import Setting
from taet.networks import build_model, describe_network
from taet.schedules import rate_factor
from taet.train import Run, make_optimizer, train

COUNTS = torch.tensor([30, 12, 5])


@dataclass(frozen=True)
class Problem:
    training: params.Training
    options: params.Params
    network: dict
    loader: Loader

    def run(self, method: str = "taet", optimizer: str = "adam") -> Run:
        model = build_model(self.network, seed=3)
        module = {"taet": taet, "clean": clean}[method]
        setting = Setting(COUNTS, 0.1, self.training.attack)
        chosen = {
            "adam": self.training.optimizer,
            "sgd": params.Sgd(kind="sgd", learning_rate=0.05, momentum=0.9, weight_decay=5e-4),
        }[optimizer]
        return Run(
            model,
            make_optimizer(model, chosen),
            module.Method(self.options.methods[method], setting),
        )


@pytest.fixture
def problem(digits: params.Params) -> Problem:
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


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("cut", [1, 3])
def test_resumed_run_equals_an_undisturbed_one(
    problem: Problem, tmp_path, cut: int, optimizer: str
) -> None:
    whole = problem.run(optimizer=optimizer)
    train(whole, problem.loader, problem.training, 4)

    first = problem.run(optimizer=optimizer)
    train(first, problem.loader, problem.training, cut)
    file = tmp_path / "run.safetensors"
    artifacts.write_arrays(file, run_arrays(first), "k", epoch=first.epoch, history=first.history)

    second = problem.run(optimizer=optimizer)
    restore_run(second, *artifacts.read_arrays(file), same_method=True)
    train(second, problem.loader, problem.training, 4)
    assert_same(second, whole)


def test_stage_one_then_stage_two_equals_one_run(problem: Problem) -> None:
    """Two jobs with a checkpoint between them, against one run that changes its method."""
    one = problem.run("clean")
    train(one, problem.loader, problem.training, 2)
    one.method = problem.run("taet").method
    train(one, problem.loader, problem.training, 4)

    stage1 = problem.run("clean")
    train(stage1, problem.loader, problem.training, 2)
    arrays = {name: value.copy() for name, value in run_arrays(stage1).items()}
    stage2 = problem.run("taet")
    restore_run(
        stage2, arrays, {"epoch": stage1.epoch, "history": stage1.history}, same_method=False
    )
    train(stage2, problem.loader, problem.training, 4)
    assert_same(stage2, one)


def test_methods_share_weights_and_batches(problem: Problem) -> None:
    a, b = problem.run("clean"), problem.run("taet")
    for name, value in weights(a).items():
        assert torch.equal(value, b.model.state_dict()[name])
    first, again = (list(problem.loader.epoch(0)) for _ in range(2))
    assert all(torch.equal(x, z) for (x, _), (z, _) in zip(first, again, strict=True))
    other = list(problem.loader.epoch(1))
    assert not all(torch.equal(y, z) for (_, y), (_, z) in zip(first, other, strict=True))


def test_an_epoch_is_every_image_once(problem: Problem) -> None:
    batches = list(problem.loader.epoch(0))
    assert [len(y) for _, y in batches] == [16, 16, 15]
    assert torch.cat([y for _, y in batches]).bincount().tolist() == COUNTS.tolist()
    problem.loader.drop_last = True
    assert [len(y) for _, y in problem.loader.epoch(0)] == [16, 16]


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
    with pytest.raises(UserError, match=r"training diverged: the loss of epoch 1 is nan"):
        train(broken, problem.loader, problem.training, 1)


def test_no_full_batch_is_an_error(problem: Problem) -> None:
    problem.loader.batch_size, problem.loader.drop_last = 64, True
    with pytest.raises(UserError, match=r"lower training\.batch_size"):
        train(problem.run(), problem.loader, problem.training, 1)


def test_multistep_schedule() -> None:
    schedule = params.Multistep(kind="multistep", milestones=[75, 90], factor=0.1)
    rates = [rate_factor(schedule, epoch * 7, 700, epoch) for epoch in range(100)]
    assert rates == pytest.approx([1.0] * 75 + [0.1] * 15 + [0.01] * 10)


def test_cosine_schedule() -> None:
    schedule = params.Cosine(kind="cosine", warmup=0.05)
    rates = [rate_factor(schedule, step, 400, step // 8) for step in range(400)]
    assert rates[0] == pytest.approx(1 / 21)
    assert rates[:21] == sorted(rates[:21])
    assert rates[20] == 1.0
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[210] == pytest.approx(0.5)
    assert 0 < rates[-1] < 1e-4

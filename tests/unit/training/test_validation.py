"""What is measured on validation images, and which weights are kept for it."""

import pytest
import torch
from torch import nn

from taet.adversary.pgd import pgd, start_point
from taet.data.loader import Loader, to_pixels
from taet.losses import cross_entropy
from taet.seeds import seed_for
from taet.training.checkpoint import restore_run, run_arrays, run_facts
from taet.training.loop import train
from taet.training.validation import Validator, balanced, best_bias
from taet.training_options import Validation
from tests.unit.training.test_loop import Problem, assert_same, problem  # noqa: F401

EPS, STEPS, STEP_SIZE = 0.1, 3, 0.05
LABELS = torch.arange(40) % 3


def validation(every: int = 1) -> Validation:
    return Validation(steps=STEPS, step_size=STEP_SIZE, every=every)


def validator(problem: Problem, inference: dict | None = None, every: int = 1) -> Validator:  # noqa: F811
    run = problem.run("pgd_at")
    x = to_pixels(*shades())
    return Validator(run.model, inference, x, LABELS, validation(every), EPS, 16, seed=3)


def shades() -> tuple[torch.Tensor, int]:
    """Images, and what is white: the higher the class, the brighter."""
    noise = torch.randint(0, 11, (len(LABELS), 8, 8, 1), generator=torch.Generator().manual_seed(7))
    return (3 * LABELS.view(-1, 1, 1, 1) + noise).to(torch.uint8), 16


def measured(problem: Problem, every: int):  # noqa: F811
    return problem.training.model_copy(update={"validation": validation(every)})


def test_balanced_is_the_mean_over_the_classes_there_are() -> None:
    labels = torch.tensor([0, 0, 0, 0, 2, 2])
    correct = torch.tensor([True, True, True, False, False, True])
    assert balanced(correct, labels) == pytest.approx((0.75 + 0.5) / 2)


def test_numbers_are_those_of_a_plain_attack(problem: Problem) -> None:  # noqa: F811
    """Every image takes all steps, and counts as fooled by any iterate: the same verdicts."""
    run, measure = problem.run("pgd_at"), validator(problem)
    images, white = shades()
    loader = Loader(images, LABELS, white, 8, False, seed=5)
    train(run, loader, problem.training.model_copy(update={"epochs": 8}), 8)
    found = measure(run.model.state_dict())
    model, x, y = run.model.eval(), measure.x, measure.y
    noise = torch.Generator().manual_seed(seed_for("validation", 3))
    start = start_point("uniform", x, EPS, lambda draw: draw(x.shape, generator=noise))
    robust = model(x).argmax(1) == y
    assert found["validation_accuracy"] == pytest.approx(balanced(robust, y))
    for steps in range(STEPS + 1):
        x_adv = pgd(
            model, x, y, start=start, objective=cross_entropy, eps=EPS, step_size=STEP_SIZE, steps=steps
        ) if steps else start  # fmt: skip
        robust &= model(x_adv).argmax(1) == y
    assert found["validation_robustness"] == pytest.approx(balanced(robust, y))
    assert 0 < found["validation_robustness"] < found["validation_accuracy"] < 1


class Band(nn.Module):
    """Class 1 for grey values from 0.47 to 0.51, class 0 for all others."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logit = 0.02**2 - (x.flatten(1) - 0.49).square()
        return torch.cat([torch.zeros_like(logit), logit], 1)


def test_an_image_is_fooled_by_any_iterate() -> None:
    """A step takes 0.45 to 0.50, which is misclassified; the next goes back to 0.45, which is not."""
    x = torch.full((1, 1, 1, 1), 0.45)
    measure = Validator(
        Band(), None, x, torch.tensor([0]), Validation(steps=2, step_size=0.05, every=1), EPS, 16, 3
    )
    measure.start = x
    assert measure({}) == {"validation_accuracy": 1.0, "validation_robustness": 0.0}


def test_outputs_are_adjusted_first(problem: Problem) -> None:  # noqa: F811
    weights = problem.run("pgd_at").model.state_dict()
    only_two = validator(problem, {"scale": 1.0, "bias": [0.0, 0.0, 1e6]})(weights)
    assert only_two == {
        "validation_accuracy": pytest.approx(1 / 3),
        "validation_robustness": pytest.approx(1 / 3),
    }


def test_measuring_changes_no_training(problem: Problem) -> None:  # noqa: F811
    plain, watched = problem.run("taet"), problem.run("taet")
    train(plain, problem.loader, problem.training, 4)
    train(watched, problem.loader, measured(problem, 1), 4, validate=validator(problem))
    for epoch in watched.history:
        del epoch["validation_accuracy"], epoch["validation_robustness"]
    assert_same(plain, watched)


def scripted(values: list[float]):
    """A validator that says one number after the other."""
    left = list(values)

    def validate(weights: dict[str, torch.Tensor]) -> dict[str, float]:
        return {"validation_accuracy": 1.0, "validation_robustness": left.pop(0)}

    return validate


def test_best_weights_are_those_of_the_first_best_epoch(problem: Problem) -> None:  # noqa: F811
    seen = []
    run = problem.run("pgd_at")
    train(
        run,
        problem.loader,
        measured(problem, 1),
        4,
        lambda run: seen.append({k: v.clone() for k, v in run.model.state_dict().items()}),
        scripted([0.2, 0.5, 0.5, 0.1]),
    )
    assert run.best is not None
    assert (run.best.epoch, run.best.robustness) == (2, 0.5)
    for name, value in run.best.weights.items():
        assert torch.equal(value, seen[1][name]), name
    assert any((value != seen[3][name]).any() for name, value in run.best.weights.items())


def test_averaged_weights_are_measured_and_saved_as_the_best(problem: Problem) -> None:  # noqa: F811
    run, measured_weights = problem.run("pgd_at", addons=True), []

    def validate(weights: dict[str, torch.Tensor]) -> dict[str, float]:
        measured_weights.append({name: value.clone() for name, value in weights.items()})
        return {"validation_accuracy": 1.0, "validation_robustness": 0.5}

    train(run, problem.loader, measured(problem, 1), 1, validate=validate)
    assert run.averager is not None
    assert run.best is not None
    for name, average in run.averager.average.items():
        assert torch.equal(measured_weights[0][name], average), name
        assert torch.equal(run.best.weights[name], average), name
        assert not torch.equal(run.model.state_dict()[name], average), name


def test_measured_every_so_often_and_at_the_end(problem: Problem) -> None:  # noqa: F811
    run = problem.run("pgd_at")
    train(run, problem.loader, measured(problem, 3), 4, validate=scripted([0.1, 0.2]))
    assert ["validation_robustness" in epoch for epoch in run.history] == [False, False, True, True]


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_resumed_run_knows_its_best(problem: Problem, cut: int) -> None:  # noqa: F811
    values, training = [0.3, 0.1, 0.6, 0.2], measured(problem, 1)
    whole, first, second = (problem.run("at_bsl") for _ in range(3))
    train(whole, problem.loader, training, 4, validate=scripted(values))
    train(first, problem.loader, training, cut, validate=scripted(values))
    arrays = {name: value.copy() for name, value in run_arrays(first).items()}
    restore_run(second, arrays, run_facts(first))
    train(second, problem.loader, training, 4, validate=scripted(values[cut:]))
    assert_same(whole, second)
    assert whole.best is not None
    assert second.best is not None
    assert second.best.epoch == whole.best.epoch == 3
    for name, value in whole.best.weights.items():
        assert torch.equal(value, second.best.weights[name]), name


def test_the_best_bias_and_the_first_of_equals() -> None:
    x, y = torch.tensor([[1.0, 0.0], [0.6, 0.4], [0.0, 1.0]]), torch.tensor([0, 1, 1])
    biases = [[0.0, 0.0], [0.0, 0.5], [0.0, 0.6], [9.0, 0.0]]
    inferences = [{"scale": 1.0, "bias": bias} for bias in biases]
    assert best_bias(nn.Identity(), inferences, x, y, batch_size=2) == 1


def test_each_seed_has_a_start_of_its_own(problem: Problem) -> None:  # noqa: F811
    network, x = problem.run("pgd_at").model, to_pixels(*shades())
    starts = [
        Validator(network, None, x, LABELS, validation(), EPS, 16, seed=seed).start
        for seed in (3, 3, 4)
    ]
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])

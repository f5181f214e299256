"""What a training job hands to the method, the network and the run: each value by itself."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from taet.data.split_images import SplitImages
from taet.networks.network import build_model
from taet.options import ClassRadius, ExponentialAverage, LogitAdjustment, WeightPerturbation
from taet.study.params import blocks, plugins
from taet.study.plan.job import Job
from taet.study.run.resume import ResumeFile
from taet.study.store import artifacts
from taet.training import train_job as module
from taet.training.checkpoint import run_arrays, run_facts
from taet.training.loop import Best
from taet.training.method import TrainingMethod
from taet.training.train_job import (
    _describe,
    _inference,
    _method,
    _new_run,
    _restore,
    _validator,
    train_job,
)
from taet.training.validation import Validator
from taet.training_options import TrainingAttack, Validation

COUNTS, SEED = [6, 1, 3], 17
ATTACK = {"steps": 4, "step_size": 0.02, "eps": None, "start": "uniform", "batch_norm": "train"}
TAU = 0.7


def data() -> SplitImages:
    images = torch.arange(10 * 8 * 8 * 2, dtype=torch.uint8).reshape(10, 8, 8, 2) % 17
    y = torch.repeat_interleave(torch.arange(3), torch.tensor(COUNTS))
    return SplitImages({"train": images}, {"train": y}, {}, torch.tensor(COUNTS), 16, 2, 8)


def job(digits: blocks.Params, method: str, attack: dict[str, Any], **changes: Any) -> Job:
    training = digits.training.model_copy(
        update={"epochs": 23, "attack": TrainingAttack(**ATTACK | attack)}
    )
    reads = {
        "method": digits.methods[method].model_copy(update=changes),
        "training": training,
        "threat": blocks.Threat(eps=0.3),
    }
    made: Any = SimpleNamespace(reads=reads, cell={"seed": SEED})
    return made


def made(digits: blocks.Params, method: str, **changes: Any) -> TrainingMethod:
    return _method(job(digits, method, {}, **changes), data(), torch.device("cpu"))


@pytest.mark.parametrize(("own", "eps"), [(None, 0.3), (0.2, 0.2)])
@pytest.mark.parametrize("kind", plugins.names("methods"))
def test_setting(kind: str, own: float | None, eps: float, digits: blocks.Params) -> None:
    given = job(digits, kind, {"eps": own})
    method = _method(given, data(), torch.device("cpu"))
    setting = method.context
    assert setting.train_counts.tolist() == COUNTS
    assert (setting.eps, setting.epochs, setting.channels, setting.seed) == (eps, 23, 2, SEED)
    assert setting.attack == given.reads["training"].attack
    assert method.options is given.reads["method"]
    assert method.log_prior.exp().tolist() == pytest.approx([0.6, 0.1, 0.3])


def test_addons(digits: blocks.Params) -> None:
    network = {
        "options": {"kind": "small_cnn", "normalization": "none", "width": 4},
        "channels": 2, "size": 8, "classes": 3, "pixels": None, "head": {"kind": "linear"},
    }  # fmt: skip
    addons = {
        "weight_perturbation": WeightPerturbation(gamma=0.3, warmup_epochs=5),
        "weight_average": ExponentialAverage(kind="ema", decay=0.9),
        "class_radius": ClassRadius(alpha=0.2, beta=0.5),
    }
    for changes in ({}, addons):
        method = made(digits, "at_bsl", **changes)
        run = _new_run(job(digits, "at_bsl", {}, **changes), method, network, torch.device("cpu"))
        assert run.method is method
        assert run.epoch == 0
        assert len(run.optimizer.weights) == len(list(run.model.parameters()))
        if not changes:
            assert (run.perturber, run.averager, method.radii) == (None, None, None)
        else:
            assert run.perturber.options == addons["weight_perturbation"]
            assert run.averager.decay == 0.9
            assert method.radii is not None


@pytest.mark.parametrize("normalization", ["none", "per_channel"])
def test_network(normalization: str, digits: blocks.Params) -> None:
    block = digits.architectures["small_cnn"].model_copy(update={"normalization": normalization})
    given = data()
    described = _describe(block, given, {"kind": "linear"})
    assert [described[name] for name in ("channels", "size", "classes")] == [2, 8, 3]
    assert described["options"]["normalization"] == normalization
    if normalization == "none":
        assert described["pixels"] is None
    else:
        pixels = given.images["train"].double() / 16
        means, deviations = described["pixels"]
        assert means == pytest.approx(pixels.mean((0, 1, 2)).tolist())
        assert deviations == pytest.approx(pixels.std((0, 1, 2), correction=0).tolist())


@pytest.mark.parametrize(("method", "scale"), [("at_bsl", None), ("he", 10.0), ("robal", 10.0)])
def test_inference(method: str, scale: float | None, digits: blocks.Params) -> None:
    """A method's own rule, and the prior that logit adjustment takes away; alike but for a constant."""
    for options in (None, LogitAdjustment(tau=TAU)):
        given = job(digits, method, {}, logit_adjustment=options)
        trained: Any = SimpleNamespace(method=_method(given, data(), torch.device("cpu")))
        inference = _inference(given, data(), trained)
        if options is None:
            assert inference == trained.method.inference()
            assert (inference is None) == (scale is None)
        else:
            assert inference["scale"] == (scale or 1.0)
            less = torch.tensor(inference["bias"]) + TAU * torch.tensor(COUNTS).log()
            torch.testing.assert_close(less, less[0].expand(3))


def test_first_weights_are_those_of_the_seed(digits: blocks.Params) -> None:
    method, given = made(digits, "at_bsl"), job(digits, "at_bsl", {})
    network = _describe(digits.architectures["small_cnn"], data(), method.head)
    weights = _new_run(given, method, network, torch.device("cpu")).model.state_dict()
    for seed in (SEED, 0):
        expected = build_model(network, seed).state_dict()
        same = all(torch.equal(value, expected[name]) for name, value in weights.items())
        assert same == (seed == SEED)


def test_batches_are_those_of_the_seed(
    digits: blocks.Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    class Made(Exception):
        pass

    def loader(*values: Any) -> None:
        given.extend(values)
        raise Made

    monkeypatch.setattr(module, "Loader", loader)
    monkeypatch.setattr(module, "set_up_device", lambda compute: torch.device("cpu"))
    training_job, images = job(digits, "at_bsl", {}), data()
    training_job.reads |= {"compute": None, "architecture": digits.architectures["small_cnn"]}  # type: ignore[operator]
    with pytest.raises(Made):
        train_job(training_job, images)
    block = training_job.reads["training"]
    assert torch.equal(given[0], data().images["train"])
    assert torch.equal(given[1], data().labels["train"])
    assert given[2:7] == [16, block.batch_size, block.drop_last, SEED, block.augmentation]


def test_validation_is_of_the_threat_and_the_seed(digits: blocks.Params) -> None:
    """Not of the radius of the training attack."""
    given, images = job(digits, "at_bsl", {"eps": 0.2}), data()
    options = Validation(steps=2, step_size=0.1, every=1)
    given.reads["training"] = given.reads["training"].model_copy(update={"validation": options})  # type: ignore[index]
    images.images["validation"], images.labels["validation"] = (
        images.images["train"][:4],
        images.labels["train"][:4],
    )
    trained: Any = SimpleNamespace(
        model=torch.nn.Flatten(),
        method=_method(given, images, torch.device("cpu")),
        device=torch.device("cpu"),
    )
    measure = _validator(given, images, trained)
    assert measure is not None
    assert (trained.method.context.eps, measure.eps) == (0.2, 0.3)
    assert measure.options == options
    for seed in (SEED, 0):
        expected = Validator(trained.model, None, measure.x, measure.y, options, 0.3, 4, seed)
        assert torch.equal(measure.start, expected.start) == (seed == SEED)


@pytest.mark.parametrize("stage", ["stabilize", "equalize"])
def test_what_is_taken_over_from_stage_one(
    digits: blocks.Params, tmp_path: Path, stage: str
) -> None:
    """Weights and epochs. The best weights count for a later part of the same stage 1, not for another method."""
    method = made(digits, "at_bsl")
    network = _describe(digits.architectures["small_cnn"], data(), method.head)
    first = _new_run(job(digits, "at_bsl", {}), method, network, torch.device("cpu"))
    with torch.no_grad():
        for weight in first.model.parameters():
            weight.add_(1)
    first.epoch, first.history = 2, [{"loss": 1.0}, {"loss": 0.5}]
    first.best = Best(1, 0.75, first.model.state_dict())
    output = tmp_path / "stabilization.safetensors"
    artifacts.write_arrays(output, run_arrays(first), "k", network=network, **run_facts(first))
    run = _new_run(job(digits, "at_bsl", {}), method, network, torch.device("cpu"))
    stabilization = SimpleNamespace(output=output, key="k")
    given: Any = SimpleNamespace(stage=stage, inputs={"stage1": stabilization}, title="t")
    _restore(run, given, ResumeFile(tmp_path / "none", "k", "t"))
    assert (run.epoch, run.history) == (2, first.history)
    expected = first.model.state_dict()
    assert all(torch.equal(v, expected[name]) for name, v in run.model.state_dict().items())
    assert (run.best is None) == (stage == "equalize")


def test_training_stops_where_the_job_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: list[Any] = []
    monkeypatch.setattr(module, "train", lambda *values: given.extend(values))
    run, loader, training = SimpleNamespace(epoch=0), object(), SimpleNamespace(epochs=23)
    reads = {"stop": 7, "training": training}
    stopping: Any = SimpleNamespace(reads=reads, title="t", key="k")
    resume = ResumeFile(tmp_path / "none", "k", "t")
    module._train_and_save(run, stopping, loader, None, resume)  # type: ignore[arg-type]
    assert given[:4] == [run, loader, training, 7]

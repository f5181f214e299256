"""What every file in attacks/ must keep, new ones included."""

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from taet.adversary import evaluation
from taet.adversary.chains import chain_of, radius_of
from taet.adversary.descent import Descent
from taet.adversary.evaluation import check_adversarial, evaluate
from taet.adversary.noise import Noise
from taet.adversary.objectives import CrossEntropy
from taet.adversary.parts import AttackInput
from taet.adversary.warnings import chain_warnings, reach_warnings
from taet.errors import UserError
from taet.networks.network import Network, as_used, build_model, describe_network
from taet.options import AttackOptions
from taet.study.params import blocks, plugins
from taet.study.run.resume import ResumeFile

ATTACKS = plugins.names("attacks")
EPS = 0.1


@pytest.fixture(scope="module")
def trained() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A small network that separates three noisy patterns, most of them with little margin."""
    torch.manual_seed(0)
    patterns = torch.rand(3, 1, 8, 8)
    y = torch.arange(90) % 3
    x = (0.5 + 0.35 * (patterns[y] - 0.5) + 0.15 * torch.randn(90, 1, 8, 8)).clamp(0, 1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for p in model.parameters():
        p.grad = None
    return model.eval(), x, y


def block(name: str, digits: blocks.Params):
    """The first block of a kind; AutoAttack with all components, but shorter."""
    blocks = {n: b for n, b in digits.attacks.items() if b.kind == name}
    assert blocks, f"params.yaml has no block for attacks/{name}.py"
    return shorter(blocks["autoattack"]) if name == "autoattack" else next(iter(blocks.values()))


def shorter(options: AttackOptions) -> AttackOptions:
    return options.model_copy(update={"steps": 20, "queries": 200})


@pytest.mark.parametrize("name", ATTACKS)
def test_parameters_know_the_ball(name: str, digits: blocks.Params) -> None:
    """Worst cases are checked before anything runs, without torch."""
    of_kind = [options for options in digits.attacks.values() if options.kind == name]
    assert of_kind, f"params.yaml has no block for attacks/{name}.py"
    for options in of_kind:
        last = chain_of("it", {"it": options})[-1]
        radius = radius_of(options, EPS) if last.bounded else None
        assert options.ball(EPS) == (last.norm, radius)


def run(name: str, digits: blocks.Params, trained: tuple, **changes: object):
    model, x, y = trained
    options = {"eps": EPS, "batch_size": 100, "seed": 0, "classes": 3} | changes
    result = evaluate(model, x, y, {name: block(name, digits)}, **options)
    return result.clean, result.verdicts


@pytest.mark.parametrize("name", ATTACKS)
def test_stays_inside_and_harms(name: str, digits: blocks.Params, trained: tuple) -> None:
    y = trained[2]
    clean, verdicts = run(name, digits, trained)
    verdict = verdicts[name]
    correct = clean == y
    robust = verdict.prediction == y
    assert correct.float().mean() > 0.9
    assert (robust <= correct).all(), "a misclassified image is never robust"
    assert robust.sum() < correct.sum(), "the attack finds something"
    if verdict.eps is not None:
        assert verdict.distance.max() <= verdict.eps + 1e-6
    assert ((verdict.broken_by >= 0) == (correct & ~robust)).all()
    assert verdict.broken_by.max() < len(verdict.parts)
    assert (verdict.distance[~correct] == 0).all()
    assert (verdict.prediction[~correct] == clean[~correct]).all()


@pytest.mark.parametrize("name", ATTACKS)
def test_model_is_left_as_it_was(name: str, digits: blocks.Params, trained: tuple) -> None:
    model = trained[0]
    before = {k: v.clone() for k, v in model.state_dict().items()}
    run(name, digits, trained)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("architecture", ["resnet18", "preact_resnet18", "wrn28_10"])
def test_batch_norm_keeps_its_statistics(architecture: str, digits: blocks.Params) -> None:
    """In every pass, those of the verdicts above all, and not only when folded into convolutions."""
    small = {"width": 8, "depth": 10, "widen": 1}
    block = digits.architectures[architecture]
    block = block.model_copy(update={k: v for k, v in small.items() if hasattr(block, k)})
    model = build_model(describe_network(block, 1, 8, 4), seed=0)
    torch.manual_seed(0)
    x, y = torch.rand(40, 1, 8, 8), torch.arange(40) % 4
    with torch.no_grad():
        for _ in range(3):
            model.train()(x)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    attacks = {name: digits.attacks[name] for name in ("fgsm", "pgd20")}
    first, again = (
        evaluate(model, x, y, attacks, eps=0.1, batch_size=7, seed=0, classes=4) for _ in range(2)
    )
    assert not model.training
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert torch.equal(first.clean, model(x).argmax(1))
    for name, verdict in first.verdicts.items():
        assert torch.equal(verdict.prediction, again.verdicts[name].prediction)


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
def test_verdicts_are_in_float32(
    precision: str, digits: blocks.Params, trained: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever arithmetic an attack looks for images in."""
    seen: dict[str, set[bool]] = {"verdict": set(), "search": set()}
    predicted, searched = evaluation.predict, Descent.run

    def predict(*args: object) -> torch.Tensor:
        seen["verdict"].add(torch.is_autocast_enabled("cpu"))
        return predicted(*args)

    def search(self: Descent, inputs: AttackInput) -> torch.Tensor:
        seen["search"].add(torch.is_autocast_enabled("cpu"))
        return searched(self, inputs)

    monkeypatch.setattr(evaluation, "predict", predict)
    monkeypatch.setattr(Descent, "run", search)
    model, x, y = trained
    evaluate(
        model, x, y, {"pgd20": digits.attacks["pgd20"]},
        eps=0.1, batch_size=50, seed=0, classes=int(y.max()) + 1, precision=precision,
    )  # fmt: skip
    assert seen == {"verdict": {False}, "search": {precision == "bf16"}}


@pytest.mark.parametrize("name", ATTACKS)
def test_same_seed_same_bytes(name: str, digits: blocks.Params, trained: tuple) -> None:
    first, again = (run(name, digits, trained)[1][name] for _ in range(2))
    assert torch.equal(first.prediction, again.prediction)
    assert torch.equal(first.distance, again.distance)


@pytest.mark.parametrize("name", ATTACKS)
def test_batches_change_nothing(name: str, digits: blocks.Params, trained: tuple) -> None:
    whole = run(name, digits, trained)[1][name]
    cut = run(name, digits, trained, batch_size=7)[1][name]
    assert torch.equal(whole.prediction, cut.prediction)


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_to_attack(name: str, digits: blocks.Params, trained: tuple) -> None:
    model, x, y = trained
    wrong = (y + 1) % 3
    result = evaluate(
        model, x[:6], wrong[:6], {name: block(name, digits)},
        eps=EPS, batch_size=4, seed=0, classes=3,
    )  # fmt: skip
    assert torch.equal(result.verdicts[name].prediction, result.clean)


class Odd(nn.Module):
    """The trained model with something wrong about its outputs."""

    def __init__(self, model: nn.Module, change) -> None:
        super().__init__()
        self.model, self.change = model, change

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.change(self.model(x))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda z: z.softmax(1), "outputs look like probabilities"),
        (lambda z: z + 1e-3 * torch.rand_like(z), "the model is randomised"),
        (lambda z: z + (10 * z).detach().round() - z, "a gradient of exactly zero"),
        (lambda z: z.sigmoid(), "outputs look like probabilities"),
        (lambda z: z - z.mean(0), "depend on the other images of its batch"),
        (lambda z: z.to(torch.bfloat16), "the model computes in bfloat16"),
        (lambda z: z.double(), "the model computes in float64"),
        (lambda z: z.detach(), "100.0% of the images have a gradient of exactly zero"),
        (lambda z: torch.tensor([[0.0, 1.0, 0.0]]).repeat(len(z), 1), "a gradient of exactly zero"),
        (lambda z: z * 0 + torch.tensor([0.0, 1.0, 0.0]), "predicts one class for all images"),
    ],
)
def test_odd_models_are_named(change, message: str, digits: blocks.Params, trained: tuple) -> None:
    model, x, y = trained
    attacks = {"fgsm": digits.attacks["fgsm"]}
    options = {"eps": EPS, "batch_size": 100, "seed": 0, "classes": 3}
    result = evaluate(Odd(model, change), x, y, attacks, **options)
    assert any(message in warning for warning in result.warnings)
    assert set(result.warnings) <= set(result.verdicts["fgsm"].warnings)


class Strided(nn.Module):
    """Flattens as code for contiguous images does, and notes how they come."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(channels, 8, 3, padding=1), nn.Linear(8 * 64, 3)
        self.strides: set[tuple[int, ...]] = set()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.strides.add(x.stride())
        return self.head(self.conv(x).view(x.size(0), -1)) + 0 * x.view(x.size(0), -1)[:, :3]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ATTACKS)
def test_modules_get_contiguous_images(name: str, channels: int, digits: blocks.Params) -> None:
    """Clean, under attack and in checks; as the loader stores them they are channels last."""
    torch.manual_seed(1)
    x = torch.rand(12, 8, 8, channels).permute(0, 3, 1, 2)
    model = Strided(channels).eval()
    with torch.no_grad():
        y = model(x.contiguous().view(x.shape).clone(memory_format=torch.contiguous_format)).argmax(
            1
        )
    y[:3] = torch.arange(3)
    model.strides.clear()
    options = {"eps": EPS, "batch_size": 5, "seed": 0, "classes": 3}
    result = evaluate(model, x, y, {name: block(name, digits)}, **options)
    assert model.strides == {(channels * 64, 64, 8, 1)}
    again = evaluate(
        model,
        x.clone(memory_format=torch.contiguous_format),
        y,
        {name: block(name, digits)},
        **options,
    )
    assert torch.equal(result.verdicts[name].prediction, again.verdicts[name].prediction)


@pytest.mark.parametrize("inference", [None, {"scale": 2.0, "bias": [0.0, 1.0, 2.0]}])
def test_own_networks_keep_their_layout(
    inference: dict | None, digits: blocks.Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = as_used(
        build_model(describe_network(digits.architectures["small_cnn"], 3, 8, 3)), inference
    )
    x = torch.rand(12, 8, 8, 3).permute(0, 3, 1, 2)
    last, features = [], Network.features

    def look(self: Network, x: torch.Tensor) -> torch.Tensor:
        last.append(x.is_contiguous(memory_format=torch.channels_last))
        return features(self, x)

    monkeypatch.setattr(Network, "features", look)
    attacks = {"pgd20": digits.attacks["pgd20"]}
    y = torch.arange(12) % 3
    evaluate(model, x, y, attacks, eps=EPS, batch_size=5, seed=0, classes=3)
    assert last[0], "clean images come as they are"


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (2, "2 classes: without a third logit, DLR losses are the plain margin"),
        (3, "3 classes: DLR losses use the logits there are"),
        (4, None),
    ],
)
def test_few_classes_are_named(classes: int, message: str | None, digits: blocks.Params) -> None:
    parts = chain_of("aa", {"aa": digits.attacks["autoattack"]})
    warnings = chain_warnings(parts, torch.full((9,), -1), classes, 9)
    assert [w for w in warnings if "DLR" in w] == ([] if message is None else [message])


def test_counts_of_one_are_singular(digits: blocks.Params) -> None:
    pgd = digits.attacks["pgd20"].model_copy(update={"steps": 1, "step_size": 0.01})
    assert pgd.cautions() == ["called PGD-20, but takes 1 step"]
    (message,) = reach_warnings(chain_of("it", {"it": pgd}), EPS)
    assert "1 step of 0.01 cannot cross" in message
    part = chain_of("aa", {"aa": digits.attacks["apgd_ce_t"]})[-1]
    (message, *_) = chain_warnings([part], torch.full((9,), -1), 2, 9)
    assert message == "only 2 classes, so there was no target for 1 of 1 part"


def test_square_beating_gradients_is_named(digits: blocks.Params, trained: tuple) -> None:
    """A model whose gradients lead nowhere, but whose outputs say all."""
    model, x, y = trained

    def masked(z: torch.Tensor) -> torch.Tensor:
        return z.detach() + 0 * z

    attacks = {"aa": shorter(digits.attacks["autoattack"])}
    options = {"eps": EPS, "batch_size": 100, "seed": 0, "classes": 3}
    verdict = evaluate(Odd(model, masked), x, y, attacks, **options).verdicts["aa"]
    assert any("Square broke" in warning for warning in verdict.warnings)
    assert any("no target for 14 of 20 parts" in warning for warning in verdict.warnings)
    assert any("3 classes: DLR" in warning for warning in verdict.warnings)
    honest = evaluate(model, x, y, attacks, **options).verdicts["aa"]
    assert not any("Square broke" in warning for warning in honest.warnings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"eps": 0.0}, "eps: must be above 0 and below 1"),
        ({"eps": 1.0}, "eps: must be above 0 and below 1"),
        ({"eps": float("nan")}, "eps: must be above 0 and below 1"),
        ({"classes": 4}, "outputs of the shape .* one logit for each of the 4 classes"),
        ({"classes": 2}, "labels go from 0 to 2; must be from 0 to 1"),
    ],
)
def test_bad_settings(change: dict, message: str, digits: blocks.Params, trained: tuple) -> None:
    model, x, y = trained
    y = torch.cat([y[:-1], torch.tensor([3])]) if change.get("classes") == 4 else y
    options = {"eps": EPS, "batch_size": 100, "seed": 0, "classes": 3} | change
    with pytest.raises(UserError, match=message):
        evaluate(model, x, y, {"fgsm": digits.attacks["fgsm"]}, **options)


def test_bad_models_and_images(digits: blocks.Params, trained: tuple) -> None:
    model, x, y = trained
    options = {"eps": EPS, "batch_size": 100, "seed": 0, "classes": 3}
    attacks = {"fgsm": digits.attacks["fgsm"]}
    broken = copy.deepcopy(model)
    with torch.no_grad():
        broken[1].weight[0, 0] = math.nan
    cases = [
        (broken, x, y, r"weights '1\.weight' of the model are not finite"),
        (Odd(model, lambda z: z / 0), x, y, "outputs are not finite"),
        (Odd(model, lambda z: z[:, :, None]), x, y, "outputs of the shape"),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(7, 3)),
            x,
            y,
            r"fails on 90 images of the shape \(1, 8, 8\)",
        ),
        (Odd(model, lambda z: (z, z)), x, y, "the model gives a tuple; must be a tensor"),
        (Odd(model, lambda z: z.argmax(1)), x, y, "the model gives a torch.int64; must be"),
        (model, 2 * x, y, r"must be in \[0,1\], with any normalisation inside"),
        (model, x - 1, y, r"must be in \[0,1\]"),
        (model, x * math.nan, y, "must be in"),
        (model, x[:4], y[:3], "4 images and 3 labels"),
        (model, x[:0], y[:0], "0 images"),
    ]
    for bad, images, labels, message in cases:
        with pytest.raises(UserError, match=message):
            evaluate(bad, images, labels, attacks, **options)


def test_last_iterate_is_never_stronger(digits: blocks.Params, trained: tuple) -> None:
    """The peers' convention against ours, from the same starts."""
    model, x, y = trained
    attacks = {name: digits.attacks[name] for name in ("pgd20", "pgd20_last")}
    options = {"eps": EPS / 2, "batch_size": 100, "seed": 0, "classes": 3}
    verdicts = evaluate(model, x, y, attacks, **options).verdicts
    ours, theirs = (verdicts[name].prediction == y for name in attacks)
    assert (ours <= theirs).all()


def test_more_steps_are_not_weaker(digits: blocks.Params, trained: tuple) -> None:
    model, x, y = trained
    attacks = {name: digits.attacks[name] for name in ("fgsm", "pgd20", "pgd100")}
    verdicts = evaluate(model, x, y, attacks, eps=EPS, batch_size=100, seed=0, classes=3).verdicts
    robust = {name: verdict.prediction == y for name, verdict in verdicts.items()}
    assert (robust["pgd100"] <= robust["pgd20"]).all()  # same start, same step size
    assert robust["pgd20"].sum() <= robust["fgsm"].sum()


def test_a_cheating_attack_is_stopped(trained: tuple) -> None:
    model, x, y = trained
    inputs = AttackInput(model, x, y, EPS, Noise(0, torch.arange(len(x))), 100, x)
    part = Descent("cheat", CrossEntropy(), "zero", 0.01, 1, "any_iterate")
    check_adversarial(part, (x + 0.5 * EPS).clamp(0, 1), inputs)
    for cheat, message in (
        ((x + 1.1 * EPS).clamp(0, 1), "attack cheat: .* exceeds eps = 0.1"),
        (x - 0.9, r"leave the pixel range"),
        (x * float("nan"), "not finite"),
    ):
        with pytest.raises(UserError, match=message):
            check_adversarial(part, cheat, inputs)


@pytest.mark.parametrize("name", ATTACKS)
def test_order_of_the_images_changes_nothing(
    name: str, digits: blocks.Params, trained: tuple
) -> None:
    model, x, y = trained
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    whole = run(name, digits, trained)[1][name]
    mixed = run(name, digits, (model, x[order], y[order]), index=order)[1][name]
    assert torch.equal(whole.prediction[order], mixed.prediction)


def test_beginnings_are_shared_and_the_same_as_alone(digits: blocks.Params, trained: tuple) -> None:
    """PGD-20 on the way to PGD-100, APGD-CE + T on the way to AutoAttack: the verdicts of each by itself."""
    model, x, y = trained
    passes = 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1

    handle = model.register_forward_hook(count)
    options = {"eps": EPS, "batch_size": 100, "seed": 0, "classes": 3}
    for names in (("pgd20", "pgd100"), ("apgd_ce_t", "autoattack")):
        attacks = {name: digits.attacks[name] for name in names}
        if "autoattack" in names:
            attacks = {name: shorter(options) for name, options in attacks.items()}
        passes = 0
        both = evaluate(model, x, y, attacks, **options).verdicts
        together, passes = passes, 0
        for name in names:
            alone = evaluate(model, x, y, {name: attacks[name]}, **options).verdicts
            assert torch.equal(both[name].prediction, alone[name].prediction)
            assert torch.equal(both[name].distance, alone[name].distance)
        longest = evaluate(model, x, y, {names[1]: attacks[names[1]]}, **options).verdicts
        assert torch.equal(longest[names[1]].prediction, both[names[1]].prediction)
        assert together < passes
    handle.remove()


@pytest.mark.parametrize("killed_after", [1, 3, 8, 21])
def test_killed_evaluation_goes_on_with_the_same_verdicts(
    digits: blocks.Params,
    trained: tuple,
    killed_after: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    model, x, y = trained
    monkeypatch.setattr("taet.study.run.resume.SAVING_SHARE", math.inf)
    monkeypatch.setattr("taet.adversary.evaluation.CHUNK", 1)
    attacks = {n: digits.attacks[n] for n in ("pgd20", "pgd100")}
    attacks |= {n: shorter(digits.attacks[n]) for n in ("apgd_ce_t", "autoattack")}
    options = {"eps": EPS, "batch_size": 50, "seed": 0, "classes": 3}
    expected = evaluate(model, x, y, attacks, **options).verdicts

    class Killed(Exception):
        pass

    class Counting(ResumeFile):
        """Counts its saves, and fails after some of them."""

        saves = 0
        fails_after: int | None = None

        def save(self, collect: Any) -> None:
            super().save(collect)
            self.saves += 1
            if self.saves == self.fails_after:
                raise Killed

    first, second = (Counting(tmp_path / "file", "k", "t") for _ in range(2))
    first.fails_after = killed_after
    with pytest.raises(Killed):
        evaluate(model, x, y, attacks, **options, resume=first)
    verdicts = evaluate(model, x, y, attacks, **options, resume=second).verdicts
    assert second.resumed
    for name, verdict in expected.items():
        assert torch.equal(verdicts[name].prediction, verdict.prediction)
        assert torch.equal(verdicts[name].distance, verdict.distance)
        assert torch.equal(verdicts[name].broken_by, verdict.broken_by)
    # A part that another one continues runs again with it.
    assert second.saves <= 2 * (2 + 20) - killed_after + 1, "what was done is not done again"


class Ill(nn.Module):
    """The trained model, but with the gradient of a norm at zero."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        nothing = (x - x.detach()).flatten(1).square().sum(1).sqrt()
        return self.model(x) + 0 * nothing[:, None]


@pytest.mark.parametrize("name", ATTACKS)
def test_a_gradient_that_is_not_finite_stops_the_evaluation(
    name: str, digits: blocks.Params, trained: tuple
) -> None:
    """The sign of NaN is 0: such a model would be robust in every column."""
    model, x, y = trained
    options = {"eps": EPS, "batch_size": 100, "seed": 0, "classes": 3}
    with pytest.raises(UserError, match=r"gradient is not finite for (\d+) of \1 images"):
        evaluate(Ill(model), x, y, {name: block(name, digits)}, **options)


def test_a_label_that_claims_another_attack_is_named(digits: blocks.Params, trained: tuple) -> None:
    model, x, y = trained
    pgd = digits.attacks["pgd20"]
    attacks = {
        "short": digits.attacks["autoattack"].model_copy(update={"steps": 10, "queries": 100}),
        "cheap": shorter(digits.attacks["apgd_ce_t"]),
        "other squares": shorter(digits.attacks["autoattack"]).model_copy(
            update={"square_positions": "all", "square_schedule": "rescaled"}
        ),
        "three": pgd.model_copy(update={"steps": 3, "step_size": 0.1}),
        "twenty": pgd,
    }
    verdicts = evaluate(model, x, y, attacks, eps=EPS, batch_size=100, seed=0, classes=3).verdicts
    (caution,) = (w for w in verdicts["short"].warnings if "called" in w)
    assert caution == (
        "called AutoAttack, but is not AutoAttack standard: steps 10 instead of 100; "
        "queries 100 instead of 5000"
    )
    assert any(
        "square_positions all instead of official; square_schedule rescaled instead of fixed" in w
        for w in verdicts["other squares"].warnings
    )
    assert "called PGD-20, but takes 3 steps" in verdicts["three"].warnings
    for name in ("cheap", "twenty"):
        assert not any("called" in w for w in verdicts[name].warnings)


def test_steps_that_cannot_cross_the_ball_are_named(digits: blocks.Params, trained: tuple) -> None:
    model, x, y = trained
    pgd, long = digits.attacks["pgd20"], digits.attacks["pgd100"]
    size = 2 * EPS / 100
    attacks = {
        "short": pgd.model_copy(update={"step_size": size}),
        "long": long.model_copy(update={"step_size": size}),
        "zero": pgd.model_copy(update={"step_size": EPS / 20, "start": "zero"}),
        "fgsm": digits.attacks["fgsm"],
    }
    verdicts = evaluate(model, x, y, attacks, eps=EPS, batch_size=100, seed=0, classes=3).verdicts
    messages = {
        name: [w for w in v.warnings if "cannot cross" in w] for name, v in verdicts.items()
    }
    assert messages["short"] == [
        f"PGD-20: 20 steps of {size:.4g} cannot cross the ball of eps {EPS:.4g}"
    ]
    assert messages["long"] == messages["zero"] == messages["fgsm"] == []


@pytest.mark.parametrize("name", ["pgd20", "cw20", "autoattack"])
def test_restarts_are_other_starts_and_never_weaker(
    name: str, digits: blocks.Params, trained: tuple
) -> None:
    model, x, y = trained
    one = digits.attacks[name].model_copy(update={"steps": 3, "queries": 30, "targets": 2})
    three = one.model_copy(update={"restarts": 3})
    options = {"eps": EPS, "batch_size": 100, "seed": 0, "classes": 3}
    verdicts = evaluate(model, x, y, {"one": one, "three": three}, **options).verdicts
    robust = {attack: verdict.prediction == y for attack, verdict in verdicts.items()}
    assert not (robust["three"] & ~robust["one"]).any()
    assert len(verdicts["three"].parts) > len(verdicts["one"].parts)
    if name == "pgd20":
        assert robust["three"].sum() < robust["one"].sum(), "two more starts break some more"
        alone = evaluate(model, x, y, {"three": three}, **options).verdicts["three"]
        assert torch.equal(alone.prediction, verdicts["three"].prediction)


def test_scales_below_one_break_saturated_logits(digits: blocks.Params, trained: tuple) -> None:
    model, x, y = trained
    saturated = Odd(model, lambda z: 100 * z)
    lsa = digits.attacks["lsa"].model_copy(update={"step_size": EPS / 8})
    blind = lsa.model_copy(update={"scales": [1.0]})
    options = {"eps": EPS, "batch_size": 100, "seed": 0, "classes": 3}
    verdicts = evaluate(saturated, x, y, {"lsa": lsa, "blind": blind}, **options).verdicts
    robust = {attack: (verdict.prediction == y).sum() for attack, verdict in verdicts.items()}
    honest = evaluate(model, x, y, {"lsa": lsa}, **options).verdicts["lsa"]
    assert robust["lsa"] < robust["blind"]
    assert abs(robust["lsa"] - (honest.prediction == y).sum()) <= 3

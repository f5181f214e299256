"""Losses and add-ons against numbers worked out by hand, and against slow, literal formulas."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from taet.adversary.pgd import pgd, start_point
from taet.data.longtail import class_counts
from taet.losses import cross_entropy, kl_divergence, margin_logits
from taet.methods.gairat import geometry_weights
from taet.methods.las_at import smoothed_cross_entropy
from taet.methods.mart import boosted_cross_entropy, mart
from taet.methods.reat import balance_weights, tail_loss
from taet.networks.heads import CosineHead
from taet.networks.network import Adjusted
from taet.options import (
    ClassRadius,
    ExponentialAverage,
    LogitAdjustment,
    StochasticAverage,
    WeightPerturbation,
)
from taet.study.params import blocks, plugins
from taet.training.addons import (
    WeightPerturber,
    class_radii,
    inference_of,
    logit_adjustment,
    radius_ramp,
)
from taet.training.averages import make_averager
from taet.training.method import Attacked, Batch, TrainingContext, TrainingMethod

IR50 = torch.tensor(class_counts(5000, 50, 10, "exponential"))


def logits_of(*probabilities: float) -> torch.Tensor:
    return torch.tensor([probabilities]).double().log()


def method(
    name: str, digits: blocks.Params, counts: torch.Tensor, **changes: object
) -> TrainingMethod:
    options = digits.methods[name].model_copy(update=changes)
    setting = TrainingContext(counts, 0.1, digits.training.attack, epochs=45, channels=1, seed=0)
    made: TrainingMethod = plugins.load("methods", options.kind).Method(options, setting)
    return made


class Fixed(nn.Module):
    """Gives the outputs it was made with, whatever the images: first those of clean ones."""

    def __init__(self, *outputs: torch.Tensor) -> None:
        super().__init__()
        self.outputs, self.calls = outputs, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.outputs[(self.calls - 1) % len(self.outputs)]


def loss_of(made: TrainingMethod, y: torch.Tensor, *outputs: torch.Tensor) -> torch.Tensor:
    x = torch.zeros(len(y), 1, 2, 2)
    return made.loss(Fixed(*outputs), Batch(x, y, torch.Generator(), 30), Attacked(x))


# -- losses ----------------------------------------------------------------------------------------


def test_mart_vector() -> None:
    clean, adversarial, y = logits_of(0.6, 0.3, 0.1), logits_of(0.5, 0.3, 0.2), torch.tensor([0])
    assert boosted_cross_entropy(adversarial, y).item() == pytest.approx(1.04968, abs=2e-5)
    assert kl_divergence(clean, adversarial).item() == pytest.approx(0.040078, abs=1e-6)
    assert mart(clean, adversarial, y, beta=5).item() == pytest.approx(1.12984, abs=2e-5)


def test_mart_image_by_image() -> None:
    torch.manual_seed(0)
    clean, adversarial = torch.randn(6, 4).double(), torch.randn(6, 4).double()
    y, total = torch.tensor([0, 1, 2, 3, 0, 1]), 0.0
    for i in range(6):
        p, q = clean[i].softmax(0).tolist(), adversarial[i].softmax(0).tolist()
        wrong = max(value for k, value in enumerate(q) if k != y[i])
        total += -math.log(q[y[i]]) - math.log(1.0001 - wrong + 1e-12)
        kl = sum(a * (math.log(a) - math.log(b + 1e-12)) for a, b in zip(p, q, strict=True))
        total += 6 * kl * (1.0000001 - p[y[i]])
    assert mart(clean, adversarial, y, beta=6).item() == pytest.approx(total / 6, rel=1e-6)


def test_trades_is_the_authors_formula(digits: blocks.Params) -> None:
    torch.manual_seed(0)
    clean, adversarial, y = torch.randn(5, 3), torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    expected = F.cross_entropy(clean, y) + 6 / 5 * F.kl_div(
        adversarial.log_softmax(1), clean.softmax(1), reduction="sum"
    )
    ours = loss_of(method("trades", digits, torch.tensor([3, 2, 1])), y, clean, adversarial)
    assert ours.item() == pytest.approx(expected.item(), rel=1e-6)


def test_he_vector(digits: blocks.Params) -> None:
    """cos = (.3, .1), s = 10, m = .2: both logits are 1."""
    cosines, y = torch.tensor([[0.3, 0.1]]), torch.tensor([0])
    torch.testing.assert_close(margin_logits(cosines, y, 10, 0.2), torch.tensor([[1.0, 1.0]]))
    ours = loss_of(method("he", digits, torch.tensor([2, 1])), y, cosines)
    assert ours.item() == pytest.approx(0.693147, abs=1e-6)


def test_gairat_weights() -> None:
    expected = [0.99966, 0.99753, 0.98201, 0.8808, 0.5, 0.1192, 0.01799, 0.00247, 0.00034, 0.00005, 0.00001]  # fmt: skip
    kappa = torch.arange(11.0)
    weights = geometry_weights(kappa, 10, -1)
    assert weights.mean().item() == pytest.approx(1, abs=1e-6)
    mean = sum(expected) / 11
    assert (weights * mean).tolist() == pytest.approx(expected, abs=1e-4)


def test_gairat_burns_in(digits: blocks.Params) -> None:
    made = method("gairat", digits, torch.tensor([2, 1]), begin_epoch=31)
    logits, y = torch.tensor([[2.0, 1.0], [0.0, 1.0]]), torch.tensor([0, 0])
    assert loss_of(made, y, logits).item() == pytest.approx(F.cross_entropy(logits, y).item())


def test_gairat_counts_iterates_that_are_still_right(digits: blocks.Params) -> None:
    """A linear model of one weight: the image is fooled after a known number of steps."""
    made = method("gairat", digits, torch.tensor([2, 1]))
    attack = made.context.attack.model_copy(
        update={"start": "zero", "step_size": 0.01, "steps": 10}
    )
    made.context = TrainingContext(torch.tensor([2, 1]), 0.1, attack, 45, 1, 0)

    class Linear(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            score = x.flatten(1).mean(1) - 0.5
            return torch.stack([score, -score], 1)

    x = torch.tensor([0.49, 0.515, 0.545, 0.9]).view(4, 1, 1, 1)
    given = Batch(x, torch.zeros(4, dtype=torch.int64), torch.Generator(), 30)
    assert made.attack(Linear(), given).extras["kappa"].tolist() == [0, 2, 5, 10]


def test_robal_margins_and_biases(digits: blocks.Params) -> None:
    made = method("robal", digits, IR50)
    margins = [0.217, 0.204, 0.191, 0.178, 0.165, 0.152, 0.139, 0.126, 0.113, 0.100]
    biases = [-1.54, -2.20, -2.85, -3.50, -4.15, -4.81, -5.46, -6.11, -6.76, -7.41]
    assert made.margins().tolist() == pytest.approx(margins, abs=6e-4)
    assert (1.5 * made.log_prior).tolist() == pytest.approx(biases, abs=6e-3)


def test_robal_class_by_class(digits: blocks.Params) -> None:
    """Against the closed form of the margin: true class s(g - m) + (tau_b - tau_m) log p_y + tau_m log p_min."""
    torch.manual_seed(0)
    made = method("robal", digits, IR50)
    clean, adversarial = torch.rand(6, 10) * 2 - 1, torch.rand(6, 10) * 2 - 1
    y, p, total = torch.tensor([0, 3, 9, 5, 0, 7]), (IR50 / IR50.sum()).tolist(), 0.0
    for i, label in enumerate(y.tolist()):
        logits = [10 * g + 1.5 * math.log(p[k]) for k, g in enumerate(adversarial[i].tolist())]
        logits[label] = (
            10 * (adversarial[i, label].item() - 0.1)
            + (1.5 - 0.3) * math.log(p[label])
            + 0.3 * math.log(min(p))
        )
        total += math.log(sum(map(math.exp, logits))) - logits[label]
        a, b = clean[i].softmax(0).tolist(), adversarial[i].softmax(0).tolist()
        total += 6 * sum(s * math.log(s / t) for s, t in zip(a, b, strict=True))
    assert loss_of(made, y, clean, adversarial).item() == pytest.approx(total / 6, rel=1e-5)


def test_robal_inference_subtracts_the_prior(digits: blocks.Params) -> None:
    made = method("robal", digits, IR50, tau_p=0.1)
    spec = made.inference()
    expected = (-0.1 * (IR50 / IR50.sum()).log()).tolist()
    assert spec["scale"] == 10
    assert spec["bias"] == pytest.approx(expected, rel=1e-6)


def test_reat_weights() -> None:
    counts = torch.tensor([5000, 100])
    weights = balance_weights(counts, counts)
    assert weights.tolist() == pytest.approx([0.03933, 1.96067], abs=1e-5)
    never = balance_weights(torch.tensor([5000, 0]), counts)
    assert torch.isfinite(never).all()
    assert never.sum().item() == pytest.approx(2)


def test_reat_attack_is_that_of_plain_cross_entropy(digits: blocks.Params) -> None:
    """Bit for bit: a positive weight on an image's own loss does not change the sign of its gradient."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))  # fmt: skip
    x, y = torch.rand(64, 1, 8, 8), torch.randint(0, 10, (64,))
    images = []
    for name in ("reat", "pgd_at"):
        made = method(name, digits, IR50)
        made.start_epoch(0)
        made.last_predicted = torch.tensor([9000, 10, 0, 5, 1, 7, 400, 3, 2, 1.0])
        if name == "reat":
            made.weights = balance_weights(made.last_predicted, IR50)
        given = Batch(x, y, torch.Generator().manual_seed(1), 0)
        images.append(made.attack(model, given).x)
    assert torch.equal(*images)


@pytest.mark.parametrize("reduction", ["batch_mean", "per_pair"])
def test_reat_tail_pair_by_pair(reduction: str) -> None:
    torch.manual_seed(0)
    features, y = torch.randn(8, 5).double(), torch.tensor([9, 0, 7, 8, 7, 3, 6, 9])
    n, total = IR50.double(), 0.0
    tail = [i for i in range(8) if y[i] in (7, 8, 9)]
    p = features.softmax(1)
    for b in tail:
        pointwise = [[p[b, d] * (p[b, d] / p[j, d]).log() for d in range(5)] for j in range(8)]
        whole = torch.tensor([[v.item() for v in row] for row in pointwise])
        inner = 0.0
        for j in range(8):
            sign = -1 if y[b] == y[j] else 1
            weight = math.sqrt(n.sum() / n[y[b]]) + math.sqrt(n.sum() / n[y[j]])
            kl = whole.mean() if reduction == "batch_mean" else whole[j].sum()
            inner += sign * weight * kl.item()
        total += inner / 8
    ours = tail_loss(features, y, IR50, reduction).item()
    assert ours == pytest.approx(total / len(tail), rel=1e-5)
    assert tail_loss(features, torch.zeros(8, dtype=torch.int64), IR50, reduction).item() == 0


def test_las_at_smoothing() -> None:
    logits, y = torch.randn(4, 10), torch.tensor([0, 3, 9, 9])
    target = torch.full((4, 10), 0.3 / 9)
    assert target[0, 0].item() == pytest.approx(0.033333, abs=1e-6)
    target[torch.arange(4), y] = 0.7
    expected = -(target * logits.log_softmax(1)).sum(1)
    torch.testing.assert_close(smoothed_cross_entropy(logits, y, 0.7), expected)


@pytest.mark.parametrize("accumulate", [True, False])
def test_adt_is_torchs_adam(digits: blocks.Params, accumulate: bool) -> None:
    """The inner loop as the authors run it: torch's Adam with betas (0, 0), gradients cleared or not."""
    torch.manual_seed(0)
    made = method(
        "adt", digits, torch.tensor([2, 1]), accumulate_gradients=accumulate, steps=3, samples=2
    )
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2)).eval()
    x, y = torch.rand(4, 1, 4, 4), torch.tensor([0, 1, 0, 1])
    ours = made.attack(model, Batch(x, y, torch.Generator().manual_seed(5), 0)).x

    noise = torch.Generator().manual_seed(5)
    mean, spread = nn.Parameter(torch.zeros_like(x)), nn.Parameter(torch.zeros_like(x))
    adam = torch.optim.Adam([mean, spread], lr=0.3, betas=(0.0, 0.0))

    def draw() -> tuple[torch.Tensor, torch.Tensor]:
        r = torch.randn(x.shape, generator=noise)
        u = torch.tanh(mean + F.softplus(spread) * r)
        entropy = r**2 / 2 + (F.softplus(spread) + 1e-8).log() + (1 - u**2 + 1e-8).log()
        return (x + 0.1 * u).clamp(0, 1), entropy.mean()

    for _ in range(3):
        if not accumulate:
            adam.zero_grad()
        for _ in range(2):
            x_adv, entropy = draw()
            (-(F.cross_entropy(model(x_adv), y) + 0.01 * entropy)).backward()
        adam.step()
    torch.testing.assert_close(ours, draw()[0].detach(), rtol=0, atol=1e-5)


def test_cosine_head() -> None:
    torch.manual_seed(0)
    x, head = torch.randn(3, 6), CosineHead(6, 4, softening=0.0, projected=False)
    expected = F.cosine_similarity(x[:, None], head.weight[None], dim=2)
    torch.testing.assert_close(head(x), expected)
    softened = CosineHead(6, 4, softening=1 / 32, projected=False)
    norm = softened.weight.norm(dim=1)
    expected = (
        F.cosine_similarity(x[:, None], softened.weight[None], dim=2) * norm / (norm + 1 / 32)
    )
    torch.testing.assert_close(softened(x), expected)


def test_projected_head_is_the_same_function_with_another_gradient() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 6)
    projected = CosineHead(6, 4, softening=0.0, projected=True)
    within = copy.deepcopy(projected)
    within.projected = False
    projected.project()
    torch.testing.assert_close(projected.train()(x), within(x))
    torch.testing.assert_close(projected.weight.norm(dim=1), torch.ones(4))
    projected(x)[:, 0].sum().backward()
    assert (projected.weight.grad[0] @ projected.weight[0]).abs() > 1e-3, "along the norm, too"
    torch.testing.assert_close(projected.eval()(x), within(x))


# -- add-ons ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (10, [5.6, 7.42, 8.17, 8.75, 9.23, 9.66, 10.05, 10.4, 10.74, 11.05]),
        (50, [5.6, 8.03, 9.03, 9.8, 10.45, 11.03, 11.54, 12.02, 12.46, 12.88]),
    ],
)
def test_robustlt_radii(ratio: int, expected: list[float]) -> None:
    counts = torch.tensor(class_counts(5000, ratio, 10, "exponential"))
    radii = class_radii(ClassRadius(alpha=0.3, beta=0.8), counts)
    assert (8 * radii).tolist() == pytest.approx(expected, abs=6e-3)
    assert (radii * counts).sum().item() == pytest.approx(counts.sum().item(), rel=1e-6)


def test_robustlt_of_a_balanced_set_and_ramp() -> None:
    options = ClassRadius(alpha=0.3, beta=0.8)
    assert class_radii(options, torch.tensor([5, 5, 5])).tolist() == [1, 1, 1]
    ramp = [radius_ramp(options, epoch, 100) for epoch in (0, 40, 80, 99)]
    assert ramp == pytest.approx([0, 0.5, 1, 1])


def test_robustlt_in_the_attack(digits: blocks.Params) -> None:
    radius = ClassRadius(alpha=0.3, beta=0.5)
    made = method("pgd_at", digits, torch.tensor([50, 5]), class_radius=radius)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    x, y = 0.3 + 0.4 * torch.rand(6, 1, 4, 4), torch.tensor([0, 1, 0, 1, 0, 1])
    for epoch, factor in ((0, 0.0), (9, 0.4), (30, 1.0)):
        given = Batch(x, y, torch.Generator().manual_seed(0), epoch)
        reach = (made.attack(model, given).x - x).abs().flatten(1).amax(1)
        expected = 0.1 * factor * made.radii[y]
        torch.testing.assert_close(reach, expected, rtol=0, atol=1e-6)


def test_weight_perturbation_is_the_authors_step() -> None:
    """A copy of the model goes one step of SGD uphill; the difference, scaled to gamma ||w||, is the move."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))
    x, y = torch.rand(8, 1, 4, 4), torch.randint(0, 2, (8,))
    before = {name: value.clone() for name, value in model.state_dict().items()}

    proxy = copy.deepcopy(model).train()
    sgd = torch.optim.SGD(proxy.parameters(), lr=0.01)
    (-F.cross_entropy(proxy(x), y)).backward()
    sgd.step()
    expected = {}
    for (name, w), uphill in zip(model.named_parameters(), proxy.parameters(), strict=True):
        if "weight" in name and w.ndim > 1:
            difference = (uphill - w).detach()
            expected[name] = 0.01 * w.norm() / (difference.norm() + 1e-20) * difference

    perturb = WeightPerturber(WeightPerturbation(gamma=0.01, warmup_epochs=2))
    loss = lambda: F.cross_entropy(model.train()(x), y)  # noqa: E731
    with perturb(model, loss, epoch=1):
        assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items()), "warm-up"
    with perturb(model, loss, epoch=2):
        for name, value in model.named_parameters():
            moved = before[name] + expected[name] if name in expected else before[name]
            torch.testing.assert_close(value.detach(), moved, rtol=1e-4, atol=1e-7)
        for name, value in model.named_buffers():
            assert torch.equal(value, before[name]), "the extra pass moves no statistics"
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=1e-7)


def test_weight_average_by_hand() -> None:
    model = nn.Linear(1, 1, bias=False)
    averager = make_averager(ExponentialAverage(kind="ema", decay=0.4))
    average = None
    for k, value in enumerate([1.0, 2.0, 5.0, -3.0, 4.0, 7.0]):
        with torch.no_grad():
            model.weight.fill_(value)
        averager.after_step(model)
        decay = min(0.4, (1 + k) / (10 + k))
        average = value if average is None else decay * average + (1 - decay) * value
    assert averager.average["weight"].item() == pytest.approx(average)
    again = make_averager(ExponentialAverage(kind="ema", decay=0.4))
    again.load_state({name: value.clone() for name, value in averager.state().items()})
    assert again.steps == 6
    assert torch.equal(again.average["weight"], averager.average["weight"])


def test_stochastic_weight_average_by_hand() -> None:
    """The mean after epochs 2, 3 and 4, of statistics too; a resumed average goes on."""
    model = nn.BatchNorm1d(1)
    averager = make_averager(StochasticAverage(kind="swa", begin_epoch=2))
    for epoch, value in enumerate([1.0, 2.0, 5.0, -3.0, 4.0]):
        with torch.no_grad():
            model.weight.fill_(value)
            model.running_mean.fill_(10 * value)
        averager.after_step(model)
        averager.after_epoch(model, epoch)
        if epoch < 2:
            assert averager.average == {}
        if epoch == 3:
            saved = {name: value.clone() for name, value in averager.state().items()}
            averager = make_averager(StochasticAverage(kind="swa", begin_epoch=2))
            averager.load_state(saved)
    assert averager.average["weight"].item() == pytest.approx(2)
    assert averager.average["running_mean"].item() == pytest.approx(20)
    assert "num_batches_tracked" not in averager.average


def test_logit_adjustment() -> None:
    counts = torch.tensor([100, 10, 1])
    tau, bias = logit_adjustment(LogitAdjustment(tau=2), counts, lambda biases: 1 / 0)
    assert tau == 2
    logits = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    adjusted = Adjusted(nn.Identity(), **inference_of(None, bias, 3))(logits)
    expected = logits - 2 * counts.double().log().float()
    torch.testing.assert_close(adjusted.softmax(1), expected.softmax(1))

    tau, bias = logit_adjustment(LogitAdjustment(tau=[0.0, 0.5, 1.0]), counts, lambda biases: 1)
    assert tau == 0.5
    both = inference_of({"scale": 10.0, "bias": [1.0, 2.0, 3.0]}, bias, 3)
    assert both["scale"] == 10
    assert both["bias"] == pytest.approx([a + b for a, b in zip([1, 2, 3], bias, strict=True)])
    assert inference_of(None, None, 3) is None


def test_attacks_see_the_adjusted_logits() -> None:
    """An adjustment that decides otherwise leads the attack elsewhere."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    adjusted = Adjusted(model, 1.0, [-50.0, 0.0, 0.0])
    x, y = torch.rand(32, 1, 4, 4), torch.ones(32, dtype=torch.int64)
    options = {"start": x, "objective": cross_entropy, "eps": 0.1, "step_size": 0.1, "steps": 1}
    assert not torch.equal(pgd(model, x, y, **options), pgd(adjusted, x, y, **options))


# -- the gradient loop with what methods need ------------------------------------------------------


def test_steps_and_radii_of_each_image() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    x, y = 0.3 + 0.4 * torch.rand(4, 1, 4, 4), torch.tensor([0, 1, 0, 1])
    eps, steps = torch.tensor([0.1, 0.2, 0.05, 0.2]), torch.tensor([1, 3, 20, 0])
    x_adv = pgd(
        model, x, y, start=x, objective=cross_entropy, eps=eps, step_size=torch.tensor([0.02, 0.03, 0.02, 0.1]),
        steps=steps,
    )  # fmt: skip
    reach = (x_adv - x).abs().flatten(1).amax(1)
    torch.testing.assert_close(reach, torch.tensor([0.02, 0.09, 0.05, 0.0]), rtol=0, atol=1e-6)
    alone = [
        pgd(model, x[i : i + 1], y[i : i + 1], start=x[i : i + 1], objective=cross_entropy,
            eps=eps[i].item(), step_size=[0.02, 0.03, 0.02, 0.1][i], steps=int(steps[i]))
        for i in range(4)
    ]  # fmt: skip
    torch.testing.assert_close(torch.cat(alone), x_adv)


@pytest.mark.parametrize("mode", ["eval", "train", "train_no_track"])
def test_batch_norm_modes(mode: str) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))
    x, y = torch.rand(8, 1, 4, 4), torch.randint(0, 2, (8,))
    seen = []
    model[1].register_forward_pre_hook(lambda module, _: seen.append(module.training))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    x_adv = pgd(
        model.train(), x, y, start=x, objective=cross_entropy, eps=0.1, step_size=0.05, steps=3, batch_norm=mode
    )  # fmt: skip
    assert seen == [mode != "eval"] * 3
    assert model.training
    changed = any(not torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert changed is (mode == "train")
    other = {"eval": "train_no_track"}.get(mode, "eval")
    model.load_state_dict(before)
    elsewhere = pgd(
        model, x, y, start=x, objective=cross_entropy, eps=0.1, step_size=0.05, steps=3, batch_norm=other
    )  # fmt: skip
    assert not torch.equal(x_adv, elsewhere)


def test_one_sided_start() -> None:
    x = torch.rand(100, 1, 8, 8)
    delta = start_point("one_sided", x, 0.1, lambda sample: sample(x.shape)) - x
    assert delta.min() >= -1e-6
    assert delta.max() <= 0.1 + 1e-6
    assert delta.mean().item() == pytest.approx(0.05, rel=0.05)

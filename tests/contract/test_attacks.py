"""What every file in attacks/ must keep, new ones included."""

import pytest
import torch
from torch import nn

from taet import params, plugins
from taet.attacks._base import Target
from taet.errors import UserError
from taet.evaluate import evaluate, verify

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


def block(name: str, digits: params.Params):
    blocks = [b for b in digits.attacks.values() if b.kind == name]
    assert blocks, f"params.yaml has no block for attacks/{name}.py"
    return blocks[0]


def run(name: str, digits: params.Params, trained: tuple, **changes: object):
    model, x, y = trained
    options = {"eps": EPS, "batch_size": 100, "seed": 0} | changes
    return evaluate(model, x, y, {name: block(name, digits)}, **options)


@pytest.mark.parametrize("name", ATTACKS)
def test_stays_inside_and_harms(name: str, digits: params.Params, trained: tuple) -> None:
    y = trained[2]
    clean, verdicts = run(name, digits, trained)
    verdict = verdicts[name]
    standing = clean == y
    robust = verdict.prediction == y
    assert standing.float().mean() > 0.9
    assert (robust <= standing).all(), "a misclassified image is never robust"
    assert robust.sum() < standing.sum(), "the attack finds something"
    assert verdict.distance.max() <= EPS + 1e-6
    assert (verdict.distance[~standing] == 0).all()
    assert (verdict.prediction[~standing] == clean[~standing]).all()


@pytest.mark.parametrize("name", ATTACKS)
def test_model_is_left_as_it_was(name: str, digits: params.Params, trained: tuple) -> None:
    model = trained[0]
    before = {k: v.clone() for k, v in model.state_dict().items()}
    run(name, digits, trained)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("name", ATTACKS)
def test_same_seed_same_bytes(name: str, digits: params.Params, trained: tuple) -> None:
    first, again = (run(name, digits, trained)[1][name] for _ in range(2))
    assert torch.equal(first.prediction, again.prediction)
    assert torch.equal(first.distance, again.distance)


@pytest.mark.parametrize("name", ATTACKS)
def test_batches_change_nothing(name: str, digits: params.Params, trained: tuple) -> None:
    whole = run(name, digits, trained)[1][name]
    cut = run(name, digits, trained, batch_size=7)[1][name]
    assert torch.equal(whole.prediction, cut.prediction)


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_to_attack(name: str, digits: params.Params, trained: tuple) -> None:
    model, x, y = trained
    wrong = (y + 1) % 3
    clean, verdicts = evaluate(
        model, x[:6], wrong[:6], {name: block(name, digits)}, eps=EPS, batch_size=4, seed=0
    )
    assert torch.equal(verdicts[name].prediction, clean)


def test_more_steps_are_not_weaker(digits: params.Params, trained: tuple) -> None:
    model, x, y = trained
    attacks = {name: digits.attacks[name] for name in ("fgsm", "pgd20", "pgd100")}
    _, verdicts = evaluate(model, x, y, attacks, eps=EPS, batch_size=100, seed=0)
    robust = {name: verdict.prediction == y for name, verdict in verdicts.items()}
    assert (robust["pgd100"] <= robust["pgd20"]).all()  # same start, same step size
    assert robust["pgd20"].sum() <= robust["fgsm"].sum()


def test_a_cheating_attack_is_stopped(trained: tuple) -> None:
    model, x, y = trained
    target = Target(model, x, y, EPS, lambda sample: sample(x.shape))
    verify("honest", (x + 0.5 * EPS).clamp(0, 1), target)
    for cheat, said in (
        ((x + 1.1 * EPS).clamp(0, 1), "exceeds eps = 0.1"),
        (x - 0.9, r"leave the pixel range"),
        (x * float("nan"), "not finite"),
    ):
        with pytest.raises(UserError, match=said):
            verify("cheat", cheat, target)

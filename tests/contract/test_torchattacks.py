"""Our attacks beside an independent implementation, on a trained network: as strong, up to random starts.

torchattacks pins packages that others here need newer, so it is installed without what it asks for:
``pip install --no-deps torchattacks==3.5.1``. Its AutoAttack runs 10 steps; here its components run as many
as ours. Square is the official one there, but for its schedule, which AutoAttack does not rescale.
"""

import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from taet.adversary.evaluation import evaluate
from taet.adversary.noise import Noise
from taet.adversary.parts import AttackInput
from taet.adversary.square import Square
from taet.networks.network import build_model, describe_network
from taet.study.params import blocks
from taet.study.params.load import load_params

torchattacks = pytest.importorskip(
    "torchattacks", reason="pip install --no-deps torchattacks==3.5.1"
)
STEPS, QUERIES, EPS = 100, 400, 0.15
STARTS = 2


@pytest.fixture(scope="module")
def trained() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A small CNN, adversarially trained for a moment on real digits; 300 images that it gets right."""
    from sklearn.datasets import load_digits

    torch.manual_seed(0)  # of the training attack, whose library has no generator of its own
    options = load_params("params.yaml", "digits").architectures["small_cnn"]
    model = build_model(describe_network(options, 1, 8, 10), seed=0)
    digits = load_digits()
    x = torch.from_numpy(digits.images).float()[:, None] / 16
    y = torch.from_numpy(digits.target)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    attack = torchattacks.PGD(model, eps=0.1, alpha=0.03, steps=4)
    for epoch in range(4):
        for rows in torch.randperm(1200, generator=torch.Generator().manual_seed(epoch)).split(100):
            loss = nn.functional.cross_entropy(model.train()(attack(x[rows], y[rows])), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        right = (model(x[1200:]).argmax(1) == y[1200:]).nonzero().squeeze(1)[:300]
    return model, x[1200:][right].contiguous(), y[1200:][right]


def theirs(name: str, model: nn.Module, norm: str, seed: int) -> object:
    common = {
        "norm": "Linf" if norm == "linf" else "L2",
        "eps": EPS if norm == "linf" else 1.0,
        "seed": seed,
    }
    steps = {"steps": STEPS, "n_restarts": 1}
    return {
        "apgd_ce": lambda: torchattacks.APGD(model, **common, **steps, loss="ce"),
        "apgd_dlr": lambda: torchattacks.APGD(model, **common, **steps, loss="dlr"),
        "apgd_t": lambda: torchattacks.APGDT(model, **common, **steps, n_classes=10),
        "fab_t": lambda: torchattacks.FAB(
            model, **common, **steps, multi_targeted=True, n_classes=10
        ),
        "square": lambda: torchattacks.Square(
            model, **common, n_queries=QUERIES, n_restarts=1, loss="margin", resc_schedule=False
        ),
    }[name]()


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("name", ["apgd_ce", "apgd_dlr", "apgd_t", "fab_t", "square"])
def test_components_are_as_strong(
    name: str, norm: str, digits: blocks.Params, trained: tuple
) -> None:
    model, x, y = trained
    options = digits.attacks["autoattack"].model_copy(
        update={"components": [name], "steps": STEPS, "queries": QUERIES, "norm": norm, "eps": 1.0}
    )
    if norm == "linf":
        options = options.model_copy(update={"eps": None})
    ours, reference = [], []
    for seed in range(STARTS):
        found = evaluate(
            model, x, y, {name: options}, eps=EPS, batch_size=100, seed=seed, classes=10
        )
        ours.append((found.verdicts[name].prediction == y).sum().item())
        adversarial = theirs(name, model, norm, seed)(x, y)
        with torch.no_grad():
            reference.append((model(adversarial).argmax(1) == y).sum().item())
    noise = max(*(max(counts) - min(counts) for counts in (ours, reference)), 3)  # of 300 images
    apart = sum(ours) / STARTS - sum(reference) / STARTS
    assert abs(apart) <= noise, "the same attack"


def draws(noise: Noise, norm: str, channels: int, size: int) -> Iterator[torch.Tensor]:
    """Our random numbers for one image, in the order in which their code asks for U(0,1)."""
    if norm == "linf":
        yield noise.signs("square stripes", channels, 1, size)
    else:
        side = size // 5
        places = [(size - side * 5) // 2 + i * side for i in range(size // side)]
        for top, left in itertools.product(places, places):
            yield noise.uniform(f"square tile {top} {left} turned", 1)
            yield noise.signs(f"square tile {top} {left}", channels)
    for query in itertools.count():
        yield from noise.uniform(f"square place {query}", 2 if norm == "linf" else 5)[0]
        yield noise.signs(f"square sign {query}", channels)


@pytest.mark.parametrize("size", [8, 13, 32])
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("schedule", ["fixed", "rescaled"])
def test_square_is_theirs_draw_by_draw(
    schedule: str, norm: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One image and the same random numbers: the same image in the end."""
    torch.manual_seed(size)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * size**2, 4)).double().eval()
    x, y = torch.rand(1, 3, size, size, dtype=torch.float64), torch.tensor([0])
    eps, queries = 0.1, 300
    model[1].bias.data[0] += 10  # so that every query counts
    noise = Noise(0, torch.arange(1))
    ours = Square("s", norm, queries, schedule=schedule).run(
        AttackInput(model, x, y, eps, noise, 1, x)
    )
    theirs = torchattacks.Square(
        model,
        "Linf" if norm == "linf" else "L2",
        eps,
        queries,
        resc_schedule=schedule == "rescaled",
    )
    numbers = draws(noise, norm, 3, size)
    monkeypatch.setattr(torch, "rand", lambda shape: next(numbers).reshape(shape))
    theirs.init_hyperparam(x)
    _, found = theirs.attack_single_run(x, y)
    torch.testing.assert_close(ours, found, rtol=0, atol=1e-5)


@pytest.mark.parametrize("steps", [5, 20])
def test_pgd_is_the_same_attack(steps: int, digits: blocks.Params, trained: tuple) -> None:
    """From the image itself, where there is no noise: the same verdicts, image by image."""
    model, x, y = trained
    pgd = digits.attacks["pgd20_last"].model_copy(
        update={"steps": steps, "start": "zero", "step_size": 0.02}
    )
    found = evaluate(model, x, y, {"pgd": pgd}, eps=EPS, batch_size=100, seed=0, classes=10)
    reference = torchattacks.PGD(model, eps=EPS, alpha=0.02, steps=steps, random_start=False)
    adversarial = reference(x, y)
    with torch.no_grad():
        theirs = model(adversarial).argmax(1)
    assert ((found.verdicts["pgd"].prediction == y) != (theirs == y)).sum() <= 1


def test_fgsm_is_the_same_attack(digits: blocks.Params, trained: tuple) -> None:
    model, x, y = trained
    attacks = {"fgsm": digits.attacks["fgsm"]}
    found = evaluate(model, x, y, attacks, eps=EPS, batch_size=100, seed=0, classes=10)
    adversarial = torchattacks.FGSM(model, eps=EPS)(x, y)
    with torch.no_grad():
        theirs = model(adversarial).argmax(1)
    assert ((found.verdicts["fgsm"].prediction == y) != (theirs == y)).sum() <= 1


def test_cw_l2_is_as_near(digits: blocks.Params, trained: tuple) -> None:
    model, x, y = trained
    cw = digits.attacks["cw_l2"].model_copy(update={"c": 10.0, "steps": 60, "learning_rate": 0.02})
    found = evaluate(model, x, y, {"cw": cw}, eps=EPS, batch_size=100, seed=0, classes=10)
    adv = torchattacks.CW(model, c=10, kappa=0, steps=60, lr=0.02)(x, y)
    with torch.no_grad():
        fooled = model(adv).argmax(1) != y
    ours = found.verdicts["cw"].broken_by >= 0
    assert abs(ours.sum().item() - fooled.sum().item()) <= 9
    both = ours & fooled
    theirs = (adv - x).flatten(1).norm(dim=1)
    ratio = found.verdicts["cw"].distance[both] / theirs[both]
    assert ratio.median().item() == pytest.approx(1, abs=0.05)

"""Expectation over transformation: gradients are means over passes, in every attack that takes gradients."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from taet.adversary.chains import chain_of
from taet.adversary.evaluation import evaluate
from taet.adversary.pgd import input_gradient
from taet.attacks.deepfool_l2 import DeepFool
from taet.errors import UserError
from taet.losses import cross_entropy
from tests.unit.attacks.literal import Net
from tests.unit.attacks.scenes import OPTIONS, curved, inputs, options, parts, run

EPS = 0.06


class Noisy(nn.Module):
    """Logits W x + n, where each pass takes the next n."""

    def __init__(self, weight: Tensor, noise: Tensor) -> None:
        super().__init__()
        self.weight, self.noise, self.passes = weight, noise, 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        return x.flatten(1) @ self.weight.T + self.noise[self.passes - 1]


def test_gradient_and_logits_are_means_over_passes() -> None:
    random = np.random.default_rng(0)
    weight, noise, x = (random.normal(size=shape) for shape in ((4, 6), (3, 4), (2, 6)))
    y, gradients, logits = [1, 3], [], []
    for drawn in noise:
        z = x @ weight.T + drawn
        share = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        gradients.append((share - np.eye(4)[y]) @ weight)
        logits.append(z)
    model = Noisy(torch.tensor(weight), torch.tensor(noise))
    images, labels = torch.tensor(x).view(2, 1, 2, 3), torch.tensor(y)
    gradient, mean = input_gradient(model, images, labels, cross_entropy, samples=3)
    np.testing.assert_allclose(gradient.flatten(1), np.mean(gradients, axis=0), atol=1e-12)
    np.testing.assert_allclose(mean, np.mean(logits, axis=0), atol=1e-12)
    assert model.passes == 3
    by_batch = Noisy(
        torch.tensor(weight), torch.tensor(np.repeat(noise, 2, axis=0)[[0, 2, 4, 1, 3, 5]])
    )
    again, _ = input_gradient(by_batch, images, labels, cross_entropy, 1, 3)
    np.testing.assert_allclose(again, gradient, atol=1e-12)


@pytest.mark.parametrize("batch_size", [None, 3])
def test_one_sample_keeps_the_bits(batch_size: int | None) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 4))
    x, y = torch.rand(3, 1, 2, 3), torch.tensor([0, 3, 1])
    leaf = x.clone().requires_grad_()
    logits = model(leaf)
    (expected,) = torch.autograd.grad(cross_entropy(logits, y).sum(), leaf)
    gradient, same = input_gradient(model, x, y, cross_entropy, batch_size)
    assert torch.equal(gradient, expected)
    assert torch.equal(same, logits)


class Shaken(nn.Module):
    """Logits (1 + 4 r)(x - 1/2) + 1 and 0, r = -1 or 1 for each pixel: the expected gradient is 1."""

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        sign = 2 * torch.randint(0, 2, flat.shape).to(x) - 1
        first = ((1 + 4 * sign) * (flat - 0.5)).sum(1) + 1
        return torch.stack([first, torch.zeros_like(first)], 1)


def test_the_expected_gradient_is_followed_where_single_ones_mislead() -> None:
    """The noise is four times the signal: half of the single gradients point the right way, nearly all means."""
    torch.manual_seed(0)
    x = torch.full((50, 1, 4, 4), 0.51, dtype=torch.float32)
    y = torch.zeros(50, dtype=torch.int64)
    shares = []
    for samples in (1, 400):
        attack = {"fgsm": options("fgsm", eot_samples=samples)}
        result = evaluate(
            Shaken(), x, y, attack, eps=0.01, batch_size=20, seed=0, classes=2, with_images=True
        ).verdicts["fgsm"]
        shares.append((result.images < x).float().mean().item())
        (warning,) = (w for w in result.warnings if w.startswith("the model is randomised"))
        assert ("means over 400 passes" in warning) is (samples == 400)
    assert 0.4 < shares[0] < 0.6
    assert shares[1] > 0.98


class Counting(nn.Module):
    """A network that counts the images of its passes, with gradients and without."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net, self.images = net, {True: 0, False: 0}

    def forward(self, x: Tensor) -> Tensor:
        self.images[torch.is_grad_enabled()] += len(x)
        return self.net(x)


@pytest.mark.parametrize("kind", OPTIONS)
def test_every_attack_takes_as_many_passes_and_the_same_way(kind: str) -> None:
    """Of a network without random numbers the mean gradient is the gradient."""
    changes: dict[str, Any] = {"steps": 3} if "steps" in OPTIONS[kind] else {}
    changes |= {"queries": 5} if kind == "autoattack" else {}
    net, images = curved()
    for one, several in zip(
        parts(kind, **changes), parts(kind, **changes, eot_samples=3), strict=True
    ):
        plain, averaged = Counting(net), Counting(net)
        np.testing.assert_allclose(
            run(several, averaged, images, EPS), run(one, plain, images, EPS), rtol=0, atol=1e-9
        )
        assert averaged.images[True] == 3 * plain.images[True], (
            "gradients cost three times the passes"
        )
        gradients = one.title != "Square"
        assert averaged.images[False] == (3 if gradients else 1) * plain.images[False]
        assert (plain.images[True] > 0) is gradients


class Alternating(nn.Module):
    """The logits of a network, shifted up in every odd pass and down in every even one: their means are its own."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net, self.passes = net, 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        shift = torch.tensor([9.0, -7.0, 5.0, -3.0], dtype=x.dtype)
        return self.net(x) + (shift if self.passes % 2 else -shift)


@pytest.mark.parametrize(
    ("kind", "changes"), [("deepfool_l2", {}), ("autoattack", {"components": ["fab_t"]})]
)
def test_a_search_for_the_boundary_follows_no_single_pass(
    kind: str, changes: dict[str, Any]
) -> None:
    """Two passes of the alternating network have the mean logits and gradients of the network without noise."""
    net, images = curved()
    chains = zip(parts(kind, **changes), parts(kind, **changes, eot_samples=2), strict=True)
    for one, two in chains:
        whole = replace(inputs(net, images, EPS), batch_size=len(images))
        noisy = replace(whole, model=Alternating(net))
        np.testing.assert_allclose(two.run(noisy), one.run(whole), rtol=0, atol=1e-9)


def test_samples_are_part_of_what_attacks_share() -> None:
    of_steps = [("short", 3, 2), ("long", 5, 2), ("single", 4, 1)]
    attacks = {name: options("pgd", steps=k, eot_samples=n) for name, k, n in of_steps}
    chains = {name: chain_of(name, attacks) for name in attacks}
    assert chains["long"][:1] == chains["short"]
    assert [part.steps for part in chains["long"]] == [3, 2]
    assert [part.steps for part in chains["single"]] == [4]
    fewer = {name: options("pgd", steps=3, eot_samples=n) for name, n in (("a", 1), ("b", 2))}
    assert chain_of("a", fewer) != chain_of("b", fewer)
    assert DeepFool("a", 1, 0.1) == DeepFool("a", 1, 0.1, samples=1)


def test_an_attack_without_gradients_cannot_average_them() -> None:
    with pytest.raises(
        UserError, match="attack it: eot_samples: 2, but it takes no gradients; leave"
    ):
        parts("autoattack", components=["square"], eot_samples=2)

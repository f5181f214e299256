"""The vision transformer against torch's own encoder, its positions by their formula, and that it learns."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from taet.architectures.vit import Block, Options, VisionTransformer, build, positions
from taet.data.loader import Loader, to_pixels
from taet.datasets import digits as digits_data
from taet.errors import UserError
from taet.methods import pgd_at
from taet.networks.network import build_model, describe_network
from taet.study.params import blocks
from taet.training.loop import Run, train
from taet.training.method import TrainingContext
from taet.training.optimizers import make_optimizer


def options(**changes: Any) -> Options:
    values = {"patch": 4, "width": 24, "depth": 2, "heads": 3} | changes
    return Options(kind="vit", label="ViT", normalization="none", **values)


def torchs(block: Block) -> nn.TransformerEncoderLayer:
    """torch's layer with the same weights."""
    width, heads = block.attention.output.in_features, block.attention.heads
    layer = nn.TransformerEncoderLayer(
        width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
    )
    own = {
        "self_attn.in_proj_": block.attention.inputs,
        "self_attn.out_proj.": block.attention.output,
        "linear1.": block.mlp[0],
        "linear2.": block.mlp[2],
        "norm1.": block.first_norm,
        "norm2.": block.second_norm,
    }
    state = {name + k: v for name, module in own.items() for k, v in module.state_dict().items()}
    layer.double().load_state_dict(state)
    return layer


def test_features_are_those_of_torchs_encoder() -> None:
    torch.manual_seed(0)
    made = build(options(), 3, 16).double()
    for weight in made.parameters():
        nn.init.normal_(weight, 0, 0.3)
    x = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    tokens = torch.zeros(2, 16, 24, dtype=torch.float64)
    kernel, bias = made.patches.weight, made.patches.bias
    for row in range(4):
        for column in range(4):
            patch = x[:, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            tokens[:, 4 * row + column] = patch.flatten(1) @ kernel.flatten(1).T + bias
    tokens += made.positions
    for block in made.blocks:
        tokens = torchs(block)(tokens)
    expected = torch.layer_norm(tokens, (24,), made.norm.weight, made.norm.bias).mean(1)
    torch.testing.assert_close(made(x), expected, rtol=1e-9, atol=1e-9)


def test_positions() -> None:
    made = positions(3, 8)
    assert made.shape == (9, 8)
    for row in range(3):
        for column in range(3):
            expected = []
            for place in (row, column):
                expected += [math.sin(place), math.sin(place / 100)]
                expected += [math.cos(place), math.cos(place / 100)]
            assert made[3 * row + column].tolist() == pytest.approx(expected, abs=1e-6)


def test_weights_fit_images_of_every_size() -> None:
    small, large = (VisionTransformer(options(), 3, side) for side in (2, 16))
    large.load_state_dict(small.state_dict())
    assert large(torch.rand(2, 3, 64, 64)).shape == (2, 24)


def test_a_pass_asks_the_device_for_nothing() -> None:
    """As training on a GPU requires (tests/contract/test_devices.py)."""
    made = VisionTransformer(options(), 3, 4).to("meta")
    assert made(torch.empty(2, 3, 16, 16, device="meta")).device.type == "meta"


def test_first_weights() -> None:
    torch.manual_seed(0)
    made = build(options(width=96), 3, 16)
    for module in made.modules():
        if isinstance(module, nn.Linear):
            assert not module.bias.any()
            bound = (6 / sum(module.weight.shape)) ** 0.5
            assert 0.95 * bound < module.weight.abs().max() <= bound


@pytest.mark.parametrize("width", [18, 20])
def test_widths_that_cannot_be_divided(width: int) -> None:
    assert (
        options(width=width).problem()
        == f"width: must be a multiple of 4 and of heads (3), got {width}"
    )
    assert options(width=36).problem() is None


def test_images_that_cannot_be_cut() -> None:
    with pytest.raises(
        UserError, match=r"ViT: images of 30x30 pixels cannot be cut into patches of 4x4"
    ):
        build(options(), 3, 30)


def test_it_learns_digits_under_attack(digits: blocks.Params, tmp_path: Any) -> None:
    """FGSM training of the small preset for eight epochs: far above chance on other images."""
    image_set = digits_data.obtain(tmp_path, digits.datasets["digits"], None)
    images, labels = torch.from_numpy(image_set.images), torch.from_numpy(image_set.labels)
    pixels = to_pixels(images, 16)
    attack = digits.training.attack.model_copy(update={"steps": 1})
    training = digits.training.model_copy(update={"epochs": 8, "attack": attack})
    block = digits.methods["pgd_at"].model_copy(update={"training": training})
    counts = labels[:1500].bincount()
    context = TrainingContext(counts, 0.1, attack, epochs=8, channels=1, seed=0)
    statistics = [pixels.mean().item()], [pixels.std().item()]
    spec = describe_network(digits.architectures["vit_small"], 1, 8, 10, statistics)
    model = build_model(spec, seed=0)
    optimizer = make_optimizer(model.parameters(), training.optimizer)
    loader = Loader(images[:1500], labels[:1500], 16, 64, True, 0, "none", torch.device("cpu"))
    train(Run(model, optimizer, pgd_at.Method(block, context)), loader, training, 8)
    with torch.no_grad():
        right = model.eval()(pixels[1500:]).argmax(1) == labels[1500:]
    assert right.float().mean() > 0.6

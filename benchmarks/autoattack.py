"""AutoAttack at full strength against a plain version of equal strength: processor time of one thread.

    pip install --no-deps torchattacks==3.5.1
    python benchmarks/autoattack.py

The plain version runs torchattacks' four components, which are the authors' code, as AutoAttack does: each
on the images that those before it have left standing, with 100 steps, 9 targets and 5000 queries (its own
AutoAttack would run 10 steps), channels first, batch norm by itself. The network is AT-BSL of the study
cifar10_small_ir50, seed 0 (train it first), on some test images of each class, the two in turn. Random starts
differ, so verdicts may, on images that one start breaks and another does not.
"""

import torch
from torch import Tensor

import strength
from measured import Results, in_turn
from taet.adversary.evaluation import evaluate
from taet.data.loader import to_pixels
from taet.data.split_images import read_data
from taet.networks.network import load_model
from taet.study.params.load import load_params
from taet.study.plan.study import Study

REPEATS, IMAGES = 3, 100
CELL = {
    "dataset": "cifar10", "imbalance_ratio": 50, "architecture": "resnet18_narrow",
    "method": "at_bsl", "seed": 0,
}  # fmt: skip


def plain(model: torch.nn.Module, x: Tensor, y: Tensor, eps: float) -> Tensor:
    """Which images are robust."""
    with torch.no_grad():
        robust = model(x).argmax(1) == y
    for attack in strength.reference(model, eps, seed=0).values():
        adversarial = attack(x[robust], y[robust])
        with torch.no_grad():
            robust[robust.clone()] = model(adversarial).argmax(1) == y[robust]
    return robust


def ours(model: torch.nn.Module, x: Tensor, y: Tensor, study: Study) -> Tensor:
    p = study.params
    found = evaluate(
        model,
        x,
        y,
        {"autoattack": p.attacks["autoattack"]},
        eps=p.threat.eps,
        batch_size=strength.BATCH,
        seed=0,
        classes=10,
    )
    return found.verdicts["autoattack"].prediction == y


def main() -> None:
    torch.set_num_threads(1)
    study = Study(load_params(study="cifar10_small_ir50"))
    trained = study.job("equalize", **CELL)
    data = read_data(trained, "test")
    first = torch.cat([(data.labels["test"] == c).nonzero()[: IMAGES // 10, 0] for c in range(10)])
    x, y = to_pixels(data.images["test"][first], data.max_value), data.labels["test"][first]
    mine = load_model(trained.output, trained.key)
    peers = load_model(trained.output, trained.key).to(memory_format=torch.contiguous_format)
    found: dict[str, Tensor] = {}
    works = {
        "plain": lambda: found.update(
            plain=plain(peers, x.contiguous(), y, study.params.threat.eps)
        ),
        "ours": lambda: found.update(ours=ours(mine, x, y, study)),
    }
    seconds = in_turn(works, REPEATS)
    results = Results("autoattack")
    for name, robust in found.items():
        results.add(f"{name}: robust", [100 * robust.float().mean().item()], "%")
        results.add(f"{name}: time", seconds[name], "s")
    ratios = [a / b for a, b in zip(seconds["plain"], seconds["ours"], strict=True)]
    results.add("ours against plain", ratios, "times as fast")
    weaker, stronger = found["ours"] & ~found["plain"], found["plain"] & ~found["ours"]
    results.add("robust for ours alone", [weaker.sum().item()], f"images of {IMAGES}")
    results.add(
        "robust for the plain version alone", [stronger.sum().item()], f"images of {IMAGES}"
    )
    results.keep()


if __name__ == "__main__":
    main()

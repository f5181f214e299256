"""AutoAttack's components, and the whole, beside torchattacks: robust accuracy over five random starts.

    pip install --no-deps torchattacks==3.5.1
    python benchmarks/strength.py

The network is PGD-AT of the default study (run it first), on its 500 test images, eps as there; 100 steps, 9
targets and 5000 queries on both sides. torchattacks' components run on every image that is classified
correctly; its whole is the worst case over them (its own AutoAttack runs 10 steps, and rescales Square's
schedule).
"""

import torch
import torchattacks

from evaluation import CELL
from measured import Results
from taet.adversary.evaluation import evaluate
from taet.data.loader import to_pixels
from taet.data.split_images import read_data
from taet.networks.network import load_model
from taet.study.params.load import load_params
from taet.study.plan.study import Study

STARTS, STEPS, QUERIES, BATCH = 5, 100, 5000, 250
COMPONENTS = ("apgd_ce", "apgd_t", "fab_t", "square")


def reference(
    model: torch.nn.Module, eps: float, seed: int
) -> dict[str, torchattacks.attack.Attack]:
    common = {"norm": "Linf", "eps": eps, "seed": seed, "n_restarts": 1}
    return {
        "apgd_ce": torchattacks.APGD(model, **common, steps=STEPS, loss="ce"),
        "apgd_t": torchattacks.APGDT(model, **common, steps=STEPS, n_classes=10),
        "fab_t": torchattacks.FAB(
            model, **common, steps=STEPS, multi_targeted=True, n_classes=10
        ),
        "square": torchattacks.Square(
            model, **common, n_queries=QUERIES, loss="margin", resc_schedule=False
        ),
    }  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    study = Study(load_params(study="digits"))
    eps, block = study.params.threat.eps, study.params.attacks["autoattack"]
    trained = study.job("equalize", **CELL)
    data = read_data(trained, "test")
    model = load_model(trained.output, trained.key)
    x, y = to_pixels(data.images["test"], data.max_value).contiguous(), data.labels["test"]
    with torch.no_grad():
        right = model(x).argmax(1) == y
    attacks = {name: block.model_copy(update={"components": [name]}) for name in COMPONENTS}
    attacks["whole"] = block
    ours: dict[str, list[float]] = {name: [] for name in attacks}
    theirs: dict[str, list[float]] = {name: [] for name in attacks}
    for seed in range(STARTS):
        found = evaluate(
            model, x, y, attacks, eps=eps, batch_size=BATCH, seed=seed, classes=10
        ).verdicts
        for name, verdict in found.items():
            ours[name].append(100 * (verdict.prediction == y).float().mean().item())
        worst = right.clone()
        for name, attack in reference(model, eps, seed).items():
            robust = right.clone()
            adversarial = attack(x[right], y[right])
            with torch.no_grad():
                robust[right] = model(adversarial).argmax(1) == y[right]
            worst &= robust
            theirs[name].append(100 * robust.float().mean().item())
        theirs["whole"].append(100 * worst.float().mean().item())
    results = Results("strength")
    for name in attacks:
        results.add(f"{name}: robust, ours", ours[name], "%")
        results.add(f"{name}: robust, torchattacks", theirs[name], "%")
    results.keep()


if __name__ == "__main__":
    main()

"""Square's two habits in AutoAttack: how many images are robust under each of the four combinations.

    pip install --no-deps torchattacks==3.5.1
    python benchmarks/square.py

The network is PGD-AT of the default study (run it first), on its 500 test images, at the study's eps and at
twice that; 5000 queries, five random starts. A difference is of two attacks with the same random numbers.
"""

import itertools

import torch

from evaluation import CELL
from measured import Results
from taet.adversary.evaluation import evaluate
from taet.data.loader import to_pixels
from taet.data.split_images import read_data
from taet.networks.network import load_model
from taet.study.params.load import load_params
from taet.study.plan.study import Study

STARTS = 5
POSITIONS, SCHEDULES = ("official", "all"), ("fixed", "rescaled")


def main() -> None:
    torch.set_num_threads(1)
    study = Study(load_params(study="digits"))
    trained = study.job("equalize", **CELL)
    data = read_data(trained, "test")
    model = load_model(trained.output, trained.key)
    x, y = to_pixels(data.images["test"], data.max_value).contiguous(), data.labels["test"]
    square = study.params.attacks["autoattack"].model_copy(update={"components": ["square"]})
    attacks = {
        f"positions {positions}, schedule {schedule}": square.model_copy(
            update={"square_positions": positions, "square_schedule": schedule}
        )
        for positions, schedule in itertools.product(POSITIONS, SCHEDULES)
    }
    official = next(iter(attacks))
    results = Results("square")
    for eps in (study.params.threat.eps, 2 * study.params.threat.eps):
        robust: dict[str, list[float]] = {name: [] for name in attacks}
        for seed in range(STARTS):
            found = evaluate(
                model, x, y, attacks, eps=eps, batch_size=500, seed=seed, classes=10
            ).verdicts
            for name, verdict in found.items():
                robust[name].append((verdict.prediction == y).sum().item())
        unit = f"images of {len(y)}"
        for name, counts in robust.items():
            results.add(f"eps {eps:g}, {name}: robust", counts, unit)
            if name != official:
                fewer = [a - b for a, b in zip(robust[official], counts, strict=True)]
                results.add(f"eps {eps:g}, {name}: fewer than official", fewer, unit)
    results.keep()


if __name__ == "__main__":
    main()

"""PGD-20 + PGD-100, and APGD-CE, against torchattacks: processor time of one thread, and verdicts.

    pip install --no-deps torchattacks==3.5.1
    python benchmarks/evaluation.py

The network is PGD-AT of the default study (run it first), on its 500 test images; eps is chosen so that 55 %
and 30 % of them are robust. torchattacks runs as TAET's release does: batches of 32, every image, PGD-20 and
PGD-100 apart. The two in turn, each time from other random starts.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torchattacks

from measured import Results
from taet.adversary.evaluation import evaluate
from taet.data.loader import to_pixels
from taet.data.split_images import read_data
from taet.networks.network import load_model
from taet.study.params import blocks
from taet.study.params.load import load_params
from taet.study.plan.study import Study

REPEATS, THEIR_BATCH, STEPS = 9, 32, 100
CELL = {
    "dataset": "digits",
    "imbalance_ratio": 10,
    "architecture": "small_cnn",
    "method": "pgd_at",
    "seed": 0,
}


@dataclass
class Subject:
    """A network, images in [0,1] with their labels, and what a study says of attacks."""

    model: torch.nn.Module
    x: torch.Tensor
    y: torch.Tensor
    params: blocks.Params

    def ours(
        self, names: list[str], eps: float, seed: int = 0, start: str = "uniform"
    ) -> list[torch.Tensor]:
        """Which images are robust, for each attack."""
        pgd, apgd = {"step_size": eps / 8, "start": start}, {"components": ["apgd_ce"]}
        attacks = {
            name: self.params.attacks[name].model_copy(
                update=pgd if name.startswith("pgd") else apgd
            )
            for name in names
        }
        found = evaluate(
            self.model,
            self.x,
            self.y,
            attacks,
            eps=eps,
            batch_size=self.params.evaluation.batch_size,
            seed=seed,
            classes=10,
        )
        return [found.verdicts[name].prediction == self.y for name in names]

    def theirs(self, *attacks: torchattacks.attack.Attack) -> list[torch.Tensor]:
        robust = []
        for attack in attacks:
            parts = []
            for x, y in zip(self.x.split(THEIR_BATCH), self.y.split(THEIR_BATCH), strict=True):
                with torch.enable_grad():
                    adversarial = attack(x, y)
                with torch.no_grad():
                    parts.append(self.model(adversarial).argmax(1) == y)
            robust.append(torch.cat(parts))
        return robust

    def eps_for(self, share: float) -> float:
        low, high = 0.0, 0.5
        for _ in range(12):
            middle = (low + high) / 2
            robust = self.ours(["pgd20"], middle)[0].float().mean().item()
            low, high = (middle, high) if robust > share else (low, middle)
        return middle


def of_default_study() -> Subject:
    study = Study(load_params(study="digits"))
    trained = study.job("equalize", **CELL)
    data = read_data(trained, "test")
    x = to_pixels(data.images["test"], data.max_value).contiguous()
    return Subject(load_model(trained.output, trained.key), x, data.labels["test"], study.params)


def timed(work: Callable[[], list[torch.Tensor]]) -> tuple[float, list[torch.Tensor]]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def compare(
    results: Results,
    attacks: list[str],
    share: str,
    ours: Callable[[int], list[torch.Tensor]],
    theirs: Callable[[int], list[torch.Tensor]],
) -> None:
    """Ratio of the times, robust accuracies, and on how many images only one side is robust.

    Both sides take a seed.
    """
    ours(REPEATS), theirs(REPEATS)
    found: list[tuple[list[torch.Tensor], list[torch.Tensor]]] = []
    ratios = []
    for seed in range(REPEATS):
        a, mine = timed(lambda seed=seed: ours(seed))
        b, peer = timed(lambda seed=seed: theirs(seed))
        ratios.append(b / a)
        found.append((mine, peer))
    results.add(
        f"{' + '.join(attacks)} at {share} robust: speed against torchattacks",
        ratios,
        "times as fast",
    )
    for i, name in enumerate(attacks):
        what, pairs = f"{name} at {share} robust", [(m[i], p[i]) for m, p in found]
        for who, side in (("ours", 0), ("torchattacks", 1)):
            shares = [100 * pair[side].float().mean().item() for pair in pairs]
            results.add(f"{what}: robust, {who}", shares, "%")
            alone = [(pair[side] & ~pair[1 - side]).sum().item() for pair in pairs]
            results.add(f"{what}: robust for {who} alone", alone, "images of 500")


def without_noise(results: Results, subject: Subject, share: float, eps: float) -> None:
    """Verdicts from the same start, the image itself: where any iterate counts, none may be weaker."""
    alpha = eps / 8
    ours = subject.ours(["pgd20", "pgd100"], eps, start="zero")
    theirs = subject.theirs(
        *(
            torchattacks.PGD(subject.model, eps=eps, alpha=alpha, steps=steps, random_start=False)
            for steps in (20, 100)
        )
    )
    for name, mine, peer in zip(("PGD-20", "PGD-100"), ours, theirs, strict=True):
        what = f"{name} at {share:.0%} robust, from the image itself"
        results.add(f"{what}: weaker verdicts", [(mine & ~peer).sum().item()], "images of 500")
        results.add(f"{what}: stronger verdicts", [(peer & ~mine).sum().item()], "images of 500")


def main() -> None:
    torch.set_num_threads(1)
    subject, results = of_default_study(), Results("evaluation")
    model = subject.model
    for share in (0.55, 0.30):
        eps = subject.eps_for(share)
        alpha = eps / 8
        compare(
            results,
            ["PGD-20", "PGD-100"],
            f"{share:.0%}",
            lambda seed, eps=eps: subject.ours(["pgd20", "pgd100"], eps, seed),
            lambda _, eps=eps, alpha=alpha: subject.theirs(  # draws from torch's own generator
                torchattacks.PGD(model, eps=eps, alpha=alpha, steps=20),
                torchattacks.PGD(model, eps=eps, alpha=alpha, steps=100),
            ),
        )
        without_noise(results, subject, share, eps)
        compare(
            results,
            ["APGD-CE"],
            f"{share:.0%}",
            lambda seed, eps=eps: subject.ours(["apgd_ce_t"], eps, seed),
            lambda seed, eps=eps: subject.theirs(
                torchattacks.APGD(model, eps=eps, steps=STEPS, n_restarts=1, loss="ce", seed=seed)
            ),
        )
    results.keep()


if __name__ == "__main__":
    main()

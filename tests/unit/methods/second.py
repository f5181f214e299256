"""Training written a second time, step by step: weights by name in a dict, and torch for gradients only."""

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from taet.seeds import seed_for
from tests.unit.methods.papers import dafa_weights, frl_excesses, frl_multipliers, wat_weights

EPS, STEPS, STEP_SIZE = 0.1, 3, 0.04
FIRST, LATER = "backbone.first", "backbone.block.norm"
BUFFERS = [
    f"{norm}.{name}"
    for norm in (FIRST, LATER)
    for name in ("running_mean", "running_var", "num_batches_tracked")
]


@dataclass
class Second:
    """A training run.

    Attributes:
        kind, o: the method and its options.
        n: training images of each class.
        w: weights and buffers by their names in the network.
        start, batch_norm: of the attack.
        head: see ``taet.networks.heads``.
        strategy: LAS-AT's second network.
    """

    kind: str
    o: Any
    n: list[int]
    w: dict[str, Tensor]
    start: str
    batch_norm: str
    head: dict[str, Any]
    strategy: Any = None
    noise: torch.Generator = field(default_factory=torch.Generator)
    epoch: int = 0
    epochs: int = 2
    steps: int = 0
    momentum: dict[str, Tensor] = field(default_factory=dict)
    squares: dict[str, Tensor] = field(default_factory=dict)
    average: dict[str, Tensor] = field(default_factory=dict)
    later: list[dict[str, Tensor]] = field(default_factory=list)  # weights of SWA's epochs
    taken: list[float] = field(default_factory=list)  # REAT's counts of this epoch
    taken_before: list[float] = field(default_factory=list)  # of the epoch before
    shares: dict[int, float] = field(default_factory=dict)  # CFA's t_k
    fair: dict[str, Tensor] = field(default_factory=dict)  # CFA's averaged weights
    fair_begun: bool = False
    seen: list[tuple[int, bool, list[float]]] = field(
        default_factory=list
    )  # label, right, probabilities
    values: list[float] = field(
        default_factory=list
    )  # of what was seen: WAT's losses; FRL's clean hits
    weights: list[float] = field(default_factory=list)  # DAFA's
    costs: list[float] = field(default_factory=list)  # WAT's
    multipliers: list[list[float]] = field(default_factory=list)  # FRL's
    phi: list[float] = field(default_factory=list)  # FRL's
    history: list[dict[str, float]] = field(default_factory=list)

    # -- the network: convolution, batch norm, ReLU, head ------------------------------------------

    def features(self, x: Tensor, mode: str, w: dict[str, Tensor] | None = None) -> Tensor:
        """``mode``: eval; train (moves the running statistics); train_no_track."""
        w = self.w if w is None else w
        z = F.conv2d(batch_norm(x, mode, w, FIRST), w["backbone.block.conv.weight"], padding=1)
        return batch_norm(z, mode, w, LATER).clamp(min=0).flatten(1)

    def outputs(self, features: Tensor, mode: str, w: dict[str, Tensor] | None = None) -> Tensor:
        w = self.w if w is None else w
        weight = w["head.weight"]
        if self.head["kind"] == "linear":
            return features @ weight.T + w["head.bias"]
        if mode == "eval" or not self.head["projected"]:
            weight = weight / (weight.square().sum(1, keepdim=True).sqrt() + self.head["softening"])
        return features / features.square().sum(1, keepdim=True).sqrt() @ weight.T

    def logits(self, x: Tensor, mode: str, w: dict[str, Tensor] | None = None) -> Tensor:
        return self.outputs(self.features(x, mode, w), mode, w)

    # -- attacks -----------------------------------------------------------------------------------

    def first(self, x: Tensor, kind: str) -> Tensor:
        if kind == "gauss":
            return x + 0.001 * torch.randn(x.shape, generator=self.noise)
        if kind == "zero":
            return x
        u = torch.rand(x.shape, generator=self.noise)
        return x + EPS * u if kind == "one_sided" else (x + EPS * (2 * u - 1)).clamp(0, 1)

    def radius(self, y: Tensor) -> Tensor:
        """RobustLT's radius of each image relative to the common one, or 1."""
        options = self.o.class_radius
        if options is None:
            return torch.ones(len(y))
        rare = [math.sqrt(math.log(max(self.n) / m)) for m in self.n]
        tau = options.alpha / sum(m / sum(self.n) * r for m, r in zip(self.n, rare, strict=True))
        ramp = min(self.epoch / (options.beta * self.epochs), 1)
        return torch.tensor([ramp * (1 - options.alpha + tau * rare[k]) for k in y.tolist()])

    def budget(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Radius and step size of each image relative to the common ones."""
        radius = step = self.radius(y)
        if self.kind == "cfa":
            radius = radius * torch.tensor(
                [self.calibrated(self.o.radius_base, k) for k in y.tolist()]
            )
        if self.kind == "frl":
            phi = torch.tensor([self.phi[k] for k in y.tolist()])
            radius = radius * (2 * phi).exp().clamp(0.98, self.o.radius_limit)
        if self.kind == "dafa":
            radius = step = radius * torch.tensor([self.weights[k] for k in y.tolist()])
        return radius.view(-1, 1, 1, 1), step.view(-1, 1, 1, 1)

    def calibrated(self, base: float, k: int) -> float:
        """CFA's factor for class k."""
        return (
            base + self.shares[k] if self.epoch >= self.o.begin_epoch and k in self.shares else 1.0
        )

    def pgd(
        self, x: Tensor, y: Tensor, gain: Callable[[Tensor], Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Images, and how many iterates of each were still right."""
        gain = gain or (lambda z: ce(z, y))
        radius, step = self.budget(y)
        at, right = self.first(x, self.start), torch.zeros(len(y))
        for _ in range(STEPS):
            at = at.detach().requires_grad_()
            z = self.logits(at, self.batch_norm)
            right += z.argmax(1) == y
            (slope,) = torch.autograd.grad(gain(z).sum(), at)
            at = at.detach() + STEP_SIZE * step * slope.sign()
            at = within(at, x, EPS * radius)
        return at.detach(), right

    def attack(self, x: Tensor, y: Tensor) -> tuple[Tensor, Any]:
        """Images, and what the method wants to know of the attack."""
        match self.kind:
            case "clean":
                return x, None
            case "adt":
                return self.adt(x, y), None
            case "las_at":
                return self.las_at(x, y)
            case "bsl_trades" if self.o.fit == "adversarial":
                return self.pgd(x, y)
            case "trades" | "bsl_trades" | "cfa" | "dafa" | "wat" | "frl" if (
                self.o.beta is not None
            ):
                clean = self.logits(x, self.batch_norm).detach()
                return self.pgd(x, y, lambda z: kl(clean, z))
            case "he":
                return self.pgd(x, y, lambda z: ce(self.o.scale * z, y))
            case "reat":
                taken = [
                    (1 - ((m - 1) / m) ** a) * m
                    for m, a in zip(self.n, self.taken_before, strict=True)
                ]
                share = torch.tensor([1 / (e + 1e-5) for e in taken])
                return self.pgd(x, y, lambda z: (share / share.sum())[y] * ce(z, y))
            case "taet" if self.o.extra_clean_forward:
                self.features(x, "train")
        return self.pgd(x, y)

    def adt(self, x: Tensor, y: Tensor) -> Tensor:
        """Adam with betas (0, 0) on m and v of u = tanh(m + softplus(v) r)."""
        m, v = torch.zeros_like(x), torch.zeros_like(x)
        total = [torch.zeros_like(x), torch.zeros_like(x)]
        for _ in range(self.o.steps):
            if not self.o.accumulate_gradients:
                total = [torch.zeros_like(x), torch.zeros_like(x)]
            for _ in range(self.o.samples):
                m, v = m.detach().requires_grad_(), v.detach().requires_grad_()
                r = torch.randn(x.shape, generator=self.noise)
                sigma = (1 + v.exp()).log()
                u = (m + sigma * r).tanh()
                entropy = r**2 / 2 + (sigma + 1e-8).log() + (1 - u**2 + 1e-8).log()
                z = self.logits((x + EPS * u).clamp(0, 1), self.batch_norm)
                gain = ce(z, y).mean() + self.o.entropy_weight * entropy.mean()
                total = [
                    t + g for t, g in zip(total, torch.autograd.grad(gain, (m, v)), strict=True)
                ]
            m, v = (
                p.detach() + self.o.learning_rate * g / (g.abs() + 1e-8)
                for p, g in zip((m, v), total, strict=True)
            )
        r = torch.randn(x.shape, generator=self.noise)
        return (x + EPS * (m + (1 + v.exp()).log() * r).tanh()).clamp(0, 1)

    def las_at(self, x: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Each image by itself, with the radius, steps and step size that the strategy drew for it."""
        with torch.no_grad():
            heads = self.strategy.eval()(x)
        drawn = [torch.multinomial(h.softmax(1), 1, generator=self.noise)[:, 0] for h in heads]
        start, images = self.first(x, "uniform"), []
        for i, (e, k, a) in enumerate(torch.stack(drawn, 1).tolist()):
            at = start[i : i + 1]
            for _ in range(self.o.steps[k]):
                at = self.ascend(at, y[i : i + 1], self.w, self.o.step_size_factors[a] * STEP_SIZE)
                at = within(at, x[i : i + 1], self.o.eps_factors[e] * EPS)
            images.append(at)
        return torch.cat(images), drawn

    def ascend(self, at: Tensor, y: Tensor, w: dict[str, Tensor], length: float) -> Tensor:
        at = at.detach().requires_grad_()
        (slope,) = torch.autograd.grad(ce(self.logits(at, "eval", w), y).sum(), at)
        return at.detach() + length * slope.sign()

    # -- losses: in numpy and with other values in ``papers.py`` -----------------------------------

    def loss(
        self, x: Tensor, y: Tensor, x_adv: Tensor, known: Any, w: dict[str, Tensor], mode: str
    ) -> Tensor:
        o, n = self.o, torch.tensor(self.n)
        clean = None
        if (
            self.kind in ("trades", "bsl_trades", "mart", "robal", "cfa", "dafa", "wat", "frl")
            and o.beta is not None
        ):
            clean = self.logits(x, mode, w)
        features = self.features(x_adv, mode, w)
        adv = self.outputs(features, mode, w)
        own = F.one_hot(y, len(n))
        self.seen_now = list(
            zip(y.tolist(), (adv.argmax(1) == y).tolist(), adv.softmax(1).tolist(), strict=True)
        )
        self.values_now: list[float] = []
        match self.kind:
            case "trades":
                return (ce(clean, y) + o.beta * kl(clean, adv)).mean()
            case "mart":
                p, q = clean.softmax(1), adv.softmax(1)
                boosted = ce(adv, y) - (1.0001 - (q - 2 * own).amax(1)).log()
                return (boosted + o.beta * (1 + 1e-7 - (p * own).sum(1)) * kl(clean, adv)).mean()
            case "he":
                return ce(o.scale * (adv - o.margin * own), y).mean()
            case "gairat" if self.epoch >= o.begin_epoch:
                omega = 1 + (o.lam + 5 * (1 - 2 * known / STEPS)).tanh()
                return (omega / omega.sum() * ce(adv, y)).sum()
            case "las_at":
                target = own * o.confidence + (1 - own) * (1 - o.confidence) / (len(n) - 1)
                return -(target * adv.log_softmax(1)).sum(1).mean()
            case "robal":
                margin = o.margin + o.tau_m / o.scale * (n / n.min()).log()
                logits = o.scale * (adv - margin * own) + o.tau_b * (n / n.sum()).log()
                return (ce(logits, y) + o.beta * kl(clean, adv)).mean()
            case "reat":
                self.taken_now = torch.bincount(adv.argmax(1), minlength=len(n)).tolist()
                return ce(adv + n.log(), y).mean() + o.tail * self.tail(features, y)
            case "at_bsl":
                return ce(adv + o.tau * n.log(), y).mean()
            case "bsl_trades":
                fitted = clean if o.fit == "clean" else adv
                return (ce(fitted + o.tau * n.log(), y) + o.beta * kl(clean, adv)).mean()
            case "cfa" if clean is not None:
                factors = [self.calibrated(o.regularization_base, k) for k in y.tolist()]
                share = 1 / (1 + o.beta * torch.tensor(factors))
                return (share * ce(clean, y) + (1 - share) * kl(clean, adv)).mean()
            case "dafa":
                weights = torch.tensor([self.weights[k] for k in y.tolist()])
                if clean is None:
                    return (weights * ce(adv, y)).mean()
                return (weights * ce(clean, y) + o.beta * kl(clean, adv)).mean()
            case "wat":
                weights = wat_weights(self.costs, o.eta) if self.epoch else [1.0] * (len(n) + 1)
                losses = ce(clean, y) + o.beta * kl(clean, adv)
                self.values_now = losses.tolist()
                return (
                    torch.tensor([weights[k] + weights[-1] for k in y.tolist()]) * losses
                ).mean()
            case "frl":
                self.values_now = (clean.argmax(1) == y).tolist()
                w, v = (
                    torch.tensor([1 / len(n) + row[k] - sum(row) / len(n) for k in y.tolist()])
                    for row in self.multipliers
                )
                both = w * ce(clean, y) + o.beta * v * kl(clean, adv)
                return both.sum() / (w + v).sum()
            case "taet":
                return self.harl(ce(adv, y), y)
        return ce(adv, y).mean()

    def tail(self, features: Tensor, y: Tensor) -> Tensor:
        """For four classes the two rarest; one divergence for each pair."""
        p, n, total = features.softmax(1), self.n, torch.zeros(())
        rows = [
            b for b, k in enumerate(y.tolist()) if k in sorted(range(4), key=lambda c: n[c])[:1]
        ]
        for b in rows:
            for j in range(len(y)):
                weight = sum(math.sqrt(sum(n) / n[y[i]]) for i in (b, j))
                pair = (p[b].detach() * (p[b].detach() / p[j]).log()).sum()
                total = total + (-1 if y[b] == y[j] else 1) * weight * pair
        return total / max(len(rows) * len(y), 1)

    def harl(self, losses: Tensor, y: Tensor) -> Tensor:
        present = [c for c in range(len(self.n)) if (y == c).any()]
        classes = present if self.o.absent_classes == "skip" else range(len(self.n))
        means = torch.stack(
            [losses[y == c].mean() if c in present else torch.zeros(()) for c in classes]
        )
        spread = (means - means.mean()).square().mean()
        shares = means / means.sum()
        return self.o.alpha * means.mean() + self.o.beta * spread + self.o.gamma * (shares**2).sum()

    # -- updates -----------------------------------------------------------------------------------

    def gradients(self, loss: Callable[[dict[str, Tensor]], Tensor], w: dict[str, Tensor]) -> Any:
        """Loss, and its gradient with respect to each weight."""
        names = [name for name in w if name not in BUFFERS]
        leaves = {name: w[name].detach().requires_grad_() for name in names}
        at = w | leaves
        value = loss(at)
        slopes = torch.autograd.grad(value, list(leaves.values()))
        w.update({name: at[name] for name in BUFFERS})
        return value.item(), dict(zip(names, slopes, strict=True))

    def step(self, x: Tensor, y: Tensor, rate: float, optimizer: Any) -> float:
        x_adv, known = self.attack(x, y)

        def loss(w: dict[str, Tensor], mode: str = "train") -> Tensor:
            return self.loss(x, y, x_adv, known, w, mode)

        moves = {}
        awp = self.o.weight_perturbation
        if awp is not None and self.epoch >= awp.warmup_epochs:
            _, uphill = self.gradients(lambda w: loss(w, "train_no_track"), self.w)
            moves = {
                name: awp.gamma * norm(self.w[name]) * g / norm(g)
                for name, g in uphill.items()
                if g.ndim > 1
            }
        for name, move in moves.items():
            self.w[name] = self.w[name] + move
        value, slopes = self.gradients(loss, self.w)
        self.steps += 1
        for name, g in slopes.items():
            g = g + optimizer.weight_decay * self.w[name]
            self.w[name] = self.w[name] - rate * self.direction(name, g, optimizer)
        for name, move in moves.items():
            self.w[name] = self.w[name] - move
        self.project()
        self.take_average(slopes)
        if self.kind == "reat":
            self.taken = [a + b for a, b in zip(self.taken, self.taken_now, strict=True)]
        self.seen += self.seen_now
        self.values += self.values_now
        if self.kind == "las_at" and self.steps % self.o.update_every == 0:
            self.learn(x, known, self.reward(x, y, x_adv, rate))
        return value

    def direction(self, name: str, g: Tensor, optimizer: Any) -> Tensor:
        zero = torch.zeros_like(g)
        if optimizer.kind == "sgd":
            self.momentum[name] = optimizer.momentum * self.momentum.get(name, zero) + g
            return self.momentum[name]
        self.momentum[name] = 0.9 * self.momentum.get(name, zero) + 0.1 * g
        self.squares[name] = 0.999 * self.squares.get(name, zero) + 0.001 * g**2
        first = self.momentum[name] / (1 - 0.9**self.steps)
        return first / ((self.squares[name] / (1 - 0.999**self.steps)).sqrt() + 1e-8)

    def project(self) -> None:
        if self.head.get("projected"):
            weight = self.w["head.weight"]
            self.w["head.weight"] = weight / weight.square().sum(1, keepdim=True).sqrt()

    def take_average(self, names: Iterable[str]) -> None:
        options = self.o.weight_average
        if options is not None and options.kind == "ema":
            k = self.steps - 1
            decay = min(options.decay, (1 + k) / (10 + k))
            for name in names:
                before = self.average.get(name, self.w[name])
                self.average[name] = decay * before + (1 - decay) * self.w[name]

    def reward(self, x: Tensor, y: Tensor, x_adv: Tensor, rate: float) -> float:
        """LAS-AT: how hard the images are, and what a step on them is worth."""
        w = dict(self.w)
        hardness = ce(self.logits(x_adv, "train_no_track", w), y).clamp(0, 10).mean().item()
        _, slopes = self.gradients(lambda at: self.loss(x, y, x_adv, None, at, "train"), w)
        for name, g in slopes.items():
            w[name] = w[name] - rate * (g + self.o.copy_weight_decay * w[name])
        robust = torch.ones(len(y), dtype=torch.bool)
        for _ in range(2):
            at = self.first(x, "uniform")
            for _ in range(10):
                at = within(self.ascend(at, y, w, STEP_SIZE), x, EPS)
            robust &= self.logits(at, "eval", w).argmax(1) == y
        clean = (self.logits(x, "eval", w).argmax(1) == y).sum().item() / len(y)
        share = robust.sum().item() / len(y)
        return hardness + self.o.robust_reward * share + self.o.clean_reward * clean

    def learn(self, x: Tensor, drawn: list[Tensor], reward: float) -> None:
        """LAS-AT: a step of REINFORCE."""
        heads, parameters = self.strategy.train()(x), list(self.strategy.parameters())
        rows = torch.arange(len(x))
        likely = sum(h.log_softmax(1)[rows, a].mean() for h, a in zip(heads, drawn, strict=True))
        slopes = torch.autograd.grad(-reward * likely, parameters)
        whole = torch.stack([norm(g) for g in slopes]).square().sum().sqrt().item()
        shrink = min(self.o.strategy_clip / (whole + 1e-6), 1)
        with torch.no_grad():
            for p, g in zip(parameters, slopes, strict=True):
                p -= self.o.strategy_learning_rate * shrink * g

    def end_epoch(self) -> None:
        """What CFA, DAFA, WAT and FRL learn from an epoch about the classes; SWA's average."""
        classes = {k for k, _, _ in self.seen}
        if self.kind == "cfa":
            now = {
                k: sum(right for c, right, _ in self.seen if c == k)
                / sum(c == k for c, _, _ in self.seen)
                for k in classes
            }
            self.shares |= now
            late = self.epoch >= self.o.average_begin_epoch
            robust = late and min(now.values()) >= self.o.average_threshold
            for name, value in self.w.items():
                if not self.fair_begun or name.endswith("num_batches_tracked"):
                    self.fair[name] = value
                elif robust:
                    decay = self.o.average_decay
                    self.fair[name] = decay * self.fair[name] + (1 - decay) * value
            self.fair_begun |= robust
        if self.kind == "dafa" and self.epoch == self.o.begin_epoch - 1:
            rows = [
                torch.tensor([p for c, _, p in self.seen if c == k]) for k in range(len(self.n))
            ]
            means = [row.mean(0).tolist() if len(row) else None for row in rows]
            self.weights = dafa_weights(means, self.o.lam)
        if self.kind == "wat":
            labels = [k for k, _, _ in self.seen]
            for k in classes:
                own = [v for v, c in zip(self.values, labels, strict=True) if c == k]
                self.costs[k] += sum(own) / len(own)
            self.costs[-1] += sum(self.values) / len(self.values)
        if self.kind == "frl":
            correct = [(0, 0, 0)] * len(self.n)
            for (k, robust, _), right in zip(self.seen, self.values, strict=True):
                m, a, b = correct[k]
                correct[k] = (m + 1, a + int(right), b + robust)
            excesses = frl_excesses(self.o, correct)
            self.multipliers = frl_multipliers(self.o, self.multipliers, self.epoch, excesses)
            self.phi = [
                p + self.o.radius_rate * e for p, e in zip(self.phi, excesses[1], strict=True)
            ]
        averaged = self.o.weight_average
        if averaged is not None and averaged.kind == "swa" and self.epoch >= averaged.begin_epoch:
            self.later.append(
                {name: value for name, value in self.w.items() if value.is_floating_point()}
            )
            self.average = {
                name: sum(weights[name] for weights in self.later) / len(self.later)
                for name in self.later[0]
            }
        self.seen, self.values = [], []

    def run(self, loader: Any, rates: list[float], optimizer: Any) -> "Second":
        """All epochs; ``rates`` step by step."""
        self.taken, self.weights = list(self.n), [1.0] * len(self.n)
        self.costs, self.phi = [0.0] * (len(self.n) + 1), [0.0] * len(self.n)
        self.multipliers = [[0.0] * len(self.n) for _ in range(2)]
        for epoch in range(self.epochs):
            self.epoch = epoch
            self.noise.manual_seed(seed_for("noise", loader.seed, self.epoch))
            self.taken_before, self.taken = self.taken, [0.0] * len(self.n)
            self.project()
            values = []
            for x, y in loader.batches(self.epoch):
                values.append(self.step(x, y, rates[self.steps], optimizer))
            mean = sum(values) / len(values)
            self.history.append({"loss": mean, "learning_rate": rates[self.steps - 1]})
            self.end_epoch()
        self.w = self.fair if self.kind == "cfa" else self.w
        return self


def begin(method: Any, model: Any, counts: list[int], start: str, batch_norm: str) -> Second:
    """A second version of a run that has not begun."""
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    strategy = copy.deepcopy(getattr(method, "strategy", None))
    options = method.options
    return Second(options.kind, options, counts, weights, start, batch_norm, method.head, strategy)


def batch_norm(z: Tensor, mode: str, w: dict[str, Tensor], name: str) -> Tensor:
    mean, var = w[f"{name}.running_mean"], w[f"{name}.running_var"]
    if mode != "eval":
        mean = z.mean((0, 2, 3))
        var = (z - mean.view(-1, 1, 1)).square().mean((0, 2, 3))
    if mode == "train":
        count = z.numel() / z.shape[1]
        new = {"running_mean": mean.detach(), "running_var": var.detach() * count / (count - 1)}
        for which, value in new.items():
            w[f"{name}.{which}"] = 0.9 * w[f"{name}.{which}"] + 0.1 * value
        w[f"{name}.num_batches_tracked"] = w[f"{name}.num_batches_tracked"] + 1
    z = (z - mean.view(-1, 1, 1)) / (var.view(-1, 1, 1) + 1e-5).sqrt()
    scale, shift = (w[f"{name}.{which}"].view(-1, 1, 1) for which in ("weight", "bias"))
    return scale * z + shift


def ce(z: Tensor, y: Tensor) -> Tensor:
    return z.logsumexp(1) - z[torch.arange(len(y)), y]


def kl(a: Tensor, b: Tensor) -> Tensor:
    return (a.softmax(1) * (a.log_softmax(1) - b.log_softmax(1))).sum(1)


def norm(v: Tensor) -> Tensor:
    return v.square().sum().sqrt()


def within(at: Tensor, x: Tensor, eps: float | Tensor) -> Tensor:
    return torch.minimum(torch.maximum(at, x - eps), x + eps).clamp(0, 1)

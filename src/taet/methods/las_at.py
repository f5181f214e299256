"""LAS-AT: adversarial training with a learnable attack strategy (Jia et al. 2022), on PGD-AT.

A strategy network (the trunk of ResNet-18) samples radius, number of steps and step size for each image
from three softmax heads. PGD runs with these; the outer loss is label-smoothed cross-entropy. Every
``update_every`` steps the strategy learns by REINFORCE on the same batch, without a baseline. The reward is
R1 + robust_reward R2 + clean_reward R3. R1 is CE(z(x'), y) clamped to [0, 10]. After one SGD step on x' a
copy of the network gives R2, its accuracy under PGD-10 (two restarts), and R3, its clean accuracy.

Radii and step sizes are factors on the study's own: the authors' 3..15 of 255 are 3/8..15/8 of 8/255. Their
fourth head has one choice, learns nothing and is left out. Their code measures R2 in train mode because of
the order of two statements; here eval mode. The strategy learns after the network's step; the copy's step
has the network's learning rate. The start is uniform, as in the authors' code; ``training.attack.start``
and ``steps`` have no effect. A batch of one image gives no update, since the strategy's batch norm needs
two. Images leave the attack when their steps are done. Unless ``training.attack.batch_norm`` is ``eval``,
batch-norm statistics then come from the remaining images.
Every ``update_every`` steps, the strategy takes 24 more forward and 21 more backward passes.
Cost per step with mean steps K: K + 1 forward and K + 1 backward passes.
"""

import copy
import math
from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from taet.adversary.pgd import pgd, start_point
from taet.architectures.resnet18 import ResNet18
from taet.errors import UserError
from taet.losses import cross_entropy
from taet.networks.network import Network
from taet.options import Count, MethodOptions, NonNegative, Positive, ResidualWidth, Share
from taet.seeds import seed_for
from taet.training.method import Attacked, Batch, TrainingContext, TrainingMethod
from taet.training.optimizers import Sgd

REWARD_LIMIT = 10  # of R1, in the authors' code
RESTARTS, REWARD_STEPS = 2, 10  # of the attack that measures R2


class Options(MethodOptions):
    without_effect: ClassVar[tuple[str, ...]] = ("steps", "start")
    by_several_processes: ClassVar[bool] = False  # a copy of the network takes a step of its own

    eps_factors: list[Positive]
    """Radii to choose from, relative to the study's eps."""
    steps: list[Count]
    """Numbers of steps to choose from."""
    step_size_factors: list[Positive]
    """Step sizes to choose from, relative to the training attack's."""
    confidence: Share
    """Target probability of the true class; authors: 0.7."""
    update_every: Count
    """Steps between two updates of the strategy; authors: 20."""
    robust_reward: NonNegative
    """Weight of R2; authors: 4."""
    clean_reward: NonNegative
    """Weight of R3; authors: 2."""
    strategy_width: ResidualWidth
    """Channels of the strategy network's first stage; authors: 64."""
    strategy_learning_rate: Positive
    """Of plain SGD; authors: 1e-4."""
    strategy_clip: Positive
    """Largest norm of the strategy's gradient; authors: 1."""
    copy_weight_decay: NonNegative
    """Of the one step of the network's copy; authors: 5e-4."""

    def attack_passes(self, steps: int) -> tuple[float, float]:
        mean, every = sum(self.steps) / len(self.steps), self.update_every
        # An update: RESTARTS attacks of REWARD_STEPS on the copy, its one step, and for each restart and
        # the clean images a forward pass. Planning reads this class without the module's constants.
        return mean + 24 / every, mean + 21 / every


class Strategy(nn.Module):
    """Trunk and heads: images to the logits of each choice."""

    def __init__(self, width: int, channels: int, choices: list[int]) -> None:
        super().__init__()
        self.trunk = ResNet18(width, 1, channels)
        self.heads = nn.ModuleList(nn.Linear(self.trunk.features, count) for count in choices)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = self.trunk(x)
        return [head(features) for head in self.heads]


class Method(TrainingMethod):
    options: Options

    def __init__(self, options: Options, context: TrainingContext) -> None:
        super().__init__(options, context)
        choices = [len(options.eps_factors), len(options.steps), len(options.step_size_factors)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_for("weights", "strategy", context.seed))
            strategy = Strategy(options.strategy_width, context.channels, choices)
        self.strategy = strategy.to(context.train_counts.device)
        self.optimizer = Sgd(self.strategy.parameters(), momentum=0, weight_decay=0)
        self.steps_taken = 0

    def attack(self, model: Network, batch: Batch) -> Attacked:
        with torch.no_grad():
            logits = self.strategy.eval()(batch.x)
        actions = [
            torch.multinomial(head.softmax(1), 1, generator=batch.noise).squeeze(1)
            for head in logits
        ]
        options, (eps, step_size) = self.options, self.budget(batch)
        x_adv = pgd(
            model,
            batch.x,
            batch.y,
            start=self._start(batch),
            objective=cross_entropy,
            eps=eps * _chosen(options.eps_factors, actions[0]),
            steps=_chosen(options.steps, actions[1]),
            step_size=step_size * _chosen(options.step_size_factors, actions[2]),
            batch_norm=self.context.attack.batch_norm,
        )
        return Attacked(x_adv, {"actions": actions})

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        confidence = self.options.confidence
        return smoothed_cross_entropy(model(attacked.x), batch.y, confidence).mean()

    def after_step(
        self, model: Network, batch: Batch, attacked: Attacked, learning_rate: float
    ) -> None:
        self.steps_taken += 1
        if self.steps_taken % self.options.update_every == 0 and len(batch.y) > 1:
            self._learn(batch, attacked, self._reward(model, batch, attacked, learning_rate))

    def _start(self, batch: Batch) -> Tensor:
        return start_point("uniform", batch.x, self.context.eps, batch.draw)

    def _learn(self, batch: Batch, attacked: Attacked, reward: float) -> None:
        """One step of REINFORCE: actions with a high reward become likelier."""
        if not math.isfinite(reward):
            raise UserError(
                f"training diverged: the reward in epoch {batch.epoch + 1} is {reward}; "
                "lower training.optimizer.learning_rate"
            )
        logits = self.strategy.train()(batch.x)
        log_probabilities = (
            head.log_softmax(1).gather(1, action[:, None]).mean()
            for head, action in zip(logits, attacked.extras["actions"], strict=True)
        )
        loss = -reward * torch.stack(list(log_probabilities)).sum()
        self.optimizer.clear_gradients()
        loss.backward()
        nn.utils.clip_grad_norm_(self.strategy.parameters(), self.options.strategy_clip)
        self.optimizer.step(self.options.strategy_learning_rate)

    def _reward(
        self, model: Network, batch: Batch, attacked: Attacked, learning_rate: float
    ) -> float:
        options, context = self.options, self.context
        student = copy.deepcopy(model).train()
        logits = student(attacked.x)
        hardness = cross_entropy(logits.detach(), batch.y).clamp(0, REWARD_LIMIT).mean()
        optimizer = Sgd(student.parameters(), momentum=0, weight_decay=options.copy_weight_decay)
        optimizer.clear_gradients()
        smoothed_cross_entropy(logits, batch.y, options.confidence).mean().backward()
        optimizer.step(learning_rate)

        student.eval()
        robust = torch.ones_like(batch.y, dtype=torch.bool)
        for _ in range(RESTARTS):
            x_adv = pgd(
                student,
                batch.x,
                batch.y,
                start=self._start(batch),
                objective=cross_entropy,
                eps=context.eps,
                step_size=context.attack.step_size,
                steps=REWARD_STEPS,
            )
            robust &= _correct(student, x_adv, batch.y)
        clean = _correct(student, batch.x, batch.y)
        rewards = (hardness, options.robust_reward * robust.float().mean())
        return float(sum(rewards) + options.clean_reward * clean.float().mean())

    def state(self) -> dict[str, Tensor]:
        return {"steps_taken": torch.tensor(self.steps_taken), **self.strategy.state_dict()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        weights = dict(state)
        self.steps_taken = int(weights.pop("steps_taken"))
        self.strategy.load_state_dict(weights)


def _chosen(choices: list[float] | list[int], actions: Tensor) -> Tensor:
    return torch.tensor(choices, device=actions.device)[actions]


@torch.no_grad()
def _correct(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return model(x).argmax(1) == y


def smoothed_cross_entropy(logits: Tensor, y: Tensor, confidence: float) -> Tensor:
    """Cross-entropy with the target ``confidence`` on y and the rest spread evenly, per sample."""
    others = (1 - confidence) / (logits.shape[1] - 1)
    log_q = F.log_softmax(logits, 1)
    log_q_y = log_q.gather(1, y[:, None]).squeeze(1)
    return -(confidence * log_q_y + others * (log_q.sum(1) - log_q_y))

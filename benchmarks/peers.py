"""The peers' way to train: what the code of AT-BSL and TAET does in a step, written down plainly.

Float32, channels first, batch norm by itself, an attack in eval mode of ten steps with the gradient of the
image alone, torch's SGD. AT-BSL's loss is cross-entropy of logits plus log class counts. TAET's is a Python
loop over the classes of the batch, and before each step it sends the clean images through the network in
train mode and throws the result away.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS, STEP_SIZE, STEPS, START = 8 / 255, 2 / 255, 10, 0.001


def attack(model: nn.Module, x: Tensor, y: Tensor, noise: Tensor) -> Tensor:
    """PGD on cross-entropy, in eval mode."""
    model.eval()
    x_adv = x + START * noise
    for _ in range(STEPS):
        x_adv = x_adv.detach().requires_grad_()
        with torch.enable_grad():
            loss = F.cross_entropy(model(x_adv), y)
        (gradient,) = torch.autograd.grad(loss, [x_adv])
        x_adv = x_adv.detach() + STEP_SIZE * gradient.sign()
        x_adv = torch.clamp(torch.min(torch.max(x_adv, x - EPS), x + EPS), 0.0, 1.0)
    model.train()
    return x_adv.detach()


def at_bsl_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    noise: Tensor,
    counts: Tensor,
) -> None:
    """One step of AT-BSL."""
    x_adv = attack(model, x, y, noise)
    per_class = torch.tensor(counts.tolist(), device=x.device).unsqueeze(0).expand(len(y), -1)
    loss = F.cross_entropy(model(x_adv) + per_class.log(), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def taet_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    noise: Tensor,
    counts: Tensor,
) -> None:
    """One step of TAET's second stage."""
    model(x)
    x_adv = attack(model, x, y, noise)
    optimizer.zero_grad()
    per_sample = F.cross_entropy(model(x_adv), y, reduction="none")
    losses = []
    for c in range(len(counts)):
        mask = (y == c).float()
        losses.append((per_sample * mask).sum() / (mask.sum() + 1e-10))
    per_class = torch.stack(losses)
    mean = per_class.mean()
    spread = ((per_class - mean) ** 2).mean()
    shares = per_class / (per_class.sum() + 1e-10)
    loss = 0.1 * mean + 0.1 * spread + 0.1 * (shares**2).sum()
    loss.backward()
    optimizer.step()

"""Loss, optimizers, the schedule of the learning rate, and the average of the weights, for the most part PyTorch's."""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR
from torch.optim.swa_utils import get_ema_multi_avg_fn

from fer_utils.support.devices import choose_precision


class Muon(AdamW):
    """Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) for inner convolutions, AdamW for all other weights.

    The kernels of a convolution are a matrix, one filter a row. A gradient changes a few directions of it strongly and
    most hardly at all. Muon takes the momentum of the gradients and makes all its directions about equally long: so the
    rare ones are learnt as fast as the frequent ones. Its learning rate is ten times that of the other weights.
    """

    MOMENTUM = 0.9

    def __init__(self, weights: Iterable[nn.Parameter], lr: float, weight_decay: float, fused: bool):
        inner, others = [], []
        for weight in weights:
            if weight.ndim == 4 and weight.shape[1] > 1:
                inner.append(weight)
            else:
                others.append(weight)
        groups = [{"params": inner, "lr": 10 * lr}, {"params": others}]
        super().__init__(groups, lr=lr, weight_decay=weight_decay, fused=fused)

    @torch.no_grad()
    def step(self) -> None:
        """Muon's step; then AdamW's, which passes over weights whose gradient is taken away."""
        inner = self.param_groups[0]
        for weight in (weight for weight in inner["params"] if weight.grad is not None):
            if weight not in self.state:  # AdamW expects a count of steps wherever it reads a state
                self.state[weight] = {"step": torch.zeros(()), "momentum": torch.zeros_like(weight)}
            momentum = self.state[weight]["momentum"].mul_(self.MOMENTUM).add_(weight.grad)
            ahead = weight.grad.add(momentum, alpha=self.MOMENTUM).flatten(1)  # Nesterov's momentum
            longer = max(1, len(ahead) / ahead.shape[1]) ** 0.5
            weight.mul_(1 - inner["lr"] * inner["weight_decay"])
            weight.sub_(orthogonal(ahead).view(weight.shape), alpha=inner["lr"] * longer)
            weight.grad = None
        super().step()


def orthogonal(matrix: Tensor, iterations: int = 3) -> Tensor:
    """The matrix with the same directions, most of them of about the same length: float (rows, columns), as it came.

    In other words: the same singular vectors, and singular values near 1. Newton and Schulz's iteration with the
    coefficients of Jordan et al.: in each one, short directions grow about 3.4 times, and those near 1 stay near 1; the
    shortest stay short in so few. It needs products of matrices only.
    """
    numbers = getattr(torch, choose_precision("auto", matrix.device))
    x = (matrix / (matrix.norm() + 1e-7)).to(numbers)
    tall = len(matrix) > matrix.shape[1]
    x = x.T if tall else x  # the product below is then the smaller one
    for _ in range(iterations):
        product = x @ x.T
        x = 3.4445 * x + (-4.7750 * product + 2.0315 * product @ product) @ x
    return (x.T if tall else x).to(matrix.dtype)


def make_optimizer(model: nn.Module, recipe, steps: int):
    """The optimizer of a training of `steps` steps, and the schedule of its learning rate, to be told of each step.

    Adam: Kingma & Ba 2015; AdamW: Loshchilov & Hutter 2019; one cycle: Smith & Topin 2018. `fused` updates all weights
    in one call instead of a dozen for each layer.
    """
    kind = {"adam": Adam, "adamw": AdamW, "muon": Muon}[recipe.optimizer]
    optimizer = kind(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    if recipe.schedule == "one_cycle":
        total = max(steps, 5)  # OneCycleLR divides by zero where its rise is a single step
        top = [group["lr"] for group in optimizer.param_groups]
        return optimizer, OneCycleLR(optimizer, top, total, pct_start=0.25, cycle_momentum=False)
    return optimizer, LambdaLR(optimizer, lambda step: 1.0)


class MovingAverage(nn.Module):
    """A copy of a network that follows the exponential moving average (EMA) of its weights, over about the last
    1 / (1 - decay) steps.

    At the start the average is over fewer steps, lest it remember the first random weights for long.
    """

    def __init__(self, model: nn.Module, decay: float):
        super().__init__()
        self.module, self.decay = copy.deepcopy(model), decay
        self.register_buffer("n_averaged", torch.tensor(0))  # on the processor, so that a step never waits for a GPU

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move the average towards the weights that `model` has now, and take its counters as they are."""
        n = int(self.n_averaged)
        decay = min(self.decay, (1 + n) / (10 + n)) if n else 0.0
        own, new = self.module.state_dict(), model.state_dict()
        averaged = [name for name, tensor in own.items() if tensor.is_floating_point()]
        get_ema_multi_avg_fn(decay)([own[name] for name in averaged], [new[name] for name in averaged], None)
        for name in own.keys() - averaged:
            own[name].copy_(new[name])
        self.n_averaged += 1


def make_criterion(recipe, labels: Tensor, n_classes: int) -> nn.CrossEntropyLoss:
    """The loss that a recipe asks for; labels: int64 (N,). A balanced class of n images weighs N / (n_classes n)."""
    sizes = labels.bincount(minlength=n_classes)
    weights = len(labels) / (n_classes * sizes.clamp(min=1)) if recipe.class_weights == "balanced" else None
    return nn.CrossEntropyLoss(weights, label_smoothing=recipe.label_smoothing)

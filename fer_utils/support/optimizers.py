"""Loss, optimizers, the schedule of the learning rate, and the average of the weights, from PyTorch's own parts."""

import copy

import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR
from torch.optim.swa_utils import get_ema_multi_avg_fn


def make_optimizer(model: nn.Module, recipe, steps: int):
    """The optimizer of a training of `steps` steps, and the schedule of its learning rate, to be told of each step.

    Adam: Kingma & Ba 2015; AdamW: Loshchilov & Hutter 2019; one cycle: Smith & Topin 2018. `fused` updates all weights
    in one call instead of a dozen for each layer.
    """
    kind = {"adam": Adam, "adamw": AdamW}[recipe.optimizer]
    optimizer = kind(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    if recipe.schedule == "one_cycle":
        total = max(steps, 5)  # OneCycleLR divides by zero where its rise is a single step
        return optimizer, OneCycleLR(optimizer, recipe.learning_rate, total, pct_start=0.25, cycle_momentum=False)
    return optimizer, LambdaLR(optimizer, lambda step: 1.0)


class MovingAverage(nn.Module):
    """A copy of a network that follows the average of its recent weights: of about the last 1 / (1 - decay) steps.

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

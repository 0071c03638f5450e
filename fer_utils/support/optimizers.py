"""Loss, optimizers, the schedule of the learning rate, and the average of the weights, from PyTorch's own parts."""

from torch import Tensor, nn
from torch.optim import Adam, AdamW
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


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


def moving_average(model: nn.Module, decay: float) -> AveragedModel:
    """A copy of the network that follows the average of its recent weights: of about the last 1 / (1 - decay) steps.

    At the start the average is over fewer steps, lest it remember the first random weights for long.
    """

    def update(averaged, current, n) -> None:
        get_ema_multi_avg_fn(min(decay, (1 + int(n)) / (10 + int(n))))(averaged, current, n)

    return AveragedModel(model, multi_avg_fn=update, use_buffers=True)


def make_criterion(recipe, labels: Tensor, n_classes: int) -> nn.CrossEntropyLoss:
    """The loss that a recipe asks for; labels: int64 (N,). A balanced class of n images weighs N / (n_classes n)."""
    sizes = labels.bincount(minlength=n_classes)
    weights = len(labels) / (n_classes * sizes.clamp(min=1)) if recipe.class_weights == "balanced" else None
    return nn.CrossEntropyLoss(weights, label_smoothing=recipe.label_smoothing)

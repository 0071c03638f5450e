"""The training loop: epochs, validation, the weights kept on improvement."""

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from fer_utils import CLASSES, CourseError
from fer_utils.augment import Augment
from fer_utils.data import Faces
from fer_utils.models import build_model, keep_classes
from fer_utils.support.checkpoints import save_weights
from fer_utils.support.devices import choose_device, choose_precision, keep_memory


@dataclass(frozen=True)
class TrainConfig:
    """The poster's recipe. What the poster leaves open has the default that the reader would meet in PyTorch.

    The fields after `precision` go beyond the poster, and their defaults switch them off.
    """

    model: str = "PosterCNN"
    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1e-3
    dropout: float = 0.5
    flip: bool = True
    degrees: float = 10.0
    interpolation: str = "nearest"
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    optimizer: str = "adam"  # or adamw
    weight_decay: float = 0.0
    schedule: str = "constant"  # or one_cycle: up to learning_rate for a quarter of the steps, then down to almost 0
    label_smoothing: float = 0.0
    averaging: float = 0.0  # decay of the moving average of the weights at each step, 0 for none
    shift: float = 0.0
    scale: float = 0.0
    erase: float = 0.0

    def __post_init__(self):
        choices = {"interpolation": ("nearest", "bilinear"), "optimizer": ("adam", "adamw"),
                   "schedule": ("constant", "one_cycle")}
        for name, valid in choices.items():
            if getattr(self, name) not in valid:
                raise CourseError(f"{name} is {getattr(self, name)!r}: choose {' or '.join(valid)}.")
        for name, lowest in (("epochs", 1), ("batch_size", 2)):
            if getattr(self, name) < lowest:
                raise CourseError(f"{name} is {getattr(self, name)}: it must be at least {lowest}.")
        if self.learning_rate <= 0:
            raise CourseError(f"learning_rate is {self.learning_rate}: it must be above 0.")
        for name in ("dropout", "label_smoothing", "averaging", "scale"):
            if not 0 <= getattr(self, name) < 1:
                raise CourseError(f"{name} is {getattr(self, name)}: it must be at least 0 and below 1.")


HISTORY = ["model", "seed", "epoch", "train_loss", "val_loss", "val_acc", "saved", "seconds"]


@dataclass
class Result:
    """What a training leaves: the network with the weights of its best epoch, and one row of `history` an epoch.

    history columns: model, seed, epoch (from 1), train_loss, val_loss, val_acc, saved (bool), seconds.
    """

    model: nn.Module
    history: pd.DataFrame
    config: TrainConfig

    @property
    def best(self) -> pd.Series:
        """The row of the epoch whose weights were kept."""
        return self.history[self.history["saved"]].iloc[-1]


def to_tensor(images: np.ndarray | Tensor) -> Tensor:
    """uint8 (N, 48, 48) in 0..255 to float32 (N, 1, 48, 48) in [0, 1]: PyTorch's order, channels before rows."""
    return torch.as_tensor(images).unsqueeze(1).float().div(255)


def on_device(faces: Faces, device: torch.device) -> tuple[Tensor, Tensor]:
    """All images, uint8 (N, 48, 48), and labels, int64 (N,), in the memory of the device that computes."""
    return torch.as_tensor(faces.images).to(device), torch.as_tensor(faces.labels).to(device)


def count_batches(n: int, size: int) -> int:
    """How many batches `batches` makes of n images."""
    return n // size + (n % size > 1)


def n_classes(faces: Faces) -> int:
    """How many outputs a network needs to learn from `faces`: the course's three, or more with other expressions."""
    return max(len(CLASSES), int(faces.labels.max()) + 1)


def batches(images: Tensor, labels: Tensor, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """All images once, in a new random order, `size` at a time: uint8 (n, 48, 48) and int64 (n,)."""
    for chosen in torch.randperm(len(images), generator=generator).split(size):
        if len(chosen) > 1:  # batch normalisation needs at least two images to normalise over
            yield images[chosen.to(images.device)], labels[chosen.to(labels.device)]


def make_augment(config: TrainConfig) -> Augment:
    """The augmentation that a recipe asks for: its fields have the names of those of `Augment`."""
    return Augment(**{field.name: getattr(config, field.name) for field in fields(Augment)})


def make_optimizer(model: nn.Module, config: TrainConfig, steps: int):
    """The optimizer of a training of `steps` steps, and the schedule of its learning rate, to be told of each step.

    Adam: Kingma & Ba 2015; AdamW: Loshchilov & Hutter 2019; one cycle: Smith & Topin 2018. `fused` updates all weights
    in one call instead of a dozen for each layer.
    """
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    optimizer = kind(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)
    if config.schedule == "one_cycle":
        total = max(steps, 5)  # OneCycleLR divides by zero where its rise is a single step
        return optimizer, OneCycleLR(optimizer, config.learning_rate, total, pct_start=0.25, cycle_momentum=False)
    return optimizer, LambdaLR(optimizer, lambda step: 1.0)


def moving_average(model: nn.Module, decay: float) -> AveragedModel:
    """A copy of the network that follows the average of its recent weights: of about the last 1 / (1 - decay) steps.

    At the start the average is over fewer steps, lest it remember the first random weights for long.
    """

    def update(averaged, current, n) -> None:
        get_ema_multi_avg_fn(min(decay, (1 + int(n)) / (10 + int(n))))(averaged, current, n)

    return AveragedModel(model, multi_avg_fn=update, use_buffers=True)


def train_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: Iterable[tuple[Tensor, Tensor]],
    augment: Callable[[Tensor], Tensor],
    precision: str = "float32",
    label_smoothing: float = 0.0,
    after_step: Callable[[], None] = lambda: None,
) -> float:
    """One pass over the batches of training images; returns the mean cross-entropy per image, in nats."""
    device = next(model.parameters()).device
    model.train()
    total, seen = torch.zeros((), device=device), 0
    for x, y in data:
        x = augment(to_tensor(x)).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            loss = F.cross_entropy(model(x), y, label_smoothing=label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        after_step()
        total += loss.detach() * len(y)
        seen += len(y)
    return total.item() / seen


@torch.no_grad()
def validate(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 64) -> tuple[float, float]:
    """Mean cross-entropy (nats) and accuracy on the images as they are: no augmentation, no dropout."""
    model.eval()
    loss, correct = 0.0, 0
    for x, y in zip(images.split(batch_size), labels.split(batch_size), strict=True):
        logits = model(to_tensor(x))[:, : len(CLASSES)]
        loss += F.cross_entropy(logits, y, reduction="sum").item()
        correct += (logits.argmax(1) == y).sum().item()
    return loss / len(images), correct / len(images)


def fit(
    train: Faces,
    val: Faces | None,
    config: TrainConfig,
    checkpoint: Path | None = None,
    log: Callable[[str], None] = print,
) -> Result:
    """Train a fresh network; keep the weights of the epoch with the highest validation accuracy.

    They are written to `checkpoint` at every improvement, so an interruption (Ctrl-C, the stop button) loses only the
    epoch it falls in; training then ends there and returns what it has. `log` receives the poster's lines. Without
    `val` (None) nothing is chosen: the last weights are kept, and the validation columns are empty. Outputs for other
    expressions than the three are cut off in what is kept.
    """
    device = choose_device(config.device)
    precision = choose_precision(config.precision, device)
    keep_memory()
    torch.manual_seed(config.seed)  # the initial weights and dropout
    generator = torch.Generator().manual_seed(config.seed)  # the order of the images, flips and angles
    model = build_model(config.model, dropout=config.dropout, n_classes=n_classes(train))
    model = model.to(device, memory_format=torch.channels_last)
    steps = config.epochs * count_batches(len(train), config.batch_size)
    optimizer, schedule = make_optimizer(model, config, steps)
    average = moving_average(model, config.averaging) if config.averaging else None
    judged = average.module if average else model
    augment = partial(make_augment(config), generator=generator)
    x, y = on_device(train, device)
    x_val, y_val = on_device(val, device) if val else (None, None)

    def after_step() -> None:
        schedule.step()
        if average:
            average.update_parameters(model)

    rows, best, kept = [], -1.0, None
    try:
        for epoch in tqdm(range(1, config.epochs + 1), desc=f"{config.model}, seed {config.seed}", leave=False):
            start = time.perf_counter()
            data = batches(x, y, config.batch_size, generator)
            train_loss = train_epoch(model, optimizer, data, augment, precision, config.label_smoothing, after_step)
            seconds = time.perf_counter() - start
            val_loss, val_acc = validate(judged, x_val, y_val) if val else (math.nan, math.nan)
            saved = val_acc > best if val else epoch == config.epochs
            rows.append((config.model, config.seed, epoch, train_loss, val_loss, val_acc, saved, seconds))
            judgement = f", Val Loss: {val_loss:.4f}, Val Acc: {val_acc:.4f}" if val else ""
            log(f"Epoch [{epoch}/{config.epochs}], Train Loss: {train_loss:.4f}{judgement}")
            if saved:
                best, kept = val_acc, keep_classes(copy.deepcopy(judged))
                if checkpoint is not None:
                    note = {"config": asdict(config), "epoch": epoch, "val_acc": val_acc, "data": train.fingerprint}
                    save_weights(checkpoint, kept, note)
                log("Model saved!")
    except KeyboardInterrupt:
        if kept is None:
            raise
        log(f"Stopped by you after epoch {rows[-1][2]}: the best weights so far are kept.")
    return Result(kept, pd.DataFrame(rows, columns=HISTORY), config)

"""The training loop: epochs, validation, the weights kept on improvement."""

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fer_utils.augment import cutmix, make_augment
from fer_utils.data import Faces
from fer_utils.support import checks
from fer_utils.support.checkpoints import restore
from fer_utils.support.devices import choose_device, choose_precision, keep_memory
from fer_utils.support.optimizers import MovingAverage, make_criterion, make_optimizer
from fer_utils.support.own_network import check_outputs, in_channels_last
from fer_utils.support.recording import recorded
from fer_utils.support.run_tables import HISTORY


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the defaults are the poster's, or PyTorch's where the poster leaves one open.

    The fields after `precision` go beyond the poster, and their defaults switch them off.
    """

    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1e-3
    flip: bool = True
    degrees: float = 10.0
    interpolation: str = "nearest"
    precision: str = "auto"
    optimizer: str = "adam"  # or adamw, or muon
    weight_decay: float = 0.0
    schedule: str = "constant"  # or one_cycle: up to learning_rate for a quarter of the steps, then down to almost 0
    label_smoothing: float = 0.0
    averaging: float = 0.0  # decay of the moving average of the weights at each step, 0 for none
    shift: float = 0.0
    scale: float = 0.0
    erase: float = 0.0
    photometric: float = 0.0
    cutmix: float = 0.0  # probability that a part of another face comes into a face, and as much of its class
    taught: float = 0.0  # share of a teacher's answers in what is to be answered; the rest are labels
    class_weights: str = "none"  # or balanced: in the loss, every class counts for as much as every other

    def __post_init__(self):
        for field in fields(self):
            if field.name in checks.RANGES:  # 3 and 3.0 are one recipe
                number = checks.number(field.type, field.name, getattr(self, field.name), *checks.RANGES[field.name])
                object.__setattr__(self, field.name, number)
        object.__setattr__(self, "flip", checks.yes_or_no("flip", self.flip))
        for name, valid in checks.CHOICES.items():
            checks.one_of(name, getattr(self, name), valid)

    def changes(self) -> dict:
        """The fields that differ from their defaults, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)
                if getattr(self, field.name) != field.default}


@dataclass
class Result:
    """What a training leaves: the network with the weights of its best epoch, and one row of `history` an epoch.

    history columns: seed, epoch (from 1), train_loss, val_loss, val_acc, saved (bool), seconds (of the training steps;
    on a GPU with the validation).
    """

    model: nn.Module
    history: pd.DataFrame
    recipe: Recipe
    training: str = ""  # its name in the run that keeps it
    trainer: "Trainer | None" = None  # while it trains: what the next epoch goes on from

    @property
    def best(self) -> pd.Series:
        """The row of the epoch whose weights were kept."""
        return self.history[self.history["saved"]].iloc[-1]


def to_tensor(images: np.ndarray | Tensor) -> Tensor:
    """uint8 (N, 48, 48) in 0..255 to float32 (N, 1, 48, 48) in [0, 1]: PyTorch's order, channels before rows."""
    return torch.as_tensor(images).unsqueeze(1).float().div(255)


def on_device(faces: Faces, device: torch.device) -> tuple[Tensor, Tensor]:
    """All images, uint8 (N, 48, 48), and labels, int64 (N,), in the memory of the device that computes."""
    return torch.as_tensor(faces.images).to(device), torch.as_tensor(faces.labels_or_unknown()).to(device)


def count_batches(n: int, size: int) -> int:
    """How many batches `batches` makes of n images."""
    full, left = divmod(n, size)
    return full + 1 if left > 1 else full


def batches(images: Tensor, labels: Tensor, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """All images once, in a new random order, `size` at a time: uint8 (n, 48, 48) and int64 (n,)."""
    for chosen in torch.randperm(len(images), generator=generator, device=images.device).split(size):
        if len(chosen) > 1:  # batch normalisation needs at least two images to normalise over
            yield images[chosen], labels[chosen]


def train_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: Iterable[tuple[Tensor, Tensor]],
    augment: Callable[[Tensor], Tensor],
    precision: str = "float32",
    criterion: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
    after_step: Callable[[], None] = lambda: None,
    teach: Callable[[Tensor, Tensor], Tensor] = lambda x, y: y,
) -> Tensor:
    """One pass over the batches of training images; returns the mean of the criterion per image, in nats, float ().

    `teach`, given the images as the network sees them and their labels, says what it is to answer.
    """
    device = next(model.parameters()).device
    model.train()
    total, seen = torch.zeros((), device=device), 0
    for x, y in data:
        x = augment(to_tensor(x))
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            loss = criterion(model(x), teach(x, y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        after_step()
        total += loss.detach() * len(y)
        seen += len(y)
    return total / seen


@torch.no_grad()
def validate(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 64) -> Tensor:
    """Cross-entropy summed over the images (nats), and how many are named right: float (2,).

    The images are as they are: no augmentation, no dropout.
    """
    model.eval()
    totals = torch.zeros(2, device=images.device)
    for start in range(0, len(images), batch_size):
        x, y = images[start : start + batch_size], labels[start : start + batch_size]
        logits = model(to_tensor(x))
        totals += torch.stack([F.cross_entropy(logits, y, reduction="sum"), (logits.argmax(1) == y).sum()])
    return totals


class Trainer:
    """All that a training carries from one epoch to the next: network, optimizer, schedule, average, generator, and
    what it has reached: the history's rows, the best accuracy, and the network that had it."""

    def __init__(self, model: nn.Module, train: Faces, val: Faces | None, recipe: Recipe, seed: int, device: str,
                 teacher: nn.Module | None = None):
        checks.networks(model, teacher, recipe.taught)
        checks.labelled(train, val)
        self.device, self.teacher = choose_device(device), teacher
        self.recipe, self.precision = recipe, choose_precision(recipe.precision, self.device)
        torch.manual_seed(seed)  # dropout
        for network in [model] if teacher is None else [teacher, model]:
            check_outputs(network.to(self.device), train, self.device)  # and so the teacher answers without dropout
        self.model = in_channels_last(model)
        self.learner = recorded(self.model, recipe.batch_size, self.precision)
        keep_memory()
        self.generator = torch.Generator(self.device).manual_seed(seed)  # the order of the images, flips and angles
        steps = recipe.epochs * count_batches(len(train), recipe.batch_size)
        self.optimizer, self.schedule = make_optimizer(model, recipe, steps)
        self.average = MovingAverage(model, recipe.averaging) if recipe.averaging else None
        self.judged = self.average.module if self.average else model
        self.rows, self.best, self.kept = [], -1.0, copy.deepcopy(self.judged)
        self.train, self.n_classes = on_device(train, self.device), len(train.classes)
        self.criterion = make_criterion(recipe, self.train[1], self.n_classes)
        self.val = on_device(val if val else train.take(np.arange(0)), self.device)

    def epoch(self) -> tuple[float, float, float, float]:
        """Train one epoch; returns train loss, validation loss and accuracy (NaN without such images), and seconds."""
        start = time.perf_counter()
        augment = partial(make_augment(self.recipe), generator=self.generator)
        train_loss = train_epoch(self.learner, self.optimizer, self.batches(), augment, self.precision, self.criterion,
                                 self.after_step, self.teach)
        seconds = time.perf_counter() - start
        # One copy from a GPU for each epoch, which waits for all of its work.
        loss, val_loss, correct = torch.cat([train_loss[None], validate(self.judged, *self.val)]).tolist()
        n = len(self.val[0]) or math.nan
        return loss, val_loss / n, correct / n, seconds if self.device.type == "cpu" else time.perf_counter() - start

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch; where faces are mixed or a teacher answers, labels are float (n, classes)."""
        for x, y in batches(*self.train, self.recipe.batch_size, self.generator):
            if self.recipe.cutmix or self.recipe.taught:
                y = F.one_hot(y, self.n_classes).float()
            if self.recipe.cutmix:
                x, y = cutmix(x, y, self.recipe.cutmix, self.generator)
            yield x, y

    def teach(self, x: Tensor, y: Tensor) -> Tensor:
        """The labels, or with a teacher the weighted mean of its answers and the labels, float (n, classes)."""
        if self.teacher is None:
            return y
        with torch.no_grad():
            return torch.lerp(y, self.teacher(x).float().softmax(1), self.recipe.taught)

    def after_step(self) -> None:
        """Tell the schedule and the average that a step was taken."""
        self.schedule.step()
        if self.average:
            self.average.update(self.model)

    def result(self) -> Result:
        """The best network so far, and the history."""
        return Result(self.kept, pd.DataFrame(self.rows, columns=HISTORY), self.recipe, trainer=self)


def fit(model: nn.Module, train: Faces, val: Faces | None, recipe: Recipe = Recipe(), seed: int = 0,
        device: str = "auto", after_epoch: Callable[[Result], None] = lambda result: None,
        log: Callable[[str], None] = print, state: dict | None = None, teacher: nn.Module | None = None) -> Result:
    """Train `model`, and leave in it the weights of the epoch with the highest validation accuracy.

    model: a module from float (N, 1, 48, 48) in [0, 1] to logits (N, len(train.classes)); CourseError for another.
    `seed` decides order, augmentation and dropout; `log` receives the poster's lines, and `after_epoch` what there is
    so far, the best weights in a copy of the network. `state`: where a training that was cut goes on. An interruption
    (Ctrl-C, the stop button) ends the training and loses only the epoch it falls in; so does a loss that is no number,
    which is a CourseError. Without `val` (None) nothing is chosen: the last weights are kept. `teacher`: a network that
    `recipe.taught` asks for (Hinton et al. 2015, arXiv 1503.02531); it sees each image as the student does.
    """
    trainer = Trainer(model, train, val, recipe, seed, device, teacher)
    if state:
        restore(trainer, state)
    result = trainer.result()
    try:
        for epoch in range(len(trainer.rows) + 1, recipe.epochs + 1):
            train_loss, val_loss, val_acc, seconds = trainer.epoch()
            checks.learning(epoch, train_loss, val_loss if val else 0.0)
            saved = val_acc > trainer.best if val else epoch == recipe.epochs
            judgement = f", Val Loss: {val_loss:.4f}, Val Acc: {val_acc:.4f}" if val else ""
            log(f"Epoch [{epoch}/{recipe.epochs}], Train Loss: {train_loss:.4f}{judgement}")
            if saved:
                log("Model saved!")
            if saved or not val:
                trainer.best, trainer.kept = val_acc, copy.deepcopy(trainer.judged)
            trainer.rows.append((seed, epoch, train_loss, val_loss, val_acc, saved, seconds))
            result = trainer.result()
            after_epoch(result)
    except KeyboardInterrupt:
        if result.history.empty:
            raise
        log(f"Stopped by you after epoch {len(result.history)}: the best weights so far are kept.")
        if not val:
            result.history.loc[len(result.history) - 1, "saved"] = True
    finally:
        model.load_state_dict(result.model.state_dict())
    return Result(model.eval(), result.history, recipe)

"""The training loop: epochs, validation, the weights kept on improvement."""

import copy
import ctypes
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from fer_utils import CourseError
from fer_utils.augment import Augment
from fer_utils.data import Faces
from fer_utils.models import build_model, save_weights


@dataclass(frozen=True)
class TrainConfig:
    """The poster's recipe. What the poster leaves open has the default that the reader would meet in PyTorch."""

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

    def __post_init__(self):
        for name, lowest in (("epochs", 1), ("batch_size", 2)):
            if getattr(self, name) < lowest:
                raise CourseError(f"{name} is {getattr(self, name)}: it must be at least {lowest}.")
        if self.learning_rate <= 0:
            raise CourseError(f"learning_rate is {self.learning_rate}: it must be above 0.")
        if self.interpolation not in ("nearest", "bilinear"):
            raise CourseError(f"interpolation is {self.interpolation!r}: choose nearest or bilinear.")
        if not 0 <= self.dropout < 1:
            raise CourseError(f"dropout is {self.dropout}: it must be at least 0 and below 1.")


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


def choose_device(name: str = "auto") -> torch.device:
    """The device to compute on: "auto" takes a GPU where there is one (CUDA, then MPS), else the processor."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    if not available.get(name.split(":")[0]):
        there = ", ".join(kind for kind, there in available.items() if there)
        raise CourseError(f"The device {name!r} is not available here: choose auto, {there}.")
    return torch.device(name)


def describe_device(device: torch.device) -> str:
    """One phrase for a log: which processor, and how many threads."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"{device.type} ({platform.machine()}, {torch.get_num_threads()} threads of {os.cpu_count()})"


def keep_memory() -> None:
    """Have Linux's allocator keep freed memory for the next step, which needs the same again.

    Every step frees and takes some 100 MB of activations; by default they go back to the system and come as fresh,
    zeroed pages, which costs a fifth of the training time. Elsewhere this does nothing.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-3, 32 * 1024**2)  # M_MMAP_THRESHOLD, at the highest value that glibc takes
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


def choose_precision(name: str, device: torch.device) -> str:
    """The numbers of the forward pass: "auto" is bfloat16 on a GPU that computes in it, float32 everywhere else."""
    if name not in ("auto", "float32", "bfloat16"):
        raise CourseError(f"precision is {name!r}: choose auto, float32 or bfloat16.")
    if name == "auto":
        return "bfloat16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"
    return name


def to_tensor(images: np.ndarray | Tensor) -> Tensor:
    """uint8 (N, 48, 48) in 0..255 to float32 (N, 1, 48, 48) in [0, 1]: PyTorch's order, channels before rows."""
    return torch.as_tensor(images).unsqueeze(1).float().div(255)


def on_device(faces: Faces, device: torch.device) -> tuple[Tensor, Tensor]:
    """All images, uint8 (N, 48, 48), and labels, int64 (N,), in the memory of the device that computes."""
    return torch.as_tensor(faces.images).to(device), torch.as_tensor(faces.labels).to(device)


def batches(images: Tensor, labels: Tensor, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """All images once, in a new random order, `size` at a time: uint8 (n, 48, 48) and int64 (n,)."""
    for chosen in torch.randperm(len(images), generator=generator).split(size):
        if len(chosen) > 1:  # batch normalisation needs at least two images to normalise over
            yield images[chosen.to(images.device)], labels[chosen.to(labels.device)]


def train_epoch(model, optimizer, images: Tensor, labels: Tensor, augment, size, generator, precision) -> float:
    """One pass over the training images; returns the mean cross-entropy per image, in nats."""
    autocast = torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bfloat16")
    model.train()
    total, seen = torch.zeros((), device=images.device), 0
    for x, y in batches(images, labels, size, generator):
        x = augment(to_tensor(x), generator).contiguous(memory_format=torch.channels_last)
        with autocast:
            loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(y)
        seen += len(y)
    return total.item() / seen


@torch.no_grad()
def validate(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 64) -> tuple[float, float]:
    """Mean cross-entropy (nats) and accuracy on the images as they are: no augmentation, no dropout."""
    model.eval()
    loss, correct = 0.0, 0
    for x, y in zip(images.split(batch_size), labels.split(batch_size), strict=True):
        logits = model(to_tensor(x))
        loss += F.cross_entropy(logits, y, reduction="sum").item()
        correct += (logits.argmax(1) == y).sum().item()
    return loss / len(images), correct / len(images)


def fit(
    train: Faces, val: Faces, config: TrainConfig, checkpoint: Path | None = None, log: Callable[[str], None] = print
) -> Result:
    """Train a fresh network; keep the weights of the epoch with the highest validation accuracy.

    They are written to `checkpoint` at every improvement, so an interruption (Ctrl-C, the stop button) loses only the
    epoch it falls in; training then ends there and returns what it has. `log` receives the poster's lines.
    """
    device = choose_device(config.device)
    precision = choose_precision(config.precision, device)
    keep_memory()
    torch.manual_seed(config.seed)  # the initial weights and dropout
    generator = torch.Generator().manual_seed(config.seed)  # the order of the images, flips and angles
    model = build_model(config.model, dropout=config.dropout).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    augment = Augment(config.flip, config.degrees, config.interpolation)
    (x, y), (x_val, y_val) = on_device(train, device), on_device(val, device)

    rows, best, best_weights = [], -1.0, None
    try:
        for epoch in tqdm(range(1, config.epochs + 1), desc=f"{config.model}, seed {config.seed}", leave=False):
            start = time.perf_counter()
            train_loss = train_epoch(model, optimizer, x, y, augment, config.batch_size, generator, precision)
            seconds = time.perf_counter() - start
            val_loss, val_acc = validate(model, x_val, y_val)
            saved = val_acc > best
            rows.append((config.model, config.seed, epoch, train_loss, val_loss, val_acc, saved, seconds))
            losses = f"Train Loss: {train_loss:.4f}, Val Loss: {val_loss:.4f}"
            log(f"Epoch [{epoch}/{config.epochs}], {losses}, Val Acc: {val_acc:.4f}")
            if saved:
                best, best_weights = val_acc, copy.deepcopy(model.state_dict())
                if checkpoint is not None:
                    note = {"config": asdict(config), "epoch": epoch, "val_acc": val_acc, "data": train.fingerprint}
                    save_weights(checkpoint, model, note)
                log("Model saved!")
    except KeyboardInterrupt:
        if not rows:
            raise
        log(f"Stopped by you after epoch {rows[-1][2]}: the best weights so far are kept.")
    model.load_state_dict(best_weights)
    return Result(model, pd.DataFrame(rows, columns=HISTORY), config)

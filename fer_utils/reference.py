"""The poster's recipe as one would first write it: PIL images, a DataLoader, a plain loop in float32.

What the course's own loop is measured against; nothing here is made slow on purpose, and nothing fast.
"""

import time
import warnings
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_all_start_methods, get_context

import pandas as pd
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from fer_utils.data import Faces, Split
from fer_utils.devices import choose_device
from fer_utils.models import build_model
from fer_utils.runs import Run
from fer_utils.training import HISTORY, TrainConfig, on_device, validate


class PilImages(Dataset):
    """The training images as most PyTorch code holds them: PIL images, each transformed when it is asked for."""

    def __init__(self, faces: Faces, degrees: float):
        self.images = [Image.fromarray(image) for image in faces.images]
        self.labels = faces.labels.tolist()
        self.transform = transforms.Compose(
            [transforms.RandomHorizontalFlip(), transforms.RandomRotation(degrees), transforms.ToTensor()]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images[index]), self.labels[index]


def reference_loader(faces: Faces, config: TrainConfig, workers: int) -> DataLoader:
    """Batches of augmented images, shuffled anew at each pass; the worker processes stay for the next one."""
    warnings.filterwarnings("ignore", "This DataLoader will create")  # two workers are tried on a single core as well
    pinned = choose_device(config.device).type == "cuda"
    return DataLoader(PilImages(faces, config.degrees), config.batch_size, shuffle=True, num_workers=workers,
                      persistent_workers=workers > 0, pin_memory=pinned)


def reference_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, data: Iterable) -> float:
    """One pass over the batches, as tutorials write it; returns the mean cross-entropy per image, in nats."""
    device = next(model.parameters()).device
    model.train()
    total, seen = 0.0, 0
    for x, y in data:
        x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        seen += len(y)
    return total / seen


def reference_fit(train: Faces, val: Faces, config: TrainConfig, workers: int, threads: int) -> pd.DataFrame:
    """Train as the reference does, in float32; columns of `training.HISTORY`, seconds without validation."""
    torch.set_num_threads(threads)
    torch.manual_seed(config.seed)
    device = choose_device(config.device)
    model = build_model(config.model, dropout=config.dropout).to(device)
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate)
    loader = reference_loader(train, config, workers)
    rows, best = [], -1.0
    for epoch in range(1, config.epochs + 1):
        start = time.perf_counter()
        train_loss = reference_epoch(model, optimizer, loader)
        seconds = time.perf_counter() - start
        val_loss, val_acc = validate(model, *on_device(val, device))
        rows.append((config.model, config.seed, epoch, train_loss, val_loss, val_acc, val_acc > best, seconds))
        best = max(best, val_acc)
    return pd.DataFrame(rows, columns=HISTORY)


def reference_trained(run: Run, parts: Split, config: TrainConfig, workers: int) -> pd.DataFrame:
    """The history of the reference's training, as `fit` writes it: done in a process of its own, or read from `run`."""
    note, name = {"config": asdict(config), "data": parts.train.fingerprint}, f"reference-seed{config.seed}"
    if {key: (run.read_metrics(name) or {}).get(key) for key in note} != note:
        with fresh_process() as process:
            threads = torch.get_num_threads()
            history = process.submit(reference_fit, parts.train, parts.val, config, workers, threads).result()
        run.write_history(history)
        run.write_metrics(name, note | {"workers": workers})
    history = run.read_history()
    return history[(history["model"] == config.model) & (history["seed"] == config.seed)].reset_index(drop=True)


def fresh_process() -> ProcessPoolExecutor:
    """One process that has set nothing yet; where the system can fork, torch is imported once for all of them."""
    way = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
    context = get_context(way)
    if way == "forkserver":
        context.set_forkserver_preload(["fer_utils.speed"])
    return ProcessPoolExecutor(1, context)

"""Where the time goes: from the reference to the course's loop one step at a time, measured side by side.

Every step runs in a process of its own, since what one asks of the memory allocator cannot be taken back in another.
"""

import math
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict
from multiprocessing import get_all_start_methods, get_context
from platform import libc_ver

import pandas as pd
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from fer_utils import training
from fer_utils.data import Faces, Split
from fer_utils.models import build_model
from fer_utils.runs import Run
from fer_utils.support.devices import choose_device, choose_precision, keep_memory
from fer_utils.training import HISTORY, TrainConfig, batches, on_device, to_tensor, train_epoch, validate


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


REFERENCES = {"reference, 0 workers": 0, "reference, 2 workers": 2}
STEPS = ["images in memory", "freed memory kept", "channels last", "bfloat16", "fused Adam", "limit"]
"""Each keeps what those before it changed. "fused Adam" is the course's loop, "limit" the same on finished batches."""


def ladder(config: TrainConfig) -> list[str]:
    """The references and those steps that change something on this machine."""
    device = choose_device(config.device)
    kept = device.type == "cpu" and libc_ver()[0] == "glibc"
    there = {"freed memory kept": kept, "bfloat16": choose_precision(config.precision, device) == "bfloat16"}
    return [*REFERENCES, *(step for step in STEPS if there.get(step, True))]


def variant(step: str, faces: Faces, config: TrainConfig) -> Callable[[], float]:
    """A fresh network under one of REFERENCES or STEPS: each call trains it for an epoch and returns the loss."""
    device = choose_device(config.device)
    torch.manual_seed(config.seed)
    model = build_model(config.model, dropout=config.dropout).to(device)
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate)
    if step in REFERENCES:
        loader = reference_loader(faces, config, REFERENCES[step])
        return lambda: reference_epoch(model, optimizer, loader)
    level = STEPS.index(step)
    generator = torch.Generator().manual_seed(config.seed)
    chosen = training.make_augment(config)
    images, labels = training.on_device(faces, device)

    def augment(x: Tensor) -> Tensor:
        with record_function("augmentation"):  # a name for the profiler
            return chosen(x, generator)

    def data() -> Iterable[tuple[Tensor, Tensor]]:
        return batches(images, labels, config.batch_size, generator)

    if level < STEPS.index("channels last"):
        return lambda: reference_epoch(model, optimizer, ((augment(to_tensor(x)), y) for x, y in data()))
    model = model.to(memory_format=torch.channels_last)
    precision = choose_precision(config.precision, device) if level >= STEPS.index("bfloat16") else "float32"
    after_step = {}
    if level >= STEPS.index("fused Adam"):
        optimizer, schedule = training.make_optimizer(model, config, steps=1)
        after_step = {"after_step": schedule.step}
    if step == "limit":
        ready = [(augment(to_tensor(x))[:, 0] * 255, y) for x, y in data()]
        return lambda: train_epoch(model, optimizer, ready, lambda x: x, precision, **after_step)
    return lambda: train_epoch(model, optimizer, data(), augment, precision, **after_step)


def measure(steps: Sequence[str], faces: Faces, config: TrainConfig, repeats: int) -> pd.DataFrame:
    """Seconds of an epoch under each step, `repeats` times, the steps taking turns; a first round is not counted.

    Columns: step, repeat, images_per_s, peak_mb (of the step's process so far, without its loader's workers, or of the
    GPU's memory; NaN where the system does not say).
    """
    rows = []
    with ExitStack() as stack:
        pools = {step: stack.enter_context(fresh_process()) for step in steps}
        for start in [pools[step].submit(_start, step, faces, config, torch.get_num_threads()) for step in steps]:
            start.result()
        for repeat in range(repeats + 1):
            turn = repeat % len(steps)
            for step in [*steps[turn:], *steps[:turn]]:
                seconds, peak = pools[step].submit(_timed_epoch).result()
                rows.append((step, repeat, len(faces) / seconds, peak))
    table = pd.DataFrame(rows, columns=["step", "repeat", "images_per_s", "peak_mb"])
    return table[table["repeat"] > 0].reset_index(drop=True)


def _start(step: str, faces: Faces, config: TrainConfig, threads: int) -> None:
    global _epoch
    torch.set_num_threads(threads)
    if step in STEPS[STEPS.index("freed memory kept"):]:
        keep_memory()
    _epoch = variant(step, faces, config)


def _timed_epoch() -> tuple[float, float]:
    start = time.perf_counter()
    _epoch()
    return time.perf_counter() - start, peak_memory()


def peak_memory() -> float:
    """The most memory that this process has held, or its tensors on a GPU, in MB; NaN on Windows."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 1e6
    with suppress(ImportError):
        import resource  # not on Windows

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return math.nan


def summary(times: pd.DataFrame) -> pd.DataFrame:
    """One row a step of `measure`, in order, of the two references the faster one: medians, extremes, seconds saved.

    Columns: step, images_per_s, low, high, seconds (for 1,000 images), saved (against the row above), peak_mb.
    """
    by_step = times.groupby("step", sort=False)["images_per_s"]
    table = by_step.agg(images_per_s="median", low="min", high="max")
    table["peak_mb"] = times.groupby("step", sort=False)["peak_mb"].max()
    slower = table.loc[list(REFERENCES), "images_per_s"].idxmin()
    table = table.reindex([*REFERENCES, *STEPS]).drop(slower).dropna(subset="images_per_s")
    table.insert(3, "seconds", 1000 / table["images_per_s"])
    table.insert(4, "saved", -table["seconds"].diff())
    return table.reset_index(names="step")


def operators(epoch: Callable[[], float]) -> pd.DataFrame:
    """What a pass over the data consists of: operator, milliseconds (of the GPU, where there is one), calls.

    An operator's time includes those it calls; "Python" is what remains of the pass.
    """
    on_gpu = torch.cuda.is_available()
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else it complains of a missing GPU
    epoch()
    start = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as profiler:
        epoch()
        seconds = time.perf_counter() - start
    outer = [one for one in profiler.events() if one.cpu_parent is None and one.device_type == DeviceType.CPU]
    rows = [(one.name, (one.device_time_total if on_gpu else one.cpu_time_total) / 1000) for one in outer]
    table = pd.DataFrame(rows, columns=["operator", "milliseconds"])
    table = table.groupby("operator")["milliseconds"].agg(["sum", "size"]).set_axis(["milliseconds", "calls"], axis=1)
    table.loc["Python"] = [1000 * seconds - table["milliseconds"].sum(), 1]
    return table.sort_values("milliseconds", ascending=False).reset_index()

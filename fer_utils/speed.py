"""Where the time goes: from the reference to the course's loop one step at a time, measured side by side.

Every step runs in a process of its own, since what one asks of the memory allocator cannot be taken back in another.
"""

import copy
import math
import os
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
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

from fer_utils.augment import make_augment
from fer_utils.data import Faces
from fer_utils.lessons import Loop
from fer_utils.models import build_model
from fer_utils.recipes import NamedRecipe
from fer_utils.support import checks
from fer_utils.support.devices import choose_device, choose_precision, keep_memory
from fer_utils.support.optimizers import make_optimizer
from fer_utils.support.own_network import check_outputs
from fer_utils.support.processes import fresh_process, median_seconds, peak_memory
from fer_utils.support.recording import recorded
from fer_utils.support.run_tables import HISTORY
from fer_utils.training import Recipe, Result, batches, on_device, to_tensor, train_epoch, validate


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


def reference_loader(faces: Faces, recipe: Recipe, workers: int, device: torch.device) -> DataLoader:
    """Batches of augmented images, shuffled anew at each pass; the worker processes stay for the next one."""
    warnings.filterwarnings("ignore", "This DataLoader will create")  # two workers are tried on a single core as well
    return DataLoader(PilImages(faces, recipe.degrees), recipe.batch_size, shuffle=True, num_workers=workers,
                      persistent_workers=workers > 0, pin_memory=device.type == "cuda")


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


def reference_fit(model: nn.Module, train: Faces, val: Faces | None, recipe: Recipe, seed: int, device: torch.device,
                  workers: int, threads: int) -> Result:
    """Train as the reference does, in float32; seed, result and errors as of `training.fit`."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    check_outputs(model.to(device), train, device)
    optimizer = torch.optim.Adam(model.parameters(), recipe.learning_rate)
    loader = reference_loader(train, recipe, workers, device)
    rows, best, kept = [], -1.0, None
    for epoch in range(1, recipe.epochs + 1):
        start = time.perf_counter()
        train_loss = reference_epoch(model, optimizer, loader)
        seconds = time.perf_counter() - start
        val_loss = val_acc = math.nan
        if val:
            val_loss, val_acc = (validate(model, *on_device(val, device)) / len(val)).tolist()
        checks.learning(epoch, train_loss, val_loss if val else 0.0)
        saved = val_acc > best if val else epoch == recipe.epochs
        rows.append((seed, epoch, train_loss, val_loss, val_acc, saved, seconds))
        if saved:
            best, kept = val_acc, copy.deepcopy(model)
    return Result(kept, pd.DataFrame(rows, columns=HISTORY), recipe)


def reference_loop(workers: int) -> Loop:
    """The reference as a loop for `lessons.trained`, in a process of its own.

    It is kept when it has ended, and one that is cut begins anew: what its workers draw next cannot be written down.
    """

    def fit(model, train, val, recipe, seed, device, after_epoch, log, state=None) -> Result:
        unit, threads = choose_device(device), torch.get_num_threads()
        with fresh_process() as process:
            return process.submit(reference_fit, model, train, val, recipe, seed, unit, workers, threads).result()

    return Loop("reference", fit)


REFERENCES = {"reference, 0 workers": 0, "reference, 2 workers": 2}
STEPS = ["images in memory", "freed memory kept", "channels last", "bfloat16", "fused Adam", "recorded", "limit"]
"""Each keeps what those before it changed. The last is the limit: the course's loop, before it, on finished batches."""


def ladder(recipe: Recipe, device: torch.device) -> list[str]:
    """The references and those steps that change something on this machine."""
    useful = {"freed memory kept": device.type == "cpu" and libc_ver()[0] == "glibc", "recorded": device.type == "cuda",
              "bfloat16": choose_precision(recipe.precision, device) == "bfloat16"}
    return [*REFERENCES, *(step for step in STEPS if useful.get(step, True))]


def variant(step: str, faces: Faces, asked: NamedRecipe, device: torch.device) -> Callable[[], float | Tensor]:
    """A fresh network under one of REFERENCES or STEPS: each call trains it for an epoch and returns the loss."""
    recipe = asked.recipe
    model = build_model(asked.model, len(faces.classes), asked.dropout).to(device)
    optimizer = torch.optim.Adam(model.parameters(), recipe.learning_rate)
    if step in REFERENCES:
        loader = reference_loader(faces, recipe, REFERENCES[step], device)
        return lambda: reference_epoch(model, optimizer, loader)
    generator = torch.Generator(device).manual_seed(0)
    chosen = make_augment(recipe)
    images, labels = on_device(faces, device)

    def augment(x: Tensor) -> Tensor:
        with record_function("augmentation"):  # a name for the profiler
            return chosen(x, generator)

    def data() -> Iterable[tuple[Tensor, Tensor]]:
        return batches(images, labels, recipe.batch_size, generator)

    reached = STEPS[: STEPS.index(step) + 1]  # each step keeps what those before it changed
    if "channels last" not in reached:
        return lambda: reference_epoch(model, optimizer, ((augment(to_tensor(x)), y) for x, y in data()))
    model.to(memory_format=torch.channels_last)
    precision = choose_precision(recipe.precision, device) if "bfloat16" in reached else "float32"
    if "fused Adam" in reached:
        optimizer, _ = make_optimizer(model, recipe, steps=1)
    learner = recorded(model, recipe.batch_size, precision) if "recorded" in reached else model
    if step == "limit":
        ready = [(augment(to_tensor(x))[:, 0] * 255, y) for x, y in data()]
        return lambda: train_epoch(learner, optimizer, ready, lambda x: x, precision)
    return lambda: train_epoch(learner, optimizer, data(), augment, precision)


def measure(steps: Sequence[str], faces: Faces, asked: NamedRecipe, repeats: int, device: torch.device) -> pd.DataFrame:
    """The speed of an epoch under each step, `repeats` times, the steps taking turns; a first round is not counted.

    Columns: step, repeat, images_per_s, peak_mb (of the step's process so far, without its loader's workers, or of the
    GPU's memory; NaN where the system does not say).
    """
    rows = []
    with ExitStack() as stack:
        pools = {step: stack.enter_context(fresh_process()) for step in steps}
        threads = torch.get_num_threads()
        for start in [pools[step].submit(_start, step, faces, asked, device, threads) for step in steps]:
            start.result()
        for repeat in range(repeats + 1):
            turn = repeat % len(steps)
            for step in [*steps[turn:], *steps[:turn]]:
                seconds, peak = pools[step].submit(_timed_epoch).result()
                rows.append((step, repeat, len(faces) / seconds, peak))
    table = pd.DataFrame(rows, columns=["step", "repeat", "images_per_s", "peak_mb"])
    return table[table["repeat"] > 0].reset_index(drop=True)


def _start(step: str, faces: Faces, asked: NamedRecipe, device: torch.device, threads: int) -> None:
    global _epoch
    torch.set_num_threads(threads)
    if step in STEPS[STEPS.index("freed memory kept"):]:
        keep_memory()
    _epoch = variant(step, faces, asked, device)


def _timed_epoch() -> tuple[float, float]:
    start = time.perf_counter()
    float(_epoch())  # a number in Python, so that a GPU's work is waited for
    return time.perf_counter() - start, peak_memory()


def summary(times: pd.DataFrame) -> pd.DataFrame:
    """One row a step of `measure`, in order, of the two references the faster one: medians, extremes, seconds saved.

    Columns: step, images_per_s, low, high, seconds (for 1,000 images), saved (against the row above), peak_mb.
    """
    table = times.groupby("step", sort=False).agg(
        images_per_s=("images_per_s", "median"), low=("images_per_s", "min"), high=("images_per_s", "max"),
        peak_mb=("peak_mb", "max"))
    slower = table.loc[list(REFERENCES), "images_per_s"].idxmin()
    table = table.reindex([*REFERENCES, *STEPS]).drop(slower).dropna(subset="images_per_s")
    table.insert(3, "seconds", 1000 / table["images_per_s"])
    table.insert(4, "saved", -table["seconds"].diff())
    return table.reset_index(names="step")


def operators(epoch: Callable[[], float | Tensor], device: torch.device) -> pd.DataFrame:
    """What a pass over the data consists of: operator, milliseconds (of the device that computes), calls.

    An operator's time includes those it calls; "Python" is what remains of the pass.
    """
    on_gpu = device.type == "cuda"
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else it complains of a missing GPU
    float(epoch())
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as profiler:
        start = time.perf_counter()
        float(epoch())
        seconds = time.perf_counter() - start
    outer = [one for one in profiler.events() if one.cpu_parent is None and one.device_type == DeviceType.CPU]
    rows = [(one.name, (one.device_time_total if on_gpu else one.cpu_time_total) / 1000) for one in outer]
    table = pd.DataFrame(rows, columns=["operator", "milliseconds"])
    table = table.groupby("operator")["milliseconds"].agg(["sum", "size"]).set_axis(["milliseconds", "calls"], axis=1)
    table.loc["Python"] = [1000 * seconds - table["milliseconds"].sum(), 1]
    return table.sort_values("milliseconds", ascending=False).reset_index()


def products(asked: NamedRecipe, n_classes: int, device: torch.device) -> pd.DataFrame:
    """What the processor can do beside what each layer reaches, in billions of operations a second (GFLOP/s).

    Columns: layer; rows, inner, columns, the shape of its matrix product for one batch; product, such a product by
    itself; reached, the layer in training, there and back; work, its operations in 10^9.
    """
    keep_memory()
    model = build_model(asked.model, n_classes, asked.dropout).to(device, memory_format=torch.channels_last)
    kind, passed, table = getattr(torch, choose_precision(asked.recipe.precision, device)), [], []
    multiply = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(lambda *passing: passed.append(passing)) for layer in multiply]
    model(torch.rand(asked.recipe.batch_size, 1, 48, 48, device=device).contiguous(memory_format=torch.channels_last))
    for hook, (layer, (x,), output) in zip(hooks, passed, strict=True):
        hook.remove()
        inputs_too = layer is not multiply[0]  # nobody asks how the images should change
        x, change = x.detach().to(kind).requires_grad_(inputs_too), torch.ones_like(output, dtype=kind)
        columns, inner = len(layer.weight), layer.weight[0].numel()
        rows = output.numel() // columns
        a = torch.rand(rows, inner, device=device, dtype=kind)
        b = torch.rand(inner, columns, device=device, dtype=kind)
        once, passes = 2 * rows * inner * columns / 1e9, 3 if inputs_too else 2
        product = once / median_seconds(torch.matmul, a, b)
        in_training = median_seconds(lambda layer, x, change: layer(x).backward(change), layer.to(kind), x, change)
        table.append((type(layer).__name__, rows, inner, columns, product, passes * once / in_training, passes * once))
    return pd.DataFrame(table, columns=["layer", "rows", "inner", "columns", "product", "reached", "work"])

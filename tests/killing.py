"""Small trainings in processes of their own, which tests kill, and let meet each other."""

import os
import signal
import time
from multiprocessing import get_context
from pathlib import Path

import torch
from making import bands

from fer_utils.data import Split, load_faces, split
from fer_utils.lessons import trained
from fer_utils.recipes import NamedRecipe
from fer_utils.runs import Run
from fer_utils.training import Recipe

CONTEXT = get_context("forkserver")
# Each would import these itself, which takes longer than a training: dynamo comes with the first step.
CONTEXT.set_forkserver_preload(["fer_utils.lessons", "torch._dynamo"])
NETWORK = """
from torch import nn


class Small(nn.Sequential):
    def __init__(self, n_classes, dropout=0.5):
        super().__init__(nn.Conv2d(1, 8, 3, stride=4), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Dropout(dropout),
                         nn.Linear(8 * 12 * 12, n_classes))
"""
RECIPE = Recipe(epochs=4, batch_size=16, learning_rate=0.01, precision="float32", averaging=0.9, schedule="one_cycle")


def train(home: Path, run: str, seed: int = 0, log: Path | None = None, recipe: Recipe = RECIPE, data: str = "",
          begun=None) -> None:
    """Train under the home, the poster's network on `data` or a small one; each line logged is appended to `log`."""
    torch.set_num_threads(1)
    os.environ["FER_HOME"] = str(home)
    os.chdir(home)
    parts = split(load_faces(data, verbose=False)) if data else (
        Split(bands(64), bands(32, seed=1), bands(3, seed=2)))

    def say(line: str) -> None:
        if log:
            with log.open("a") as file:
                file.write(f"{line}\n")

    if begun:
        begun.set()
    asked = NamedRecipe("PosterCNN", 0.5, recipe) if data else NamedRecipe("small_net:Small", 0.3, recipe)
    trained(Run.open(run), parts, asked, seed, "cpu", say)


def start(*arguments, **options):
    """Begin `train` in a process of its own; it has imported everything when this returns."""
    begun = CONTEXT.Event()
    process = CONTEXT.Process(target=train, args=arguments, kwargs=options | {"begun": begun})
    process.start()
    assert begun.wait(600)
    return process


def killed_after(seconds: float, *arguments, **options) -> bool:
    """Begin `train`, and kill it after so many seconds; returns whether it was still at work."""
    process = start(*arguments, **options)
    time.sleep(seconds)
    process.kill()  # by SIGKILL, if it is still there
    process.join()
    return process.exitcode == -signal.SIGKILL

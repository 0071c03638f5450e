"""What `reports/verify.py` works on: the files of a run, and values beside the same computed again."""

import math
from collections.abc import Iterator
from functools import cached_property
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
import pandas as pd

from fer_utils.data import Faces, load_faces
from fer_utils.evaluation import clean_part
from fer_utils.runs import Training
from reports.figures.build import Kept, Missing

TOLERANCE = 1e-9
"""Relative, for what the same numbers give again; around 0 it is 1e-12."""


class Compared(NamedTuple):
    """A value beside the same computed again from `source`; where: its file and its keys, with slashes.

    The tolerance is relative unless it is `absolute`.
    """

    where: str
    stored: object
    again: object
    source: str
    absolute: float = 0.0

    @property
    def agrees(self) -> bool:
        numbers = isinstance(self.stored, int | float) and isinstance(self.again, int | float)
        if not numbers:
            return self.stored == self.again
        return math.isclose(self.stored, self.again, rel_tol=TOLERANCE, abs_tol=max(1e-12, self.absolute))


class Unknown(NamedTuple):
    """What cannot be computed again, as a pattern with stars, and the reason."""

    where: str
    reason: str


def compare(source: str, where: str, stored, again) -> Iterator[Compared]:
    """A Compared for each value inside `again`; what `stored` holds beside it is left to other checks."""
    if isinstance(again, dict):
        there = stored if isinstance(stored, dict) else {}
        for key, value in again.items():
            yield from compare(source, f"{where}/{key}", there.get(key), value)
    elif isinstance(again, list | tuple):
        for i, (one, other) in enumerate(zip_longest(stored if isinstance(stored, list) else [], again)):
            yield from compare(source, f"{where}/{i}", one, other)
    else:
        yield Compared(where, stored, again, source)


class Evidence(Kept):
    """What a run keeps and, where they are given, its faces. What is not there raises Missing with the reason."""

    @cached_property
    def given(self) -> Faces:
        """The faces that --data names, whether or not they are the run's."""
        if not self.data:
            raise Missing("it needs the data: name them by --data PATH")
        return load_faces(self.data, self.classes, verbose=False)

    @property
    def faces(self) -> Faces:
        if self.given.fingerprint != self.known["fingerprint"]:
            raise Missing("the data that --data names are not the run's")
        return self.given

    @cached_property
    def test(self) -> Faces:
        """The test images without their pixels: labels and usage, from metrics/test_images.csv or the data."""
        path = self.run.path / "metrics" / "test_images.csv"
        if not path.is_file():
            return self.faces.test
        table = pd.read_csv(path)
        return self._without_pixels(table["label"].to_numpy(), table["usage"].to_numpy(str))

    @cached_property
    def train(self) -> Faces:
        """The training images as run.json counts them, without their pixels."""
        counts = self.known["counts"]["Training"]
        labels = np.repeat(range(len(self.classes)), [counts[name] for name in self.classes])
        return self._without_pixels(labels, np.full(len(labels), "Training"))

    def _without_pixels(self, labels: np.ndarray, usage: np.ndarray) -> Faces:
        images = np.broadcast_to(np.uint8(0), (len(labels), 48, 48))
        names = np.arange(len(labels)).astype(str)
        return Faces(images, labels, usage, names, tuple(self.classes), drawn=self.run.drawn)

    @cached_property
    def clean_of_all(self) -> np.ndarray:
        """Which test images are free of leaks from training images of all expressions, bool (N,)."""
        judged = self.faces.test.names
        everybody = load_faces(self.data, "all", verbose=False)
        seen = (everybody.usage == "Training") | np.isin(everybody.names, judged)
        return clean_part(everybody.take(seen))

    def predictions(self, name: str, seed: int) -> np.ndarray:
        """Probabilities of the test images, float32 (N, classes)."""
        kept = self.run.read_predictions(name, seed)
        if kept is None:
            raise Missing(f"metrics/predictions/{name}-seed{seed}.csv is not there, or has no labels")
        return kept[1]

    def trainings(self) -> list[Training]:
        return [self.run.training(path.parent.name) for path in sorted(self.run.path.glob("trainings/*/recipe.json"))]

    def scored(self) -> dict[str, dict]:
        """The entries of evaluation.json that are scores of test images, by training: those images have labels."""
        entries = self.metrics["evaluation"].items()
        return {name: one for name, one in entries if name != "baselines" and (
            one["scored_on"] == "test" or self.run.read_predictions(name, one["chosen_seed"]) is not None)}

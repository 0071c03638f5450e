"""Settings that a reader gives, checked: each function raises CourseError with one sentence where a value is wrong."""

import math
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from textwrap import shorten

from fer_utils import CourseError

RANGES = {"epochs": (1, 100_000), "batch_size": (2, 1_000_000), "learning_rate": (1e-9, 10), "degrees": (0, 180),
          "weight_decay": (0, 10), "label_smoothing": (0, 0.99), "averaging": (0, 0.9999), "shift": (0, 48),
          "scale": (0, 0.99), "erase": (0, 1), "photometric": (0, 1), "cutmix": (0, 1), "taught": (0, 1)}
"""The lowest and highest value of each number in a recipe."""
CHOICES = {"interpolation": ("nearest", "bilinear"), "optimizer": ("adam", "adamw", "muon"),
           "schedule": ("constant", "one_cycle"), "precision": ("auto", "float32", "bfloat16"),
           "class_weights": ("none", "balanced")}


def number(kind: type, name: str, value, low: float, high: float) -> int | float:
    """`value` as a number of this kind, int or float, from `low` to `high`."""
    try:
        found = float(value)
    except (OverflowError, TypeError, ValueError):
        found = math.nan
    if not low <= found <= high or kind(found) != found:
        whole = "whole " if kind is int else ""
        raise CourseError(f"{name} is {repr(value)[:50]}: give a {whole}number from {low:,} to {high:,}.")
    return kind(found)


def seed(value) -> int:
    """`value` as a seed, which numpy and scikit-learn take below 2 ** 32 only."""
    return number(int, "seed", value, 0, 2**32 - 1)


def seeds_from(first: int, count: int, least: int = 1) -> range:
    """`count` seeds from `first` on, at least so many and at most a thousand."""
    return range(seed(first), seed(first) + number(int, "seeds", count, least, 1000))


def yes_or_no(name: str, value) -> bool:
    if value not in (True, False):
        raise CourseError(f"{name} is {repr(value)[:50]}: choose True or False.")
    return bool(value)


def check_parameters(cells: dict) -> None:
    """Raise CourseError for the first parameter of a notebook that is not of the type which its settings declare.

    cells: the notebook's `globals()`. A whole number may stand for a float.
    """
    for name, kind in cells.get("__annotations__", {}).items():
        value = cells.get(name)
        whole_for_float = kind is float and type(value) is int
        if type(value) is not kind and not whole_for_float:
            raise CourseError(f"The parameter {name} is of type {kind.__name__}, which {repr(value)[:50]} is not: "
                              "change it in the settings, or in what papermill was given.")


def one_of(name: str, value: str, valid: Sequence[str]) -> None:
    if value not in valid:
        raise CourseError(f"{name} is {repr(value)[:50]}: choose {' or '.join(valid)}.")


def to_choose(name: str, valid: Iterable[str]) -> str:
    """The valid names in at most 200 characters, those most like `name` first; "none" where there are none."""
    names = list(valid)
    alike = get_close_matches(name, names)
    return shorten(", ".join([*alike, *(one for one in names if one not in alike)]) or "none", 200, placeholder=" ...")


def networks(network, teacher, taught: float) -> None:
    """Raise CourseError unless the network has weights to train, and a teacher where the recipe asks for one."""
    if not any(weight.requires_grad for weight in network.parameters()):
        raise CourseError(f"{type(network).__name__} has no weights that training may change: give one with some.")
    if bool(taught) != (teacher is not None):
        there = "no" if teacher is None else "a"
        raise CourseError(f"taught is {taught:g} in the recipe, and there is {there} teacher: give a share above 0 and "
                          "a network as teacher, or neither.")


def labelled(*parts) -> None:
    """Raise CourseError where a face to learn from or to choose by has no label; parts: Faces, or None."""
    for part in parts:
        unknown = int((part.labels_or_unknown() < 0).sum()) if part else 0
        if unknown:
            raise CourseError(f"{unknown:,} of the {len(part):,} images from {part.source} have no label: a training "
                              "needs one for each image to learn from and to choose by. Take those that have one.")


def learning(epoch: int, *losses: float) -> None:
    """Raise CourseError where a loss of the epoch is infinite or no number: nothing can be learnt from it."""
    if not all(map(math.isfinite, losses)):
        raise CourseError(f"The training ends in epoch {epoch}, whose loss is no finite number: give a lower "
                          "learning_rate. The best weights of epochs before it, if any, are kept.")

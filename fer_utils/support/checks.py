"""Settings that a reader gives, checked: each function raises CourseError with one sentence where a value is wrong."""

import math
from collections.abc import Sequence

from fer_utils import CourseError


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
        raise CourseError(f"{name} is {value!r}: choose True or False.")
    return bool(value)


def one_of(name: str, value: str, valid: Sequence[str]) -> None:
    if value not in valid:
        raise CourseError(f"{name} is {value!r}: choose {' or '.join(valid)}.")


def learning(epoch: int, *losses: float) -> None:
    """Raise CourseError where a loss of the epoch is infinite or no number: nothing can be learnt from it."""
    if not all(map(math.isfinite, losses)):
        raise CourseError(f"The training ends in epoch {epoch}, whose loss is no finite number: give a lower "
                          "learning_rate. The best weights of the epochs before it are kept.")

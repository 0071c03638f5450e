"""Settings that a reader gives, checked: each function raises CourseError with one sentence where a value is wrong."""

import math
from collections.abc import Sequence

from fer_utils import CourseError


def number(kind: type, name: str, value) -> int | float:
    """`value` as a finite number of this kind, int or float."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found) or kind(found) != found:
        raise CourseError(f"{name} is {value!r}: give a {'whole ' if kind is int else ''}number.")
    return kind(found)


def one_of(name: str, value: str, valid: Sequence[str]) -> None:
    if value not in valid:
        raise CourseError(f"{name} is {value!r}: choose {' or '.join(valid)}.")


def at_least(name: str, value: float, lowest: float) -> None:
    if value < lowest:
        raise CourseError(f"{name} is {value}: it must be at least {lowest}.")


def above_zero(name: str, value: float) -> None:
    if value <= 0:
        raise CourseError(f"{name} is {value}: it must be above 0.")


def share(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise CourseError(f"{name} is {value}: it must be at least 0 and below 1.")

"""Checks of the exercises, one module a notebook: each tries an answer on cases and says in one sentence what is wrong.

A check prints one line where the answer is right and raises `NotYet` where it is not. Read the cases if you like: what
is expected of an answer is in them, the answer is not.
"""

import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import shorten, wrap

import numpy as np
import torch

from fer_utils import brief

GREEN = "\x1b[1;38;2;0;139;64m"
"""Bold, in a green that can be read on white and on a dark page alike. (A failed check stands on red already.)"""


class NotYet(AssertionError):
    """An answer that is not right yet: what came, for which input, and what was expected, in one sentence."""

    def _render_traceback_(self) -> list[str]:
        """What Jupyter shows: the sentence, in lines that break between words, without the way through the check."""
        return ["\x1b[1m✗ Not yet.\x1b[0m", *wrap(str(self), 95)]


def passed(what: str) -> None:
    """Print the one line of an answer that is right, in green."""
    print(f"{GREEN}✓ {what}\x1b[0m")


def see(holds: bool, case: str, came: str, wanted: str) -> None:
    """Raise NotYet unless it holds, as "For <case>, <came>; expected: <wanted>."."""
    if not holds:
        raise NotYet(f"For {case}, {came}; expected: {wanted}.")


def ask(function: Callable, *inputs, case: str, wanted: str, **options):
    """What the learner's function returns for the inputs; NotYet where it raises, returns None, or is no function.

    case: the inputs in words; wanted: what it should return, in words.
    """
    see(callable(function), case, f"{shown(function)} came instead of a function", f"one that returns {wanted}")
    try:
        got = function(*inputs, **options)
    except Exception as error:
        raise NotYet(f"For {case}, your code raised {brief(error)}{_line(error)}; expected: {wanted}.") from error
    see(got is not None, case, "your function returned None, as one does that has no return", wanted)
    return got


def _line(error: Exception) -> str:
    """The learner's line that the error came from, in words; nothing where it is not known."""
    package = Path(__file__).parents[1]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.line
              and package not in Path(frame.filename).parents and "site-packages" not in frame.filename]
    return f" in the line `{shorten(frames[-1].line, 70, placeholder=' ...')}`" if frames else ""


def shown(value) -> str:
    """A value in at most 60 characters, a tensor by its type and shape."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return f"{'a tensor' if isinstance(value, torch.Tensor) else 'an array'} of shape {tuple(value.shape)}"
    return "nothing (None)" if value is None else shorten(repr(value), 60, placeholder=" ...")


def written(number: float) -> str:
    """A number as a sentence has it, a whole one in full."""
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:.6g}"


def see_number(got, wanted: float, case: str, hints: dict[float, str] | None = None, within: float = 1e-6) -> None:
    """Raise NotYet unless `got` is a number within so much of `wanted`.

    hints: wrong values and how one gets them; one that is right by chance in this case counts for nothing.
    """
    try:
        number = float(got.detach() if isinstance(got, torch.Tensor) else got)
    except (TypeError, ValueError, RuntimeError):
        see(False, case, f"{shown(got)} came", f"one number, {wanted:.6g}")
    wrong = {value: how for value, how in (hints or {}).items() if abs(value - wanted) > within}
    hint = next((f", which is {how}" for value, how in wrong.items() if abs(number - value) <= within), "")
    hint = ", which is what 0 / 0, inf / inf or the mean of nothing gives" if np.isnan(number) else hint
    see(number == wanted or abs(number - wanted) <= within, case, f"{written(number)} came{hint}", written(wanted))


def see_array(got, wanted: Sequence, case: str, within: float = 1e-6, hint: str = "") -> None:
    """Raise NotYet unless `got` has the shape of `wanted` and its values within so much; names the first that differs.

    got: an array, a tensor or a list.
    """
    wanted = np.asarray(wanted)
    try:
        values = np.asarray(got.detach().cpu() if isinstance(got, torch.Tensor) else got, dtype=float)
    except (TypeError, ValueError):
        see(False, case, f"{shown(got)} came", f"numbers of shape {wanted.shape}")
    see(values.shape == wanted.shape, case, f"numbers of shape {values.shape} came", f"shape {wanted.shape}{hint}")
    wrong = np.argwhere(~np.isclose(values, wanted, rtol=0, atol=within))
    if len(wrong):
        place = tuple(wrong[0].tolist())
        where = f"at place {list(place)} " if place else ""
        see(False, case, f"{values[place]:.6g} came {where}".rstrip(), f"{wanted[place]:.6g}{hint}")


def see_tensor(got, shape: Sequence[int], dtype: torch.dtype, case: str, hint: str = "") -> None:
    """Raise NotYet unless `got` is a tensor of this shape and dtype."""
    see(isinstance(got, torch.Tensor), case, f"{shown(got)} came", f"a tensor of shape {tuple(shape)}")
    see(got.shape == tuple(shape), case, f"shape {tuple(got.shape)} came", f"shape {tuple(shape)}{hint}")
    see(got.dtype == dtype, case, f"dtype {got.dtype} came", f"{dtype}")


def see_indices(got, wanted: Sequence[int], case: str) -> None:
    """Raise NotYet unless `got` holds these indices, in any order."""
    found = np.asarray(got)
    see(found.ndim > 0, case, f"{shown(found.tolist())} came", f"the indices {wanted}")
    see(found.dtype != bool, case, "truth values came", f"the indices {wanted} (np.flatnonzero makes them)")
    found = sorted(found.ravel().tolist())
    came = f"{found}" if len(found) <= 15 else f"{found[:10]} and {len(found) - 10} more, up to {found[-1]},"
    see(found == wanted, case, f"{came} came", f"{wanted}")

"""The thin package behind the notebooks of the facial expression course.

Read in this order: `data` (faces, split, audit), `augment`, `models`, `training` (the loop), `evaluation`; `shifts` and
`photos` for new faces, `saliency` for where a network looks; then `recipes`, `speed` and `runs`, the folder that keeps
results. `lessons` is what the notebooks share, `figures` draws, `exercises` checks answers. `support` holds what these
stand on and `tools` what runs them; what a lesson needs of these two, its notebook shows.
Nothing heavy is imported here: take what you need from its module, as in `from fer_utils.data import load_faces`.
"""

import os
from textwrap import shorten

__version__ = "1.0.0"

# Threads that wait for each other spin by default, and so keep cores from other work. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class CourseError(ValueError):
    """An error that the user can fix: one sentence that says what was wrong, where, and what to do."""


def brief(error: BaseException) -> str:
    """An error's kind and words, on one line of at most 150 characters, for a sentence that quotes it."""
    return shorten(f"{type(error).__name__}: {error}", 150, placeholder=" ...").removesuffix(":")


def count(n: int, what: str) -> str:
    """A number with its noun: "1 seed", "5 seeds"."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"

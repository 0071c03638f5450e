"""The figures of the course: one module a notebook, one function a figure; `parts` has what they share.

Every function returns a matplotlib `Figure` and saves nothing: `Run.save_figure` does. They are drawn at the width of
one column or of two, in type of 7 points or more, and are never scaled. The first colours are Okabe & Ito's (2008),
which readers with any of the common colour-vision deficiencies can tell apart; further ones are Paul Tol's.
"""

from collections.abc import Iterable
from itertools import cycle
from pathlib import Path

import matplotlib.pyplot as plt

ONE_COLUMN, TWO_COLUMNS = 89, 183
"""Widths in millimetres that journals print: a column, and the whole page."""
INK, GREY, PALE = "#222222", "#6B6B6B", "#DDDDDD"
GREEN = "#009E73"
OURS, POSTER = "#0072B2", "#D55E00"
"""Wherever this course's numbers and the poster's share a figure."""
DASHED = (0, (4, 2))
EXPRESSIONS = {"Angry": "#D55E00", "Disgust": "#009E73", "Fear": "#CC79A7", "Happy": "#E69F00", "Sad": "#56B4E9",
               "Surprise": "#882255", "Neutral": "#0072B2"}
PALETTE = [*EXPRESSIONS.values(), "#332288", "#999933", "#117733", "#88CCEE", "#AA4499", "#444444"]


def class_colours(classes: Iterable[str]) -> dict[str, str]:
    """A colour for each class, in their order: FER2013's expressions have their own, other names take what is left.

    After thirteen classes the colours begin again.
    """
    names = list(classes)
    taken = [EXPRESSIONS[name] for name in names if name in EXPRESSIONS]
    others = cycle([colour for colour in PALETTE if colour not in taken])
    return {name: EXPRESSIONS[name] if name in EXPRESSIONS else next(others) for name in names}


def use_style() -> None:
    """Give every figure drawn from now on the look of the course."""
    plt.style.use(Path(__file__).with_name("course.mplstyle"))

"""The figures of the course: one module a notebook, one function a figure; `parts` has what they share.

Every function returns a matplotlib `Figure` and saves nothing: `Run.save_figure` does. They are drawn at the width of
one column or of two, in type of 7 points or more, and are never scaled. The first colours are Okabe & Ito's (2008),
which readers with any of the common colour-vision deficiencies can tell apart; further ones are Paul Tol's.

To add one, write it into its notebook's module, and an example into tests/figures/gallery.py, which draws every figure.
"""

import re
from collections.abc import Callable, Iterable
from functools import wraps
from itertools import cycle
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

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


def luminance(colour: str | tuple) -> float:
    """How light a colour is, from 0 to 1, as WCAG 2 defines it."""
    red, green, blue = (part / 12.92 if part <= 0.04 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ink_on(colour: str | tuple) -> str:
    """White or black, whichever has the greater contrast with `colour`: it is 4.5:1 or more."""
    return "white" if luminance(colour) < 0.179 else "black"


def use_style() -> None:
    """Give every figure drawn from now on the look of the course."""
    plt.style.use(Path(__file__).with_name("course.mplstyle"))


def shows(data: bool = True, faces: bool = False) -> Callable:
    """Decorate a function that draws, so that its Figure knows what it shows.

    `figure.alt`, the text for readers who do not see it, is the first sentence of the function's docstring;
    `figure.data` tells whether it shows anything of the run's data, and `figure.photo` whether single faces are seen.
    """
    def decorate(function: Callable[..., Figure]) -> Callable[..., Figure]:
        sentence = re.split(r"(?<=\.)\s", function.__doc__, maxsplit=1)[0]

        @wraps(function)
        def draw(*arguments, **options) -> Figure:
            figure = function(*arguments, **options)
            figure.alt, figure.data = " ".join(sentence.split()), data
            figure.photo = faces or getattr(figure, "photo", False)  # some know only by what they are given
            return figure

        return draw

    return decorate

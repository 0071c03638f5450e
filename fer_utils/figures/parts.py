"""What the figures share: paper of two widths, what a figure knows of itself, and the parts that many are made of."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import wraps

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_utils.figures import GREY, INK, POSTER

ONE_COLUMN, TWO_COLUMNS = 89, 183
"""Widths in millimetres that journals print: a column, and the whole page."""
DASHED = (0, (4, 2))


def canvas(width: float, height_mm: float, rows: int = 1, columns: int = 1, **options) -> tuple[Figure, Axes]:
    """A figure of `width` (ONE_COLUMN or TWO_COLUMNS) by `height_mm` and its axes, as `plt.subplots` gives them."""
    return plt.subplots(rows, columns, figsize=(width / 25.4, height_mm / 25.4), layout="constrained", **options)


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
            figure.photo = faces or getattr(figure, "photo", False)  # some can tell only from what they are given
            return figure

        return draw

    return decorate


def named_rows(axes: Axes, names: Iterable[str]) -> None:
    """Rows 0, 1, ... from the top, with their names at the left and lines for the eye up and down."""
    names = list(names)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


def interval(axes: Axes, value: float, ends: Sequence[float] | None, row: float, colour: str, note: str = "") -> None:
    """A dot at `value` in a row, on a bar between `ends` where there are any; `note` stands at the row's right end."""
    if ends is not None:
        axes.plot(ends, [row, row], color=colour, linewidth=3, alpha=0.35, solid_capstyle="round")
    axes.plot(value, row, "o", color=colour, markersize=4.5)
    axes.text(1.02, row, note, transform=axes.get_yaxis_transform(), va="center", color=colour)


def reference_line(axes: Axes, label: str, x: float | None = None, y: float | None = None, colour: str = POSTER) -> None:
    """A dashed line down at `x`, its label in a row of its own above the others, or across at `y`, labelled on it."""
    style = {"color": colour, "linewidth": 1, "linestyle": DASHED, "zorder": 0.5}
    if x is not None:
        axes.axvline(x, **style)
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom, top - 0.7)
        low, high = axes.get_xlim()
        side, shift = ("right", -3) if x > (low + high) / 2 else ("left", 3)
        axes.annotate(label, (x, top - 0.3), (shift, 0), textcoords="offset points", ha=side, va="center", color=colour,
                      bbox={"facecolor": "white", "pad": 0.5})
    else:
        axes.axhline(y, **style)
        axes.annotate(label, (1, y), (0, 2), xycoords=axes.get_yaxis_transform(), textcoords="offset points",
                      ha="right", color=colour)


def band(axes: Axes, history: pd.DataFrame, column: str, colour: str, label: str) -> None:
    """The mean of `column` over the seeds at each epoch, and a band of one standard deviation around it."""
    import seaborn as sns  # here, as in the functions below, since few figures need it

    sns.lineplot(history, x="epoch", y=column, errorbar="sd", color=colour, label=label, legend=False, ax=axes)


def heat_map(axes: Axes, table: pd.DataFrame, notes: np.ndarray, colours: str, **limits: float) -> None:
    """The numbers of `table` as colours, with the text of `notes` (an array of the same shape) in each field."""
    import seaborn as sns

    sns.heatmap(table, annot=notes, fmt="", cmap=colours, cbar=False, linewidths=0.8, ax=axes,
                annot_kws={"linespacing": 1.3}, **limits)
    axes.tick_params(length=0, rotation=0)


def histogram(axes: Axes, values: np.ndarray, colour: str, **options) -> None:
    """The outline of a histogram on the scale of a density; `options` go to `seaborn.histplot`."""
    import seaborn as sns

    sns.histplot(x=values, stat="density", element="step", color=colour, ax=axes, **options)
    axes.set(ylabel="", yticks=[])
    axes.spines["left"].set_visible(False)


def show_face(axes: Axes, image: np.ndarray, title: str = "", colour: str = INK) -> None:
    """Draw a (48, 48) grey image, 0 black to 255 white, without axes; `title` above it."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    bare(axes)
    axes.set_title(title, color=colour, fontsize=7.5, fontweight="normal", loc="center", pad=3)


def bare(axes: Axes) -> None:
    """Take the ticks and the frame away."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)

"""The parts that many figures are made of: paper of two widths, rows, lines, bands, maps and faces."""

from collections.abc import Collection, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from fer_utils.figures import DASHED, GREY, INK, OURS, POSTER, ink_on

GROUND = {"facecolor": "white", "pad": 0.5}  # behind a text through which a line would run
BAND = "band: ± one standard deviation over the seeds"


def canvas(width: float, height_mm: float, rows: int = 1, columns: int = 1, **options) -> tuple[Figure, Axes]:
    """A figure of `width` (ONE_COLUMN or TWO_COLUMNS) by `height_mm` and its axes, as `plt.subplots` gives them."""
    return plt.subplots(rows, columns, figsize=(width / 25.4, height_mm / 25.4), layout="constrained", **options)


def pictures(width: float, height_mm: float, rows: int, columns: int) -> tuple[Figure, np.ndarray]:
    """A canvas for pictures: its axes, always (rows, columns), have neither ticks nor frames."""
    figure, grid = canvas(width, height_mm, rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    return figure, grid


def show_face(axes: Axes, image: np.ndarray, title: str = "", colour: str = INK, **look) -> AxesImage:
    """Draw a (48, 48) grey image, 0 black to 255 white, without axes; `title` above it. `look` goes to imshow."""
    drawn = axes.imshow(image, **{"cmap": "gray", "vmin": 0, "vmax": 255} | look)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    caption(axes, title, color=colour)
    return drawn


def caption(axes: Axes, text: str, **look) -> None:
    """A line or two in small type above a picture."""
    axes.set_title(text, **{"fontsize": 7.5, "fontweight": "normal", "loc": "center", "pad": 3} | look)


def named_rows(axes: Axes, names: Collection[str]) -> None:
    """Rows 0, 1, ... from the top, with their names at the left and lines for the eye up and down."""
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
    axes.text(1.02, row, note, transform=axes.get_yaxis_transform(), va="center")


def paired_rows(axes: Axes, found: dict[str, dict]) -> None:
    """A row for each comparison, in points: the mean of its pairs, with interval, and a tick for each pair if given.

    found: by name `difference`, `difference_ci` (a pair or None) and perhaps `gaps`, all as shares.
    """
    named_rows(axes, found)
    axes.axvline(0, color=INK, linewidth=0.9)
    for row, entry in enumerate(found.values()):
        middle, ends = 100 * entry["difference"], entry["difference_ci"]
        interval(axes, middle, ends and [100 * end for end in ends], row, OURS, f"{middle:+.2f}".replace("-", "−"))
        gaps = [100 * gap for gap in entry.get("gaps", [])]
        axes.plot(gaps, [row + 0.28] * len(gaps), "|", color=INK, markersize=6)


def reference_line(axes: Axes, label: str, x: float) -> None:
    """A dashed line at `x` under rows, up to its label, which has a row of its own above the others."""
    bottom, top = axes.get_ylim()
    axes.plot([x, x], [bottom, top - 0.6], color=POSTER, linewidth=1, linestyle=DASHED, zorder=0.5)
    axes.set_ylim(bottom, top - 0.7)
    side, shift = ("right", -3) if x > np.mean(axes.get_xlim()) else ("left", 3)
    axes.annotate(label, (x, top - 0.3), (shift, 0), textcoords="offset points", ha=side, va="center", color=POSTER,
                  bbox=GROUND)


def band(axes: Axes, history: pd.DataFrame, column: str, colour: str, label: str) -> None:
    """The mean of `column` over the seeds at each epoch, and a band of one standard deviation around it."""
    import seaborn as sns  # here, as in the functions below, since few figures need it
    dot = {"marker": "o", "markeredgecolor": colour} if history["epoch"].nunique() == 1 else {}  # no line to be seen
    sns.lineplot(history, x="epoch", y=column, errorbar="sd", color=colour, label=in_legend(label), legend=False,
                 ax=axes, **dot)
    if history["seed"].nunique() > 1 and BAND not in axes.get_legend_handles_labels()[1]:
        axes.fill_between([], [], color=GREY, alpha=0.25, label=BAND)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(True, axis="y")  # without True a second call would take the lines away


def in_legend(name: str) -> str:
    """The name as a legend shows it: matplotlib leaves out names that begin with an underscore."""
    return f"\u200b{name}" if name.startswith("_") else name


def heat_map(axes: Axes, table: pd.DataFrame, notes: np.ndarray, **limits: float) -> None:
    """The numbers of `table` as shades of blue, with the text of `notes` (an array of its shape) in each field."""
    import seaborn as sns
    sns.heatmap(table, annot=notes, fmt="", cmap="Blues", cbar=False, linewidths=0.8, ax=axes,
                annot_kws={"linespacing": 1.3}, **limits)
    shades = axes.collections[0].get_facecolors()[np.ravel(table.notna())]  # a field without a number has no text
    for text, shade in zip(axes.texts, shades, strict=True):
        text.set_color(ink_on(shade))
    axes.tick_params(length=0, rotation=0)


def histogram(axes: Axes, values: np.ndarray, colour: str, label: str = "", **options) -> None:
    """A histogram on the scale of a density; `options` go to `seaborn.histplot`."""
    import seaborn as sns
    sns.histplot(x=values, stat="density", element="step", color=colour, label=in_legend(label), ax=axes, **options)
    axes.set(ylabel="", yticks=[])
    axes.spines["left"].set_visible(False)

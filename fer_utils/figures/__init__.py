"""The figures of the course: one module a notebook, one function a figure.

Every function returns a matplotlib `Figure` and saves nothing: `Run.save_figure` does. The colours are Okabe & Ito's
(2008), which readers with any of the common colour-vision deficiencies can tell apart.
"""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

CLASS_COLOURS = {"Angry": "#D55E00", "Happy": "#E69F00", "Neutral": "#0072B2"}
INK, GREY, PALE = "#222222", "#777777", "#DDDDDD"
GREEN = "#009E73"
OURS, POSTER = "#0072B2", "#D55E00"
"""Wherever this course's numbers and the poster's share a figure."""


def use_style() -> None:
    """Give every figure drawn from now on the look of the course."""
    plt.style.use(Path(__file__).with_name("course.mplstyle"))


def show_face(axes: Axes, image, title: str = "", colour: str = INK) -> None:
    """Draw a (48, 48) grey image, 0 black to 255 white, without axes; `title` above it."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_title(title, color=colour, fontsize=8, fontweight="normal", loc="center", pad=3)

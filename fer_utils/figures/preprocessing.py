"""Figures of notebook 02: from a face to a tensor."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from fer_utils import CLASSES
from fer_utils.figures import CLASS_COLOURS, GREY, INK, OURS, POSTER, show_face


def scaling(image: np.ndarray, row: int = 31, column: int = 18, size: int = 6) -> Figure:
    """A face (48, 48) uint8, and one small patch of it as bytes and as the same numbers divided by 255."""
    patch = image[row : row + size, column : column + size]
    fig, (face, *patches) = plt.subplots(1, 3, figsize=(7, 2.6))
    show_face(face, image)
    face.add_patch(plt.Rectangle((column - 0.5, row - 0.5), size, size, fill=False, ec=POSTER, lw=1.6))
    for axes, values, form in zip(patches, (patch, patch / 255), ("d", ".2f"), strict=True):
        show_face(axes, patch)
        for (i, j), value in np.ndenumerate(values):
            axes.text(j, i, format(value, form), ha="center", va="center", fontsize=7,
                      color="white" if patch[i, j] < 128 else INK)
    for axes, title in zip((face, *patches), ("48 × 48 grey levels", "uint8, 0 … 255", "float32, 0 … 1"), strict=True):
        axes.set_title(title, loc="center", fontsize=9)
    return fig


def size_argument(sizes: np.ndarray, explained: np.ndarray, chosen: int, whole_percent: np.ndarray) -> Figure:
    """How many of the poster's 19 printed accuracies each size of a validation set can explain.

    sizes, explained: int (M,); whole_percent: the sizes among them that are whole percentages of the training images.
    """
    fig, axes = plt.subplots(figsize=(7, 3.4))
    axes.plot(sizes, explained, ".", color="#BBBBBB", ms=2, label="any size")
    axes.plot(sizes, 19 * sizes / 10_000, color=GREY, lw=1.2, label="expected by luck")
    whole = np.isin(sizes, whole_percent)
    axes.plot(sizes[whole], explained[whole], "o", color=OURS, ms=4, label="a whole percentage of 16,175")
    axes.plot([chosen], [19], "o", color=POSTER, ms=8)
    axes.annotate(f"{chosen:,}: all 19", (chosen, 19), (-9, 0), textcoords="offset points", ha="right", va="center",
                  color=POSTER, fontweight="bold")
    axes.set(xlabel="images in the validation set", ylabel="printed accuracies explained", ylim=(-0.7, 20.5),
             yticks=(0, 5, 10, 15, 19))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.legend(loc="upper left")
    return fig


def stratification(random: np.ndarray, stratified: np.ndarray) -> Figure:
    """How far a validation part's mix is from the training images', in percentage points, by class.

    random: (R, 3), one row a plain random split; stratified: (3,), the course's split.
    """
    fig, axes = plt.subplots(figsize=(7, 2.2))
    scatter = np.random.default_rng(0).uniform(-0.27, 0.27, len(random))
    for k, colour in enumerate(CLASS_COLOURS.values()):
        axes.plot(random[:, k], k + scatter, ".", color=colour, ms=3, alpha=0.45)
        axes.plot([stratified[k]] * 2, [k - 0.36, k + 0.36], color=INK, lw=2)
    axes.annotate("stratified", (stratified[0], -0.36), (0, 4), textcoords="offset points", ha="center", va="bottom")
    limit = np.abs(random).max() * 1.1
    axes.set(yticks=range(3), yticklabels=CLASSES, ylim=(2.5, -0.8), xlim=(-limit, limit),
             xlabel="share in validation minus share in all training images (percentage points)")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0, labelsize=9)
    return fig


def rows_of_faces(rows: dict[str, np.ndarray], titles: list[str] | None = None) -> Figure:
    """Each entry's images (n, 48, 48), 0 to 255, in a row behind its name; `titles` stand above the columns."""
    columns = max(map(len, rows.values()))
    size = (7, 6.3 / columns * len(rows) + 0.2)
    fig, grid = plt.subplots(len(rows), columns, figsize=size, squeeze=False, subplot_kw={"frame_on": False})
    for row, (line, (name, images)) in enumerate(zip(grid, rows.items(), strict=True)):
        for axes, image, title in zip(line, images, titles or [""] * columns, strict=False):
            show_face(axes, image, "" if row else title)
        line[0].text(-0.1, 0.5, name, transform=line[0].transAxes, ha="right", va="center")
    return fig


def same_distribution(angles: dict[str, np.ndarray], means: dict[str, np.ndarray], degrees: float) -> Figure:
    """Two ways to augment: the share of angles up to each angle (left), and their mean image of one face (right)."""
    fig, (curve, *faces) = plt.subplots(1, 3, figsize=(7, 2.6), width_ratios=[1.7, 1, 1])
    for (name, values), colour, style in zip(angles.items(), (POSTER, OURS), ("-", "--"), strict=True):
        curve.plot(np.sort(values), np.linspace(0, 1, len(values)), color=colour, ls=style, label=name)
    ticks = np.linspace(-degrees, degrees, 5)
    curve.set(xlabel="angle (degrees)", ylabel="share of images up to it", xticks=ticks, ylim=(0, 1))
    curve.legend(loc="upper left")
    for axes, (name, image) in zip(faces, means.items(), strict=True):
        show_face(axes, image, f"mean of {len(angles[name]):,},\n{name}")
    return fig

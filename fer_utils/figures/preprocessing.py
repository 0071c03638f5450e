"""The figures of notebook 02: from a face to a tensor."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from fer_utils.figures import GREY, INK, ONE_COLUMN, OURS, POSTER, TWO_COLUMNS, class_colours, ink_on, shows
from fer_utils.figures.parts import GROUND, canvas, caption, named_rows, pictures, show_face


@shows(faces=True)
def scaling(image: np.ndarray, row: int = 31, column: int = 18, size: int = 6) -> Figure:
    """A face with a marked patch, the patch as bytes from 0 to 255, and the same numbers divided by 255.

    image: uint8 (48, 48).
    """
    patch = image[row : row + size, column : column + size]
    figure, (face, *patches) = canvas(TWO_COLUMNS, 66, columns=3)
    show_face(face, image, "48 × 48 grey levels")
    face.add_patch(plt.Rectangle((column - 0.5, row - 0.5), size, size, fill=False, ec=POSTER, lw=1.6))
    for axes, values, form, title in zip(patches, (patch, patch / 255), ("d", ".2f"),
                                         ("uint8, 0 … 255", "float32, 0 … 1"), strict=True):
        show_face(axes, patch, title)
        for (i, j), value in np.ndenumerate(values):
            axes.text(j, i, format(value, form), ha="center", va="center", color=ink_on(str(patch[i, j] / 255)))
    return figure


@shows(data=False)
def size_argument(sizes: np.ndarray, explained: np.ndarray, chosen: int, whole_percent: np.ndarray) -> Figure:
    """Dots: how many of the poster's 19 printed accuracies each size of a validation set can explain.

    sizes, explained: int (M,); whole_percent: the sizes among them that are whole percentages of the training images.
    """
    figure, axes = canvas(ONE_COLUMN, 70)
    axes.plot(sizes, explained, ".", color="#BBBBBB", markersize=2, label="any size")
    axes.plot(sizes, 19 * sizes / 10_000, color=GREY, linewidth=1.2, label="expected by luck")
    whole = np.isin(sizes, whole_percent)
    axes.plot(sizes[whole], explained[whole], "o", color=OURS, markersize=3.5, label="a whole percentage of 16,175")
    axes.plot(chosen, 19, "o", color=POSTER, markersize=7)
    axes.annotate(f"{chosen:,}: all 19", (chosen, 19), (-6, 0), textcoords="offset points", ha="right", va="center",
                  color=POSTER, fontweight="bold")
    axes.set(xlabel="images in the validation set", ylabel="printed accuracies explained", ylim=(-0.7, 20.5),
             yticks=(0, 5, 10, 15, 19))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.locator_params(axis="x", nbins=5)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


@shows()
def stratification(random: np.ndarray, stratified: np.ndarray, classes: tuple[str, ...]) -> Figure:
    """How far random splits miss each class's share, as clouds of dots; the stratified split, as a black stroke.

    random: (R, n), one row a plain random split, in percentage points; stratified: (n,), the course's split.
    """
    figure, axes = canvas(ONE_COLUMN, 20 + 7 * len(classes))
    scatter = np.random.default_rng(0).uniform(-0.27, 0.27, len(random))
    for row, (gaps, colour) in enumerate(zip(random.T, class_colours(classes).values(), strict=True)):
        axes.plot(gaps, row + scatter, ".", color=colour, markersize=2.5, alpha=0.45)
        axes.plot([stratified[row]] * 2, [row - 0.36, row + 0.36], color=INK, linewidth=2)
    named_rows(axes, classes)
    axes.set_ylim(len(classes) - 0.5, -1)
    axes.annotate("stratified", (stratified[0], -0.4), (0, 2), textcoords="offset points", ha="center", bbox=GROUND)
    limit = np.abs(random).max() * 1.1
    axes.set(xlim=(-limit, limit), xlabel="share in validation minus share in all\ntraining images, percentage points")
    return figure


@shows(faces=True)
def flip_and_rotation(rows: dict[str, np.ndarray], titles: list[str]) -> Figure:
    """One face turned by several angles, as it is in the upper row and mirrored in the lower."""
    return _rows_of_faces(rows, titles)


@shows(faces=True)
def one_face_many_times(rows: dict[str, np.ndarray]) -> Figure:
    """One face many times, each time mirrored and turned by chance."""
    return _rows_of_faces(rows)


@shows(faces=True)
def batch_trap(rows: dict[str, np.ndarray]) -> Figure:
    """Faces as they are, turned all alike by torchvision on the whole batch, and each turned by itself."""
    return _rows_of_faces(rows)


def _rows_of_faces(rows: dict[str, np.ndarray], titles: list[str] | None = None) -> Figure:
    """Each entry's images (n, 48, 48), 0 to 255, in a row behind its name; `titles` stand above the columns."""
    columns = max(map(len, rows.values()))
    figure, grid = pictures(TWO_COLUMNS, 4 + 160 / columns * len(rows), len(rows), columns)
    for line, (name, images) in zip(grid, rows.items(), strict=True):
        for axes, image in zip(line, images, strict=False):
            show_face(axes, image)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for axes, title in zip(grid[0], titles or [], strict=False):
        caption(axes, title)
    return figure


@shows(faces=True)
def same_distribution(angles: dict[str, np.ndarray], means: dict[str, np.ndarray], degrees: float) -> Figure:
    """Two ways to rotate: the share of images up to each angle, as curves that coincide, and one face's mean image."""
    import seaborn as sns

    figure, (curve, *faces) = canvas(TWO_COLUMNS, 62, columns=3, width_ratios=[1.7, 1, 1])
    looks = {"color": POSTER, "linewidth": 5, "alpha": 0.35}, {"color": OURS, "linewidth": 1.2}
    for (name, values), look in zip(angles.items(), looks, strict=True):
        sns.ecdfplot(values, ax=curve, label=name, **look)
    curve.set(xlabel="angle (degrees)", ylabel="share of images up to it", ylim=(0, 1),
              xticks=np.linspace(-degrees, degrees, 5))
    curve.legend(loc="upper left")
    for axes, (name, image) in zip(faces, means.items(), strict=True):
        show_face(axes, image, f"{name},\nmean of {len(angles[name]):,}")
    return figure

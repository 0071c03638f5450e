"""The figures of notebook 01: what is in the data."""

from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_utils.data import Faces
from fer_utils.figures import GREY, INK, ONE_COLUMN, TWO_COLUMNS, class_colours, ink_on, shows
from fer_utils.figures.parts import canvas, histogram, interval, named_rows, pictures, reference_line, show_face

FEW = 30  # a mean of fewer faces than these may show whose they are


@shows()
def class_counts(counts: pd.DataFrame) -> Figure:
    """Bars: each class's labelled images to train, to choose by and to test, and the mix of classes in each part.

    counts: what `Faces.counts` returned, a row a class and a column a part.
    """
    counts = counts.drop(index="unlabelled", errors="ignore")
    counts = counts.loc[:, counts.sum() > 0]
    colours = class_colours(counts.index)
    figure, (left, right) = canvas(TWO_COLUMNS, 18 + 8 * len(counts), columns=2)
    named = {"Training": "training", "Validation": "validation"}
    sides = counts.T.groupby(lambda part: named.get(part, "test"), sort=False).sum()
    shifts, alphas = (np.arange(len(sides)) + 0.5) * 0.8 / len(sides) - 0.4, np.linspace(1, 0.45, len(sides))
    for shift, alpha, (side, values) in zip(shifts, alphas, sides.iterrows(), strict=True):
        bars = left.barh(np.arange(len(counts)) + shift, values, 0.72 / len(sides), color=colours.values(), alpha=alpha)
        left.bar_label(bars, [f"{n:,} {side}" for n in values], padding=4)
    left.set(xmargin=0.5, title="Images by class")
    named_rows(left, counts.index)
    shares = counts / counts.sum() * 100
    for name, start in (shares.cumsum() - shares).iterrows():
        bars = right.barh(range(counts.shape[1]), shares.loc[name], 0.62, left=start, color=colours[name])
        texts = [f"{share:.1f}" if share > 5 else "" for share in shares.loc[name]]
        right.bar_label(bars, texts, label_type="center", color=ink_on(colours[name]))
    right.set(xlim=(0, 100), title="The mix of classes in each part, in per cent")
    named_rows(right, counts.columns)
    for axes in (left, right):
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
    return figure


@shows(faces=True)
def faces_by_class(faces: Faces, columns: int = 10, seed: int = 0) -> Figure:
    """Faces drawn by lot, in rows of ten for each class, whose name and colour stand at the left."""
    order = np.random.default_rng(seed).permutation(len(faces.images))
    lines = 2 if len(faces.classes) < 5 else 1
    figure, grid = pictures(TWO_COLUMNS, (2 + 17.3 * lines) * len(faces.classes), len(faces.classes), 1)
    for k, (axes, (name, colour)) in enumerate(zip(grid.flat, class_colours(faces.classes).items(), strict=True)):
        chosen = order[faces.labels[order] == k][: lines * columns]
        tiles = np.full((lines * columns, 51, 51), 255)  # each face with a white margin of three pixels
        tiles[: len(chosen), 3:, 3:] = faces.images[chosen]
        show_face(axes, tiles.reshape(lines, columns, 51, 51).swapaxes(1, 2).reshape(lines * 51, -1))
        axes.set_ylabel(name, fontweight="bold")
        axes.spines["left"].set(visible=True, color=colour, linewidth=5)
    return figure


@shows()
def mean_faces(faces: Faces) -> Figure:
    """The mean face of each class, and below it differences in grey levels: of every two classes, or, where there are
    more than three, of each class and all faces.

    A class of fewer than FEW images makes it a figure that shows faces.
    """
    sizes = np.bincount(faces.labels[faces.labels >= 0], minlength=len(faces.classes))
    means = {name: faces.images[faces.labels == k].mean(axis=0) for k, name in enumerate(faces.classes)}
    gaps = {f"{a} − {b}": means[a] - means[b] for a, b in combinations(means, 2)}
    note = "difference in grey levels (red: the first is brighter)"
    if len(means) > 3:
        gaps = {f"{name} − all": mean - faces.images.mean(axis=0) for name, mean in means.items()}
        note = "difference from the mean of all faces in grey levels (red: brighter than all)"
    width = ONE_COLUMN if len(means) < 4 else TWO_COLUMNS
    figure, grid = pictures(width, 26 + 1.85 * width / max(3, len(means)), 2, len(means))
    darkest, brightest = np.min([*means.values()]), np.max([*means.values()])
    for axes, (name, mean), n in zip(grid[0], means.items(), sizes, strict=True):
        show_face(axes, mean, f"{name}\nmean of {n:,}", vmin=darkest, vmax=brightest)
    limit = max((np.abs(gap).max() for gap in gaps.values()), default=0)
    for axes, (pair, gap) in zip(grid[1], gaps.items(), strict=False):
        drawn = show_face(axes, gap, pair, cmap="RdBu_r", vmin=-limit, vmax=limit)
    if gaps:
        figure.colorbar(drawn, ax=grid[1], location="bottom", shrink=0.6, aspect=45, pad=0.03, label=note)
    figure.photo = sizes.min() < FEW
    return figure


@shows()
def pixel_distributions(faces: Faces) -> Figure:
    """Three panels with a curve for each class: the densities of all pixels, of brightness and of contrast.

    Brightness is an image's mean grey level, contrast the standard deviation of its pixels.
    """
    figure, grid = canvas(TWO_COLUMNS, 62, columns=3)
    look = {"bins": 32, "fill": False, "linewidth": 1.3}
    for k, (name, colour) in enumerate(class_colours(faces.classes).items()):
        pixels = faces.images[faces.labels == k].reshape(-1, 48 * 48)
        levels = np.bincount(pixels.ravel(), minlength=256)
        histogram(grid[0], np.arange(256), colour, weights=levels, binrange=(0, 256), label=name, **look)
        histogram(grid[1], pixels.mean(axis=1), colour, binrange=(0, 256), **look)
        histogram(grid[2], pixels.std(axis=1), colour, binrange=(0, 128), **look)
    grid[0].set(title="All pixels", xlabel="grey level", xlim=(0, 256), xticks=range(0, 257, 64))
    grid[1].set(title="Brightness of an image", xlabel="mean grey level", xlim=(0, 256), xticks=range(0, 257, 64))
    grid[2].set(title="Contrast of an image", xlabel="standard deviation", xlim=(0, 128), xticks=range(0, 129, 32))
    figure.legend(loc="outside lower center", ncols=len(faces.classes))
    return figure


@shows()
def accuracy_floor(scores: pd.DataFrame, poster: float | None = None) -> Figure:
    """The accuracy of guessers that know little, with its interval, and the poster's best as a line where it applies.

    scores: index who guesses; columns accuracy, low, high.
    """
    scores = scores.sort_values("accuracy")
    figure, axes = canvas(ONE_COLUMN, 18 + 6.5 * len(scores))
    for row, score in enumerate(scores.itertuples()):
        interval(axes, score.accuracy, [score.low, score.high], row, INK, f"{score.accuracy:.3f}")
    axes.set(xlim=(0, 1), xlabel="accuracy")
    named_rows(axes, scores.index)
    if poster:
        reference_line(axes, f"poster's best {poster:.4f}", x=poster)
    return figure


@shows(faces=True)
def conflicting_labels(images: np.ndarray, captions: list[str], empty: str = "none here") -> Figure:
    """Identical images (n, 48, 48) side by side that carry different labels, or the note that none do."""
    longest = max((len(line) for text in captions for line in text.splitlines()), default=0)
    columns = 8 if longest < 16 else 6
    lines = max(1, -(-len(images) // columns))
    figure, grid = pictures(TWO_COLUMNS, lines * (8 + 170 / columns) if len(images) else 12, lines, columns)
    for axes, image, text in zip(grid.flat, images, captions, strict=False):
        show_face(axes, image, text)
    figure.text(0.5, 0.5, "" if len(images) else empty, ha="center", va="center", color=GREY)
    return figure


@shows(faces=True)
def surprising_labels(images: np.ndarray, captions: list[str]) -> Figure:
    """Faces whose label a simple model finds least likely, each under its label and the model's guess."""
    return conflicting_labels(images, captions)

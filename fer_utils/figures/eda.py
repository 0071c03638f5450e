"""Figures of notebook 01: what is in the data."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_utils import CLASSES
from fer_utils.data import Faces
from fer_utils.figures import CLASS_COLOURS, GREY, INK, POSTER, show_face

BARE = {"frame_on": False, "xticks": [], "yticks": []}


def class_counts(faces: Faces) -> Figure:
    """Labelled images by class in training and test (left), and each part's mix of classes in per cent (right)."""
    table = faces.counts().loc[list(CLASSES)].replace(0, np.nan).dropna(axis=1, how="all").fillna(0).astype(int)
    fig, (left, right) = plt.subplots(1, 2, figsize=(7, 2.7))
    sides = {"training": table["Training"], "test": table.drop(columns="Training").sum(axis=1)}
    for offset, alpha, (side, values) in zip((-0.2, 0.2), (1, 0.45), sides.items(), strict=True):
        bars = left.barh(np.arange(3) + offset, values, 0.36, color=list(CLASS_COLOURS.values()), alpha=alpha)
        left.bar_label(bars, [f"{n:,} {side}" for n in values], padding=4, fontsize=8, color=INK)
    left.set(yticks=range(3), yticklabels=CLASSES, xmargin=0.5, xticks=[], title="Images by class")
    shares = table / table.sum() * 100
    for name, start in (shares.cumsum() - shares).iterrows():
        bars = right.barh(shares.columns, shares.loc[name], 0.62, left=start, color=CLASS_COLOURS[name])
        right.bar_label(bars, fmt="%.1f %%", label_type="center", fontsize=8, color=INK if name == "Happy" else "white")
    right.set(xticks=[], xlim=(0, 100), title="The mix of classes in each part")
    for axes in (left, right):
        axes.invert_yaxis()
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.tick_params(length=0, labelsize=9)
    return fig


def faces_by_class(faces: Faces, columns: int = 10, seed: int = 0) -> Figure:
    """Two rows of randomly chosen faces for each class, named at the left."""
    order = np.random.default_rng(seed).permutation(len(faces))
    fig, grid = plt.subplots(3, 1, figsize=(7, 4.55), subplot_kw={"xticks": [], "yticks": []})
    for k, (axes, name) in enumerate(zip(grid, CLASSES, strict=True)):
        chosen = order[faces.labels[order] == k][: 2 * columns]
        tiles = np.full((2 * columns, 51, 51), 255)  # each face with a white margin of three pixels
        tiles[: len(chosen), 3:, 3:] = faces.images[chosen]
        axes.imshow(tiles.reshape(2, columns, 51, 51).swapaxes(1, 2).reshape(102, -1), cmap="gray", vmin=0, vmax=255)
        axes.set_ylabel(name, fontweight="bold", fontsize=10)
        axes.spines["left"].set(color=CLASS_COLOURS[name], linewidth=5)
        axes.spines["bottom"].set_visible(False)
    return fig


def mean_faces(faces: Faces) -> Figure:
    """The mean face of each class, and under them the difference of every two of them in grey levels."""
    means = np.stack([faces.images[faces.labels == k].mean(axis=0) for k in range(3)])
    differences = means[[1, 1, 0]] - means[[0, 2, 2]]
    limit = np.ceil(np.abs(differences).max())
    fig, grid = plt.subplots(2, 3, figsize=(5.4, 4.4), subplot_kw=BARE)
    for k, axes in enumerate(grid[0]):
        axes.imshow(means[k], cmap="gray", vmin=means.min(), vmax=means.max())
        axes.set_title(f"{CLASSES[k]}, mean of {(faces.labels == k).sum():,}", loc="center", fontsize=9)
    pairs = ("Happy − Angry", "Happy − Neutral", "Angry − Neutral")
    for axes, pair, difference in zip(grid[1], pairs, differences, strict=True):
        drawn = axes.imshow(difference, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes.set_title(pair, loc="center", fontsize=9)
    bar = fig.colorbar(drawn, ax=grid[1], location="bottom", shrink=0.6, aspect=45, pad=0.03)
    bar.set_label("difference in grey levels (red: the class named first is brighter there)", fontsize=8)
    fig.get_layout_engine().set(hspace=0.05)
    return fig


def pixel_distributions(faces: Faces) -> Figure:
    """By class, densities over grey levels: of all pixels, of each image's mean and of its standard deviation."""
    flat = faces.images.reshape(len(faces), -1)
    panels = [("All pixels", "grey level", flat, 256), ("Brightness of an image", "mean grey level", flat.mean(1), 256),
              ("Contrast of an image", "standard deviation", flat.std(1), 128)]
    fig, grid = plt.subplots(1, 3, figsize=(7, 2.5))
    for axes, (title, label, values, end) in zip(grid, panels, strict=True):
        for k, c in enumerate(CLASS_COLOURS.values()):
            axes.stairs(*np.histogram(values[faces.labels == k], 32, (0, end), density=True), color=c, lw=1.4)
        axes.set(title=title, xlabel=label, yticks=[], xlim=(0, end), xticks=np.linspace(0, end, 5))
        axes.spines["left"].set_visible(False)
    grid[2].legend(handles=[plt.Line2D([], [], color=c, label=name) for name, c in CLASS_COLOURS.items()])
    return fig


def accuracy_floor(scores: pd.DataFrame, poster: float | None = None) -> Figure:
    """Accuracy and interval of simple guesses (index: who guesses; columns accuracy, low, high) and the poster's."""
    rows = np.arange(len(scores))
    fig, axes = plt.subplots(figsize=(7, 0.8 + 0.4 * len(scores)))
    axes.hlines(rows, scores["low"], scores["high"], color=INK, lw=2.5)
    axes.plot(scores["accuracy"], rows, "o", color=INK)
    for row, (score, high) in enumerate(zip(scores["accuracy"], scores["high"], strict=True)):
        axes.annotate(f"{score:.3f}", (high, row), (7, 0), textcoords="offset points", va="center")
    if poster:
        axes.axvline(poster, color=POSTER, lw=1.2, ls="--")
        axes.text(poster + 0.008, -0.55, f"poster's best: {poster:.4f}", va="center", color=POSTER)
    axes.set(yticks=rows, yticklabels=scores.index, xlim=(0, 1), ylim=(len(scores) - 0.5, -0.8), xlabel="accuracy")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0, labelsize=9)
    return fig


def captioned_faces(images: np.ndarray, captions: list[str], columns: int = 8, empty: str = "none here") -> Figure:
    """Faces (n, 48, 48) with a caption (one or two lines) above each; without any, the sentence `empty`."""
    lines = max(1, -(-len(images) // columns))
    size = (7, 0.1 + 1.3 * lines if len(images) else 0.5)
    fig, grid = plt.subplots(lines, columns, figsize=size, squeeze=False, subplot_kw=BARE)
    for axes, image, caption in zip(grid.flat, images, captions, strict=False):
        show_face(axes, image, caption)
    fig.text(0.5, 0.5, "" if len(images) else empty, ha="center", va="center", color=GREY)
    return fig

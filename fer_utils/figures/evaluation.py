"""The figures of notebook 05: scores with their intervals, calibration, and what single faces tell."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_utils import CLASSES
from fer_utils.evaluation import wilson
from fer_utils.figures import CLASS_COLOURS, GREY, INK, OURS, PALE, POSTER, show_face

COLOURS = [CLASS_COLOURS[name] for name in CLASSES]


def scores(metrics: dict, baselines: dict, named: str = "test images") -> Figure:
    """Accuracy with its 95 % interval for all images and each part of them, every seed, and lines for the baselines.

    metrics: what `evaluate` returned, with the key accuracy_per_seed; baselines: what `baselines` returned.
    """
    parts = {f"all {named}": metrics, "public part": metrics.get("public"), "private part": metrics.get("private"),
             "without leaked images": metrics.get("clean")}
    parts = {name: part for name, part in parts.items() if part}
    fig, axes = plt.subplots(figsize=(7, 1.3 + 0.36 * (len(parts) + 1)))
    for row, part in enumerate(parts.values()):
        interval(axes, part["accuracy"], part["accuracy_ci"], row, OURS)
        axes.text(1.03, row, f"{part['accuracy']:.3f}", transform=axes.get_yaxis_transform(), va="center", fontsize=8)
        axes.text(1.19, row, f"{part['n']:,}", transform=axes.get_yaxis_transform(), va="center", ha="right",
                  fontsize=8, color=GREY)
    seeds = metrics["accuracy_per_seed"]
    axes.plot(seeds, [len(parts)] * len(seeds), "|", color=OURS, markersize=9, markeredgewidth=1.4)
    axes.set_yticks(range(len(parts) + 1), [*parts, "each seed" if len(seeds) > 1 else "the one seed"])
    axes.set_ylim(len(parts) + 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    lines = {"majority": ("majority class", 4, "left", 3), "class_competition": ("class competition", -4, "right", 3),
             "best_public_result": ("best public result", -4, "right", 14)}
    for key, baseline in baselines.items():
        name, shift, side, lift = lines[key]
        axes.axvline(baseline["accuracy"], color=POSTER, linewidth=1, linestyle=(0, (4, 2)), zorder=0)
        axes.annotate(f"{name} {baseline['accuracy']:.3f}", (baseline["accuracy"], 1), (shift, lift), ha=side,
                      fontsize=7.5, color=POSTER, xycoords=axes.get_xaxis_transform(), textcoords="offset points")
    axes.set(xlabel="accuracy, with the 95 % Wilson interval")
    axes.text(1.19, 1.02, "n", transform=axes.transAxes, ha="right", fontsize=8, color=GREY)
    return fig


def interval(axes: Axes, value: float, ends: Sequence[float] | None, row: float, colour: str) -> None:
    """A dot at `value` on a horizontal bar between `ends`, where there are any."""
    if ends is not None:
        axes.plot(ends, [row, row], color=colour, linewidth=3, alpha=0.35, solid_capstyle="round")
    axes.plot(value, row, "o", color=colour, markersize=5.5)


def classes(metrics: dict) -> Figure:
    """The confusion matrix, in shares of each label's images, and on its rows the recall with its 95 % interval."""
    counts = np.array(metrics["confusion"])
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3.1), sharey=True, width_ratios=[1, 1.15])
    left.imshow(shares, cmap="Blues", vmin=0, vmax=1.15, aspect="auto")
    for (row, column), value in np.ndenumerate(shares):
        colour = "white" if value > 0.6 else INK
        left.text(column, row - 0.06, f"{value * 100:.0f} %", ha="center", va="center", color=colour, fontsize=12)
        left.text(column, row + 0.24, f"{counts[row, column]:,}", ha="center", va="center", color=colour, fontsize=7.5)
    left.set_xticks(range(len(CLASSES)), CLASSES)
    left.set_yticks(range(len(CLASSES)), [f"{name}\n{n:,}" for name, n in zip(CLASSES, counts.sum(1), strict=True)])
    left.set(title="Where the images of a label go", xlabel="named by the model", ylabel="label, n")
    left.spines[:].set_visible(False)
    left.tick_params(length=0)
    for row, name in enumerate(CLASSES):
        if name in metrics["per_class"]:
            own = metrics["per_class"][name]
            interval(right, own["recall"], own["recall_ci"], row, CLASS_COLOURS[name])
            right.annotate(f"{own['recall']:.3f}", (own["recall"], row), (0, 7), textcoords="offset points",
                           ha="center", fontsize=8, color=INK)
    lowest = min(own["recall_ci"][0] for own in metrics["per_class"].values())
    right.set(title="Recall, with its 95 % interval", xlabel="share of the label's images found",
              xticks=np.arange(11) / 10, xlim=(np.floor(lowest * 10 - 0.5) / 10, 1.005))
    right.grid(axis="x")
    right.tick_params(axis="y", length=0)
    right.spines["left"].set_visible(False)
    return fig


def calibration(table: pd.DataFrame, ece: float, bins: int = 15) -> Figure:
    """Accuracy against confidence, bin by bin with 95 % intervals, above the number of images in each bin.

    table: what `reliability` returned for the same `bins`.
    """
    fig, (top, bottom) = plt.subplots(2, 1, figsize=(5.6, 4.9), sharex=True, height_ratios=[2.6, 1])
    low, high = np.array([wilson(round(row.accuracy * row.n), int(row.n)) for row in table.itertuples()]).T
    top.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 2)))
    top.vlines(table["confidence"], low, high, color=OURS, alpha=0.35, linewidth=3)
    top.vlines(table["confidence"], table["accuracy"], table["confidence"], color=POSTER, linewidth=1.2)
    top.plot(table["confidence"], table["accuracy"], "o", color=OURS)
    notes = {"dashed: accuracy equals confidence": GREY, "the gaps, weighted by the images in their bin:": POSTER,
             f"expected calibration error {ece:.3f}": INK}
    for row, (note, colour) in enumerate(notes.items()):
        top.text(0.99, 0.2 - 0.075 * row, note, transform=top.transAxes, ha="right", fontsize=8, color=colour)
    top.set(ylabel="accuracy", ylim=(0, 1.02), xlim=(1 / len(CLASSES) - 0.005, 1.005))
    top.set_xticks([1 / 3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1], ["1/3", *"0.4 0.5 0.6 0.7 0.8 0.9 1".split()])
    bars = bottom.bar((table.index + 0.5) / bins, table["n"], width=0.9 / bins, color=PALE)
    bottom.bar_label(bars, fontsize=7, color=GREY, padding=2)
    bottom.set(xlabel="confidence: the highest of the three probabilities", ylabel="images")
    bottom.margins(y=0.2)
    return fig


def temperature(tables: dict[str, pd.DataFrame], checks: dict[str, dict]) -> Figure:
    """Before and after: accuracy against confidence, and the calibration error beside a perfectly calibrated model's.

    tables: what `reliability` returned, by two names; checks: what `calibration` returned, by the same names.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3.1), width_ratios=[1, 1.1])
    colours = dict(zip(tables, [POSTER, OURS], strict=True))
    left.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 2)))
    for row, (name, table) in enumerate(tables.items()):
        left.plot(table["confidence"], table["accuracy"], "o-", color=colours[name], linewidth=1.2)
        left.text(0.97, 0.14 - 0.08 * row, name, transform=left.transAxes, ha="right", color=colours[name], fontsize=8)
    left.set(title="Promise and performance", xlabel="confidence", ylabel="accuracy", ylim=(0, 1.03),
             xlim=(1 / len(CLASSES) - 0.005, 1.01))
    rows = {f"all images,\n{name}": (name, check) for name, check in checks.items()}
    rows |= {f"without leaks,\n{name}": (name, check["clean"]) for name, check in checks.items() if "clean" in check}
    for y, (name, check) in enumerate(rows.values()):
        luck = check["ece_if_calibrated"]
        right.barh(y, luck["high"], color=PALE, height=0.6)
        right.vlines(luck["mean"], y - 0.3, y + 0.3, color=GREY, linewidth=1.2)
        right.plot(check["ece"], y, "o", color=colours[name], markersize=6)
        right.annotate(f"{check['ece']:.3f}", (max(check["ece"], luck["high"]), y), (7, 0), fontsize=8, va="center",
                       color=colours[name], textcoords="offset points")
    right.set_yticks(range(len(rows)), list(rows))
    right.set(title="Error, and luck's part in it", xlim=(0, 1.22 * right.dataLim.x1), ylim=(len(rows) - 0.5, -0.6),
              xlabel="expected calibration error")
    right.text(1, -0.3, "grey: if perfectly calibrated, mean and 95 % of draws", transform=right.transAxes,
               ha="right", fontsize=7.5, color=GREY)
    right.tick_params(axis="y", length=0)
    return fig


def silence(curves: dict[str, pd.DataFrame], answered: dict[str, dict], allowed: float) -> Figure:
    """Share of wrong answers against the share of images answered, with a dot where the threshold puts the model.

    curves: what `risk_coverage` returned, by at most two names; answered: by the same names coverage and, where there
    was an answer, accuracy with its 95 % interval; allowed: the risk that the threshold was chosen for.
    """
    fig, axes = plt.subplots(figsize=(7, 3.3))
    axes.axhline(allowed, color=GREY, linewidth=1, linestyle=(0, (4, 2)))
    axes.annotate(f"allowed on validation: {allowed * 100:.0f} %", (0, allowed), (2, 3), fontsize=8, color=GREY,
                  textcoords="offset points")
    for row, (name, curve) in enumerate(curves.items()):
        colour, own = (OURS, POSTER)[row], answered[name]
        axes.plot(curve["coverage"], curve["risk"], color=colour, linewidth=1.8 - 0.8 * row)
        note = f"{name}: {own['coverage'] * 100:.0f} % answered"
        if "accuracy" in own:
            low, high = 1 - own["accuracy_ci"][1], 1 - own["accuracy_ci"][0]
            axes.vlines(own["coverage"], low, high, color=colour, linewidth=3, alpha=0.35)
            axes.plot(own["coverage"], 1 - own["accuracy"], "o", color=colour, markersize=6 - 2 * row)
            note += f", {(1 - own['accuracy']) * 100:.1f} % of them wrong"
        axes.text(0.02, 0.93 - 0.08 * row, note, transform=axes.transAxes, color=colour, fontsize=8)
    axes.set(xlabel="coverage: the share of images that the model answers", ylabel="risk: share of answers wrong",
             xlim=(0, 1.01), ylim=(0, None))
    return fig


def mistakes(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, columns=6, rows=2) -> Figure:
    """The wrongly named images, at most rows x columns of them, the model's most confident first."""
    predicted = probabilities.argmax(1)
    wrong = np.flatnonzero(predicted != labels)
    wrong = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")]
    fig, grid = plt.subplots(rows, columns, figsize=(7, 1.62 * rows))
    for axes in grid.flat[len(wrong):]:
        axes.set_axis_off()
    for axes, i in zip(grid.flat, wrong, strict=False):
        show_face(axes, images[i], f"labelled {CLASSES[labels[i]]}", GREY)
        axes.set_xlabel(f"{CLASSES[predicted[i]]} {probabilities[i].max() * 100:.1f} %", fontsize=8, labelpad=4)
        axes.spines["bottom"].set(visible=True, color=COLOURS[predicted[i]], linewidth=4)
    return fig


def probability_bars(images: np.ndarray, probabilities: np.ndarray, titles: list[str], columns: int = 3) -> Figure:
    """Each image beside the model's probability of every class, the highest in its colour and bold.

    images: uint8 (N, 48, 48); probabilities: (N, 3). Idea: Parth Dhameliya's Coursera project "Facial Expression
    Recognition with PyTorch", by way of the poster.
    """
    rows = -(-len(images) // columns)
    fig, grid = plt.subplots(rows, 2 * columns, figsize=(7.4, 1.62 * rows), width_ratios=[1.15, 1] * columns,
                             squeeze=False)
    for axes in grid.flat[2 * len(images):]:
        axes.set_axis_off()
    for i, (face, bars) in enumerate(grid.reshape(-1, 2)[:len(images)]):
        show_face(face, images[i])
        face.set_title(titles[i], fontsize=8.5, fontweight="normal", loc="left", pad=4)
        _bars(bars, probabilities[i])
    return fig


def _bars(axes: Axes, shares: np.ndarray) -> None:
    """Three horizontal bars on pale tracks, the name and the per cent above each."""
    axes.barh(range(len(CLASSES)), 1, height=0.2, color="#EEEEEE")
    axes.barh(range(len(CLASSES)), shares, height=0.2, color=COLOURS)
    for k, name in enumerate(CLASSES):
        colour, weight = (INK, "bold") if k == shares.argmax() else (GREY, "normal")
        look = {"va": "bottom", "fontsize": 8, "color": colour, "fontweight": weight}
        axes.text(0, k - 0.22, name, **look)
        axes.text(1, k - 0.22, f"{shares[k] * 100:.0f} %", ha="right", **look)
    axes.set(xlim=(0, 1), ylim=(len(CLASSES) - 0.6, -0.75))
    axes.set_axis_off()


def saliency(images: np.ndarray, maps: dict[str, np.ndarray], titles: list[str]) -> Figure:
    """The images in a row, and below it a row for each of `maps`: (N, 48, 48) in [0, 1], laid over the images."""
    fig, grid = plt.subplots(1 + len(maps), len(images), figsize=(7, 1.2 * (1 + len(maps)) + 0.5))
    for column, image in enumerate(images):
        show_face(grid[0, column], image, titles[column])
        for axes, layer in zip(grid[1:, column], maps.values(), strict=True):
            show_face(axes, image)
            drawn = axes.imshow(layer[column], cmap="inferno", vmin=0, vmax=1, alpha=0.2 + 0.55 * layer[column])
    for axes, name in zip(grid[:, 0], ["the image", *maps], strict=True):
        axes.set_ylabel(name, fontsize=8)
    scale = fig.colorbar(drawn, ax=grid, location="bottom", shrink=0.4, aspect=40, pad=0.02, ticks=[0, 1])
    scale.ax.set_xticklabels(["none", "most"])
    scale.set_label("evidence for the class that the network named, in each map's own scale", fontsize=8)
    scale.outline.set_visible(False)
    return fig

"""The figures of notebook 05: scores with their intervals, calibration, and what single faces tell."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_utils.evaluation import wilson
from fer_utils.figures import DASHED, GREY, INK, ONE_COLUMN, OURS, PALE, POSTER, TWO_COLUMNS, class_colours, shows
from fer_utils.figures.parts import canvas, caption, heat_map, interval, named_rows, pictures, reference_line, show_face

BASELINES = {"majority": "majority class", "class_competition": "class competition",
             "best_public_result": "best public result"}


@shows()
def scores(metrics: dict, baselines: dict, named: str = "test images") -> Figure:
    """Accuracy with its 95 % interval on all images and on parts of them, each seed, and lines for the baselines.

    metrics: what `evaluate` returned, with the key accuracy_per_seed; baselines: what `baselines` returned.
    """
    parts = {f"all {named}": metrics, "public part": metrics.get("public"), "private part": metrics.get("private"),
             "without leaked images": metrics.get("clean")}
    parts = {name: part for name, part in parts.items() if part}
    figure, axes = canvas(TWO_COLUMNS, 20 + 7.5 * (len(parts) + 1) + 5 * len(baselines))
    for row, part in enumerate(parts.values()):
        interval(axes, part["accuracy"], part["accuracy_ci"], row, OURS, f"{part['accuracy']:.3f}")
    seeds = metrics["accuracy_per_seed"]
    axes.plot(seeds, [len(parts)] * len(seeds), "|", color=OURS, markersize=9, markeredgewidth=1.4)
    names = [f"{name}\nn = {part['n']:,}" for name, part in parts.items()]
    named_rows(axes, [*names, "each seed" if len(seeds) > 1 else "the one seed"])
    axes.set_xlabel("accuracy, with the 95 % Wilson interval")
    for accuracy, name in sorted((baseline["accuracy"], name) for name, baseline in baselines.items()):
        reference_line(axes, f"{BASELINES.get(name, name)} {accuracy:.3f}", x=accuracy)
    return figure


def shares_of_labels(counts: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """A confusion matrix, counts (classes, classes), as shares of each label's images, with their number."""
    return pd.DataFrame(counts / np.maximum(counts.sum(1, keepdims=True), 1), columns=names,
                        index=[f"{name}\n{n:,}" for name, n in zip(names, counts.sum(1), strict=True)])


@shows()
def classes(metrics: dict, names: Sequence[str] | None = None) -> Figure:
    """The confusion matrix in per cent of each label's images, and each class's recall with its 95 % interval.

    metrics: what `evaluate` returned; names: the classes, or None where every one of them has images.
    """
    names = list(names or metrics["per_class"])
    counts, few = np.array(metrics["confusion"]), len(names) < 5
    table = shares_of_labels(counts, names)
    notes = [f"{share * 100:.0f} %\n{n:,}" for share, n in zip(np.ravel(table), counts.flat, strict=True)]
    figure, (left, right) = canvas(TWO_COLUMNS, 28 + 11 * len(names), columns=2, width_ratios=[1 if few else 1.5, 1])
    heat_map(left, table, np.reshape(notes, counts.shape), vmin=0, vmax=1.1)
    left.set(title="Where the images of a label go", xlabel="named by the model", ylabel="label, n")
    colours = class_colours(names)
    for row, name in enumerate(names):
        if name in metrics["per_class"]:
            own = metrics["per_class"][name]
            interval(right, own["recall"], own["recall_ci"], row, colours[name], f"{own['recall']:.3f}")
    named_rows(right, names)
    right.set(title="Recall, with its 95 % interval", xlabel="share of the label's images found",
              ylim=(len(names) - 0.5, -0.5))
    return figure


@shows()
def calibration(table: pd.DataFrame, ece: float, bins: int = 15) -> Figure:
    """Accuracy against confidence in bins with 95 % intervals, above the number of images in each bin.

    table: what `reliability` returned for the same `bins`.
    """
    figure, (top, bottom) = canvas(ONE_COLUMN, 92, rows=2, sharex=True, height_ratios=[2.6, 1])
    low, high = np.array([wilson(round(row.accuracy * row.n), int(row.n)) for row in table.itertuples()]).T
    top.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=DASHED, label="accuracy equals confidence")
    top.vlines(table["confidence"], low, high, color=OURS, alpha=0.35, linewidth=3)
    top.vlines(table["confidence"], table["accuracy"], table["confidence"], color=POSTER, linewidth=1.2,
               label=f"the gaps, weighted by their images:\nexpected calibration error {ece:.3f}")
    top.plot(table["confidence"], table["accuracy"], "o", color=OURS)
    top.legend(loc="lower right")
    top.set(ylabel="accuracy", ylim=(0, 1.02), xlim=(table.index.min() / bins - 0.01, 1.01))
    bars = bottom.bar((table.index + 0.5) / bins, table["n"], width=0.9 / bins, color=PALE)
    bottom.bar_label(bars, fmt="{:,.0f}", color=GREY, padding=2, fontsize=7)
    bottom.set(xlabel="confidence: the highest probability", ylabel="images", ymargin=0.25)
    return figure


@shows()
def temperature(tables: dict[str, pd.DataFrame], checks: dict[str, dict]) -> Figure:
    """Calibration before and after temperature scaling: accuracy against confidence, and the error beside luck's part.

    tables: what `reliability` returned, by two names; checks: what `calibration` returned, by the same names.
    """
    figure, (left, right) = canvas(TWO_COLUMNS, 76, columns=2)
    colours = dict(zip(tables, [POSTER, OURS], strict=True))
    left.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=DASHED)
    for name, table in tables.items():
        left.plot(table["confidence"], table["accuracy"], "o-", color=colours[name], linewidth=1.2, label=name)
    left.set(title="Promise and performance", xlabel="confidence", ylabel="accuracy", ylim=(0, 1.03),
             xlim=(min(table["confidence"].min() for table in tables.values()) - 0.02, 1.01))
    left.legend(loc="lower right", labelcolor="linecolor")
    rows = {f"all images,\n{name}": (name, check) for name, check in checks.items()}
    rows |= {f"without leaks,\n{name}": (name, check["clean"]) for name, check in checks.items() if "clean" in check}
    for row, (name, check) in enumerate(rows.values()):
        luck = check["ece_if_calibrated"]
        right.barh(row, luck["high"], color=PALE, height=0.6)
        right.vlines(luck["mean"], row - 0.3, row + 0.3, color=GREY, linewidth=1.2)
        interval(right, check["ece"], None, row, colours[name], f"{check['ece']:.3f}")
    named_rows(right, rows)
    right.set(title="Error, and luck's part in it", xlim=(0, None),
              xlabel="expected calibration error; grey: if perfectly calibrated,\nthe mean and 95 % of draws")
    return figure


@shows()
def silence(curves: dict[str, pd.DataFrame], answered: dict[str, dict], allowed: float) -> Figure:
    """The share of wrong answers against the share of images answered, with a dot where the threshold puts the model.

    curves: what `risk_coverage` returned, by name, a panel each; answered: by the same names coverage and, where there
    was an answer, accuracy with its 95 % interval; allowed: the risk that the threshold was chosen for.
    """
    width = ONE_COLUMN if len(curves) == 1 else TWO_COLUMNS
    figure, grid = canvas(width, 66, columns=len(curves), sharey=True, squeeze=False)
    for axes, (name, curve) in zip(grid.flat, curves.items(), strict=True):
        own = answered[name]
        axes.plot(curve["coverage"], curve["risk"], color=OURS)
        note = f"{own['coverage'] * 100:.0f} % answered"
        if "accuracy" in own:
            low, high = 1 - own["accuracy_ci"][1], 1 - own["accuracy_ci"][0]
            axes.vlines(own["coverage"], low, high, color=INK, linewidth=3, alpha=0.35)
            note += f", {(1 - own['accuracy']) * 100:.1f} % of them wrong"
        axes.plot(own["coverage"], 1 - own.get("accuracy", np.nan), "o", color=INK, markersize=5, label=note)
        axes.axhline(allowed, color=GREY, linewidth=1, linestyle=DASHED, zorder=0.5,
                     label=f"{allowed * 100:.0f} % allowed on validation")
        axes.legend(loc="upper left")
        axes.set(title=name[0].upper() + name[1:], xlabel="coverage: share of images answered", xlim=(0, 1.01),
                 ylim=(0, 1.25 * max(allowed, *(table["risk"].max() for table in curves.values()))))
    grid[0, 0].set_ylabel("risk: share of answers wrong")
    return figure


@shows(faces=True)
def mistakes(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str],
             columns: int = 6, rows: int = 2) -> Figure:
    """Wrongly named faces, the most confident first, each with its label and the model's answer.

    At most rows x columns of them. images: uint8 (N, 48, 48); labels: int (N,); probabilities: (N, len(classes)).
    """
    predicted, colours = probabilities.argmax(1), class_colours(classes)
    wrong = np.flatnonzero(predicted != labels)
    wrong = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")]
    figure, grid = pictures(TWO_COLUMNS, (12 + 170 / columns) * rows, rows, columns)
    for axes, i in zip(grid.flat, wrong, strict=False):
        name = classes[predicted[i]]
        show_face(axes, images[i], f"labelled {classes[labels[i]]}", GREY)
        axes.set_xlabel(f"{name} {probabilities[i].max() * 100:.1f} %", labelpad=4)
        axes.spines["bottom"].set(visible=True, color=colours[name], linewidth=4)
    return figure


@shows(faces=True)
def probability_bars(images: np.ndarray, probabilities: np.ndarray, titles: list[str], classes: Sequence[str],
                     columns: int = 3) -> Figure:
    """Faces, each beside bars with the model's probability of every class, the highest in bold.

    Arguments as of `no_faces`. Idea: Parth Dhameliya's Coursera project "Facial Expression Recognition with PyTorch",
    by way of the poster.
    """
    return no_faces(images, probabilities, titles, classes, columns)


@shows()
def no_faces(images: np.ndarray, probabilities: np.ndarray, titles: list[str], classes: Sequence[str],
             columns: int = 3) -> Figure:
    """Pictures without a face, such as noise and stripes, each beside the probabilities that the model gives it.

    images: uint8 (N, 48, 48); probabilities: (N, len(classes)).
    """
    rows = -(-len(images) // columns)
    figure, grid = canvas(TWO_COLUMNS, max(38, 8 + 5.5 * len(classes)) * rows, rows, 2 * columns, squeeze=False,
                          width_ratios=[1.15, 1] * columns)
    for axes in grid.flat:
        axes.set_axis_off()
    for i, (face, bars) in enumerate(grid.reshape(-1, 2)[: len(images)]):
        show_face(face, images[i])
        caption(face, titles[i], loc="left")
        class_bars(bars, probabilities[i], class_colours(classes))
    return figure


def class_bars(axes: Axes, shares: np.ndarray, colours: dict[str, str]) -> None:
    """Horizontal bars on pale tracks, the name and the per cent above each."""
    axes.barh(range(len(colours)), 1, height=0.2, color="#EEEEEE")
    axes.barh(range(len(colours)), shares, height=0.2, color=colours.values())
    for row, (name, share) in enumerate(zip(colours, shares, strict=True)):
        colour, weight = (INK, "bold") if share == shares.max() else (GREY, "normal")
        axes.text(0, row - 0.18, name, va="bottom", color=colour, fontweight=weight)
        axes.text(1, row - 0.18, f"{share * 100:.0f} %", va="bottom", ha="right", color=colour, fontweight=weight)
    axes.set(xlim=(0, 1), ylim=(len(colours) - 0.6, -0.85))


@shows(faces=True)
def saliency(images: np.ndarray, maps: dict[str, np.ndarray], titles: list[str]) -> Figure:
    """Faces, and below them where a trained and an untrained network found evidence for their answer.

    maps: by the name of its row, (N, 48, 48) in [0, 1], laid over the images.
    """
    figure, grid = pictures(TWO_COLUMNS, 22 + 168 / len(images) * (1 + len(maps)), 1 + len(maps), len(images))
    for axes, image, title in zip(grid[0], images, titles, strict=True):
        show_face(axes, image, title)
    for line, layers in zip(grid[1:], maps.values(), strict=True):
        for axes, image, layer in zip(line, images, layers, strict=True):
            show_face(axes, image)
            drawn = show_face(axes, layer, cmap="inferno", vmax=1, alpha=0.2 + 0.55 * layer)
    for axes, name in zip(grid[:, 0], ["the image", *maps], strict=True):
        axes.set_ylabel(name)
    scale = figure.colorbar(drawn, ax=grid, location="bottom", shrink=0.4, aspect=40, pad=0.02, ticks=[0, 1])
    scale.ax.set_xticklabels(["none", "most"])
    scale.set_label("evidence for the class that the network named, in each map's own scale")
    scale.outline.set_visible(False)
    return figure

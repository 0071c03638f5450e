"""The figures of notebook 09: shifts of the picture, and faces found in a photograph."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from fer_utils.figures import DASHED, GREY, INK, ONE_COLUMN, OURS, POSTER, TWO_COLUMNS, class_colours, shows
from fer_utils.figures.evaluation import class_bars, shares_of_labels, temperature
from fer_utils.figures.parts import canvas, caption, heat_map, interval, named_rows, paired_rows, pictures, show_face

BLOCKS = 3
MOST_FACES = 8  # in a figure, so that each can be seen


@shows(faces=True)
def shifts_of_a_face(face: np.ndarray, found: dict[str, np.ndarray]) -> Figure:
    """One face as it is, and under each shift of the picture, in three severities from left to right.

    face: uint8 (48, 48); found: by name uint8 (3, 48, 48).
    """
    blocks = {"as it is": face[None], **found}
    rows = -(-len(blocks) // BLOCKS)
    figure, grid = pictures(TWO_COLUMNS, 25 * rows, rows, 3 * BLOCKS)
    for places, (name, images) in zip(grid.reshape(-1, 3), blocks.items(), strict=False):
        for axes, image in zip(places, images, strict=False):
            show_face(axes, image)
        caption(places[0], name, loc="left")
    return figure


def mean_accuracy(rows: Sequence[dict]) -> float:
    """The mean of the accuracies of one shift's severities."""
    return float(np.mean([one["accuracy"] for one in rows]))


def highest_first(means: dict[str, float]) -> list[str]:
    """The names in the order of their accuracies, equal ones by name."""
    return sorted(means, key=lambda name: (-round(means[name], 9), name))


@shows()
def under_shifts(scores: dict, confidence: dict[str, Sequence[float]]) -> Figure:
    """Accuracy under each shift, in three severities from pale to dark, and how far confidence is above it.

    scores: what `shift_scores` returned; confidence: by shift its mean at each severity, and one of "as it is".
    """
    names = highest_first({name: mean_accuracy(rows) for name, rows in scores["by_shift"].items()})
    figure, (left, right) = canvas(TWO_COLUMNS, 24 + 7 * len(names), columns=2, sharey=True, width_ratios=[1.5, 1])
    for row, name in enumerate(names):
        for severity, (found, strength) in enumerate(zip(scores["by_shift"][name], (0.3, 0.6, 1.0), strict=True), 1):
            place = row + 0.24 * (severity - 2)
            left.plot(found["accuracy_ci"], [place, place], color=OURS, linewidth=2.5, alpha=0.3 * strength)
            left.plot(found["accuracy"], place, "o", color=OURS, markersize=4, alpha=strength)
            gap = 100 * (confidence[name][severity - 1] - found["accuracy"])
            right.plot(gap, place, "o", color=POSTER, markersize=4, alpha=strength)
    named_rows(left, names)
    named_rows(right, names)
    right.tick_params(labelleft=False)
    left.axvline(scores["accuracy"], color=INK, linewidth=0.9)
    right.axvline(0, color=GREY, linewidth=0.9, linestyle=DASHED)
    right.axvline(100 * (confidence["as it is"][0] - scores["accuracy"]), color=INK, linewidth=0.9)
    left.set(title="Accuracy", xlabel="pale to dark: mild to strong; the line: as they are")
    right.set(title="Confidence minus accuracy", xlabel="points; right of the dashed 0: too sure")
    return figure


@shows()
def networks_under_shifts(scores: dict[str, dict]) -> Figure:
    """A map of accuracy in per cent: a row for each shift (the mean of its severities), a column for each network.

    scores: by network what `shift_scores` returned.
    """
    table = pd.DataFrame({
        name: {"as it is": found["accuracy"],
               **{shift: mean_accuracy(rows) for shift, rows in found["by_shift"].items()},
               "mean over shifts": found["mean"]} for name, found in scores.items()})
    names = highest_first(table.drop(["as it is", "mean over shifts"]).mean(axis=1).to_dict())
    networks = highest_first({name: found["mean"] for name, found in scores.items()})[::-1]
    table = table.loc[["as it is", *names, "mean over shifts"], networks]
    figure, axes = canvas(TWO_COLUMNS, 22 + 5.6 * len(table))
    heat_map(axes, table, (100 * table).map("{:.1f}".format).to_numpy(), vmin=table.min().min() - 0.1, vmax=1.05)
    for row in (1, len(table) - 1):
        axes.axhline(row, color=INK, linewidth=1)
    axes.xaxis.tick_top()
    axes.set(xlabel="", ylabel="")
    return figure


@shows()
def bought(found: dict[str, dict[str, dict]]) -> Figure:
    """What each augmentation adds to validation accuracy, on the images as they are and over all shifts.

    found: by title of a panel and by augmentation what `paired_seeds` returned.
    """
    rows = len(next(iter(found.values())))
    figure, panels = canvas(TWO_COLUMNS, 24 + 11 * rows, columns=len(found), sharey=True)
    for axes, (title, entries) in zip(panels, found.items(), strict=True):
        paired_rows(axes, entries)
        axes.set(title=title, xlabel="points, with minus without")
    return figure


@shows()
def there_and_at_home(confusions: dict[str, np.ndarray], classes: Sequence[str]) -> Figure:
    """Two confusion matrices in per cent of each label's images: at home, and in another collection.

    confusions: by title counts (classes, classes), a row for each label.
    """
    figure, panels = canvas(TWO_COLUMNS, 28 + 11 * len(classes), columns=len(confusions))
    for axes, (title, counts) in zip(panels, confusions.items(), strict=True):
        shares = shares_of_labels(counts, classes)
        heat_map(axes, shares, (100 * shares).map("{:.0f} %".format).to_numpy(), vmin=0, vmax=1.1)
        axes.set(title=title, xlabel="named by the model", ylabel="label, n")
    return figure


@shows()
def calibration_there(tables: dict[str, pd.DataFrame], checks: dict[str, dict]) -> Figure:
    """Calibration at home and in another collection: accuracy against confidence, and the error beside luck's part.

    tables: what `reliability` returned, by place; checks: what `calibration` returned, by the same places.
    """
    return temperature(tables, checks)


@shows()
def learnt_there(found: dict[str, Sequence[float]], before: float) -> Figure:
    """Accuracy in another collection after learning from a few of its faces, in several ways and draws.

    found: by way an accuracy for each draw; before: the accuracy of the network that has seen none.
    """
    figure, axes = canvas(ONE_COLUMN, 26 + 9 * len(found))
    for row, values in enumerate(found.values()):
        axes.plot(values, [row + 0.25] * len(values), "|", color=INK, markersize=6)
        interval(axes, float(np.mean(values)), None, row, OURS, f"{np.mean(values):.3f}")
    axes.axvline(before, color=GREY, linewidth=1, linestyle=DASHED)
    named_rows(axes, found)
    axes.set(xlabel="accuracy; the dashed line: before learning there", title="After a few faces from there")
    return figure


@shows(faces=True)
def named_faces(photo: Image.Image, squares: Sequence[tuple[int, int, int]], images: np.ndarray,
                probabilities: np.ndarray, titles: Sequence[str], classes: Sequence[str]) -> Figure:
    """A photograph with a numbered box around each face, and beside it the faces with the probabilities of each class.

    squares: left, top and side in pixels; images: uint8 (n, 48, 48); probabilities: (n, len(classes)). After the first
    MOST_FACES there are boxes only.
    """
    shown = range(min(len(squares), MOST_FACES))
    layout = [["photo", f"face {i}", f"bars {i}"] for i in shown] or [["photo"]]
    height = max(70, max(22, 8 + 5.5 * len(classes)) * len(layout))
    figure, axes = plt.subplot_mosaic(layout, figsize=(TWO_COLUMNS / 25.4, height / 25.4), layout="constrained",
                                      width_ratios=[3.4, 1, 1][: len(layout[0])])
    show_face(axes["photo"], np.asarray(photo))
    for number, (x, y, side) in enumerate(squares, 1):
        axes["photo"].add_patch(plt.Rectangle((x, y), side, side, fill=False, ec=OURS, lw=1.4))
        axes["photo"].annotate(str(number), (x, y), (1, -1), textcoords="offset points", va="top", color="white",
                               bbox={"facecolor": OURS, "edgecolor": "none", "pad": 1})
    for i in shown:
        show_face(axes[f"face {i}"], images[i])
        caption(axes[f"face {i}"], f"{i + 1}: {titles[i]}".replace(" (", "\n("), loc="left")
        axes[f"bars {i}"].set_axis_off()
        class_bars(axes[f"bars {i}"], probabilities[i], class_colours(classes))
    return figure

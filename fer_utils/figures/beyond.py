"""The figures of notebook 07: a residual block with attention, what attention weighs, and what helped by how much."""

import pandas as pd
from matplotlib.figure import Figure

from fer_utils.figures import GREEN, GREY, INK, ONE_COLUMN, OURS, POSTER, TWO_COLUMNS, class_colours, shows
from fer_utils.figures.parts import canvas, in_legend, interval, named_rows, paired_rows, reference_line


@shows(data=False)
def residual_block() -> Figure:
    """A residual block: two convolutions, a gate that weighs channels, and a shortcut round it all."""
    figure, axes = canvas(TWO_COLUMNS, 60)
    conv, arrow = "3 × 3 conv,\nnorm", {"arrowstyle": "<|-", "shrinkA": 0, "shrinkB": 0, "color": GREY, "linewidth": 1}
    boxes = [  # from right to left, so that a box lies on the arrow that leaves it: text, place, arrow from, colour
        ("out", (113, 0), (98, 0), "white"), ("ReLU", (98, 0), (85, 0), OURS), ("+", (85, 0), (70, 0), INK),
        ("×", (70, 0), (41, 0), INK), ("two dense\nlayers, sigmoid", (70, 14), (52, 14), GREEN),
        ("mean of each\nchannel", (52, 14), (52, 0), GREEN), (conv, (41, 0), (27, 0), OURS),
        ("ReLU", (27, 0), (13, 0), OURS), (conv, (13, 0), (-2, 0), OURS), ("in", (-2, 0), (-2, 0), "white")]
    for text, place, before, colour in boxes:
        frame = {"boxstyle": "round,pad=0.6", "facecolor": "white", "edgecolor": colour, "linewidth": 1.2}
        axes.annotate(text, before, place, ha="center", va="center", bbox=frame, arrowprops=arrow)
    axes.annotate("", (70, 2.4), (70, 10), arrowprops=arrow | {"arrowstyle": "-|>"})
    axes.plot([2, 2, 85], [0, -14, -14], color=POSTER, linewidth=1, zorder=0)
    axes.annotate("", (85, -2.4), (85, -14), arrowprops=arrow | {"arrowstyle": "-|>", "color": POSTER})
    axes.text(44, -15, "shortcut: the input itself", ha="center", va="top", fontsize=8, color=POSTER)
    axes.text(61, 20, "attention: a weight from 0 to 1 for each channel", ha="center", fontsize=8, color=GREEN)
    axes.set(xlim=(-6, 117), ylim=(-20, 24))
    axes.axis("off")
    return figure


@shows()
def channel_weights(blocks: dict[str, pd.DataFrame]) -> Figure:
    """A column of panels for each block: every channel's mean attention weight, and how far each class is from it.

    blocks: by title a table with a row for each channel and a column for each class; channels go from light to heavy.
    """
    figure, (above, below) = canvas(TWO_COLUMNS, 92, 2, len(blocks), sharex="col", sharey="row", squeeze=False)
    for top, bottom, (title, table) in zip(above, below, blocks.items(), strict=True):
        mean = table.mean(axis=1).sort_values()
        top.plot(range(len(mean)), mean, ".", color=INK, markersize=3)
        away = table.loc[mean.index].sub(mean, axis=0)
        for name, colour in class_colours(table).items():
            bottom.plot(range(len(mean)), away[name], ".", color=colour, markersize=3, label=in_legend(name))
        apart = (table.max(axis=1) - table.min(axis=1)).mean()
        top.set(title=f"{title}: {apart:.3f} apart", ylabel="mean weight", ylim=(0, 1))
        bottom.set(xlabel="channel, from light to heavy", ylabel="class minus mean")
        for axes in (top, bottom):
            axes.grid(axis="y")
            axes.label_outer()
    figure.legend(*below[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(table.columns))
    return figure


@shows()
def compared(scores: dict[str, list[float]], work: dict[str, float], differences: dict[str, dict]) -> Figure:
    """The validation accuracy of each network and seed, and the paired differences between them with intervals.

    work: multiply-adds for one image, in millions, times epochs; differences: what `paired_seeds` returned, by name.
    """
    figure, (left, right) = canvas(TWO_COLUMNS, 22 + 12 * max(len(scores), len(differences)), columns=2)
    for row, values in enumerate(scores.values()):
        mean = sum(values) / len(values)
        left.plot(values, [row] * len(values), "o", color=OURS, alpha=0.45)
        left.plot([mean, mean], [row - 0.25, row + 0.25], color=INK)
        left.text(1.02, row, f"{mean:.3f}", transform=left.get_yaxis_transform(), va="center")
    named_rows(left, [f"{name}\n{work[name]:,.0f} million multiply-adds" for name in scores])
    left.set(title="Validation accuracy of each seed", xmargin=0.1,
             xlabel="accuracy; the line is the mean\nmultiply-adds: one image in every epoch")
    paired_rows(right, differences)
    seeds = next(iter(differences.values()))["n"]
    right.set(title="Difference under the same seeds", xmargin=0.1,
              xlabel="points; one seed, no interval" if seeds == 1 else f"points, {seeds} seeds, 95 % interval")
    return figure


@shows()
def ladder(steps: pd.DataFrame) -> Figure:
    """Validation accuracy with its 95 % interval after each added technique; hollow where it was taken back.

    steps: a row a step, from the top, with `step`, `accuracy`, `low`, `high`, `kept`; the interval is Wilson's.
    """
    figure, axes = canvas(ONE_COLUMN, 18 + 6.5 * len(steps))
    for row, step in enumerate(steps.itertuples()):
        interval(axes, step.accuracy, [step.low, step.high], row, OURS if step.kept else GREY, f"{step.accuracy:.3f}")
        if not step.kept:
            axes.plot(step.accuracy, row, "o", color="white", markersize=2.2)
    kept = steps[steps["kept"]]
    axes.plot(kept["accuracy"], kept.index, color=OURS, linewidth=0.9, zorder=0)
    named_rows(axes, steps["step"])
    axes.set(xlabel="validation accuracy, with its 95 % interval;\nhollow: taken back")
    return figure


@shows()
def final_scores(scores: dict[str, dict], lines: dict[str, float]) -> Figure:
    """Test accuracy with its 95 % interval of the first network and the final ones, with and without leaks.

    scores: by name what `evaluate` returned; lines: accuracies to compare with, by name; intervals are Wilson's.
    """
    figure, axes = canvas(ONE_COLUMN, 26 + 10 * len(scores) + 5 * len(lines))
    for row, found in enumerate(scores.values()):
        for shift, part, colour in ((-0.16, found, OURS), (0.16, found.get("clean"), GREEN)):
            if part:
                interval(axes, part["accuracy"], part["accuracy_ci"], row + shift, colour, f"{part['accuracy']:.3f}")
    named_rows(axes, scores)
    axes.set(xlabel="test accuracy, with the 95 % Wilson interval")
    for name, value in lines.items():
        reference_line(axes, f"{name} {value}", x=value)
    axes.plot([], [], "o", color=OURS, label="all test images")
    axes.plot([], [], "o", color=GREEN, label="without leaked images")
    figure.legend(loc="outside upper center", ncols=2)
    return figure

"""The figures of notebook 07: a residual block with attention, what attention weighs, and what helped by how much."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from fer_utils.figures import CLASS_COLOURS, GREEN, GREY, INK, OURS, PALE, POSTER
from fer_utils.figures.evaluation import interval

GATE = GREEN


def residual_block() -> Figure:
    """A residual block with squeeze-and-excitation: the way through the convolutions, the gate, and the shortcut."""
    figure, ax = plt.subplots(figsize=(8, 2.9))
    arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1, "shrinkA": 0, "shrinkB": 0}

    def box(x: float, y: float, text: str, colour: str, width: float = 10) -> None:
        patch = FancyBboxPatch((x, y - 4), width, 8, boxstyle="round,pad=0,rounding_size=1.5", facecolor="white")
        patch.set(edgecolor=colour, linewidth=1.2)
        ax.add_patch(patch)
        ax.text(x + width / 2, y, text, ha="center", va="center", fontsize=8, color=INK)

    for x, text in ((6, "3x3 conv,\nnorm"), (20, "ReLU"), (34, "3x3 conv,\nnorm"), (93, "ReLU")):
        box(x, 0, text, OURS)
    for start, end in ((0, 6), (16, 20), (30, 34), (44, 67.8), (72.2, 83.8), (88.2, 93), (103, 108)):
        ax.annotate("", (end, 0), (start, 0), arrowprops=arrow)
    for x, sign in ((70, "×"), (86, "+")):
        ax.plot(x, 0, "o", markersize=17, markerfacecolor="white", markeredgecolor=INK, markeredgewidth=1)
        ax.text(x, -0.2, sign, ha="center", va="center", fontsize=12, color=INK)
    ax.annotate("", (51, 10), (51, 0), arrowprops=arrow)
    box(44, 14, "mean of each\nchannel", GATE, 14)
    box(61, 14, "two dense\nlayers, sigmoid", GATE, 18)
    ax.annotate("", (61, 14), (58, 14), arrowprops=arrow)
    ax.annotate("", (70, 2.8), (70, 10), arrowprops=arrow)
    ax.plot([3, 3, 86], [0, -13, -13], color=POSTER, linewidth=1.6)
    ax.annotate("", (86, -2.8), (86, -13.3), arrowprops=arrow | {"color": POSTER, "linewidth": 1.6})
    ax.text(44, -14, "shortcut: the input itself", ha="center", va="top", fontsize=8.5, color=POSTER)
    ax.text(61, 20, "attention: a weight from 0 to 1 for each channel", ha="center", fontsize=8.5, color=GATE)
    ax.text(-1, 0, "in", ha="right", va="center", fontsize=8.5)
    ax.text(109, 0, "out", ha="left", va="center", fontsize=8.5)
    ax.set(xlim=(-5, 114), ylim=(-19, 24))
    ax.axis("off")
    return figure


def channel_weights(blocks: dict[str, pd.DataFrame]) -> Figure:
    """Mean attention weight of each channel for each class: a panel a block, its channels from light to heavy.

    blocks: by title a table with a row for each channel and a column for each class.
    """
    figure, axes = plt.subplots(1, len(blocks), figsize=(2.8 * len(blocks), 2.7), sharey=True, squeeze=False)
    for ax, (title, table) in zip(axes[0], blocks.items(), strict=True):
        ordered = table.loc[table.mean(axis=1).sort_values().index]
        for size, name in zip((7, 3), table, strict=True):  # so that the second does not hide the first
            ax.plot(range(len(ordered)), ordered[name], ".", markersize=size, color=CLASS_COLOURS[name], label=name)
        apart = (table.max(axis=1) - table.min(axis=1)).mean()
        ax.set(title=f"{title}: {apart:.3f} apart", xlabel="channel, sorted", ylim=(-0.02, 1.02))
        ax.grid(axis="y")
    axes[0][0].set_ylabel("mean weight")
    axes[0][0].legend(loc="upper left", markerscale=2)
    return figure


def compared(scores: dict[str, list[float]], work: dict[str, float], differences: dict[str, dict]) -> Figure:
    """Left, accuracy of each model and seed against its arithmetic; right, paired differences with intervals, if any.

    work: multiply-adds for one image, in millions, times epochs; differences: what `paired_seeds` returned, by name.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), width_ratios=[1.15, 1])
    for row, values in enumerate(scores.values()):
        mean = sum(values) / len(values)
        left.plot(values, [row] * len(values), "o", color=OURS, alpha=0.45)
        left.plot([mean, mean], [row - 0.25, row + 0.25], color=INK, linewidth=1.6)
        left.annotate(f"{mean:.3f}", (mean, row - 0.27), (0, 2), textcoords="offset points", ha="center", fontsize=8)
    left.set_yticks(range(len(scores)), [f"{name}\n{work[name]:,.0f} million" for name in scores])
    left.set_ylim(len(scores) - 0.5, -0.7)
    left.margins(x=0.15)
    left.set(title="Validation accuracy of each seed", xlabel="accuracy; the line is the mean")
    for row, found in enumerate(differences.values()):
        ends = found["difference_ci"] or [found["difference"]] * 2
        interval(right, found["difference"], ends, row, OURS)
        right.annotate(f"{100 * found['difference']:+.1f} points", (found["difference"], row), (0, 7),
                       textcoords="offset points", ha="center", fontsize=8)
    right.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    right.set_yticks(range(len(differences)), list(differences))
    right.set_ylim(len(differences) - 0.5, -0.7)
    right.margins(x=0.25)
    seeds = next(iter(differences.values()))["n"]
    right.set(title="Difference under the same seeds", xlabel="one seed, no interval" if seeds == 1 else
              f"accuracy, {seeds} seeds, 95 % interval")
    for ax in (left, right):
        ax.grid(axis="x")
        ax.tick_params(axis="y", length=0)
    return figure


def ladder(steps: pd.DataFrame) -> Figure:
    """Validation accuracy with interval after each step, from the top; what did not help is hollow and was taken back.

    steps: a row a step with `step`, `accuracy`, `low`, `high`, `kept`.
    """
    figure, ax = plt.subplots(figsize=(7, 1.2 + 0.36 * len(steps)))
    for row, step in enumerate(steps.itertuples()):
        colour = OURS if step.kept else GREY
        interval(ax, step.accuracy, [step.low, step.high], row, colour)
        if not step.kept:
            ax.plot(step.accuracy, row, "o", color="white", markersize=3)
        ax.text(1.02, row, f"{step.accuracy:.3f}", transform=ax.get_yaxis_transform(), va="center", fontsize=8)
    kept = steps[steps["kept"]]
    ax.plot(kept["accuracy"], kept.index, color=OURS, linewidth=0.9, zorder=0)
    ax.set_yticks(range(len(steps)), steps["step"])
    ax.set_ylim(len(steps) - 0.5, -0.6)
    ax.grid(axis="x")
    ax.tick_params(axis="y", length=0)
    ax.set(xlabel="validation accuracy, with the 95 % Wilson interval; hollow: taken back")
    return figure


def final_scores(scores: dict[str, dict], lines: dict[str, float]) -> Figure:
    """Test accuracy of each model on all images and without leaks, with intervals; `lines` to compare with, by name.

    scores: by name what `evaluate` returned.
    """
    figure, ax = plt.subplots(figsize=(7, 1.5 + 0.5 * len(scores)))
    for row, found in enumerate(scores.values()):
        for shift, part, colour in ((-0.14, found, OURS), (0.16, found.get("clean"), GATE)):
            if part:
                interval(ax, part["accuracy"], part["accuracy_ci"], row + shift, colour)
                ax.text(1.02, row + shift, f"{part['accuracy']:.3f}", transform=ax.get_yaxis_transform(),
                        va="center", fontsize=8, color=colour)
    for place, (name, value) in enumerate(lines.items()):
        ax.axvline(value, color=POSTER, linewidth=1, linestyle=(0, (4, 2)), zorder=0)
        ax.annotate(f"{name} {value}", (value, 1), (0, 3 + 11 * place), ha="center", fontsize=7.5, color=POSTER,
                    xycoords=ax.get_xaxis_transform(), textcoords="offset points")
    ax.set_yticks(range(len(scores)), list(scores))
    ax.set_ylim(len(scores) - 0.5, -0.5)
    ax.grid(axis="x", color=PALE)
    ax.tick_params(axis="y", length=0)
    ax.set(xlabel="test accuracy, with the 95 % Wilson interval")
    ax.plot([], [], "o", color=OURS, label="all test images")
    ax.plot([], [], "o", color=GATE, label="without leaked images")
    figure.legend(loc="outside lower center", ncols=2)
    return figure

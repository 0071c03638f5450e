"""The figures of notebook 08: where the time of a training goes, and what accuracy it buys."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from fer_utils.evaluation import wilson
from fer_utils.figures import GREEN, GREY, INK, OURS, PALE, POSTER
from fer_utils.figures.evaluation import interval

SAVED = GREEN
KINDS = {
    "convolution, backward": ["ConvolutionBackward"],
    "convolution, forward": ["aten::conv2d"],
    "batch norm": ["batch_norm", "BatchNorm"],
    "pooling": ["max_pool2d", "MaxPool2D"],
    "ReLU": ["aten::relu", "ReluBackward"],
    "dense layers": ["aten::linear", "AddmmBackward", "TBackward"],
    "optimizer": ["Optimizer"],
    "images: gather, scale, augment": ["augmentation", "aten::index", "aten::randperm", "aten::div"],
}
"""Kinds of work, and what the profiler's names for it contain."""


def waterfall(steps: pd.DataFrame) -> Figure:
    """Seconds for 1,000 images from the reference down to the limit: what stays, and what each step saves.

    steps: what `speed.summary` returned.
    """
    figure, ax = plt.subplots(figsize=(7, 1 + 0.4 * len(steps)))
    last = len(steps) - 1
    for row, step in enumerate(steps.itertuples()):
        colour = {0: POSTER, last - 1: OURS, last: GREY}.get(row, PALE)
        ax.barh(row, step.seconds, color=colour, height=0.62)
        if row:
            ax.barh(row, step.saved, left=step.seconds, color=SAVED if step.saved > 0 else POSTER, height=0.62,
                    alpha=0.35)
        ax.plot((1000 / step.high, 1000 / step.low), (row, row), color=INK, linewidth=1)
        end = max(step.seconds, step.seconds + step.saved if row else 0, 1000 / step.low)
        ax.text(end + 0.015 * steps["seconds"].max(), row, f"{step.seconds:.2f} s", va="center", fontsize=8)
        ax.text(1.13, row, f"{step.images_per_s:,.0f}", transform=ax.get_yaxis_transform(), va="center", ha="right",
                fontsize=8, color=GREY)
    ax.text(1.13, 1.01, "images/s", transform=ax.transAxes, ha="right", fontsize=8, color=GREY)
    names = [f"+ {name}" if 0 < row < last else name for row, name in enumerate(steps["step"])]
    ax.set(yticks=range(len(steps)), yticklabels=names, ylim=(last + 0.6, -0.6), xlabel="seconds for 1,000 images")
    ax.set_title("From the reference to the course's loop")
    ax.set_xlim(0, 1.12 * max(steps["seconds"].max(), (1000 / steps["low"]).max()))
    ax.tick_params(axis="y", length=0)
    return figure


def grouped(operators: pd.DataFrame) -> pd.Series:
    """Milliseconds of each of KINDS, and of the rest; operators: what `speed.operators` returned."""
    kinds = operators["operator"].map(
        lambda name: next((kind for kind, parts in KINDS.items() if any(part in name for part in parts)), "the rest")
    )
    return operators.groupby(kinds)["milliseconds"].sum().reindex([*KINDS, "the rest"], fill_value=0.0)


def profile(operators: pd.DataFrame, n: int) -> Figure:
    """What the course's loop spends its time on, in milliseconds for a batch, of `n` profiled ones."""
    times = grouped(operators) / n
    network = [name in list(KINDS)[:6] for name in times.index]
    figure, ax = plt.subplots(figsize=(7, 3.2))
    bars = ax.barh(times.index, times, color=[OURS if inside else "#E69F00" for inside in network], height=0.62)
    ax.bar_label(bars, [f"{value:.1f} ms   {value / times.sum():.0%}" for value in times], padding=4, fontsize=8)
    ax.text(0.99, 0.16, "blue: the network, there and back", transform=ax.transAxes, ha="right", color=OURS, fontsize=8)
    ax.text(0.99, 0.07, "orange: everything around it", transform=ax.transAxes, ha="right", color="#B87F00", fontsize=8)
    ax.set(xlabel="milliseconds for a batch", xlim=(0, 1.22 * times.max()), ylim=(len(times) - 0.4, -0.6))
    ax.set_title("Where the time of the course's loop goes")
    ax.tick_params(axis="y", length=0)
    return figure


def time_to_accuracy(points: pd.DataFrame, targets: dict[str, float], reference: pd.DataFrame | None = None) -> Figure:
    """Validation accuracy against seconds of training: a dot for each fast training, a line for each reference.

    points: columns recipe, epochs, seconds, accuracy; targets: name to accuracy; reference: histories, or None.
    """
    figure, ax = plt.subplots(figsize=(7, 3.6))
    if reference is not None:
        for number, (_, own) in enumerate(reference.groupby("seed")):
            elapsed, best = own["seconds"].cumsum(), own["val_acc"].idxmax()
            ax.plot(elapsed, own["val_acc"], color=POSTER, alpha=0.5, linewidth=1.1,
                    label=None if number else "the reference, epoch by epoch")
            ax.plot(elapsed[best], own["val_acc"][best], "*", color=POSTER, markersize=9)
    for colour, ((epochs, recipe), own) in zip((SAVED, OURS, INK), points.groupby(["epochs", "recipe"]), strict=False):
        label = f"{recipe}, {epochs} epoch{'s' * (epochs > 1)} ({len(own)} seed{'s' * (len(own) > 1)})"
        ax.plot(own["seconds"], own["accuracy"], "o", color=colour, markersize=5.5, alpha=0.8, label=label)
    for name, value in targets.items():
        ax.axhline(value, color=GREY, linewidth=0.9, linestyle=(0, (4, 2)), zorder=0)
        ax.annotate(f"{name} {value:.4f}", (0.63, value), (0, 3), xycoords=ax.get_yaxis_transform(), ha="right",
                    textcoords="offset points", fontsize=8, color=GREY)
    low = min(points["accuracy"].min(), *targets.values())
    high = max(points["accuracy"].max(), *targets.values())
    ax.set(xscale="log", xlabel="seconds of training", ylabel="validation accuracy")
    ax.set_ylim(low - 0.6 * (high - low) - 0.01, high + 0.35 * (high - low) + 0.01)
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 4, 5, 7)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.margins(x=0.12)
    ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 1), ncols=2)
    return figure


def fixed_budget(accuracies: dict[int, float], n: int, ends: list[float] | None, public: float | None = None) -> Figure:
    """Accuracy of each seed (the key) with its Wilson interval for n images; the mean with `ends`, its own interval."""
    figure, ax = plt.subplots(figsize=(6.6, 1.3 + 0.26 * (len(accuracies) + 1)))
    for row, value in enumerate(accuracies.values()):
        interval(ax, value, wilson(round(value * n), n), row, OURS)
    names, mean = [f"seed {seed}" for seed in accuracies], float(np.mean([*accuracies.values()]))
    ax.plot(mean, len(names), "D", color=INK)
    if ends is not None:
        ax.plot(ends, [len(names)] * 2, color=INK, linewidth=1.4)
    if public is not None:
        ax.axvline(public, color=POSTER, linewidth=1.2, linestyle=(0, (4, 2)), zorder=0)
        ax.annotate(f"best public result {public}", (public, 1), (0, 3), xycoords=ax.get_xaxis_transform(),
                    textcoords="offset points", ha="center", fontsize=8, color=POSTER)
    ax.set(yticks=range(len(names) + 1), yticklabels=[*names, f"mean {mean:.4f}"], ylim=(len(names) + 0.6, -0.6))
    ax.set_xlabel(f"accuracy on {n:,} images, with 95 % intervals")
    ax.set_title("The fast recipe at its fixed budget", pad=18)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
    return figure


def ablations(table: pd.DataFrame) -> Figure:
    """What leaving out one part does to the accuracy, in points: each seed, the mean and its paired 95 % interval.

    table: one row a part: part, differences (a list, one a seed), difference, low, high (NaN for a single seed).
    """
    figure, ax = plt.subplots(figsize=(6.6, 1.1 + 0.42 * len(table)))
    for row, one in enumerate(table.itertuples()):
        interval(ax, 100 * one.difference, [100 * one.low, 100 * one.high], row, OURS)
        ax.plot(100 * np.array(one.differences), [row - 0.22] * len(one.differences), "|", color=GREY, markersize=6)
        ax.text(1.02, row, f"{100 * one.difference:+.2f}", transform=ax.get_yaxis_transform(), va="center", fontsize=8)
    ax.axvline(0, color=INK, linewidth=0.9)
    ax.set(yticks=range(len(table)), yticklabels=[f"without {part}" for part in table["part"]])
    ax.set(ylim=(len(table) - 0.4, -0.6), xlabel="change of the validation accuracy, in points")
    ax.set_title("One part left out at a time")
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
    return figure

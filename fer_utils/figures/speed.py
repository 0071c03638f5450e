"""The figures of notebook 08: where the time of a training goes, and what accuracy it buys."""

from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from fer_utils import count
from fer_utils.evaluation import wilson
from fer_utils.figures import DASHED, GREEN, GREY, INK, ONE_COLUMN, OURS, PALE, POSTER, TWO_COLUMNS, shows
from fer_utils.figures.parts import GROUND, canvas, interval, named_rows, paired_rows, reference_line

NETWORK = {
    "convolution, backward": ["ConvolutionBackward"],
    "convolution, forward": ["aten::conv2d"],
    "batch norm": ["batch_norm", "BatchNorm"],
    "pooling": ["max_pool2d", "MaxPool2D"],
    "ReLU": ["aten::relu", "ReluBackward"],
    "dense layers": ["aten::linear", "AddmmBackward", "TBackward"],
}
KINDS = NETWORK | {
    "optimizer": ["Optimizer"],
    "images: gather, scale, augment": ["augmentation", "aten::index", "aten::randperm", "aten::div"],
}
"""Kinds of work, the network's and what is around it, and what the profiler's names for each contain."""


@shows()
def waterfall(steps: pd.DataFrame) -> Figure:
    """Bars: seconds for 1,000 images from the reference over each step to the course's loop, and the limit.

    steps: what `speed.summary` returned.
    """
    figure, axes = canvas(TWO_COLUMNS, 20 + 7 * len(steps))
    last, longest = len(steps) - 1, (1000 / steps["low"]).max()
    colours = [POSTER, *[PALE] * (len(steps) - 3), OURS, GREY]  # the reference, its steps, the course's loop, the limit
    for row, step in enumerate(steps.itertuples()):
        axes.barh(row, step.seconds, color=colours[row], height=0.62)
        if row:
            axes.barh(row, step.saved, left=step.seconds, color=GREEN if step.saved > 0 else POSTER, height=0.62,
                      alpha=0.35)
        axes.plot((1000 / step.high, 1000 / step.low), (row, row), color=INK, linewidth=1)
        end = max(step.seconds, step.seconds + step.saved if row else 0, 1000 / step.low)
        axes.text(end + 0.012 * longest, row, f"{step.seconds:.2f} s", va="center", bbox=GROUND)
        axes.text(1.1, row, f"{step.images_per_s:,.0f}", transform=axes.get_yaxis_transform(), va="center", ha="right",
                  color=GREY)
    axes.text(1.1, 1.01, "images/s", transform=axes.transAxes, ha="right", color=GREY)
    named_rows(axes, [f"+ {name}" if 0 < row < last else name for row, name in enumerate(steps["step"])])
    axes.set(xlabel="seconds for 1,000 images", title="From the reference to the course's loop",
             xlim=(0, 1.1 * longest))
    return figure


def grouped(operators: pd.DataFrame) -> pd.Series:
    """Milliseconds of each of KINDS, and of the rest; operators: what `speed.operators` returned."""
    kinds = operators["operator"].map(
        lambda name: next((kind for kind, parts in KINDS.items() if any(part in name for part in parts)), "the rest")
    )
    return operators.groupby(kinds)["milliseconds"].sum().reindex([*KINDS, "the rest"], fill_value=0.0)


@shows()
def profile(times: pd.Series, n: int) -> Figure:
    """Bars: the milliseconds of a batch that convolutions, other layers, the optimizer and the images take.

    times: what `grouped` returned, of n profiled batches.
    """
    times = times / n
    figure, axes = canvas(TWO_COLUMNS, 20 + 6.5 * len(times))
    bars = axes.barh(range(len(times)), times, color=[OURS if kind in NETWORK else "#B87F00" for kind in times.index],
                     height=0.62)
    axes.bar_label(bars, [f"{value:.1f} ms   {100 * value / times.sum():.0f} %" for value in times], padding=4,
                   bbox=GROUND)
    axes.legend([bars[0], bars[-1]], ["the network, there and back", "everything around it"], loc="lower right")
    named_rows(axes, times.index)
    axes.set(xlabel="milliseconds for a batch", xlim=(0, 1.2 * times.max()),
             title="Where the time of the course's loop goes")
    return figure


@shows()
def time_to_accuracy(points: pd.DataFrame, targets: dict[str, float], reference: pd.DataFrame | None = None) -> Figure:
    """Dots and lines: validation accuracy against seconds of training, with the targets as dashed lines.

    points: columns recipe, epochs, seconds, accuracy; targets: name to accuracy; reference: histories, or None.
    """
    figure, axes = canvas(TWO_COLUMNS, 92)
    if reference is not None:
        for seed, own in reference.groupby("seed"):
            elapsed, best = own["seconds"].cumsum(), own["val_acc"].idxmax()
            label = "the reference, epoch by epoch" if seed == reference["seed"].min() else None
            axes.plot(elapsed, own["val_acc"], color=POSTER, alpha=0.5, linewidth=1.1, label=label)
            axes.plot(elapsed[best], own["val_acc"][best], "*", color=POSTER, markersize=8)
    for colour, ((recipe, epochs), own) in zip(cycle((GREEN, OURS, INK, GREY)), points.groupby(["recipe", "epochs"])):
        label = f"{recipe}, {count(epochs, 'epoch')} ({count(len(own), 'seed')})"
        axes.plot(own["seconds"], own["accuracy"], "o", color=colour, markersize=5, alpha=0.8, label=label)
    low = min(points["accuracy"].min(), *targets.values())
    high = max(points["accuracy"].max(), *targets.values())
    axes.set(xscale="log", xlabel="seconds of training", ylabel="validation accuracy", xmargin=0.12)
    axes.set_ylim(low - 0.6 * (high - low) - 0.01, high + 0.35 * (high - low) + 0.01)
    for (name, value), dashes in zip(targets.items(), cycle((DASHED, ":", "-."))):
        axes.axhline(value, color=INK, linewidth=1, linestyle=dashes, zorder=0.5, label=f"{name} {value:.4f}")
    axes.xaxis.set(major_locator=LogLocator(subs=(1, 1.5, 2, 3, 4, 5, 7)), major_formatter="{x:g}", minor_formatter="")
    figure.legend(loc="outside upper left", ncols=2)
    return figure


@shows()
def fixed_budget(accuracies: dict[int, float], n: int, ends: list[float] | None, public: float | None = None) -> Figure:
    """The accuracy of each seed of the fast recipe with its interval, and their mean with its own.

    accuracies: by seed, on n images, with Wilson's 95 % interval; ends: the interval of the mean, if there is one.
    """
    figure, axes = canvas(ONE_COLUMN, 28 + 5.5 * len(accuracies))
    for row, value in enumerate(accuracies.values()):
        interval(axes, value, wilson(round(value * n), n), row, OURS, f"{value:.4f}")
    row, mean = len(accuracies), float(np.mean([*accuracies.values()]))
    interval(axes, mean, ends, row, INK, f"{mean:.4f}")
    named_rows(axes, [*(f"seed {seed}" for seed in accuracies), "mean"])
    axes.set(xlabel=f"accuracy on {n:,} images, with 95 % intervals", title="The fast recipe at its fixed budget")
    if public is not None:
        reference_line(axes, f"best public result {public}", x=public)
    return figure


@shows()
def ablations(table: pd.DataFrame) -> Figure:
    """How the accuracy changes without each of several parts: each seed, the mean and its paired 95 % interval.

    table: one row a part: part, differences (a list, one a seed), difference, low, high (NaN for a single seed).
    """
    figure, axes = canvas(ONE_COLUMN, 20 + 8.5 * len(table))
    paired_rows(axes, {f"without {one.part}": {"gaps": one.differences, "difference": one.difference,
                                               "difference_ci": [one.low, one.high]} for one in table.itertuples()})
    axes.set(xlabel="points of validation accuracy", title="One part left out at a time")
    return figure

"""The figures of notebook 04: how a training goes and went, and how it compares with the poster's."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython import get_ipython
from IPython.core.pylabtools import print_figure
from IPython.display import HTML, display
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fer_utils import count
from fer_utils.evaluation import wilson
from fer_utils.figures import GREEN, GREY, INK, ONE_COLUMN, OURS, POSTER, TWO_COLUMNS, class_colours, shows
from fer_utils.figures.parts import band, canvas, interval, named_rows, reference_line
from fer_utils.training import Result

TRAIN, VAL = GREEN, OURS


@shows()
def training_curves(history: pd.DataFrame, poster: pd.DataFrame | None = None) -> Figure:
    """Over the epochs: training and validation loss at the left, validation accuracy at the right.

    Lines are means over the seeds, bands their standard deviation, dots the poster's printed epochs. history: the
    columns of `training.HISTORY`; poster: those of `poster_log()`, or None where it says nothing.
    """
    seeds = history["seed"].nunique()
    figure, (left, right) = canvas(TWO_COLUMNS, 72, columns=2)
    band(left, history, "train_loss", TRAIN, "training")
    band(left, history, "val_loss", VAL, "validation")
    band(right, history, "val_acc", VAL, f"this run, {count(seeds, 'seed')}")
    if poster is not None:
        dots = {"linestyle": "none", "marker": "o", "markersize": 3.4, "markerfacecolor": "white"}
        left.plot(poster["epoch"], poster["train_loss"], color=TRAIN, **dots, label="poster, training")
        left.plot(poster["epoch"], poster["val_loss"], color=VAL, **dots, label="poster, validation")
        right.plot(poster["epoch"], poster["val_acc"], color=POSTER, **dots, label="poster")
    if seeds == 1 and history["saved"].any():
        best = history[history["saved"]].iloc[-1]
        right.plot(best["epoch"], best["val_acc"], "*", markersize=9, color=INK, label="best epoch")
    left.set(title="Loss", xlabel="epoch", ylabel="cross-entropy (nats)")
    right.set(title="Validation accuracy", xlabel="epoch", ylabel="share of images named right", ymargin=0.14)
    left.legend(handles=left.lines)  # the band is the same as at the right
    right.legend()
    return figure


@contextmanager
def watching(name: str, epochs: int) -> Iterator[Callable[[Result], None]]:
    """For `after_epoch`: in a notebook a progress bar, and curves that grow, drawn in a tenth of the time at most.

    They need somebody who watches: JupyterLab and Colab let a cell ask for input, papermill and nbval do not. When the
    training has ended they vanish; one that fails leaves them.
    """
    shell = get_ipython()
    if not (hasattr(shell, "kernel") and shell.kernel.get_parent()["content"].get("allow_stdin")):
        yield lambda result: None
        return
    curves, due = "", 0.0

    def bar(done: int, reached: str = "") -> str:
        return (f'<div style="padding-left: 8px"><progress max="{epochs}" value="{done}" '
                f'style="vertical-align: middle"></progress> {name}, epoch {done} of {epochs}{reached}</div>')

    shown = display(HTML(bar(0)), display_id=True)

    def draw(result: Result) -> None:
        nonlocal curves, due
        start, done = time.monotonic(), len(result.history)
        if start > due and done > 1:
            figure = training_curves(result.history)
            for axes, top in zip(figure.axes, (None, 1), strict=True):  # loss, accuracy
                axes.set(xlim=(0.5, epochs + 0.5), ylim=(0, top))
            curves = f'<br><img alt="{figure.alt}" src="data:image/png;base64,{print_figure(figure, base64=True)}">'
            plt.close(figure)
            due = start + 10 * (time.monotonic() - start)
        left = timedelta(seconds=round(result.history["seconds"].mean() * (epochs - done)))
        shown.update(HTML(bar(done, f", {left} left{curves}")))

    yield draw
    shown.update(HTML(""))


@shows()
def compared_curves(histories: dict[str, pd.DataFrame]) -> Figure:
    """Validation accuracy by epoch of several trainings, mean and band over the seeds of each.

    histories: by the training's name the columns of `training.HISTORY`, of all its seeds.
    """
    figure, axes = canvas(TWO_COLUMNS, 75 + 4 * len(histories))
    colours = class_colours(histories)
    for name, history in histories.items():
        band(axes, history, "val_acc", colours[name], f"{name} (seeds: {history['seed'].nunique()})")
    axes.set(xlabel="epoch", ylabel="validation accuracy")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@shows()
def loss_difference(history: pd.DataFrame, poster: pd.DataFrame, tolerance: float = 0.05) -> Figure:
    """By epoch, this course's training loss minus the poster's, against a grey band of tolerance.

    The loss is the mean over the seeds, at each epoch that the poster prints.
    """
    ours = history.groupby("epoch")["train_loss"].mean().reindex(poster["epoch"])
    difference = ours.to_numpy() - poster["train_loss"].to_numpy()
    figure, axes = canvas(ONE_COLUMN, 58)
    axes.axhspan(-tolerance, tolerance, color="#EEEEEE", label=f"within ± {tolerance}")
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.vlines(poster["epoch"], 0, difference, color=OURS, linewidth=1.4)
    axes.plot(poster["epoch"], difference, "o", color=OURS)
    edge = max(1.5 * tolerance, 1.15 * np.nanmax(np.abs(difference)))
    axes.set(xlabel="epoch", ylabel="difference (nats)", ylim=(-edge, edge), title="Training loss, minus the poster's")
    figure.legend(loc="outside lower center")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure


@shows()
def best_accuracies(best: pd.DataFrame, n: int, poster_best: float | None = None) -> Figure:
    """The best validation accuracy of each seed with its 95 % interval, and the mean over the seeds.

    best: one row a seed with `seed` and `val_acc`; n: validation images; the interval is Wilson's.
    """
    figure, axes = canvas(ONE_COLUMN, 28 + 5 * len(best))
    for row, one in enumerate(best.itertuples()):
        interval(axes, one.val_acc, wilson(round(one.val_acc * n), n), row, OURS, f"{one.val_acc:.4f}")
    names = [f"seed {seed}" for seed in best["seed"]]
    if len(best) > 1:
        mean, std = best["val_acc"].mean(), best["val_acc"].std()
        interval(axes, mean, [mean - std, mean + std], len(names), INK, f"{mean:.4f}")
        names.append(f"mean ± {std:.4f}")
    named_rows(axes, names)
    axes.set(xlabel=f"accuracy on {n:,} validation images", title="Best validation accuracy")
    if poster_best is not None:
        reference_line(axes, f"poster {poster_best}", x=poster_best)
    return figure

"""The figures of notebook 04: how a training went, and how it compares with the poster's."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fer_utils.evaluation import wilson
from fer_utils.figures import GREEN, GREY, INK, OURS, POSTER

TRAIN, VAL = GREEN, OURS


def band(ax: Axes, history: pd.DataFrame, column: str, colour: str, label: str) -> None:
    """The mean of `column` over the seeds at each epoch, and a band of one standard deviation around it."""
    by_epoch = history.groupby("epoch")[column]
    mean, std = by_epoch.mean(), by_epoch.std(ddof=1).fillna(0)
    ax.fill_between(mean.index, mean - std, mean + std, color=colour, alpha=0.2)
    ax.plot(mean.index, mean, color=colour, label=label)


def training_curves(history: pd.DataFrame, poster: pd.DataFrame | None = None) -> Figure:
    """Losses and validation accuracy by epoch, mean and band over the seeds; the poster's printed epochs as dots.

    history: the columns of `training.HISTORY`; poster: those of `poster_log()`, or None where it says nothing.
    """
    seeds = history["seed"].nunique()
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.3))
    band(left, history, "train_loss", TRAIN, "training")
    band(left, history, "val_loss", VAL, "validation")
    band(right, history, "val_acc", VAL, f"this run, {seeds} seed{'s' * (seeds > 1)}")
    if poster is not None:
        dots = {"linestyle": "none", "marker": "o", "markersize": 3.6, "markerfacecolor": "white"}
        left.plot(poster["epoch"], poster["train_loss"], color=TRAIN, **dots, label="poster, training")
        left.plot(poster["epoch"], poster["val_loss"], color=VAL, **dots, label="poster, validation")
        right.plot(poster["epoch"], poster["val_acc"], color=POSTER, **dots, label="poster")
    if seeds == 1:
        best = history[history["saved"]].iloc[-1]
        right.plot(best["epoch"], best["val_acc"], "*", markersize=11, color=INK, label="best epoch")
    left.set(title="Loss", ylabel="cross-entropy (nats)")
    right.set(title="Validation accuracy", ylabel="share of images named right")
    right.margins(y=0.14)
    for ax in (left, right):
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(axis="y")
    left.legend()
    right.legend(loc="lower right")
    return figure


def loss_difference(history: pd.DataFrame, poster: pd.DataFrame, tolerance: float = 0.05) -> Figure:
    """Our train loss (mean over the seeds) minus the poster's at each epoch it prints; `tolerance` as a grey band."""
    ours = history.groupby("epoch")["train_loss"].mean().reindex(poster["epoch"])
    difference = ours.to_numpy() - poster["train_loss"].to_numpy()
    figure, ax = plt.subplots(figsize=(6.4, 2.7))
    ax.axhspan(-tolerance, tolerance, color="#EEEEEE")
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.vlines(poster["epoch"], 0, difference, color=OURS, linewidth=1.4)
    ax.plot(poster["epoch"], difference, "o", color=OURS)
    edge = max(0.06, 1.15 * np.nanmax(np.abs(difference)))
    ax.text(1, 0.96 * tolerance, f"within ± {tolerance}", va="top", fontsize=8, color=GREY)
    ax.set(xlabel="epoch", ylabel="difference (nats)", ylim=(-edge, edge))
    ax.set_title("Train loss: this course minus the poster")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def best_accuracies(best: pd.DataFrame, n: int, poster_best: float | None = None) -> Figure:
    """Best validation accuracy of each seed with its 95 % Wilson interval, and the mean over the seeds; the poster's.

    best: one row a seed with `seed` and `val_acc`; n: validation images.
    """
    rows = [(f"seed {row.seed}", row.val_acc, wilson(round(row.val_acc * n), n)) for row in best.itertuples()]
    figure, ax = plt.subplots(figsize=(6.4, 1.3 + 0.24 * len(rows)))
    for y, (_, value, interval) in enumerate(rows):
        ax.plot(interval, (y, y), color=OURS, linewidth=1.2, alpha=0.55)
        ax.plot(value, y, "o", color=OURS)
    names = [name for name, *_ in rows]
    if len(rows) > 1:
        mean, std = best["val_acc"].mean(), best["val_acc"].std()
        ax.errorbar(mean, len(rows), xerr=std, fmt="D", markersize=4, color=INK, capsize=3, linewidth=1.2)
        names.append(f"mean ± std:\n{mean:.4f} ± {std:.4f}")
    if poster_best is not None:
        ax.axvline(poster_best, color=POSTER, linewidth=1.4)
        ax.annotate(f"poster {poster_best}", (poster_best, 1), (0, 3), xycoords=("data", "axes fraction"),
                    textcoords="offset points", ha="center", fontsize=8, color=POSTER)
    ax.set(xlabel=f"accuracy on {n:,} validation images", yticks=range(len(names)), yticklabels=names)
    ax.set_title("Best validation accuracy", pad=16)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(axis="x")
    return figure

"""The figures of notebook 06: trainings side by side, what each technique changed, and the grid of settings."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fer_utils.figures import GREY, INK, OURS
from fer_utils.figures.evaluation import interval
from fer_utils.figures.training import TRAIN, VAL, band


def side_by_side(histories: dict[str, pd.DataFrame]) -> Figure:
    """Training and validation loss of each recipe by epoch, mean and band over the seeds; a panel each, on one scale.

    histories: by name the columns of `training.HISTORY`; the first recipe's validation loss is a dotted line in the
    others' panels.
    """
    figure, panels = plt.subplots(1, len(histories), figsize=(2.5 * len(histories), 2.9), sharey=True, squeeze=False)
    first = next(iter(histories.values())).groupby("epoch")["val_loss"].mean()
    for place, (ax, (name, history)) in enumerate(zip(panels[0], histories.items(), strict=True)):
        if place:
            ax.plot(first.index, first, ":", color=INK, linewidth=1.4, label=next(iter(histories)) + ", validation")
        band(ax, history, "train_loss", TRAIN, "training")
        band(ax, history, "val_loss", VAL, "validation")
        ax.set(xlabel="epoch", title=f"{name}\n(seeds: {history['seed'].nunique()})")
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        ax.grid(axis="y")
    panels[0, 0].set_ylabel("cross-entropy (nats)")
    figure.legend(*panels[0, -1].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def differences(found: dict[str, dict], scale: float = 100) -> Figure:
    """What each technique adds to the best validation accuracy, in points: each seed's pair, the mean, its interval.

    found: by technique `gaps` (the difference of each seed's pair), `difference`, and `difference_ci` or None.
    """
    figure, ax = plt.subplots(figsize=(6.4, 0.9 + 0.55 * len(found)))
    ax.axvline(0, color=GREY, linewidth=0.9)
    for y, entry in enumerate(found.values()):
        ax.plot(scale * np.array(entry["gaps"]), np.full(len(entry["gaps"]), y + 0.24), "|", color=INK, markersize=7)
        ends = entry["difference_ci"]
        interval(ax, scale * entry["difference"], ends and [scale * end for end in ends], y, OURS)
    ax.set(yticks=range(len(found)), yticklabels=[f"{name}\nn = {entry['n']}" for name, entry in found.items()])
    ax.set_xlabel("points of best validation accuracy, with minus without")
    ax.set_title("What each technique adds")
    ax.set_ylim(len(found) - 0.5, -0.5)
    ax.margins(x=0.08)
    ax.grid(axis="x")
    return figure


def heat_map(table: pd.DataFrame) -> Figure:
    """Best validation accuracy by learning rate and batch size: mean in each field, and standard deviation and n.

    table: one row a training, with learning_rate, batch_size and val_acc.
    """
    cells = table.pivot_table(index="learning_rate", columns="batch_size", values="val_acc",
                              aggfunc=["mean", "std", "count"], dropna=False)
    means = cells["mean"]
    figure, ax = plt.subplots(figsize=(1.6 + 1.25 * means.shape[1], 1.0 + 0.75 * means.shape[0]))
    image = ax.imshow(means, cmap="cividis", aspect="auto")
    middle = (means.min().min() + means.max().max()) / 2
    for (row, column), mean in np.ndenumerate(means.to_numpy()):
        std, n = cells["std"].iat[row, column], cells["count"].iat[row, column]
        spread = f"± {std:.3f}, " if n > 1 else ""
        ax.text(column, row, f"{mean:.3f}\n{spread}n = {n}", ha="center", va="center", fontsize=8,
                color="white" if mean < middle else INK)
    ax.set(xticks=range(means.shape[1]), xticklabels=means.columns, xlabel="batch size",
           yticks=range(means.shape[0]), yticklabels=[f"{rate:g}" for rate in means.index], ylabel="learning rate")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_title("Best validation accuracy")
    figure.colorbar(image, ax=ax)
    return figure

"""The figures of notebook 06: trainings side by side, what each technique changed, and the grid of settings."""

import pandas as pd
from matplotlib.figure import Figure

from fer_utils.figures import INK, ONE_COLUMN, TWO_COLUMNS, shows
from fer_utils.figures.parts import band, canvas, heat_map, paired_rows
from fer_utils.figures.training import TRAIN, VAL


@shows()
def side_by_side(histories: dict[str, pd.DataFrame]) -> Figure:
    """A panel for each recipe, with training and validation loss by epoch on one scale.

    histories: by name the columns of `training.HISTORY`; lines are means over the seeds, bands standard deviations, and
    the first recipe's validation loss is a dotted line in the others' panels.
    """
    figure, panels = canvas(TWO_COLUMNS, 72, columns=len(histories), sharey=True, squeeze=False)
    first, reference = next(iter(histories.items()))
    mean = reference.groupby("epoch")["val_loss"].mean()
    for axes, (name, history) in zip(panels.flat, histories.items(), strict=True):
        band(axes, history, "train_loss", TRAIN, "training")
        band(axes, history, "val_loss", VAL, "validation")
        if name != first:
            axes.plot(mean.index, mean, ":", color=INK, label=f"{first}, validation")
        axes.set(xlabel="epoch", ylabel="cross-entropy (nats)", title=f"{name}\n(seeds: {history['seed'].nunique()})")
        axes.label_outer()
    figure.legend(*panels[0, -1].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@shows()
def differences(found: dict[str, dict]) -> Figure:
    """What each technique adds to the best validation accuracy: each seed's pair, the mean and its 95 % interval.

    found: by technique `gaps` (the difference of each seed's pair), `difference`, and `difference_ci` or None.
    """
    figure, axes = canvas(ONE_COLUMN, 20 + 11 * len(found))
    paired_rows(axes, {f"{name}\nn = {entry['n']}": entry for name, entry in found.items()})
    axes.set(xlabel="points of validation accuracy, with minus without", title="What each technique adds")
    return figure


@shows()
def learning_grid(table: pd.DataFrame) -> Figure:
    """A map of learning rate by batch size: mean validation accuracy, standard deviation and n in each field.

    table: one row a training, with learning_rate, batch_size and val_acc.
    """
    fields = table.groupby(["learning_rate", "batch_size"])["val_acc"].agg(["mean", "std", "size"])
    fields["note"] = [f"{field.mean:.3f}\n" + (f"± {field.std:.3f}\n" if field.size > 1 else "") + f"n = {field.size}"
                      for field in fields.itertuples(index=False)]
    means = fields["mean"].unstack()
    figure, axes = canvas(ONE_COLUMN, 22 + 14 * len(means))
    heat_map(axes, means, fields["note"].unstack().to_numpy())
    axes.set_yticklabels([f"{rate:g}" for rate in means.index])
    axes.set(xlabel="batch size", ylabel="learning rate", title="Best validation accuracy")
    return figure

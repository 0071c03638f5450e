"""Trainings beside each other: which settings differ, what each reached, and their curves in one figure."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from fer_utils import CourseError
from fer_utils.figures import use_style
from fer_utils.figures.training import compared_curves
from fer_utils.runs import Run
from fer_utils.support.files import remove_leftovers, replacing
from fer_utils.support.home import course_home

MEASURES = {"n": ("seed", "size"), "mean": ("val_acc", "mean"), "best": ("val_acc", "max"), "sd": ("val_acc", "std"),
            "seconds": ("seconds", "mean"), "epochs_done": ("epochs_done", "min")}


def compare(names: Sequence[str]) -> tuple[pd.DataFrame, Path]:
    """A row for each training of these runs, and the path of a figure with their curves.

    Columns: run (where there are several), training, the settings that differ, n (seeds), mean, best and sd of the best
    validation accuracy, seconds of a training, epochs_done by the shortest. CourseError where a run has no trainings.
    """
    tables = {name: Run.open(name).trainings() for name in names}
    for name, table in tables.items():
        if table.empty:
            raise CourseError(f"The run {name} has no trainings: make one by `fer run 04_training --run {name}`.")
    rows = pd.concat(tables, names=["run"]).reset_index("run")
    key = ["run", "training"]
    measured = rows.columns.difference([*key, "seed", "seconds", "epochs_done", "epoch", "train_loss", "val_loss",
                                        "val_acc"], sort=False)
    differing = [name for name in measured if rows[name].nunique(dropna=False) > 1]
    found = rows.groupby([*key, *differing], dropna=False, sort=False).agg(**MEASURES).reset_index()
    histories = {}
    for row in rows.itertuples():
        label = row.training if len(names) == 1 else f"{row.run}: {row.training}"
        histories.setdefault(label, []).append(Run.open(row.run).training(row.training).history(row.seed))
    use_style()
    figure = compared_curves({label: pd.concat(parts) for label, parts in histories.items()})
    path = course_home() / "reports" / "compared.png"
    remove_leftovers(path.parent, ".compared")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=300)
    return found if len(names) > 1 else found.drop(columns="run"), path

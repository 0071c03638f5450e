"""The tables of a run, read with a check that they are what the course wrote: another's file may lie in their place."""

import hashlib
import math
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from fer_utils import CourseError
from fer_utils.support.files import reading, write_text

HISTORY = ["seed", "epoch", "train_loss", "val_loss", "val_acc", "saved", "seconds"]
"""The columns of a training's history, a row for each epoch."""


def read_history(path: Path, seed: int) -> pd.DataFrame | None:
    """The epochs done under this seed, with the columns HISTORY; None where there is no such file."""
    table = _read_table(path, dtype=object)  # as text, of which float() makes the very numbers that were written
    if table is None:
        return None
    with reading(path):
        known = table["saved"].isin(["True", "False"]).all()
        table["saved"] = table["saved"] == "True"
        table = table.astype(dict(zip(HISTORY, (int, int, float, float, float, bool, float), strict=True)))
        losses = table[["train_loss", "val_loss", "val_acc"]]
        whole = known and table["epoch"].tolist() == list(range(1, len(table) + 1)) and (table["seed"] == seed).all()
        if not whole or (losses < 0).any(axis=None) or not table["seconds"].between(0, math.inf, "left").all():
            raise ValueError(f"no history of epochs under seed {seed}")
    return table


def rows_hash(history: pd.DataFrame, epoch: int) -> str:
    """A hash of the history up to this epoch; its seconds tell apart two trainings that are alike in all else."""
    return hashlib.sha256(history.head(epoch).to_csv(index=False, lineterminator="\n").encode()).hexdigest()


def belong(history: pd.DataFrame | None, note: dict, training: str) -> bool:
    """Whether the weights with this note are of the epoch that the history kept, both of the training of this name."""
    if history is None or not history["saved"].any() or note.get("training") != training:
        return False
    epoch = int(history["epoch"][history["saved"]].max())
    return (note.get("epoch"), note.get("rows")) == (epoch, rows_hash(history, epoch))


def read_predictions(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Labels, int64 (N,), and probabilities, float32 (N, classes); None where the file, images or labels lack."""
    table = _read_table(path)
    if table is None or table.empty:
        return None
    with reading(path):
        labels, probabilities = table["label"].to_numpy(), table.filter(regex="^p_").to_numpy(float)
        sums_to_one = np.allclose(probabilities.sum(1), 1, atol=1e-3) and probabilities.min() >= 0
        if labels.dtype.kind != "i" or not sums_to_one or labels.max() >= probabilities.shape[1]:
            raise ValueError("no labels and probabilities of images")
    return None if labels.min() < 0 else (labels, probabilities.astype(np.float32))


def write_shifted(path: Path, labels: np.ndarray, named: pd.DataFrame) -> None:
    """Write the labels, int64 (N,), and the classes named under each shift, as `shifts.under_shifts` returned them."""
    table = named.T.set_axis([f"{shift} {severity}" for shift, severity in named.index], axis=1)
    table.insert(0, "label", labels)
    write_text(path, table.to_csv(index_label="index", lineterminator="\n"))


def read_shifted(path: Path) -> tuple[np.ndarray, pd.DataFrame]:
    """Labels and classes named, as `write_shifted` was given them; CourseError where there is no such file."""
    table = _read_table(path)
    if table is None:
        raise CourseError(f"{path.name} is not in metrics/{path.parent.name}/: run notebook 09 again, which writes it.")
    with reading(path):
        named = table.drop(columns=["index", "label"]).astype(np.int64)
        rows = [(shift, int(severity)) for shift, _, severity in (column.rpartition(" ") for column in named)]
        labels = table["label"].to_numpy(np.int64)
    return labels, named.T.set_axis(pd.MultiIndex.from_tuples(rows, names=["shift", "severity"])).set_axis(
        range(len(labels)), axis=1)


def _read_table(path: Path, **options) -> pd.DataFrame | None:
    """The CSV in `path`, None where there is no file; CourseError where it is no CSV."""
    with suppress(FileNotFoundError), reading(path):
        return pd.read_csv(path, **options)
    return None

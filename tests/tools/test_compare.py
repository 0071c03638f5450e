"""`fer compare`: trainings of one run or several side by side."""

import pandas as pd
import pytest

from fer_utils import CourseError
from fer_utils.runs import Run
from fer_utils.tools.cli import main
from fer_utils.tools.compare import compare
from fer_utils.training import HISTORY


def keep(run: Run, name: str, recipe: dict, accuracies: list[float], model: str = "PosterCNN") -> None:
    """Put a training of one epoch for each of `accuracies`, its seeds, into the run."""
    training = run.new_training(name)
    recipe = {"epochs": 1, "batch_size": 64, **recipe}
    training.write_asked({"training": name, "model": model, "dropout": 0.5, "loop": "course", "recipe": recipe,
                          "precision": "float32", "train": {"n": 10}, "val": {"n": 5}})
    for seed, accuracy in enumerate(accuracies):
        history = pd.DataFrame([(seed, 1, 1.0, 1.1, accuracy, True, 2.5)], columns=HISTORY)
        training.write_history(seed, history)


def test_one_row_for_each_training_with_the_settings_that_differ(home):
    keep(Run.open("mine"), "PosterCNN-00000001", {}, [0.7, 0.8])
    keep(Run.open("mine"), "PosterCNN-00000002", {"batch_size": 32}, [0.6])
    table, path = compare(["mine"])
    assert table.columns.tolist() == ["training", "batch_size", "n", "mean", "best", "sd", "seconds", "epochs_done"]
    assert table["batch_size"].tolist() == [64, 32] and table["n"].tolist() == [2, 1]
    assert table["mean"].tolist() == pytest.approx([0.75, 0.6]) and table["best"].tolist() == [0.8, 0.6]
    assert table["seconds"].tolist() == [2.5, 2.5]
    assert path.read_bytes().startswith(b"\x89PNG")


def test_trainings_of_several_runs_are_told_apart(home, capsys):
    for name, model in (("one", "PosterCNN"), ("two", "FastCNN")):
        keep(Run.open(name), f"{model}-00000001", {}, [0.7], model)
    assert main(["compare", "one", "two"]) == 0
    said = capsys.readouterr().out
    assert "one PosterCNN-00000001" in " ".join(said.split()) and "two FastCNN-00000001" in " ".join(said.split())


def test_a_run_without_trainings_is_said(home):
    with pytest.raises(CourseError, match="The run empty has no trainings: make one by `fer run 04_training"):
        compare(["empty"])

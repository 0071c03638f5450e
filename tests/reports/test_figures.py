"""`fer figures RUN`: what a run keeps is drawn again, and what it does not keep is said in a line."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from figures.gallery import made_up_history

from fer_utils import CourseError
from fer_utils.runs import Run
from fer_utils.support.published import poster_log
from reports.figures.build import FIGURES, redraw

ROOT = Path(__file__).parents[2]
NEED_FACES = {"mean_faces", "pixel_distributions", "channel_weights"}


@pytest.fixture
def drawn(monkeypatch, style) -> dict:
    """The figures that a run saves, by name, in the place of its files."""
    figures = {}
    monkeypatch.setattr(Run, "save_figure", lambda run, fig, name: figures.update({name: fig}))
    return figures


def committed(home: Path) -> Run:
    """The committed run's numbers, without its figures."""
    for part in ("metrics", "run.json"):
        there, here = ROOT / "reports" / "fer2013" / part, home / "reports" / "fer2013" / part
        here.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if there.is_dir() else shutil.copy)(there, here)
    return Run.open("fer2013")


def test_the_committed_numbers_are_drawn_again(home, drawn):
    said = []
    redraw(committed(home), said.append)
    left = {line.split(":")[0] for line in said if "left as it is" in line}
    histories = {"training_curves", "loss_difference"}
    assert NEED_FACES | {"techniques_curves", "time_to_accuracy"} <= left
    assert left <= NEED_FACES | {"techniques_curves", "time_to_accuracy"} | histories
    assert set(drawn) == FIGURES.keys() - left
    assert said[-1] == "Left to their notebooks: none"
    assert any(line.startswith("mean_faces: left as it is, since the run's faces are not at hand") for line in said)


def test_histories_are_drawn_beside_the_poster_s_where_it_is_about_these_data(home, drawn):
    run = Run.open("mine")
    training = run.new_training("PosterCNN-0a1b2c3d")
    training.write_asked({"training": training.name})
    for seed, history in made_up_history(2).groupby("seed"):
        training.write_history(seed, history)
    run.record(training=training.name)
    found = {"seeds": [0, 1], "best_val_acc": [0.7, 0.8], "val_size": 4853, "poster": {"best_val_acc": 0.7923}}
    run.write_metrics("training", {"another": {}, training.name: found})
    redraw(run, lambda line: None)
    lines = drawn["training_curves"].axes[1].lines
    assert lines[1].get_ydata().tolist() == poster_log()["val_acc"].tolist()
    assert lines[0].get_ydata().tolist() == pytest.approx(made_up_history(2).groupby("epoch")["val_acc"].mean())
    assert {"loss_difference", "best_accuracies"} <= drawn.keys() and "evaluation_scores" not in drawn


def test_a_run_that_names_no_training_is_not_guessed_at(home, drawn):
    run = Run.open("mine")
    run.record()
    run.write_metrics("training", {"one": {"seeds": [0]}, "two": {"seeds": [0]}})
    said = []
    redraw(run, said.append)
    assert "best_accuracies" not in drawn and "activation_functions" in drawn
    assert "class_counts: left as it is, since the run's metrics do not hold 'counts'" in said


def test_counts_keep_the_order_of_classes_and_parts(home, drawn):
    run = Run.open("mine")
    parts = {"Training": {"keen": 20, "bored": 10}, "PublicTest": {"keen": 2, "bored": 1}}
    run.record(counts=parts, classes=["keen", "bored"])
    redraw(run, lambda line: None)
    left, right = drawn["class_counts"].axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["keen", "bored"]
    assert [label.get_text() for label in right.get_yticklabels()] == ["Training", "PublicTest"]
    assert drawn["parameters_and_work"].axes[0].patches[-1].get_width() == pytest.approx(514 / 1_273_538)


def test_no_run_is_one_sentence(home):
    with pytest.raises(CourseError, match="There is no run nowhere"):
        redraw(Run.open("nowhere"))


def test_steps_are_medians_between_extremes(home, drawn):
    run = Run.open("mine")
    run.record()
    steps = [{"step": "reference, 2 workers", "repeats": [400, 500, 600]}, {"step": "limit", "repeats": [1000] * 3}]
    run.write_metrics("speed", {"steps": steps})
    redraw(run, lambda line: None)
    shown = pd.Series([text.get_text() for text in drawn["speed_steps"].axes[0].texts])
    assert shown.isin(["2.00 s", "1.00 s", "500", "1,000"]).sum() == 4

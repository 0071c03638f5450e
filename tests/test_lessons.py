from dataclasses import replace

import pytest
from test_training import toy

from fer_utils import lessons
from fer_utils.data import Split
from fer_utils.lessons import show_source, trained
from fer_utils.models import conv_block
from fer_utils.runs import Run
from fer_utils.training import TrainConfig, train_epoch

CONFIG = TrainConfig(epochs=1, batch_size=32)


@pytest.fixture
def parts():
    return Split(toy(48), toy(24, seed=1), toy(24, seed=2))


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_HOME", str(tmp_path))
    return Run.open("lessons")


@pytest.fixture
def trainings(monkeypatch):
    """The configurations that were really trained."""
    done, fit = [], lessons.fit
    monkeypatch.setattr(lessons, "fit", lambda t, v, config, **rest: done.append(config) or fit(t, v, config, **rest))
    return done


def test_the_source_shown_is_the_source_that_runs():
    for thing in (conv_block, train_epoch):
        shown = show_source(thing).data
        assert shown.startswith(f"```python\ndef {thing.__name__}(") and shown.endswith("\n```")


def test_a_finished_training_is_read_not_repeated(run, parts, trainings):
    lines = []
    first = trained(run, parts, CONFIG, log=lines.append)
    second = trained(run, parts, CONFIG, log=lines.append)
    assert len(trainings) == 1 and "training now" in lines[0] and "trained before" in lines[-1]
    assert second.best["val_acc"] == first.best["val_acc"]
    weights = second.model.state_dict()
    assert all(value.equal(weights[name]) for name, value in first.model.state_dict().items())


def test_another_recipe_other_images_or_a_damaged_file_train_anew(run, parts, trainings):
    trained(run, parts, CONFIG, log=lambda _: None)
    trained(run, parts, replace(CONFIG, learning_rate=0.01), log=lambda _: None)
    trained(run, Split(toy(45), parts.val, parts.test), replace(CONFIG, learning_rate=0.01), log=lambda _: None)
    run.checkpoint("PosterCNN", 0).write_bytes(b"not weights")
    trained(run, parts, CONFIG, log=lambda _: None)
    assert len(trainings) == 4
    assert len(run.read_history()) == 1


def test_an_interrupted_training_counts_as_unfinished(run, parts, trainings):
    config = replace(CONFIG, epochs=2)
    result = trained(run, parts, config, log=lambda _: None)
    run.write_history(result.history.head(1))
    trained(run, parts, config, log=lambda _: None)
    assert len(trainings) == 2


def test_seeds_keep_their_own_rows_and_weights(run, parts):
    for seed in (0, 1):
        trained(run, parts, replace(CONFIG, seed=seed), log=lambda _: None)
    assert run.read_history()["seed"].tolist() == [0, 1]
    assert run.checkpoint("PosterCNN", 0).exists() and run.checkpoint("PosterCNN", 1).exists()

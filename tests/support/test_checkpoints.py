"""Weights on disk come back as they were, or are refused in one sentence; no pickle is read."""

import pickle

import pytest
import torch

from fer_utils import CourseError
from fer_utils.models import MODELS, PosterCNN, build_model
from fer_utils.support.checkpoints import load_weights, save_weights


def test_weights_come_back_with_what_was_noted(tmp_path):
    model = PosterCNN().to(memory_format=torch.channels_last)  # as training has it
    path = tmp_path / "sub" / "weights.safetensors"
    save_weights(path, model, {"epoch": 3})
    other = PosterCNN()
    assert load_weights(path, other) == {"architecture": "PosterCNN", "epoch": 3}
    x = torch.rand(2, 1, 48, 48)
    assert torch.equal(model.eval()(x), other.eval()(x))
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "weights.safetensors"
    save_weights(path, PosterCNN(), {"epoch": 1})
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(CourseError, match="No space left"):
        save_weights(path, PosterCNN(), {"epoch": 2})
    monkeypatch.undo()
    assert load_weights(path, PosterCNN())["epoch"] == 1
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_weights_of_another_architecture_are_refused_and_change_nothing(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(path, PosterCNN(n_classes=7), {})
    model = PosterCNN()
    before = model.classifier[-1].weight.clone()
    with pytest.raises(CourseError, match="do not fit PosterCNN"):
        load_weights(path, model)
    assert torch.equal(before, model.classifier[-1].weight)


def test_pickles_are_refused_unread(tmp_path):
    path = tmp_path / "weights.pt"

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(CourseError, match="not a safetensors file"):
        load_weights(path, PosterCNN())
    assert not (tmp_path / "sprung").exists()


def test_missing_weights_say_what_to_do(tmp_path):
    with pytest.raises(CourseError, match="train the model first"):
        load_weights(tmp_path / "none.safetensors", PosterCNN())


@pytest.mark.parametrize("name", MODELS)
def test_every_model_comes_back_from_its_weights(tmp_path, name):
    model, other = build_model(name).eval().to(memory_format=torch.channels_last), build_model(name, seed=1).eval()
    save_weights(tmp_path / "weights.safetensors", model, {})
    load_weights(tmp_path / "weights.safetensors", other)
    x = torch.rand(2, 1, 48, 48)
    assert torch.equal(model(x), other(x))

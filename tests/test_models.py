import math
import pickle

import pytest
import torch
import torch.nn.functional as F

from fer_utils import CourseError
from fer_utils.models import PosterCNN, build_model, count_parameters, layer_table, load_weights, save_weights


def test_shape_and_size_are_the_posters():
    model = PosterCNN()
    assert model(torch.rand(5, 1, 48, 48)).shape == (5, 3)
    assert count_parameters(model) == 1_273_795
    kinds = [type(layer).__name__ for layer in model.modules() if not list(layer.children())]
    block = ["Conv2d", "ReLU", "BatchNorm2d", "MaxPool2d"]
    assert kinds == 3 * block + ["Flatten", "Linear", "ReLU", "Dropout", "Linear"]


def test_layer_table_counts_what_the_layers_hold_and_do():
    table = layer_table(PosterCNN())
    assert table["parameters"].sum() == 1_273_795
    assert table.loc[0, "multiply-adds"] == 48 * 48 * 32 * 9
    assert table.loc[4, "multiply-adds"] == 24 * 24 * 64 * 32 * 9
    assert list(table["output shape"])[-1] == "3"


def test_layer_table_leaves_the_model_as_it_was():
    model = PosterCNN().train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    layer_table(model)
    assert model.training
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_an_untrained_network_knows_nothing():
    torch.manual_seed(0)
    logits = PosterCNN()(torch.rand(256, 1, 48, 48))
    loss = F.cross_entropy(logits, torch.randint(3, (256,)))
    assert abs(loss.item() - math.log(3)) < 0.15


def test_unknown_model_names_the_known():
    with pytest.raises(CourseError, match="PosterCNN"):
        build_model("ResNet50")


def test_weights_come_back_with_what_was_noted(tmp_path):
    model, path = PosterCNN(), tmp_path / "sub" / "weights.safetensors"
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

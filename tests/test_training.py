from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from fer_utils import CourseError, training
from fer_utils.augment import Augment
from fer_utils.data import Faces
from fer_utils.models import PosterCNN, load_weights
from fer_utils.recipes import RECIPES
from fer_utils.training import HISTORY, TrainConfig, batches, fit, to_tensor, validate


def toy(n: int, seed: int = 0) -> Faces:
    """Faces that a network learns in seconds: the class is a bright band at the top, in the middle or below."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 120, (n, 48, 48), dtype=np.uint8)
    labels = np.arange(n) % 3
    for image, label in zip(images, labels, strict=True):
        image[16 * label : 16 * label + 16] += 80
    return Faces(images, labels.astype(np.int64), np.array(["Training"] * n), np.array([str(i) for i in range(n)]))


@pytest.fixture(scope="module")
def parts():
    return toy(96), toy(48, seed=1)


def test_scaling_is_exact():
    x = to_tensor(np.arange(256, dtype=np.uint8).repeat(9).reshape(1, 48, 48))
    assert x.shape == (1, 1, 48, 48) and x.dtype == torch.float32
    assert x.min() == 0 and x.max() == 1


def test_an_epoch_shows_every_image_once():
    images, labels = torch.arange(100).view(-1, 1, 1), torch.arange(100)
    seen = list(batches(images, labels, 32, torch.Generator().manual_seed(0)))
    assert [len(y) for _, y in seen] == [32, 32, 32, 4]
    assert torch.cat([y for _, y in seen]).sort().values.equal(labels)
    assert all(x.flatten().equal(y) for x, y in seen)


def test_a_last_batch_of_one_is_left_out():
    sizes = [len(y) for _, y in batches(torch.zeros(65, 1, 1), torch.zeros(65), 64, torch.Generator())]
    assert sizes == [64]


def test_validation_is_the_mean_over_images():
    model, (_, val) = PosterCNN(), (None, toy(50))
    x, y = torch.as_tensor(val.images), torch.as_tensor(val.labels)
    whole, in_parts = validate(model, x, y), validate(model, x, y, batch_size=7)
    assert whole == pytest.approx(in_parts, abs=1e-5)
    assert not model.training


def test_it_learns_logs_and_keeps_the_best(parts, tmp_path):
    lines, path = [], tmp_path / "weights.safetensors"
    result = fit(*parts, TrainConfig(epochs=4, batch_size=32), checkpoint=path, log=lines.append)
    assert list(result.history.columns) == HISTORY and len(result.history) == 4
    best = result.history["val_acc"].max()
    assert result.best["val_acc"] == best > 0.8
    assert result.history["saved"].tolist() == (
        result.history["val_acc"] > result.history["val_acc"].cummax().shift(fill_value=-1)
    ).tolist()
    assert lines.count("Model saved!") == result.history["saved"].sum()
    row = result.history.iloc[0]
    assert lines[0] == (
        f"Epoch [1/4], Train Loss: {row.train_loss:.4f}, Val Loss: {row.val_loss:.4f}, Val Acc: {row.val_acc:.4f}"
    )
    stored = PosterCNN()
    note = load_weights(path, stored)
    assert note["epoch"] == result.best["epoch"] and note["val_acc"] == best
    x, y = torch.as_tensor(parts[1].images), torch.as_tensor(parts[1].labels)
    assert validate(stored, x, y)[1] == validate(result.model, x, y)[1] == best


def test_the_seed_decides_everything(parts):
    config = TrainConfig(epochs=1, batch_size=32, seed=3)
    first, second = (fit(*parts, config, log=lambda _: None).history.drop(columns="seconds") for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    other = fit(*parts, TrainConfig(epochs=1, batch_size=32, seed=4), log=lambda _: None).history
    assert other["train_loss"][0] != first["train_loss"][0]


def test_an_interruption_keeps_what_was_saved(parts, tmp_path, monkeypatch):
    calls, train_epoch = [], training.train_epoch

    def stop_in_the_third(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return train_epoch(*arguments)

    monkeypatch.setattr(training, "train_epoch", stop_in_the_third)
    lines, path = [], tmp_path / "weights.safetensors"
    result = fit(*parts, TrainConfig(epochs=9, batch_size=32), checkpoint=path, log=lines.append)
    assert len(result.history) == 2 and "after epoch 2" in lines[-1]
    assert load_weights(path, PosterCNN())["val_acc"] == result.best["val_acc"]


def test_an_interruption_before_the_first_epoch_is_passed_on(parts, monkeypatch):
    monkeypatch.setattr(training, "train_epoch", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        fit(*parts, TrainConfig(epochs=2))


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"epochs": 0}, "epochs is 0: it must be at least 1"),
        ({"batch_size": 1}, "batch_size is 1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"interpolation": "cubic"}, "interpolation is 'cubic'"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(wrong, sentence):
    with pytest.raises(CourseError, match=sentence):
        TrainConfig(**wrong)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_gpu_is_used_with_no_edit(parts):
    result = fit(*parts, TrainConfig(epochs=2, batch_size=32))
    assert next(result.model.parameters()).is_cuda


def test_bfloat16_learns_as_well(parts):
    config = TrainConfig(epochs=4, batch_size=32, precision="bfloat16")
    result = fit(*parts, config, log=lambda _: None)
    assert result.best["val_acc"] > 0.8
    assert all(value.dtype != torch.bfloat16 for value in result.model.state_dict().values())


def quiet(*arguments, **options):
    return fit(*arguments, log=lambda _: None, **options)


def test_the_schedule_is_as_long_as_the_training(parts, monkeypatch):
    used, made = [], training.make_optimizer

    def watched(model, config, steps):
        optimizer, schedule = made(model, config, steps)
        used.append(steps)
        optimizer.register_step_post_hook(lambda *_: used.append(optimizer.param_groups[0]["lr"]))
        return optimizer, schedule

    monkeypatch.setattr(training, "make_optimizer", watched)
    train = parts[0].take(np.arange(65))  # the last batch of one image makes no step
    quiet(train, None, TrainConfig(epochs=2, batch_size=16, schedule="one_cycle"))
    assert used[0] == len(used) - 1 == 8 and used[-1] < 1e-7
    for n in (2, 8, 12):  # 1, 4 and 6 steps
        quiet(train.take(np.arange(n)), None, TrainConfig(epochs=1, batch_size=2, schedule="one_cycle"))


def test_averaging_gives_other_weights_of_the_same_training(parts):
    plain, averaged = (quiet(parts[0], None, TrainConfig(epochs=2, batch_size=32, averaging=a)) for a in (0.0, 0.9))
    assert plain.history["train_loss"].equals(averaged.history["train_loss"])
    weights, others = plain.model.state_dict(), averaged.model.state_dict()
    assert list(weights) == list(others)
    assert not torch.equal(weights["features.0.0.weight"], others["features.0.0.weight"])
    assert (weights["features.0.0.weight"] - others["features.0.0.weight"]).abs().max() < 0.1


def test_label_smoothing_keeps_the_loss_from_zero(parts):
    losses = [quiet(*parts, TrainConfig(epochs=4, batch_size=16, label_smoothing=s)).history for s in (0.0, 0.3)]
    lowest = -(0.8 * np.log(0.8) + 2 * 0.1 * np.log(0.1))  # the smoothed labels' own entropy
    assert losses[1]["train_loss"].min() > lowest > losses[0]["train_loss"].min()


def test_without_validation_the_last_weights_are_kept(parts, tmp_path):
    path = tmp_path / "weights.safetensors"
    result = quiet(parts[0], None, TrainConfig(epochs=3, batch_size=32), checkpoint=path)
    assert result.history[["val_loss", "val_acc"]].isna().all(axis=None)
    assert result.history["saved"].tolist() == [False, False, True] and result.best["epoch"] == 3
    stored = PosterCNN()
    assert load_weights(path, stored)["epoch"] == 3
    assert all(value.equal(stored.state_dict()[name]) for name, value in result.model.state_dict().items())


def test_other_expressions_add_outputs_that_are_cut_off_in_the_end(parts, tmp_path):
    train = parts[0]
    more = train.join(Faces(train.images[:12], np.arange(12) % 4 + 3, train.usage[:12], train.names[:12]))
    seen, path = [], tmp_path / "weights.safetensors"
    build = training.build_model
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "build_model", lambda name, **options: seen.append(options) or build(name, **options))
        result = quiet(more, parts[1], TrainConfig(epochs=3, batch_size=32, averaging=0.5), checkpoint=path)
    assert training.n_classes(more) == seen[0]["n_classes"] == 7 and training.n_classes(train) == 3
    assert result.model.classifier[-1].out_features == 3
    stored = PosterCNN()
    assert load_weights(path, stored)["val_acc"] == result.best["val_acc"]
    x, y = torch.as_tensor(parts[1].images), torch.as_tensor(parts[1].labels)
    assert validate(stored, x, y)[1] == validate(result.model, x, y)[1] == result.best["val_acc"]


def test_the_stronger_augmentation_reaches_the_batches(parts, monkeypatch):
    seen = []

    def watched(config):
        chosen = make_augment(config)
        return lambda images, generator: seen.append(chosen) or chosen(images, generator)

    make_augment = training.make_augment
    monkeypatch.setattr(training, "make_augment", watched)
    quiet(parts[0], None, TrainConfig(epochs=1, shift=3, scale=0.1, erase=0.5, degrees=5))
    assert set(seen) == {Augment(flip=True, degrees=5, interpolation="nearest", shift=3, scale=0.1, erase=0.5)}


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"optimizer": "sgd"}, "optimizer is 'sgd': choose adam or adamw"),
        ({"schedule": "cosine"}, "schedule is 'cosine': choose constant or one_cycle"),
        ({"label_smoothing": 1.0}, "label_smoothing is 1.0: it must be at least 0 and below 1"),
        ({"averaging": -0.1}, "averaging is -0.1"),
        ({"scale": 1.5}, "scale is 1.5"),
    ],
)
def test_values_beyond_the_poster_are_checked_too(wrong, sentence):
    with pytest.raises(CourseError, match=sentence) as caught:
        TrainConfig(**wrong)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_runs(parts, name):
    result = quiet(parts[0].take(np.arange(32)), None, replace(RECIPES[name], epochs=1, batch_size=16))
    assert np.isfinite(result.history["train_loss"]).all()

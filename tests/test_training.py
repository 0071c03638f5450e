import copy
import math
import warnings
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from making import bands, stop_in_epoch
from torch import nn

from fer_utils import CourseError, training
from fer_utils.augment import Augment
from fer_utils.lessons import training_name
from fer_utils.models import PosterCNN, Restricted, build_model
from fer_utils.recipes import RECIPES
from fer_utils.support.checkpoints import digest, load_weights, read_state, save_state, save_weights
from fer_utils.training import (
    HISTORY,
    Recipe,
    Result,
    Trainer,
    batches,
    fit,
    on_device,
    to_tensor,
    train_epoch,
    validate,
)

BRIEF = Recipe(epochs=2, batch_size=32, learning_rate=0.01, precision="float32")


def tiny(n_classes: int = 3, seed: int = 0) -> nn.Module:
    """A network that learns `bands` in a moment; nothing of the course is in it."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(144, 16), nn.ReLU(), nn.Dropout(0.3),
                         nn.Linear(16, n_classes))


def quiet(model, *arguments, **options) -> Result:
    return fit(model, *arguments, log=lambda _: None, **options)


def equal(one: nn.Module, other: nn.Module) -> bool:
    weights, others = one.state_dict(), other.state_dict()
    return list(weights) == list(others) and all(torch.equal(value, others[key]) for key, value in weights.items())


@pytest.fixture(scope="module")
def parts():
    return bands(96), bands(48, seed=1)


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


def test_validation_sums_over_the_images_whatever_the_batches():
    model, val = PosterCNN(), bands(50)
    x, y = torch.as_tensor(val.images), torch.as_tensor(val.labels)
    whole, in_parts = validate(model, x, y), validate(model, x, y, batch_size=7)
    assert whole.tolist() == pytest.approx(in_parts.tolist(), rel=1e-5) and whole.shape == (2,)
    assert not model.training
    logits = model(to_tensor(x))
    assert whole[0].item() == pytest.approx(nn.functional.cross_entropy(logits, y).item() * 50, rel=1e-5)
    assert whole[1].item() == (logits.argmax(1) == y).sum().item()


def test_the_training_loss_is_the_mean_over_images():
    model, train = nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 3)), bands(7)
    x, y = on_device(train, torch.device("cpu"))
    expected = validate(model, x, y)[0] / 7
    optimizer = torch.optim.SGD(model.parameters(), lr=0)  # batches of 4 and 3 count by their images
    loss = train_epoch(model, optimizer, [(x[:4], y[:4]), (x[4:], y[4:])], lambda images: images)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5) and loss.shape == () and model.training


def test_it_learns_logs_and_keeps_the_best(parts):
    lines, model = [], build_model("PosterCNN")
    result = fit(model, *parts, Recipe(epochs=4, batch_size=32), log=lines.append)
    assert list(result.history.columns) == HISTORY and len(result.history) == 4
    assert result.history["epoch"].tolist() == [1, 2, 3, 4] and set(result.history["seed"]) == {0}
    assert (result.history["seconds"] > 0).all() and result.recipe == Recipe(epochs=4, batch_size=32)
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
    assert result.model is model
    x, y = on_device(parts[1], next(model.parameters()).device)
    loss, correct = validate(model, x, y).tolist()
    assert correct / 48 == pytest.approx(best) and loss / 48 == pytest.approx(result.best["val_loss"], rel=1e-5)


def test_after_epoch_sees_every_epoch_and_the_best_weights_so_far(parts):
    seen, model = [], tiny()
    # So large a step makes some epochs worse than those before.
    result = quiet(model, *parts, replace(BRIEF, epochs=8, learning_rate=0.3), after_epoch=lambda so_far: seen.append(
        (so_far.history.copy(), copy.deepcopy(so_far.model), so_far.model is model, so_far.recipe)))
    assert [len(history) for history, *_ in seen] == [1, 2, 3, 4, 5, 6, 7, 8]
    x, y = on_device(parts[1], next(model.parameters()).device)
    for history, best, is_the_trained_one, recipe in seen:
        pd.testing.assert_frame_equal(history, result.history.head(len(history)))
        assert validate(best, x, y)[1].item() / 48 == pytest.approx(history["val_acc"].max())
        assert not is_the_trained_one and recipe == result.recipe
    assert not result.history["saved"].iloc[-1], "the last epoch must not be the best, or nothing is shown"
    assert equal(result.model, seen[-1][1]) and equal(result.model, seen[int(result.best["epoch"]) - 1][1])


def test_any_module_will_do_and_any_classes():
    classes = ("bored", "curious", "joy", "puzzled", "shy")
    train, val = bands(100, classes=classes), bands(50, seed=1, classes=classes)
    result = quiet(tiny(5), train, val, replace(BRIEF, epochs=12))
    assert result.best["val_acc"] > 0.8 and result.training == ""
    two = bands(60, classes=("no", "yes"))
    assert quiet(nn.Sequential(nn.Flatten(), nn.Linear(2304, 2)), two, two, BRIEF).best["val_acc"] > 0.8


class Wordless(nn.Module):
    """Fails without saying why."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 3)

    def forward(self, x):
        assert x.shape[1] == 3
        return self.layer(x)


class Two(Wordless):
    """Gives two things at once."""

    def forward(self, x):
        return x.flatten(1)[:, :3], x


class Rounded(Wordless):
    """Gives numbers that have no gradient."""

    def forward(self, x):
        return x.flatten(1)[:, :3].long()


class Late(Wordless):
    """Makes a layer when it sees the first images."""

    def forward(self, x):
        self.late = nn.Linear(2304, 3)
        return self.late(x.flatten(1))


@pytest.mark.parametrize(("model", "words"), [
    (tiny(4), ["Sequential gives (2, 4) for two images", "(2, 3)", "Angry, Happy, Neutral"]),
    (nn.Conv2d(1, 3, 3), ["Conv2d gives (2, 3, 46, 46)", "(2, 3)"]),
    (nn.Sequential(nn.Flatten(0), nn.Linear(2 * 2304, 3)), ["gives (3,)"]),
    (nn.Conv2d(3, 3, 3), ["Conv2d cannot take images of shape (2, 1, 48, 48)"]),
    (nn.Linear(5, 3), ["Linear cannot take images", "mat1 and mat2"]),
    (Wordless(), ["Wordless cannot take images", "AssertionError"]),
    (Two(), ["Two gives tuple for two images", "the logits (2, 3)"]),
    (Rounded(), ["Rounded gives torch.int64", "the logits (2, 3)"]),
], ids=lambda value: type(value).__name__)
def test_outputs_that_do_not_match_are_refused_before_the_first_step(parts, monkeypatch, model, words):
    monkeypatch.setattr(training, "make_optimizer", lambda *_: pytest.fail("too late"))
    before = copy.deepcopy(model)
    with pytest.raises(CourseError) as caught:
        quiet(model, *parts, BRIEF)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".") and len(sentence) <= 400, sentence
    assert all(word in sentence for word in words), sentence
    assert equal(model, before)


def test_layers_made_on_the_way_and_networks_without_any_to_train_are_refused(parts):
    frozen = tiny().requires_grad_(False)
    for model, words in ((Late(), "Late makes layers while it answers"), (frozen, "Sequential has no weights that"),
                         (nn.Sequential(nn.Flatten(), nn.Softmax(1), nn.AdaptiveAvgPool1d(3)), "has no weights that")):
        with pytest.raises(CourseError, match=words):
            quiet(model, *parts, BRIEF)


def test_many_classes_of_long_names_are_still_a_short_sentence():
    faces = bands(40, classes=[f"what participant {k} of the study felt" for k in range(40)])
    with pytest.raises(CourseError, match="each of the 40 classes") as caught:
        quiet(tiny(), faces, None, BRIEF)
    assert len(str(caught.value)) <= 400


@pytest.mark.parametrize("recipe", [BRIEF, replace(BRIEF, schedule="one_cycle", optimizer="adamw", averaging=0.9,
                                                   label_smoothing=0.1, shift=3, scale=0.1, erase=0.5)],
                         ids=["poster", "beyond"])
def test_the_seed_decides_everything(parts, recipe):
    def trained(build: int, seed: int, disturb: int = 0) -> Result:
        model = tiny(seed=build)
        torch.rand(disturb)  # what others drew before makes no difference
        return quiet(model, *parts, recipe, seed=seed, device="cpu")

    first, second = trained(0, 3), trained(0, 3, disturb=100)
    pd.testing.assert_frame_equal(*(one.history.drop(columns="seconds") for one in (first, second)), check_exact=True)
    assert equal(first.model, second.model) and set(first.history["seed"]) == {3}
    for other in (trained(0, 4), trained(1, 3)):
        assert other.history["train_loss"][0] != first.history["train_loss"][0]
        assert not equal(first.model, other.model)


def test_a_trainer_equals_itself_step_by_step(parts):
    def epochs(seed: int) -> list[tuple]:
        trainer = Trainer(build_model("PosterCNN"), *parts, Recipe(batch_size=32), seed, "cpu")
        return [trainer.epoch()[:3] for _ in range(2)]

    first = epochs(0)
    assert first == epochs(0) and first[0] != first[1] and first != epochs(1)


def test_layers_that_learn_their_size_from_the_first_images_are_seeded_too(parts):
    first, second = (quiet(nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), *parts, BRIEF, seed=2) for _ in range(2))
    assert equal(first.model, second.model)


def test_an_interruption_keeps_what_there_is(parts, monkeypatch):
    stop_in_epoch(monkeypatch, 3)
    lines, seen, model = [], [], tiny()
    result = fit(model, *parts, replace(BRIEF, epochs=9), log=lines.append,
                 after_epoch=lambda so_far: seen.append(copy.deepcopy(so_far.model)))
    assert len(result.history) == len(seen) == 2 and "after epoch 2" in lines[-1]
    assert result.model is model and equal(model, seen[-1])
    x, y = on_device(parts[1], next(model.parameters()).device)
    assert validate(model, x, y)[1].item() / 48 == pytest.approx(result.best["val_acc"])


@pytest.mark.parametrize("recipe", [BRIEF, replace(BRIEF, schedule="one_cycle", optimizer="adamw", averaging=0.9,
                                                   precision="bfloat16", shift=3, scale=0.1, erase=0.5)],
                         ids=["poster", "beyond"])
@pytest.mark.parametrize("judged", [True, False], ids=["with validation", "without"])
def test_a_training_that_was_cut_ends_as_one_that_was_not(parts, tmp_path, recipe, judged):
    recipe, val, path = replace(recipe, epochs=5), parts[1] if judged else None, tmp_path / "seed0.state.safetensors"

    def network() -> nn.Module:  # its convolution's weights lie in memory in another order than they are written in
        torch.manual_seed(1)
        return nn.Sequential(nn.Conv2d(1, 4, 3, stride=4), nn.BatchNorm2d(4), nn.Flatten(), nn.Dropout(0.3),
                             nn.Linear(576, 3))

    def stop(so_far: Result) -> None:
        if len(so_far.history) == epochs:
            save_state(path, so_far.trainer, {"seed": 0})
            raise SystemExit

    whole = quiet(network(), parts[0], val, recipe, device="cpu")
    for epochs in range(1, 6):  # noqa: B007
        with pytest.raises(SystemExit):
            quiet(network(), parts[0], val, recipe, device="cpu", after_epoch=stop)
        torch.rand(7)
        again = quiet(network(), parts[0], val, recipe, device="cpu", state=read_state(path, {"seed": 0}))
        pd.testing.assert_frame_equal(*(one.history.drop(columns="seconds") for one in (whole, again)),
                                      check_exact=True)
        assert equal(whole.model, again.model)


def test_the_state_of_another_training_is_refused(parts, tmp_path):
    path = tmp_path / "seed0.state.safetensors"
    quiet(tiny(), *parts, BRIEF, device="cpu", after_epoch=lambda so_far: save_state(path, so_far.trainer, {"seed": 0}))
    assert read_state(path, {"seed": 1}) is None and read_state(tmp_path / "none", {"seed": 0}) is None
    with pytest.raises(CourseError, match="does not fit it .* delete its file"):
        quiet(tiny(4), bands(80, classes="abcd"), None, BRIEF, device="cpu", state=read_state(path, {"seed": 0}))


def test_an_interruption_without_validation_keeps_the_last_weights(parts, monkeypatch):
    stop_in_epoch(monkeypatch, 3)
    model, seen = tiny(), []
    result = quiet(model, parts[0], None, replace(BRIEF, epochs=9),
                   after_epoch=lambda so_far: seen.append(copy.deepcopy(so_far.trainer.model)))
    assert result.history["saved"].tolist() == [False, True] and result.best["epoch"] == 2
    assert equal(model, seen[-1])


@pytest.mark.parametrize("judged", [True, False], ids=["with validation", "without"])
def test_a_loss_that_is_no_number_ends_the_training_and_keeps_the_best_weights(parts, monkeypatch, judged):
    train_epoch, seen, model = training.train_epoch, [], tiny()

    def diverging(*arguments):
        return train_epoch(*arguments) * (math.nan if len(seen) == 2 else 1)

    monkeypatch.setattr(training, "train_epoch", diverging)
    with pytest.raises(CourseError, match="ends in epoch 3, whose loss is no finite number: give a lower"):
        quiet(model, parts[0], parts[1] if judged else None, replace(BRIEF, epochs=9),
              after_epoch=lambda so_far: seen.append(copy.deepcopy(so_far.model)))
    assert len(seen) == 2 and equal(model, seen[-1])


def test_weights_that_are_no_numbers_are_never_the_best(parts, monkeypatch):
    def last_step_fails(model, *arguments):
        model[-1].bias.data.fill_(math.nan)
        return torch.tensor(1.0)

    monkeypatch.setattr(training, "train_epoch", last_step_fails)
    model = tiny()
    with pytest.raises(CourseError, match="epoch 1, whose loss"):
        quiet(model, *parts, BRIEF)
    assert equal(model, tiny())


def test_an_interruption_before_the_first_epoch_is_passed_on(parts, monkeypatch):
    stop_in_epoch(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        fit(tiny(), *parts, BRIEF)


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"epochs": 0}, "epochs is 0: give a whole number from 1 to 100,000"),
        ({"epochs": 10**6}, "epochs is 1000000"),
        ({"batch_size": 1}, "batch_size is 1"),
        ({"batch_size": 2**63}, "batch_size is 9223372036854775808"),
        ({"batch_size": -64}, "batch_size is -64"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"learning_rate": math.inf}, "learning_rate is inf"),
        ({"learning_rate": math.nan}, "learning_rate is nan"),
        ({"learning_rate": 1e308}, "learning_rate is 1e.308: give a number from 1e-09 to 10"),
        ({"learning_rate": 10**400}, "learning_rate is 10000"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1"),
        ({"degrees": -1}, "degrees is -1"),
        ({"averaging": 1}, "averaging is 1"),
        ({"shift": 49}, "shift is 49"),
        ({"scale": 1}, "scale is 1"),
        ({"erase": 1.1}, "erase is 1.1"),
        ({"flip": "no"}, "flip is 'no': choose True or False"),
        ({"interpolation": "cubic"}, "interpolation is 'cubic'"),
        ({"precision": "float16"}, "precision is 'float16': choose auto or float32 or bfloat16"),
        ({"epochs": 2.5}, "epochs is 2.5: give a whole number"),
        ({"batch_size": "many"}, "batch_size is 'many': give a whole number"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast': give a number"),
        ({"degrees": math.nan}, "degrees is nan: give a number"),
        ({"shift": None}, "shift is None: give a number"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(wrong, sentence):
    with pytest.raises(CourseError, match=sentence) as caught:
        Recipe(**wrong)
    assert str(caught.value).endswith(".") and len(str(caught.value)) <= 400


def test_numbers_come_as_they_may_and_are_what_the_recipe_says():
    recipe = Recipe(epochs=3.0, batch_size=np.int64(16), learning_rate="1e-3", shift=3, degrees=np.float32(5))
    assert recipe == Recipe(epochs=3, batch_size=16, learning_rate=0.001, shift=3.0, degrees=5.0)
    assert [type(getattr(recipe, name)) for name in ("epochs", "batch_size", "shift", "degrees")] == [
        int, int, float, float]
    assert recipe.changes() == {"epochs": 3, "batch_size": 16, "shift": 3.0, "degrees": 5.0}
    assert Recipe().changes() == {}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_gpu_is_used_with_no_edit(parts):
    result = fit(build_model("PosterCNN"), *parts, Recipe(epochs=2, batch_size=32))
    assert next(result.model.parameters()).is_cuda


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_an_epoch_waits_for_a_gpu_once(parts):
    recipe = Recipe(epochs=3, batch_size=32, averaging=0.9, cutmix=0.5, schedule="one_cycle", optimizer="adamw")
    trainer = Trainer(build_model("FastCNN"), *parts, recipe, seed=0, device="cuda")
    trainer.epoch()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            trainer.epoch()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len([one for one in said if "synchronizing" in str(one.message)]) == 1


def test_bfloat16_learns_as_well(parts):
    result = quiet(build_model("PosterCNN"), *parts, Recipe(epochs=4, batch_size=32, precision="bfloat16"))
    assert result.best["val_acc"] > 0.8
    assert all(value.dtype != torch.bfloat16 for value in result.model.state_dict().values())


def test_the_schedule_is_as_long_as_the_training(parts, monkeypatch):
    used, made = [], training.make_optimizer

    def watched(model, recipe, steps):
        optimizer, schedule = made(model, recipe, steps)
        used.append(steps)
        optimizer.register_step_post_hook(lambda *_: used.append(optimizer.param_groups[0]["lr"]))
        return optimizer, schedule

    monkeypatch.setattr(training, "make_optimizer", watched)
    train = parts[0].take(np.arange(65))  # the last batch of one image makes no step
    quiet(tiny(), train, None, Recipe(epochs=2, batch_size=16, schedule="one_cycle"))
    assert used[0] == len(used) - 1 == 8 and used[-1] < 1e-7
    for n in (2, 8, 12):  # 1, 4 and 6 steps
        quiet(tiny(), train.take(np.arange(n)), None, Recipe(epochs=1, batch_size=2, schedule="one_cycle"))


def test_averaging_gives_other_weights_of_the_same_training(parts):
    plain, averaged = (quiet(build_model("PosterCNN"), parts[0], None, Recipe(epochs=2, batch_size=32, averaging=a))
                       for a in (0.0, 0.9))
    assert plain.history["train_loss"].equals(averaged.history["train_loss"])
    weights, others = plain.model.state_dict(), averaged.model.state_dict()
    assert list(weights) == list(others)
    assert not torch.equal(weights["features.0.0.weight"], others["features.0.0.weight"])
    assert (weights["features.0.0.weight"] - others["features.0.0.weight"]).abs().max() < 0.1


def test_balanced_classes_count_alike_in_the_loss():
    labels, logits = torch.tensor([0] * 9 + [1]), torch.zeros(10, 2)
    logits[:, 0] = 2  # right for the nine, wrong for the one
    plain = training.make_criterion(Recipe(), labels, 2)(logits, labels)
    balanced = training.make_criterion(Recipe(class_weights="balanced"), labels, 2)(logits, labels)
    right, wrong = F.cross_entropy(logits[:1], labels[:1]), F.cross_entropy(logits[9:], labels[9:])
    torch.testing.assert_close(plain, (9 * right + wrong) / 10)
    torch.testing.assert_close(balanced, (right + wrong) / 2)
    absent = training.make_criterion(Recipe(class_weights="balanced"), labels, 3)
    assert absent(torch.zeros(10, 3), labels).isfinite()
    assert Recipe(class_weights="balanced").changes() == {"class_weights": "balanced"}


def test_a_student_learns_what_its_teacher_says_and_not_the_labels(parts):
    train, val = parts
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 3))
    with torch.no_grad():
        teacher[1].weight.zero_()
        teacher[1].bias.copy_(torch.tensor([2.0, 1.0, 0.0]))
    recipe = replace(BRIEF, epochs=6, taught=1.0)
    student = quiet(tiny(), train, val, recipe, teacher=teacher).model
    x, y = on_device(val, next(student.parameters()).device)
    answers, wanted = student(to_tensor(x)).softmax(1).mean(0), torch.tensor([2.0, 1.0, 0.0]).softmax(0)
    torch.testing.assert_close(answers.detach().cpu(), wanted, atol=0.06, rtol=0)
    trainer = Trainer(tiny(), train, val, replace(recipe, taught=0.75), 0, "cpu", teacher)
    labels = F.one_hot(y[:4].cpu(), 3).float()
    torch.testing.assert_close(trainer.teach(to_tensor(x[:4].cpu()), labels), 0.75 * wanted + 0.25 * labels)
    assert not any(parameter.grad is not None for parameter in teacher.parameters())


def test_a_teacher_that_was_learning_answers_without_dropout_and_for_the_same_classes(parts):
    teacher = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), nn.Linear(48 * 48, 3)).train()
    trainer = Trainer(tiny(), *parts, replace(BRIEF, taught=1.0), 0, "cpu", teacher)
    x, y = to_tensor(parts[0].images[:8]), torch.zeros(8, 3)
    assert torch.equal(trainer.teach(x, y), trainer.teach(x, y))
    with pytest.raises(CourseError, match=r"Sequential gives \(2, 7\) for two images, where \(2, 3\) is needed"):
        quiet(tiny(), *parts, replace(BRIEF, taught=1.0), teacher=nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 7)))


@pytest.mark.parametrize("part", [0, 1])
def test_faces_without_a_label_are_refused_before_the_first_step(parts, part):
    both = list(parts)
    both[part] = replace(both[part], labels=np.where(np.arange(len(both[part])) < 3, -1, both[part].labels))
    with pytest.raises(CourseError, match=f"3 of the {len(both[part])} images from .* have no label: a training needs"):
        quiet(tiny(), *both, BRIEF)


def test_a_network_that_cannot_take_no_images_is_trained_without_validation(parts):
    class Viewed(nn.Linear):
        def forward(self, x):
            return super().forward(x.reshape(x.size(0), -1))  # "ambiguous" for no images

    assert len(quiet(Viewed(48 * 48, 3), parts[0], None, BRIEF).history) == 2


class Tutorial(nn.Module):
    """As tutorials write it: `view` between convolution and dense layer, which needs one order in memory."""

    def __init__(self, n_classes: int = 3):
        super().__init__()
        self.convolution, self.dense = nn.Conv2d(1, 6, 5), nn.Linear(6 * 22 * 22, n_classes)

    def forward(self, x):
        return self.dense(F.max_pool2d(F.relu(self.convolution(x)), 2).view(-1, 6 * 22 * 22))


def test_a_network_with_view_between_its_layers_learns_and_is_read_again(parts, tmp_path):
    model = quiet(Tutorial(), *parts, BRIEF).model
    save_weights(tmp_path / "weights.safetensors", model, {})
    again = Tutorial()
    load_weights(tmp_path / "weights.safetensors", again)
    x = to_tensor(parts[1].images)
    assert torch.equal(again.eval()(x), model(x))


def test_mixed_faces_reach_the_batches(parts):
    trainer = Trainer(tiny(), *parts, replace(BRIEF, cutmix=1.0), 0, "cpu")
    for x, y in trainer.batches():
        assert x.dtype == torch.uint8 and y.shape == (len(x), 3)
        torch.testing.assert_close(y.sum(1), torch.ones(len(x)))
        assert ((y > 0) & (y < 1)).any()
    assert np.isfinite(quiet(tiny(), *parts, replace(BRIEF, cutmix=0.5)).history["train_loss"]).all()


@pytest.mark.parametrize("taught, teacher, said", [(0.5, None, "taught is 0.5 in the recipe, and there is no teacher"),
                                                   (0.0, tiny, "taught is 0 in the recipe, and there is a teacher")])
def test_a_recipe_and_its_teacher_go_together(parts, taught, teacher, said):
    with pytest.raises(CourseError, match=said):
        quiet(tiny(), *parts, replace(BRIEF, taught=taught), teacher=teacher and teacher())


def test_label_smoothing_keeps_the_loss_from_zero(parts):
    losses = [quiet(build_model("PosterCNN"), *parts, Recipe(epochs=4, batch_size=16, label_smoothing=s)).history
              for s in (0.0, 0.3)]
    lowest = -(0.8 * np.log(0.8) + 2 * 0.1 * np.log(0.1))  # the smoothed labels' own entropy
    assert losses[1]["train_loss"].min() > lowest > losses[0]["train_loss"].min()


@pytest.mark.parametrize("nothing", [None, "empty"])
def test_without_validation_the_last_weights_are_kept(parts, nothing):
    val, seen = (parts[1].take(np.arange(0)) if nothing else None), []
    model = tiny()
    result = quiet(model, parts[0], val, replace(BRIEF, epochs=3), after_epoch=lambda so_far: seen.append(so_far.model))
    assert result.history[["val_loss", "val_acc"]].isna().all(axis=None)
    assert result.history["saved"].tolist() == [False, False, True] and result.best["epoch"] == 3
    assert result.model is model and equal(model, seen[-1]) and not model.training
    trainer = Trainer(tiny(), parts[0], None, BRIEF, 0, "cpu")
    for _ in range(3):
        trainer.epoch()
    assert equal(model.cpu(), trainer.model)


def test_more_classes_are_learnt_like_any_others_and_can_be_cut_off_in_the_end(parts):
    seven = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")
    train, val = bands(140, classes=seven), bands(70, seed=1, classes=seven)
    result = quiet(tiny(7), train, val, replace(BRIEF, epochs=15, averaging=0.5))
    three = Restricted(result.model, (0, 3, 6))
    some = val.with_classes(("Angry", "Happy", "Neutral"))
    x, y = on_device(some, next(result.model.parameters()).device)
    assert not result.model.training, "the average was judged, and the network itself was left in training"
    logits = result.model(to_tensor(x))
    assert validate(three, x, y)[1].item() == (logits[:, [0, 3, 6]].argmax(1) == y).sum().item() > 24
    assert result.model[-1].out_features == 7


def test_the_stronger_augmentation_reaches_the_batches(parts, monkeypatch):
    seen = []

    def watched(recipe):
        chosen = make_augment(recipe)
        return lambda images, generator: seen.append(chosen) or chosen(images, generator)

    make_augment = training.make_augment
    monkeypatch.setattr(training, "make_augment", watched)
    quiet(tiny(), parts[0], None, Recipe(epochs=1, shift=3, scale=0.1, erase=0.5, degrees=5))
    assert set(seen) == {Augment(flip=True, degrees=5, interpolation="nearest", shift=3, scale=0.1, erase=0.5)}


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"optimizer": "sgd"}, "optimizer is 'sgd': choose adam or adamw"),
        ({"schedule": "cosine"}, "schedule is 'cosine': choose constant or one_cycle"),
        ({"label_smoothing": 1.0}, "label_smoothing is 1.0: give a number from 0 to 0.99"),
        ({"averaging": -0.1}, "averaging is -0.1"),
        ({"scale": 1.5}, "scale is 1.5"),
        ({"cutmix": 2}, "cutmix is 2"),
        ({"taught": "much"}, "taught is 'much'"),
    ],
)
def test_values_beyond_the_poster_are_checked_too(wrong, sentence):
    with pytest.raises(CourseError, match=sentence) as caught:
        Recipe(**wrong)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_runs(parts, name):
    model, dropout, recipe = RECIPES[name]
    teacher = tiny().eval() if recipe.taught else None
    result = quiet(build_model(model, dropout=dropout), parts[0].take(np.arange(32)), None,
                   replace(recipe, epochs=1, batch_size=16), teacher=teacher)
    assert np.isfinite(result.history["train_loss"]).all()


OTHER = {"epochs": 21, "batch_size": 32, "learning_rate": 0.01, "flip": False, "degrees": 5.0,
         "interpolation": "bilinear", "optimizer": "adamw", "weight_decay": 0.1, "schedule": "one_cycle",
         "label_smoothing": 0.1, "averaging": 0.9, "shift": 3.0, "scale": 0.1, "erase": 0.5, "photometric": 0.5,
         "cutmix": 0.5, "taught": 0.5, "class_weights": "balanced"}


def name_of(model=None, train=None, val=None, recipe=None, precision="float32", **loop) -> str:
    """The name of a training that differs from the others of these tests in what is given."""
    return training_name(model or tiny(), train or bands(12), val or bands(6, seed=1), recipe or Recipe(), precision,
                         **loop)


def test_equal_asks_have_equal_names():
    name = name_of()
    assert name == name_of() and name.startswith("Sequential-") and len(name) == len("Sequential-1a2b3c4d")
    int(name.removeprefix("Sequential-"), 16)
    assert name == name_of(tiny(seed=5)), "the seed is not what is asked for"
    assert name == name_of(tiny().eval().to(memory_format=torch.channels_last))
    for field in fields(Recipe):
        assert name == name_of(recipe=Recipe(**{field.name: field.default})), field.name
    assert name == name_of(recipe=Recipe(precision="float32")), "what counts is the precision computed in"
    assert name_of(recipe=Recipe(shift=3)) == name_of(recipe=Recipe(shift=3.0))
    assert name_of(recipe=Recipe(epochs=3)) == name_of(recipe=Recipe(epochs=3.0))
    assert name_of(recipe=Recipe(epochs=np.int64(3), degrees=np.float64(5))) == name_of(
        recipe=Recipe(epochs=3, degrees=5))
    faces = bands(12)
    assert name == name_of(train=replace(faces, source="elsewhere", names=faces.names[::-1], drawn=True))


def test_whatever_else_is_asked_has_another_name():
    assert OTHER.keys() == {field.name for field in fields(Recipe)} - {"precision"}
    asks = [{}, {"precision": "bfloat16"}, {"loop": "reference"}, {"model": tiny(4)},
            {"model": nn.Sequential(*tiny(), nn.Identity())}]
    asks += [{"recipe": Recipe(**{name: value})} for name, value in OTHER.items()]
    asks += [{"teacher": digest(tiny(seed=seed))} for seed in (1, 2)]
    asks += [{"recipe": Recipe(learning_rate=0.01, shift=3)}, {"recipe": Recipe(epochs=21), "loop": "reference"}]
    train, val = bands(12), bands(6, seed=1)
    for part, faces in (("train", train), ("val", val)):
        pixel, label = faces.images.copy(), faces.labels.copy()
        pixel[0, 0, 0] ^= 1
        label[0] = 2
        asks += [{part: replace(faces, images=pixel)}, {part: replace(faces, labels=label)},
                 {part: faces.take(np.arange(1, len(faces)))}, {part: faces.take(np.arange(len(faces))[::-1])}]
    names = [name_of(**ask) for ask in asks]
    names += [training_name(tiny(), train, None, Recipe(), "float32", loop) for loop in ("course", "reference")]
    names += [name_of(build_model(name, dropout=dropout))
              for name in ("PosterCNN", "PosterCNN-no-batch-norm", "FastCNN") for dropout in (0.2, 0.5)]
    dry = nn.Sequential(nn.Flatten(), nn.Linear(2304, 3))  # its layers have none
    names += [name_of(dry), *(name_of(dry, dropout=rate) for rate in (0.2, 0.5))]
    assert len({name.split("-")[1] for name in names}) == len(names)
    wet = build_model("PosterCNN", dropout=0.2)
    assert name_of(wet, dropout=0.2) == name_of(wet), "its layers say it"
    assert training_name(tiny(), train, val.take(np.arange(0)), Recipe(), "float32") == training_name(
        tiny(), train, None, Recipe(), "float32")


def test_an_edited_network_of_ones_own_has_another_name(home, monkeypatch):
    monkeypatch.chdir(home)
    text = ("from torch import nn\nclass TinyNet(nn.Sequential):\n    def __init__(self, n_classes):\n"
            "        super().__init__(nn.Flatten(), nn.Linear(2304, n_classes))\n")
    names = []
    for source in (text, text + "    def forward(self, x):\n        return super().forward(1 - x)\n", text):
        (home / "my_net.py").write_text(source)
        names.append(name_of(build_model("my_net:TinyNet")))
    assert names[0].startswith("TinyNet-") and names[0] == names[2] != names[1]

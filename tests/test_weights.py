"""The weights that the course ships, and how they are written."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from fer_utils import CourseError
from fer_utils.data import Split, load_faces, split
from fer_utils.evaluation import apply_temperature, fit_temperature, predict, risk_coverage
from fer_utils.lessons import trained
from fer_utils.models import build_model, count_parameters
from fer_utils.recipes import NamedRecipe
from fer_utils.runs import Run
from fer_utils.training import Recipe, Result
from fer_utils.weights import WEIGHTS, pretrained
from reports.weights import chosen_on, export, main

CARD = ("data", "recipe", "seed", "accuracy", "n", "accuracy_ci", "git_commit")
"""What a card says at least: fingerprint of the data, settings of the training, score on the test images, code."""


@pytest.fixture(scope="module")
def faces():
    """A few drawn faces: 90 for training, 30 for testing."""
    everything, rng = load_faces("sample", verbose=False), np.random.default_rng(0)
    learn, judge = (rng.permutation(np.flatnonzero(part)) for part in (~everything.is_test, everything.is_test))
    return everything.take(np.concatenate([learn[:90], judge[:30]]))


def export_a_training(faces, folder, parts=None, model="PosterCNN", name="Own"):
    run = Run.start("mine", faces)
    asked = NamedRecipe(model, 0.3, Recipe(epochs=1))
    result = trained(run, parts or split(faces), asked, log=lambda line: None)
    return export(run, result.training, name, faces, folder=folder), result.model


def test_exported_weights_are_half_the_size_and_give_the_same_answers(home, faces, tmp_path):
    path, model = export_a_training(faces, tmp_path, model="AttentionCNN")
    assert path.stat().st_size == pytest.approx(2 * count_parameters(model), rel=0.02)
    read = pretrained("Own", tmp_path)
    assert not read.training and {p.dtype for p in read.parameters()} == {torch.float32}
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in read.parameters() if p.dim() == 4)
    assert next(model.parameters()).dtype == torch.float32
    x = torch.rand(16, 1, 48, 48)
    assert (read(x).softmax(1) - model(x).softmax(1)).abs().max() < 2e-3


def test_a_card_says_what_was_measured_and_how_the_weights_answer(home, faces, tmp_path):
    path, model = export_a_training(faces, tmp_path)
    card, val = json.loads(path.with_suffix(".json").read_text()), split(faces).val
    assert set(CARD) <= set(card) and card["n"] == 30 and card["trained_on"] == "63 of 90 training images"
    test = predict(model, faces.test.images, flip=card["flip"])
    assert card["accuracy"] == (test.argmax(1) == faces.test.labels).mean()
    by_flip = {flip: (predict(model, val.images, flip=flip).argmax(1) == val.labels).mean() for flip in (False, True)}
    assert card["val_acc"] == max(by_flip.values()) and card["flip"] == (by_flip[True] > by_flip[False])
    temperature = fit_temperature(predict(model, val.images, flip=card["flip"]), val.labels)
    assert card["temperature"] == pytest.approx(temperature, rel=1e-3)


def test_weights_for_other_classes_come_back_with_as_many_outputs(home, faces, tmp_path):
    _, model = export_a_training(faces.with_classes(["Happy", "Angry"]), tmp_path)
    x = torch.rand(4, 1, 48, 48)
    assert (pretrained("Own", tmp_path)(x).softmax(1) - model(x).softmax(1)).abs().max() < 2e-3


def test_a_later_seed_has_the_validation_images_of_the_first(home, faces, tmp_path):
    run, asked = Run.start("mine", faces), NamedRecipe("PosterCNN", 0.3, Recipe(epochs=1))
    first, second = (trained(run, split(faces), asked, seed, log=lambda line: None) for seed in (0, 1))
    card = json.loads(export(run, second.training, "Own", faces, 1, tmp_path).with_suffix(".json").read_text())
    assert first.training == second.training and card["seed"] == 1 and card["trained_on"].startswith("63 of 90")
    x = torch.rand(4, 1, 48, 48)
    assert (pretrained("Own", tmp_path)(x).softmax(1) - second.model(x).softmax(1)).abs().max() < 2e-3


def test_where_no_confidence_is_sure_enough_no_face_gets_an_answer(faces):
    model = build_model("PosterCNN").eval()
    alike = np.maximum(faces.images, faces.images[:, :, ::-1])  # so that a mirror image changes nothing
    wrong = (predict(model, alike).argmax(1) + 1) % 3
    card = chosen_on(replace(faces, images=alike, labels=wrong), Result(model, pd.DataFrame(), Recipe()))
    assert card["threshold"] == 1.0 and card["val_acc"] == 0


def test_without_validation_images_nothing_is_calibrated(home, faces, tmp_path):
    path, _ = export_a_training(faces, tmp_path, Split(faces.train, None, faces.test))
    card = json.loads(path.with_suffix(".json").read_text())
    assert "temperature" not in card and card["flip"] is False and card["trained_on"] == "90 of 90 training images"


def test_weights_are_not_exported_with_other_faces_than_they_learnt_from(home, faces, tmp_path):
    run = Run.start("mine", faces)
    result = trained(run, split(faces), NamedRecipe("PosterCNN", 0.3, Recipe(epochs=1)), log=lambda line: None)
    with pytest.raises(CourseError, match=f"{result.training} did not learn from these images of sample"):
        main(["mine", result.training, "Own", "--data", "sample", "--folder", str(tmp_path)])
    assert not list(tmp_path.glob("Own*"))


def test_weights_that_the_course_does_not_have_are_one_sentence(tmp_path):
    with pytest.raises(CourseError, match=r"no trained weights of 'ResNet50' \(it has: none\)"):
        pretrained("ResNet50", tmp_path)
    (tmp_path / "PosterCNN.safetensors").touch()
    with pytest.raises(CourseError, match=r"it has: PosterCNN\)"):
        pretrained("AttentionCNN", tmp_path)


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("*.safetensors")), ids=lambda path: path.stem)
def test_the_courses_own_weights_have_a_card_and_work(path):
    assert set(CARD) <= set(json.loads(path.with_suffix(".json").read_text()))
    assert pretrained(path.stem)(torch.rand(2, 1, 48, 48)).shape == (2, 3)


def test_the_courses_own_weights_are_small():
    assert sum(path.stat().st_size for path in WEIGHTS.glob("*.safetensors")) < 15e6


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("*.safetensors")), ids=lambda path: path.stem)
def test_the_courses_own_weights_score_on_fer2013_what_their_card_says(path, fer2013_zip):
    card = json.loads(path.with_suffix(".json").read_text())
    test = load_faces(fer2013_zip, verbose=False).test
    answers = predict(pretrained(path.stem), test.images, flip=card.get("flip", False)).argmax(1)
    assert len(test) == card["n"]
    assert (answers == test.labels).mean() == pytest.approx(card["accuracy"], abs=0.002)  # float16 moves a few images


def test_the_card_of_the_weights_for_photographs_was_calibrated_on_validation(fer2013_zip):
    card = json.loads((WEIGHTS / "AttentionCNN-robust.json").read_text())
    val = split(load_faces(fer2013_zip, verbose=False), seed=card["recipe"]["seed"]).val
    probabilities = predict(pretrained("AttentionCNN-robust"), val.images, flip=card["flip"])
    assert (probabilities.argmax(1) == val.labels).mean() == pytest.approx(card["val_acc"], abs=0.002)
    assert fit_temperature(probabilities, val.labels) == pytest.approx(card["temperature"], abs=0.01)
    risks = risk_coverage(apply_temperature(probabilities, card["temperature"]), val.labels)["risk"]
    assert risks.index[risks <= card["allowed_risk"]].min() == pytest.approx(card["threshold"], abs=0.01)

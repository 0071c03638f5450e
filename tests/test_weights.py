"""The weights that the course ships, and how they are written."""

import json

import pytest
import torch

from fer_utils import CourseError
from fer_utils.data import load_faces, split
from fer_utils.evaluation import apply_temperature, fit_temperature, predict, risk_coverage
from fer_utils.models import PosterCNN, build_model, count_parameters
from fer_utils.weights import CARD, WEIGHTS, export_weights, pretrained


def card(model: str) -> dict:
    recipe = {"model": model, "dropout": 0.3, "epochs": 2}
    return {"data": "0a1b", "recipe": recipe, "seed": 0, "accuracy": 0.5, "n": 10, "accuracy_ci": [0.2, 0.8],
            "git_commit": "abc"}


def test_exported_weights_are_half_the_size_and_give_the_same_answers(tmp_path):
    model = build_model("AttentionCNN", dropout=0.3).eval()
    path = export_weights("AttentionCNN", model, card("AttentionCNN"), tmp_path)
    assert path.stat().st_size == pytest.approx(2 * count_parameters(model), rel=0.02)
    read = pretrained("AttentionCNN", tmp_path)
    assert not read.training and {p.dtype for p in read.parameters()} == {torch.float32}
    assert next(model.parameters()).dtype == torch.float32
    x = torch.rand(16, 1, 48, 48)
    assert (read(x).softmax(1) - model(x).softmax(1)).abs().max() < 2e-3
    written = json.loads((tmp_path / "AttentionCNN.json").read_text())
    assert written == {"model": "AttentionCNN", **card("AttentionCNN")}


def test_weights_for_other_classes_come_back_with_as_many_outputs(tmp_path):
    model, noted = build_model("PosterCNN", n_classes=2, dropout=0.3).eval(), card("PosterCNN")
    noted["recipe"] = noted["recipe"] | {"classes": ["joy", "shy"]}
    export_weights("Own", model, noted, tmp_path)
    x = torch.rand(4, 1, 48, 48)
    assert (pretrained("Own", tmp_path)(x).softmax(1) - model(x).softmax(1)).abs().max() < 2e-3


def test_weights_without_a_whole_card_are_not_written(tmp_path):
    half = {key: value for key, value in card("PosterCNN").items() if key not in ("n", "git_commit")}
    with pytest.raises(CourseError, match="lacks n, git_commit"):
        export_weights("PosterCNN", PosterCNN(), half, tmp_path)
    assert not list(tmp_path.iterdir())


def test_weights_that_the_course_does_not_have_are_one_sentence(tmp_path):
    with pytest.raises(CourseError, match=r"no trained weights of 'ResNet50' \(it has: none\)"):
        pretrained("ResNet50", tmp_path)
    export_weights("PosterCNN", PosterCNN(), card("PosterCNN"), tmp_path)
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

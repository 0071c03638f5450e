import numpy as np
import pandas as pd
import pytest
import torch

from fer_utils import CourseError, evaluation
from fer_utils.data import Faces
from fer_utils.models import build_model

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2])
PREDICTED = np.array([0, 0, 0, 1, 1, 1, 2, 1, 2, 0])


def certain(predicted: np.ndarray, confidence: float = 0.8) -> np.ndarray:
    """Probabilities (N, 3) that name `predicted` with this confidence."""
    return np.where(np.eye(3)[predicted] == 1, confidence, (1 - confidence) / 2).astype(np.float32)


def ten_faces(**changes) -> Faces:
    usage = np.array(["PublicTest"] * 4 + ["PrivateTest"] * 6)
    fields = {"images": np.zeros((10, 48, 48), np.uint8), "labels": LABELS, "usage": usage, "names": usage}
    return Faces(**(fields | changes))


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [(0, 10, 0.0, 0.27753), (5, 10, 0.23659, 0.76341), (8, 10, 0.49016, 0.94332), (3172, 3965, 0.78726, 0.81216)],
)
def test_wilson_equals_its_formula(correct, n, low, high):
    assert evaluation.wilson(correct, n) == pytest.approx((low, high), abs=1e-5)
    z, p = 1.959964, correct / n
    middle, half = (p + z**2 / 2 / n) / (1 + z**2 / n), z * np.sqrt(p * (1 - p) / n + z**2 / 4 / n**2) / (1 + z**2 / n)
    assert evaluation.wilson(correct, n) == pytest.approx((middle - half, middle + half), abs=1e-6)


def test_an_interval_of_nothing_is_refused():
    with pytest.raises(CourseError, match="no image to score"):
        evaluation.wilson(0, 0)


def test_scores_by_hand():
    clean = np.arange(10) < 5
    scores = evaluation.evaluate(ten_faces(), certain(PREDICTED), clean)
    assert scores["n"] == 10 and scores["accuracy"] == pytest.approx(0.7)
    assert scores["confusion"] == [[3, 1, 0], [0, 3, 1], [1, 0, 1]]
    assert scores["accuracy_ci"] == pytest.approx(evaluation.wilson(7, 10))
    assert {name: own["n"] for name, own in scores["per_class"].items()} == {"Angry": 4, "Happy": 4, "Neutral": 2}
    assert [own["recall"] for own in scores["per_class"].values()] == pytest.approx([0.75, 0.75, 0.5])
    assert [own["precision"] for own in scores["per_class"].values()] == pytest.approx([0.75, 0.75, 0.5])
    assert scores["macro_f1"] == pytest.approx((0.75 + 0.75 + 0.5) / 3)
    assert scores["per_class"]["Neutral"]["recall_ci"] == pytest.approx(evaluation.wilson(1, 2))
    assert (scores["public"]["n"], scores["public"]["accuracy"]) == (4, 0.75)
    assert (scores["private"]["n"], scores["private"]["accuracy"]) == (6, pytest.approx(4 / 6))
    assert (scores["clean"]["n"], scores["clean"]["accuracy"]) == (5, 0.8)
    assert scores["ece"] == pytest.approx(0.1)


def test_a_part_that_is_not_there_is_left_out():
    scores = evaluation.evaluate(ten_faces(usage=np.array(["Test"] * 10)), certain(PREDICTED))
    assert not scores.keys() & {"public", "private", "clean"}


def test_a_class_without_images_has_no_recall():
    faces = ten_faces().take(LABELS < 2)
    assert list(evaluation.evaluate(faces, certain(PREDICTED[:8]))["per_class"]) == ["Angry", "Happy"]


def test_images_without_labels_are_refused():
    with pytest.raises(CourseError, match="validation"):
        evaluation.evaluate(ten_faces(labels=None), certain(PREDICTED))


def test_reliability_by_hand():
    # Two bins of [0.5, 1]: confidences 0.6 (right, wrong), and 0.9 (right, right), 1.0 (wrong).
    probabilities = np.array([[0.6, 0.3, 0.1], [0.6, 0.4, 0], [0.05, 0.9, 0.05], [0.9, 0.1, 0], [0, 0, 1.0]])
    labels = np.array([0, 1, 1, 0, 1])
    table = evaluation.reliability(probabilities, labels, bins=4)
    assert table.index.tolist() == [2, 3] and table["n"].tolist() == [2, 3]
    assert table["confidence"].tolist() == pytest.approx([0.6, 2.8 / 3])
    assert table["accuracy"].tolist() == pytest.approx([0.5, 2 / 3])
    by_hand = 2 / 5 * 0.1 + 3 / 5 * (2.8 / 3 - 2 / 3)
    assert evaluation.expected_calibration_error(probabilities, labels, bins=4) == pytest.approx(by_hand)


def test_a_calibrated_model_has_no_error():
    assert evaluation.expected_calibration_error(certain(np.zeros(10, int), 0.7), np.repeat([0, 1], [7, 3])) < 1e-6


def test_baselines_are_computed():
    base = evaluation.baselines(np.array([0, 1, 1, 2]), LABELS)
    assert base["majority"]["class"] == "Happy" and base["majority"]["n"] == 10
    assert base["majority"]["accuracy"] == pytest.approx(0.4)
    assert base["majority"]["macro_f1"] == pytest.approx(2 * 0.4 / 1.4 / 3)
    assert base["class_competition"]["accuracy"] == 0.76696 and base["best_public_result"]["accuracy"] == 0.82244
    assert list(evaluation.baselines(LABELS, LABELS, published=False)) == ["majority"]


def test_over_seeds():
    assert evaluation.over_seeds([0.7, 0.8, 0.9]) == {
        "accuracy_per_seed": [0.7, 0.8, 0.9], "mean": pytest.approx(0.8), "std": pytest.approx(0.1)}
    assert evaluation.over_seeds([0.7])["std"] is None


def test_the_clean_part_has_no_copy_and_no_twin():
    images = np.random.default_rng(0).integers(0, 255, (7, 48, 48), dtype=np.uint8)
    images[4], images[6] = images[0], images[5]  # a twin in training; a second copy in the test images
    usage = np.array(["Training"] * 3 + ["PublicTest"] * 4)
    faces = Faces(images, np.zeros(7, np.int64), usage, names=np.array(["same name"] * 7))
    assert evaluation.clean_part(faces).tolist() == [True, False, True, False]


def test_predictions_are_probabilities_and_leave_dropout_out():
    torch.manual_seed(0)
    model = build_model(dropout=0.9).train()
    images = np.random.default_rng(0).integers(0, 255, (20, 48, 48), dtype=np.uint8)
    probabilities = evaluation.predict(model, images, batch_size=8)
    assert probabilities.shape == (20, 3) and probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(1), 1, atol=1e-6)
    assert np.allclose(probabilities, evaluation.predict(model, images), atol=1e-6)


def test_grad_cam_finds_the_only_thing_there_is():
    """A network whose class 0 is the sum of the last maps: what is bright in the image must be bright in the map."""
    model = build_model()
    with torch.no_grad():
        for block in model.features:
            torch.nn.init.dirac_(block[0].weight)
            block[0].bias.zero_()
        model.classifier[1].weight.fill_(1e-3)
        model.classifier[1].bias.zero_()
        model.classifier[4].weight.copy_(torch.tensor([[1.0], [-1.0], [0.0]]).expand(3, 256))
    images = np.zeros((2, 48, 48), np.uint8)
    images[0, 4:16, 4:16], images[1, 32:44, 28:40] = 255, 255
    maps = evaluation.grad_cam(model, images, np.array([0, 0]))
    assert maps.shape == (2, 48, 48) and maps.min() >= 0 and maps.max(axis=(1, 2)) == pytest.approx([1, 1])
    assert maps[0, :24, :24].sum() > 0.9 * maps[0].sum() and maps[1, 24:, 24:].sum() > 0.9 * maps[1].sum()
    assert not evaluation.grad_cam(model, images, np.array([1, 1])).any()


def test_submission_has_the_competitions_format(tmp_path):
    evaluation.write_submission(tmp_path / "new" / "submission.csv", certain(np.array([2, 0, 1])))
    text = (tmp_path / "new" / "submission.csv").read_bytes()
    assert text == b"Id,Category\n0,2\n1,0\n2,1\n"
    assert pd.read_csv(tmp_path / "new" / "submission.csv").dtypes.tolist() == [np.int64, np.int64]

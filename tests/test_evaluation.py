import numpy as np
import pytest
import torch

from fer_utils import CourseError, evaluation
from fer_utils.data import Faces
from fer_utils.models import Restricted, build_model

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


@pytest.mark.parametrize(
    ("interval", "reference", "words", "said"),
    [([0.01, 0.03], 0, evaluation.EFFECT, "helped"), ([-0.03, -0.01], 0, evaluation.EFFECT, "harmed"),
     ([-0.01, 0.03], 0, evaluation.EFFECT, "not shown"), (None, 0, evaluation.EFFECT, "not shown"),
     ([0.0, 0.03], 0, evaluation.EFFECT, "not shown"), ([0.80, 0.82], 0.79, evaluation.COMPARISON, "beats"),
     ([0.80, 0.82], 0.83, evaluation.COMPARISON, "misses"),
     ([0.80, 0.82], 0.81, evaluation.COMPARISON, "is not distinguishable from")],
)
def test_a_verdict_needs_the_whole_interval(interval, reference, words, said):
    assert evaluation.verdict(interval, reference, words) == said


def test_macro_f1_is_over_the_classes_that_occur():
    two = ten_faces().take(ten_faces().labels < 2)
    assert evaluation.evaluate(two, certain(two.labels))["macro_f1"] == 1


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
    with pytest.raises(CourseError, match="images without a label"):
        evaluation.evaluate(ten_faces(labels=np.where(LABELS == 2, -1, LABELS)), certain(PREDICTED))
    with pytest.raises(CourseError, match="no images here"):
        evaluation.evaluate(ten_faces().take(np.arange(0)), certain(PREDICTED[:0]))


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


def labelled(labels: np.ndarray) -> Faces:
    """Black images with these labels."""
    n = len(labels)
    return Faces(np.zeros((n, 48, 48), np.uint8), labels, np.full(n, "Test"), np.arange(n).astype(str))


def test_baselines_are_computed():
    train, test = labelled(np.array([0, 1, 1, 2])), labelled(LABELS)
    base = evaluation.baselines(train, test)
    assert base["majority"]["class"] == "Happy" and base["majority"]["n"] == 10
    assert base["majority"]["accuracy"] == pytest.approx(0.4)
    assert base["majority"]["macro_f1"] == pytest.approx(2 * 0.4 / 1.4 / 3)
    assert base["class_competition"]["accuracy"] == 0.76696 and base["best_public_result"]["accuracy"] == 0.82244
    assert list(evaluation.baselines(test, test, published=False)) == ["majority"]


def test_over_seeds():
    assert evaluation.over_seeds([0.7, 0.8, 0.9]) == {
        "accuracy_per_seed": [0.7, 0.8, 0.9], "mean": pytest.approx(0.8), "std": pytest.approx(0.1),
        "mean_ci": pytest.approx([0.8 - 0.2484, 0.8 + 0.2484], abs=1e-4)}  # 4.303 / sqrt(3) standard deviations
    assert evaluation.over_seeds([0.7])["std"] is evaluation.over_seeds([0.7])["mean_ci"] is None


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


def paired(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Hits of two models with these counts of images."""
    counts = [both, only_a, only_b, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


def mirror_reader() -> torch.nn.Module:
    """Five outputs that read the left and right border of the image; the last two would win if they counted."""
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48 * 48, 5))
    with torch.no_grad():
        model[1].weight.zero_()
        model[1].weight[0, 0] = model[1].weight[1, 47] = 2.0
        model[1].bias.copy_(torch.tensor([0.0, 0.0, 0.0, 9.0, 9.0]))
    return model


def test_restricted_to_three_classes_flip_averages_probabilities():
    images = np.zeros((3, 48, 48), np.uint8)
    images[0, 0, 0] = images[1, 0, 47] = 255
    left = np.array([np.e**2, 1, 1]) / (np.e**2 + 2)
    model = Restricted(mirror_reader(), [0, 1, 2])
    assert evaluation.predict(model, images) == pytest.approx(np.array([left, left[[1, 0, 2]], [1 / 3] * 3]), abs=1e-6)
    both = evaluation.predict(model, images, batch_size=2, flip=True)
    middle = (left + left[[1, 0, 2]]) / 2
    assert both == pytest.approx(np.array([middle, middle, [1 / 3] * 3]), abs=1e-6) and both.dtype == np.float32


def test_the_answer_to_several_views_is_their_mean():
    images = np.zeros((1, 48, 48), np.uint8)
    images[0, 0, 1] = 255  # in the corner that the network reads, once it has moved to the left
    left, nothing = np.array([np.e**2, 1, 1]) / (np.e**2 + 2), np.full(3, 1 / 3)
    model = Restricted(mirror_reader(), [0, 1, 2])
    assert evaluation.predict(model, images)[0] == pytest.approx(nothing, abs=1e-6)
    moved = evaluation.predict(model, images, moved=1)[0]
    assert moved == pytest.approx((left + 4 * nothing) / 5, abs=1e-6)
    both = evaluation.predict(model, images, moved=1, flip=True)[0]
    assert both == pytest.approx((left + left[[1, 0, 2]] + 8 * nothing) / 10, abs=1e-6)


def test_mcnemar_by_hand():
    found = evaluation.mcnemar(*paired(12, 1, 7, 1))
    assert (found["n"], found["only_a"], found["only_b"]) == (21, 1, 7)
    assert found["difference"] == pytest.approx(6 / 21)
    assert found["p_value"] == pytest.approx(2 * (1 + 8) / 2**8)  # a fair coin's 0 or 1 of 8, on both sides
    half = 1.959964 * np.sqrt((10 / 23 - (6 / 23) ** 2) / 23)
    assert found["difference_ci"] == pytest.approx([6 / 23 - half, 6 / 23 + half], abs=1e-6)
    back = evaluation.mcnemar(*paired(12, 7, 1, 1))
    assert back["difference_ci"] == pytest.approx([-end for end in found["difference_ci"][::-1]])
    assert back["p_value"] == pytest.approx(found["p_value"])


def test_mcnemar_of_models_that_never_disagree():
    found = evaluation.mcnemar(*paired(8, 0, 0, 2))
    assert found["difference"] == 0 and found["p_value"] == 1 and (found["only_a"], found["only_b"]) == (0, 0)
    half = 1.959964 * np.sqrt(2 / 12 / 12)
    assert found["difference_ci"] == pytest.approx([-half, half], abs=1e-6)


@pytest.mark.parametrize("counts", [(0, 0, 1, 0), (0, 10, 0, 0), (0, 0, 1000, 0), (1, 0, 0, 0)])
def test_mcnemars_interval_stays_possible_and_holds_what_was_seen(counts):
    found = evaluation.mcnemar(*paired(*counts))
    low, high = found["difference_ci"]
    assert -1 <= low <= found["difference"] <= high <= 1


def test_a_comparison_needs_the_same_images():
    for a, b in [([True] * 3, [True] * 4), ([], [])]:
        with pytest.raises(CourseError, match="same images"):
            evaluation.mcnemar(np.array(a), np.array(b))


@pytest.mark.parametrize(("n", "share_a", "share_b"), [(50, 0.05, 0.02), (500, 0.10, 0.08), (3965, 0.02, 0.04)])
def test_mcnemars_interval_holds_its_level(n, share_a, share_b):
    draws = np.random.default_rng(0).multinomial(n, [0.5, share_a, share_b, 0.5 - share_a - share_b], size=500)
    ends = np.array([evaluation.mcnemar(*paired(*row))["difference_ci"] for row in draws])
    covered = ((ends[:, 0] <= share_b - share_a) & (share_b - share_a <= ends[:, 1])).mean()
    assert 0.93 <= covered <= 0.995


def test_paired_seeds_by_hand():
    found = evaluation.paired_seeds([0.70, 0.72, 0.71], [0.73, 0.74, 0.74])
    assert found["n"] == 3 and found["difference"] == pytest.approx(0.08 / 3)
    half = 4.302653 * np.std([0.03, 0.02, 0.03], ddof=1) / np.sqrt(3)  # t of 2 degrees
    assert found["difference_ci"] == pytest.approx([0.08 / 3 - half, 0.08 / 3 + half], abs=1e-6)
    assert evaluation.paired_seeds([0.7], [0.8]) == {
        "n": 1, "difference": pytest.approx(0.1), "difference_ci": None}
    assert evaluation.paired_seeds([0.5, 0.5], [0.75, 0.75])["difference_ci"] == [0.25, 0.25]
    for a, b in [([0.7], [0.7, 0.8]), ([], [])]:
        with pytest.raises(CourseError, match="same seeds"):
            evaluation.paired_seeds(a, b)


def test_paired_seeds_interval_holds_its_level():
    rng = np.random.default_rng(0)
    a = rng.normal(0.8, 0.02, (2000, 3))
    b = a + rng.normal(0.01, 0.005, (2000, 3))
    ends = np.array([evaluation.paired_seeds(*pair)["difference_ci"] for pair in zip(a, b, strict=True)])
    assert ((ends[:, 0] <= 0.01) & (0.01 <= ends[:, 1])).mean() == pytest.approx(0.95, abs=0.02)


def test_brier_by_hand():
    assert evaluation.brier(np.eye(3)[[0, 1]], np.array([0, 1])) == 0
    assert evaluation.brier(np.eye(3)[[0, 1]], np.array([1, 2])) == 2
    assert evaluation.brier(np.full((4, 3), 1 / 3), np.array([0, 1, 2, 0])) == pytest.approx(2 / 3)
    one = np.array([[0.6, 0.3, 0.1]])
    assert evaluation.brier(one, np.array([1])) == pytest.approx(0.6**2 + 0.7**2 + 0.1**2)
    assert evaluation.evaluate(ten_faces(), certain(PREDICTED))["brier"] == pytest.approx(
        (7 * (0.2**2 + 2 * 0.1**2) + 3 * (0.8**2 + 0.9**2 + 0.1**2)) / 10)


@pytest.fixture(scope="module")
def honest() -> tuple[np.ndarray, np.ndarray]:
    """Logits (20,000, 3), and labels drawn with their softmax as the chances."""
    rng = np.random.default_rng(0)
    logits = 2 * rng.normal(size=(20_000, 3))
    return logits, (softmax(logits).cumsum(1) > rng.random((20_000, 1))).argmax(1)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_a_known_temperature_is_recovered(honest, factor):
    logits, labels = honest
    scaled = softmax(logits * factor).astype(np.float32)
    found = evaluation.fit_temperature(scaled, labels)
    assert found == pytest.approx(factor, rel=0.03)
    assert evaluation.apply_temperature(scaled, factor) == pytest.approx(softmax(logits), abs=1e-4)
    mended = evaluation.apply_temperature(scaled, found)
    assert evaluation.expected_calibration_error(mended, labels) < 0.015
    if factor != 1:
        assert evaluation.expected_calibration_error(scaled, labels) > 0.05
        assert evaluation.brier(mended, labels) < evaluation.brier(scaled, labels)


def test_the_fitted_temperature_is_the_likeliest(honest):
    logits, labels = honest
    few, own = softmax(logits[:300] * 2), labels[:300]

    def loss(temperature: float) -> float:
        return -np.log(evaluation.apply_temperature(few, temperature)[np.arange(300), own]).mean()

    best = evaluation.fit_temperature(few, own)
    assert loss(best) < min(loss(best * 1.05), loss(best / 1.05))


@pytest.mark.parametrize("temperature", [0.05, 0.7, 1.4, 20])
def test_no_temperature_changes_an_answer(temperature):
    rng = np.random.default_rng(1)
    probabilities = softmax(rng.normal(size=(5000, 3)) * rng.choice([1e-4, 1, 30], (5000, 1))).astype(np.float32)
    probabilities = np.concatenate([probabilities, np.eye(3, dtype=np.float32), np.full((1, 3), 1 / 3, np.float32)])
    changed = evaluation.apply_temperature(probabilities, temperature)
    assert (changed.argmax(1) == probabilities.argmax(1)).all()
    assert np.isfinite(changed).all() and changed.sum(1) == pytest.approx(np.ones(len(changed)))


def test_certainties_of_0_and_1_have_a_temperature():
    sure = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    assert 0.05 <= evaluation.fit_temperature(sure, np.array([0, 1, 2, 0])) <= 20  # all right
    assert 0.05 <= evaluation.fit_temperature(sure, np.array([1, 2, 0, 1])) <= 20  # all wrong
    assert evaluation.fit_temperature(sure, np.array([0, 1, 2, 1])) > 1


def test_calibrated_ece_by_hand():
    # One bin of n images at confidence p: the gap is that of a binomial share, whose mean size is known for two images.
    two = np.array([[0.5, 0.3, 0.2]] * 2)
    found = evaluation.calibrated_ece(two, bins=1, draws=20_000)
    assert found["mean"] == pytest.approx(0.25, abs=0.01) and found["high"] == 0.5  # 0, 1 or 2 right: 1/4, 1/2, 1/4
    sure = evaluation.calibrated_ece(np.eye(3))
    assert sure == {"mean": 0, "high": 0}
    assert evaluation.calibrated_ece(two) == evaluation.calibrated_ece(two)


def test_calibrated_ece_is_what_calibrated_models_show():
    rng = np.random.default_rng(2)
    probabilities = softmax(2 * rng.normal(size=(400, 3)))
    expected = evaluation.calibrated_ece(probabilities)
    labels = (probabilities.cumsum(1)[None] > rng.random((300, 400, 1))).argmax(2)
    seen = np.array([evaluation.expected_calibration_error(probabilities, own) for own in labels])
    assert seen.mean() == pytest.approx(expected["mean"], rel=0.03)
    assert (seen > expected["high"]).mean() == pytest.approx(0.05, abs=0.025)
    boastful = evaluation.apply_temperature(probabilities, 0.4)
    assert evaluation.expected_calibration_error(boastful, labels[0]) > evaluation.calibrated_ece(boastful)["high"]


def test_calibration_of_all_and_of_the_clean_images():
    clean = np.arange(10) < 5
    found = evaluation.calibration(certain(PREDICTED), LABELS, clean)
    assert (found["n"], found["clean"]["n"]) == (10, 5) and found["ece"] == pytest.approx(0.1)
    assert found["clean"]["ece"] == pytest.approx(0, abs=1e-6)
    assert found["clean"] == evaluation.calibration(certain(PREDICTED)[:5], LABELS[:5])


def test_risk_and_coverage_by_hand():
    confidence, predicted = np.array([0.9, 0.6, 0.8, 0.8, 0.5]), np.array([0, 0, 1, 1, 2])
    probabilities = np.concatenate([certain(predicted[[i]], confidence[i]) for i in range(5)]).astype(float)
    curve = evaluation.risk_coverage(probabilities, np.array([0, 0, 1, 2, 0]))
    assert curve.index.tolist() == pytest.approx([0.9, 0.8, 0.6, 0.5])
    assert curve["coverage"].tolist() == pytest.approx([0.2, 0.6, 0.8, 1])  # the two at 0.8 come together
    assert curve["risk"].tolist() == pytest.approx([0, 1 / 3, 1 / 4, 2 / 5])


def test_what_is_answered_by_hand():
    told = evaluation.answered(certain(PREDICTED) + np.linspace(0, 0.09, 10)[:, None], LABELS, 0.84)
    assert told["coverage"] == 0.6 and told["n"] == 6 and told["accuracy"] == pytest.approx(4 / 6)
    assert told["accuracy_ci"] == pytest.approx(evaluation.wilson(4, 6))
    assert evaluation.answered(certain(PREDICTED), LABELS, 0.9) == {"coverage": 0.0, "n": 0}


def test_risk_is_flat_where_confidence_knows_nothing_and_falls_where_it_knows(honest):
    logits, labels = honest
    probabilities = softmax(logits)
    curve = evaluation.risk_coverage(probabilities, labels)
    error = (probabilities.argmax(1) != labels).mean()
    assert curve["risk"].iloc[-1] == pytest.approx(error) and curve["coverage"].iloc[-1] == 1
    half = curve[curve["coverage"] <= 0.5].iloc[-1]
    assert half["risk"] < 0.5 * error
    blind = certain(probabilities.argmax(1), 0.5) + np.random.default_rng(3).normal(0, 1e-3, (20_000, 1))
    blind = evaluation.risk_coverage(blind, labels)
    assert blind[blind["coverage"] <= 0.5]["risk"].iloc[-1] == pytest.approx(error, abs=0.02)
    assert evaluation.risk_coverage(np.eye(3), np.arange(3)).to_numpy().tolist() == [[1, 0]]

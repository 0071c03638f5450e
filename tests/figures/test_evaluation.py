import numpy as np
import pytest
from drawing import overlaps, texts

from fer_utils import CLASSES, evaluation
from fer_utils.data import Faces
from fer_utils.figures import evaluation as figures
from fer_utils.support.sample import draw_face

pytestmark = pytest.mark.usefixtures("style")


@pytest.fixture(scope="module")
def faces():
    rng = np.random.default_rng(0)
    labels = np.arange(60, dtype=np.int64) % 3
    usage = np.array(["PublicTest", "PrivateTest"] * 30)
    return Faces(np.stack([draw_face(int(k), rng) for k in labels]), labels, usage, np.arange(60).astype(str))


@pytest.fixture(scope="module")
def probabilities(faces):
    logits = np.random.default_rng(1).normal(size=(60, 3)) + 2 * np.eye(3)[faces.labels]
    return (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def metrics(faces, probabilities):
    scores = evaluation.evaluate(faces, probabilities, np.arange(60) > 3)
    return scores | evaluation.over_seeds([scores["accuracy"], 0.8])


def test_scores_names_every_part_and_baseline(metrics, faces):
    fig = figures.scores(metrics, evaluation.baselines(faces.labels, faces.labels))
    rows = ["all test images", "public part", "private part", "without leaked images", "each seed"]
    assert {*rows, "class competition 0.767", "best public result 0.822", "majority class 0.333"} <= set(texts(fig))
    assert not overlaps(fig)


def test_scores_of_a_set_without_parts(faces, probabilities):
    scores = evaluation.evaluate(faces.take(np.arange(60)), probabilities) | evaluation.over_seeds([0.7])
    scores = {key: value for key, value in scores.items() if key not in ("public", "private")}
    fig = figures.scores(scores, evaluation.baselines(faces.labels, faces.labels, False), "validation images")
    assert {"all validation images", "the one seed"} <= set(texts(fig)) and "private part" not in texts(fig)


def test_classes_shows_the_counts(metrics):
    fig = figures.classes(metrics)
    left, right = fig.axes
    shown = [text.get_text() for text in left.texts]
    assert [int(count) for count in shown[1::2]] == np.ravel(metrics["confusion"]).tolist()
    assert right.get_ylim() == left.get_ylim()
    assert not overlaps(fig)


def test_calibration_shows_every_bin(faces, probabilities):
    table = evaluation.reliability(probabilities, faces.labels)
    fig = figures.calibration(table, 0.123)
    top, bottom = fig.axes
    assert [bar.get_height() for bar in bottom.patches] == table["n"].tolist()
    assert any("0.123" in text for text in texts(fig))


def test_mistakes_come_in_order_of_confidence(faces, probabilities):
    fig = figures.mistakes(faces.images, faces.labels, probabilities)
    shown = [float(axes.get_xlabel().split()[1]) for axes in fig.axes if axes.get_xlabel()]
    wrong = probabilities.argmax(1) != faces.labels
    assert len(fig.axes) == 12 and len(shown) == min(12, wrong.sum())
    assert shown == sorted(shown, reverse=True)
    assert shown[0] == pytest.approx(100 * probabilities[wrong].max(), abs=0.06)


def test_mistakes_of_a_model_without_any(faces):
    fig = figures.mistakes(faces.images, faces.labels, np.eye(3)[faces.labels])
    assert len(fig.axes) == 12 and not texts(fig)


def test_probability_bars_are_as_long_as_they_say(faces, probabilities):
    titles = [f"labelled {CLASSES[k]}" for k in faces.labels[:6]]
    fig = figures.probability_bars(faces.images[:6], probabilities[:6], titles)
    lengths = [[bar.get_width() for bar in axes.patches[3:]] for axes in fig.axes[1::2]]
    assert np.allclose(lengths, probabilities[:6])
    bold = [t.get_text() for axes in fig.axes[1::2] for t in axes.texts[::2] if t.get_fontweight() == "bold"]
    assert bold == [CLASSES[k] for k in probabilities[:6].argmax(1)]
    assert not overlaps(fig)


def test_saliency_has_a_row_for_each_network(faces):
    maps = np.random.default_rng(0).random((6, 48, 48))
    fig = figures.saliency(faces.images[:6], {"trained": maps, "untrained": maps}, ["Angry"] * 6)
    assert len(fig.axes) == 18 + 1
    assert {"the image", "trained", "untrained"} <= set(texts(fig))
    assert not overlaps(fig)


@pytest.mark.parametrize("clean", [None, np.arange(60) > 3])
def test_temperature_shows_every_error_beside_luck(faces, probabilities, clean):
    variants = {"as trained": probabilities, "with its temperature": evaluation.apply_temperature(probabilities, 2)}
    checks = {name: evaluation.calibration(p, faces.labels, clean) for name, p in variants.items()}
    fig = figures.temperature({name: evaluation.reliability(p, faces.labels) for name, p in variants.items()}, checks)
    shown = [*checks.values(), *(check["clean"] for check in checks.values() if clean is not None)]
    bars = [bar.get_width() for bar in fig.axes[1].patches]
    assert bars == pytest.approx([check["ece_if_calibrated"]["high"] for check in shown])
    assert {f"{check['ece']:.3f}" for check in shown} <= set(texts(fig))
    assert not overlaps(fig)


def test_silence_marks_what_the_threshold_answers(faces, probabilities):
    hits, told = probabilities.argmax(1) == faces.labels, probabilities.max(1) > 0.7
    own = {"coverage": told.mean(), **evaluation.share(hits[told])}
    curve = evaluation.risk_coverage(probabilities, faces.labels)
    fig = figures.silence({"all test images": curve, "the same": curve},
                          {"all test images": own, "the same": {"coverage": 0.0, "n": 0}}, 0.05)
    dots = [line for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert [(dot.get_xdata()[0], dot.get_ydata()[0]) for dot in dots] == [
        (pytest.approx(told.mean()), pytest.approx(1 - hits[told].mean()))]
    assert {"allowed on validation: 5 %", "the same: 0 % answered"} <= set(texts(fig)) and not overlaps(fig)

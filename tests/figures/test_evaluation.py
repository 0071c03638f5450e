"""The figures of notebook 05: what they say of scores, confidences and single faces, with any classes."""

import numpy as np
import pytest
from drawing import texts
from figures.gallery import BASELINES, CLASSES, made_up_answers, made_up_faces, made_up_metrics

from fer_utils import evaluation
from fer_utils.figures import evaluation as figures

pytestmark = pytest.mark.usefixtures("style")


def test_scores_names_every_part_and_baseline():
    fig = figures.scores(made_up_metrics(3), BASELINES)
    rows = ["all test images\nn = 420", "public part\nn = 200", "private part\nn = 220", "each seed"]
    lines = ["majority class 0.447", "class competition 0.767", "best public result 0.822"]
    assert {*rows, "without leaked images\nn = 410", *lines} <= set(texts(fig))


def test_scores_of_a_set_without_parts():
    metrics = {"n": 60, "accuracy": 0.7, "accuracy_ci": [0.6, 0.8], "accuracy_per_seed": [0.7]}
    shown = set(texts(figures.scores(metrics, {}, "validation images")))
    assert {"all validation images\nn = 60", "the one seed"} <= shown and not any("part" in text for text in shown)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_classes_shows_the_counts_in_the_order_of_the_names(n):
    metrics = made_up_metrics(n)
    metrics["per_class"] = dict(sorted(metrics["per_class"].items()))  # as a file of metrics holds them
    left, right = figures.classes(metrics, CLASSES[n]).axes
    shown = [int(text.get_text().split("\n")[1].replace(",", "")) for text in left.texts]
    assert shown == np.ravel(metrics["confusion"]).tolist()
    names = [label.get_text() for label in right.get_yticklabels()]
    assert tuple(names) == CLASSES[n] == tuple(label.get_text() for label in left.get_xticklabels())
    dots = [line.get_xdata()[0] for line in right.lines if line.get_marker() == "o"]
    assert dots == [metrics["per_class"][name]["recall"] for name in names]
    assert left.get_window_extent().bounds[1::2] == pytest.approx(right.get_window_extent().bounds[1::2])


def test_a_class_without_images_has_no_recall():
    metrics = made_up_metrics(3)
    del metrics["per_class"]["Happy"]
    right = figures.classes(metrics, CLASSES[3]).axes[1]
    assert [line.get_ydata()[0] for line in right.lines if line.get_marker() == "o"] == [0, 2]


def test_calibration_shows_every_bin():
    labels, probabilities = made_up_answers(3)
    table = evaluation.reliability(probabilities, labels)
    fig = figures.calibration(table, 0.123)
    top, bottom = fig.axes
    assert [bar.get_height() for bar in bottom.patches] == table["n"].tolist()
    assert any("0.123" in text for text in texts(fig)) and top.get_xlim()[0] < table["confidence"].min()


def test_mistakes_come_in_order_of_confidence():
    faces, (labels, probabilities) = made_up_faces(3), made_up_answers(3)
    fig = figures.mistakes(faces.images, labels, probabilities, faces.classes)
    shown = [float(axes.get_xlabel().split()[1]) for axes in fig.axes if axes.get_xlabel()]
    wrong = probabilities.argmax(1) != labels
    assert len(fig.axes) == 12 and len(shown) == min(12, wrong.sum())
    assert shown == sorted(shown, reverse=True)
    assert shown[0] == pytest.approx(100 * probabilities[wrong].max(), abs=0.06)


def test_mistakes_of_a_model_without_any():
    faces = made_up_faces(3)
    fig = figures.mistakes(faces.images, faces.labels, np.eye(3)[faces.labels], faces.classes)
    assert len(fig.axes) == 12 and not texts(fig)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_probability_bars_are_as_long_as_they_say(n):
    faces, (labels, probabilities) = made_up_faces(n), made_up_answers(n)
    titles = [f"labelled {CLASSES[n][k]}" for k in labels[:6]]
    fig = figures.probability_bars(faces.images[:6], probabilities[:6], titles, CLASSES[n])
    lengths = [[bar.get_width() for bar in axes.patches[n:]] for axes in fig.axes[1::2]]
    assert np.allclose(lengths, probabilities[:6])
    bold = [t.get_text() for axes in fig.axes[1::2] for t in axes.texts[::2] if t.get_fontweight() == "bold"]
    assert bold == [CLASSES[n][k] for k in probabilities[:6].argmax(1)]


def test_saliency_has_a_row_for_each_network():
    maps = np.random.default_rng(0).random((6, 48, 48))
    fig = figures.saliency(made_up_faces(3).images[:6], {"trained": maps, "untrained": maps}, ["Angry"] * 6)
    assert len(fig.axes) == 18 + 1
    assert {"the image", "trained", "untrained"} <= set(texts(fig))


@pytest.mark.parametrize("clean", [None, np.arange(420) > 3])
def test_temperature_shows_every_error_beside_luck(clean):
    labels, probabilities = made_up_answers(3)
    variants = {"as trained": probabilities, "with its temperature": evaluation.apply_temperature(probabilities, 2)}
    checks = {name: evaluation.calibration(p, labels, clean) for name, p in variants.items()}
    fig = figures.temperature({name: evaluation.reliability(p, labels) for name, p in variants.items()}, checks)
    shown = [*checks.values(), *(check["clean"] for check in checks.values() if clean is not None)]
    bars = [bar.get_width() for bar in fig.axes[1].patches]
    assert bars == pytest.approx([check["ece_if_calibrated"]["high"] for check in shown])
    assert {f"{check['ece']:.3f}" for check in shown} <= set(texts(fig))


def test_silence_has_a_panel_for_each_group_and_marks_what_the_threshold_answers():
    labels, probabilities = made_up_answers(3)
    hits, told = probabilities.argmax(1) == labels, probabilities.max(1) > 0.7
    own = {"coverage": told.mean(), **evaluation.share(hits[told])}
    curve = evaluation.risk_coverage(probabilities, labels)
    fig = figures.silence({"all test images": curve, "none": curve},
                          {"all test images": own, "none": {"coverage": 0.0, "n": 0}}, 0.05)
    dots = [[line for line in axes.lines if line.get_marker() == "o"] for axes in fig.axes]
    assert [(dot.get_xdata()[0], dot.get_ydata()[0]) for dot in dots[0]] == [
        (pytest.approx(told.mean()), pytest.approx(1 - hits[told].mean()))] and np.isnan(dots[1][0].get_ydata())
    assert {"5 % allowed on validation", "0 % answered", "All test images"} <= set(texts(fig))
    for axes in fig.axes:
        assert np.allclose(axes.lines[0].get_xydata(), curve[["coverage", "risk"]])


def test_silence_shows_the_allowed_risk_also_above_a_model_that_is_never_wrong():
    labels = np.array([0, 1, 2])
    curve = evaluation.risk_coverage(np.eye(3), labels)
    own = {"coverage": 1.0, **evaluation.share(np.full(3, True))}
    (axes,) = figures.silence({"all test images": curve}, {"all test images": own}, 0.05).axes
    assert axes.get_ylim() == pytest.approx((0, 0.0625))


def test_no_baseline_s_line_runs_through_the_name_of_another():
    fig = figures.scores(made_up_metrics(3), BASELINES)
    fig.draw_without_rendering()
    axes = fig.axes[0]
    names = [text.get_window_extent() for text in axes.texts if "." in text.get_text() and " " in text.get_text()]
    lines = [line.get_transform().transform(line.get_xydata()) for line in axes.lines if line.get_linestyle() == "--"]
    assert len(names) == len(lines) == 3
    assert not [name for name in names for (x, bottom), (_, top) in lines if name.x0 < x < name.x1 and name.y0 < top]

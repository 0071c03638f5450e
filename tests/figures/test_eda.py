"""The figures of notebooks 01 and 02: what they say."""

import numpy as np
import pandas as pd
import pytest
from drawing import texts
from figures.gallery import CLASSES, made_up_faces

from fer_utils.figures import eda, preprocessing
from fer_utils.support.published import POSTER_TEST, POSTER_TRAIN, PUBLISHED_COUNTS, poster_log

pytestmark = pytest.mark.usefixtures("style")
COUNTS = PUBLISHED_COUNTS.loc[["Angry", "Happy", "Neutral"]]


def test_titles_stand_over_the_first_row_only():
    images = made_up_faces(2).images
    fig = preprocessing.flip_and_rotation({"a": images[:2], "b": images[:2]}, ["left", "right"])
    assert [axes.get_title() for axes in fig.axes] == ["left", "right", "", ""]


def test_class_counts_show_the_counts_and_shares():
    shown = set(texts(eda.class_counts(COUNTS)))
    assert {"3,995 training", "7,215 training", "4,965 training", "958 test", "1,774 test", "1,233 test"} <= shown
    assert {"24.7", "44.6", "30.7", *COUNTS.index} <= shown


def test_a_validation_part_is_no_test():
    counts = pd.DataFrame({"Training": [60, 50], "Validation": [20, 10], "Test": [9, 8]}, index=["No", "Yes"])
    fig = eda.class_counts(counts)
    shown = set(texts(fig))
    assert {"60 training", "20 validation", "9 test", "8 test"} <= shown and "29 test" not in shown
    bars = sorted((bar.get_y(), bar.get_y() + bar.get_height()) for bar in fig.axes[0].patches)
    assert all(end <= start for (_, end), (start, _) in zip(bars, bars[1:], strict=False)), "no bar covers another"


def test_the_floor_is_drawn_from_the_lowest_up():
    rows = {name: {"accuracy": value, "low": value - 0.1, "high": value + 0.1} for name, value in (
        ("nearest mean", 0.6), ("always Yes", 0.5))}
    fig = eda.accuracy_floor(pd.DataFrame(rows).T)
    assert [label.get_text() for label in fig.axes[0].get_yticklabels()] == ["always Yes", "nearest mean"]


def test_class_counts_leave_out_what_has_no_label():
    counts = COUNTS.assign(PublicTest=0, PrivateTest=0)
    counts.loc["unlabelled"] = [0, 1969, 1996]
    shown = set(texts(eda.class_counts(counts)))
    assert {"3,995 training", "Training"} <= shown and not shown & {"unlabelled", "PublicTest"}
    assert not any("test" in text for text in shown)


@pytest.mark.parametrize("n, below", [
    (2, ["smile − frown"]), (3, ["Angry − Happy", "Angry − Neutral", "Happy − Neutral"]),
    (7, [f"{name} − all" for name in CLASSES[7]])])
def test_mean_faces_are_told_apart_in_pairs_or_from_all(n, below):
    faces = made_up_faces(n)
    fig = eda.mean_faces(faces)
    shown = [axes.get_title() for axes in fig.axes]
    assert shown[n : 2 * n] == below + [""] * (n - len(below))
    means = [faces.images[faces.labels == k].mean(axis=0) for k in range(n)]
    other = means[1] if n < 4 else faces.images.mean(axis=0)
    assert np.allclose(fig.axes[n].images[0].get_array(), means[0] - other)
    assert any("mean of all faces" in text for text in texts(fig)) == (n > 3)


def test_a_mean_of_few_faces_counts_as_a_photograph():
    assert not eda.mean_faces(made_up_faces(3, size=3 * eda.FEW)).photo
    assert eda.mean_faces(made_up_faces(3, size=3 * eda.FEW - 1)).photo


def test_faces_stand_in_the_row_of_their_class():
    faces = made_up_faces(7)
    fig = eda.faces_by_class(faces)
    assert [axes.get_ylabel() for axes in fig.axes] == list(faces.classes)
    tile = np.asarray(fig.axes[3].images[0].get_array())[3:51, 3:51]
    assert any(np.array_equal(tile, image) for image in faces.images[faces.labels == 3])


def test_no_conflict_is_a_sentence():
    assert texts(eda.conflicting_labels(np.empty((0, 48, 48)), [], "No image carries two labels.")) == [
        "No image carries two labels."]


def test_the_floor_draws_the_poster_s_best_where_it_is_given():
    scores = pd.DataFrame({"accuracy": [0.4], "low": [0.39], "high": [0.41]}, index=["always Happy"])
    assert "poster's best 0.7923" in texts(eda.accuracy_floor(scores, 0.7923))
    assert not any("poster" in text for text in texts(eda.accuracy_floor(scores)))


def test_the_poster_log_is_the_poster_s():
    log = poster_log()
    assert list(log.columns) == ["epoch", "train_loss", "val_loss", "val_acc", "saved"]
    assert log["epoch"].tolist() == [*range(1, 17), 18, 19, 20]
    assert log.loc[log["saved"], "val_acc"].is_monotonic_increasing and log["val_acc"].max() == 0.7923
    assert (POSTER_TRAIN, POSTER_TEST) == (COUNTS["Training"].sum(), COUNTS.drop(columns="Training").sum().sum())


def test_only_4853_explains_the_poster_s_19_accuracies():
    printed = [f"{accuracy:.4f}" for accuracy in poster_log()["val_acc"]]

    def possible(n: int, text: str) -> bool:
        k = round(float(text) * n)
        return any(f"{right / n:.4f}" == text for right in (k - 1, k, k + 1))

    sizes = [n for n in range(100, 5001) if all(possible(n, text) for text in printed)]
    assert sizes == [4853]

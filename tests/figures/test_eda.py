"""The figures of notebooks 01 and 02: every one is drawn, and no text leaves the paper or lies on another."""

import io
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from fer_utils import CLASSES
from fer_utils.data import PUBLISHED, Faces
from fer_utils.figures import eda, preprocessing, use_style
from fer_utils.support.published import POSTER_TEST, POSTER_TRAIN, poster_log


@pytest.fixture(scope="module")
def faces() -> Faces:
    """FER2013's own counts, so that labels have their real lengths, in images of noise."""
    rng = np.random.default_rng(0)
    usage = np.repeat(PUBLISHED.columns.to_numpy().astype(str), PUBLISHED.sum())
    labels = np.concatenate([np.repeat(np.arange(3), PUBLISHED[part]) for part in PUBLISHED])
    images = rng.integers(0, 256, (len(labels), 48, 48), dtype=np.uint8)
    return Faces(images, labels.astype(np.int64), usage, np.arange(len(labels)).astype(str))


def texts(fig: Figure) -> list[Text]:
    """Every text that is painted; matplotlib keeps labels of ticks outside the axes, and leaves them out."""
    axis = [axis for axes in fig.axes for axis in (axes.xaxis, axes.yaxis)]
    ticks = [(tick, sorted(a.get_view_interval())) for a in axis for tick in a.get_major_ticks()]
    outside = {tick.label1 for tick, (low, high) in ticks if not low <= tick.get_loc() <= high}
    return [t for t in fig.findobj(Text) if t not in outside and t.get_visible() and t.get_text().strip()]


def check(fig: Figure) -> None:
    """Saved, noted and drawn again, as in a notebook: texts on the paper and apart from each other, axes apart too."""
    assert isinstance(fig, Figure)
    fig.savefig(io.BytesIO(), bbox_inches="tight")
    fig.supxlabel("drawn faces", x=0.995, ha="right", fontsize=7)
    fig.draw_without_rendering()
    frames = [axes.get_window_extent() for axes in fig.axes]
    for a, b in itertools.combinations(frames, 2):
        apart = max(a.x0, b.x0) >= min(a.x1, b.x1) - 1 or max(a.y0, b.y0) >= min(a.y1, b.y1) - 1
        assert apart, "two axes overlap"
    boxes = {t: t.get_window_extent() for t in texts(fig)}
    paper = fig.get_tightbbox().transformed(fig.dpi_scale_trans)
    for text, box in boxes.items():
        assert paper.x0 - 1 <= box.x0 and box.x1 <= paper.x1 + 1, f"cut off: {text.get_text()!r}"
    for (a, box_a), (b, box_b) in itertools.combinations(boxes.items(), 2):
        width = min(box_a.x1, box_b.x1) - max(box_a.x0, box_b.x0)
        height = min(box_a.y1, box_b.y1) - max(box_a.y0, box_b.y0)
        assert width < 1.5 or height < 1.5, f"{a.get_text()!r} lies on {b.get_text()!r}"
    plt.close(fig)


def scores() -> pd.DataFrame:
    rows = {"always Happy": (0.446, 0.438, 0.454), "mean brightness": (0.449, 0.441, 0.457), "best": (0.97, 0.96, 0.98)}
    return pd.DataFrame(rows, index=["accuracy", "low", "high"]).T


FIGURES = {
    "class_counts": lambda f: eda.class_counts(f),
    "class_counts, test unlabelled": lambda f: eda.class_counts(f.train),
    "faces_by_class": lambda f: eda.faces_by_class(f),
    "mean_faces": lambda f: eda.mean_faces(f.train),
    "pixel_distributions": lambda f: eda.pixel_distributions(f.test),
    "accuracy_floor": lambda f: eda.accuracy_floor(scores()),
    "accuracy_floor, with the poster's": lambda f: eda.accuracy_floor(scores(), 0.7923),
    "captioned_faces": lambda f: eda.captioned_faces(f.images[:10], ["label Neutral\nguess Neutral"] * 10),
    "captioned_faces, none": lambda f: eda.captioned_faces(f.images[:0], [], empty="No image carries two labels."),
    "scaling": lambda f: preprocessing.scaling(f.images[0]),
    "size_argument": lambda f: preprocessing.size_argument(
        np.arange(4000, 5001), np.arange(1001) % 19, 4853, np.array([4044, 4206, 4853])),
    "stratification": lambda f: preprocessing.stratification(
        np.random.default_rng(0).normal(size=(50, 3)), np.zeros(3)),
    "rows_of_faces": lambda f: preprocessing.rows_of_faces(
        {"torchvision": f.images[:8], "this course": f.images[8:16]}, [f"{k:+d}°" for k in range(8)]),
    "same_distribution": lambda f: preprocessing.same_distribution(
        {"torchvision": np.linspace(-10, 10, 99), "batched": np.linspace(-10, 10, 99)},
        {"torchvision": f.images[0], "batched": f.images[1]}, 10),
}


@pytest.mark.parametrize("name", FIGURES)
def test_texts_are_whole_and_apart(name: str, faces: Faces) -> None:
    use_style()
    check(FIGURES[name](faces))


def test_titles_stand_over_the_first_row_only(faces: Faces) -> None:
    fig = preprocessing.rows_of_faces({"a": faces.images[:2], "b": faces.images[:2]}, ["left", "right"])
    assert [axes.get_title() for axes in fig.axes] == ["left", "right", "", ""]
    plt.close(fig)


def test_class_counts_show_the_counts_and_shares(faces: Faces) -> None:
    fig = eda.class_counts(faces)
    shown = {text.get_text() for text in texts(fig)}
    plt.close(fig)
    assert {"3,995 training", "7,215 training", "4,965 training", "958 test", "1,774 test", "1,233 test"} <= shown
    assert {"24.7 %", "44.6 %", "30.7 %", *CLASSES} <= shown


def test_the_poster_log_is_the_poster_s() -> None:
    log = poster_log()
    assert list(log.columns) == ["epoch", "train_loss", "val_loss", "val_acc", "saved"]
    assert log["epoch"].tolist() == [*range(1, 17), 18, 19, 20]
    assert log.loc[log["saved"], "val_acc"].is_monotonic_increasing and log["val_acc"].max() == 0.7923
    assert (POSTER_TRAIN, POSTER_TEST) == (PUBLISHED["Training"].sum(), PUBLISHED.drop(columns="Training").sum().sum())


def test_only_4853_explains_the_poster_s_19_accuracies() -> None:
    printed = [f"{accuracy:.4f}" for accuracy in poster_log()["val_acc"]]

    def possible(n: int, text: str) -> bool:
        k = round(float(text) * n)
        return any(f"{right / n:.4f}" == text for right in (k - 1, k, k + 1))

    sizes = [n for n in range(100, 5001) if all(possible(n, text) for text in printed)]
    assert sizes == [4853]

"""The poster: one page, in which every number is the run's and every sentence says what the numbers say."""

import re
import shutil
import time
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from fer_utils import CLASSES, CourseError
from fer_utils.runs import Run

pypdf = pytest.importorskip("pypdf", reason="pip install pypdf: the tests read the poster by it")
pytest.importorskip("typst", reason="pip install typst: the poster is set by it")
from reports.poster import build as poster  # noqa: E402

matplotlib.use("Agg")
REAL = pytest.mark.parametrize("finished", ["real"], indirect=True)
COMMITTED = Path(__file__).parents[2] / "reports" / "fer2013"


def evaluation(drawn: bool) -> dict:
    per_class = {"Angry": (958, 0.702), "Happy": (1774, 0.871), "Neutral": (1233, 0.751)}
    own = {"n": 3965, "accuracy": 0.7844, "accuracy_ci": [0.7713, 0.7969], "macro_f1": 0.7747, "ece": 0.0312,
           "per_class": {name: {"n": n, "recall": recall, "recall_ci": [recall - 0.02, recall + 0.02], "precision": 0.7,
                                "f1": 0.7} for name, (n, recall) in per_class.items()},
           "confusion": [[672, 100, 186], [90, 1545, 139], [150, 157, 926]], "mean": 0.7821, "std": 0.0043,
           "clean": {"n": 3786, "accuracy": 0.7801, "accuracy_ci": [0.7666, 0.793]}, "chosen_on": "validation",
           "chosen_seed": 1, "seeds": [0, 1], "val_acc_per_seed": [0.7762, 0.7817], "scored_on": "test"}
    published = {"class_competition": {"n": 3965, "accuracy": 0.76696},
                 "best_public_result": {"n": 3965, "accuracy": 0.82244}}
    majority = {"class": "Happy", "n": 3965, "accuracy": 0.4474, "accuracy_ci": [0.432, 0.463], "macro_f1": 0.206}
    return {"PosterCNN": own, "baselines": {"majority": majority} | ({} if drawn else published)}


def training(drawn: bool) -> dict:
    own = {"train_size": 11322, "val_size": 4853, "epochs": 20, "seeds": [0, 1], "best_val_acc": [0.7762, 0.7817],
           "best_epoch": [18, 20], "mean": 0.779, "std": 0.0039, "final_train_loss": [0.39, 0.4],
           "seconds_per_epoch": 9.5}
    published = {"best_val_acc": 0.7923, "largest_train_loss_gap": 0.0214, "distance_in_std": 3.41}
    return {"PosterCNN": own | ({} if drawn else {"poster": published})}


TECHNIQUES = {"PosterCNN": {"without dropout": {"difference": -0.0123, "difference_ci": [-0.021, -0.004], "n": 3965},
                            "bilinear rotation": {"difference": 0.0017, "difference_ci": [-0.006, 0.009], "n": 3965}}}
AUDIT = {"audit": {"copies_in_train": {"total": 369}, "copies_in_test": {"total": 27}, "twins_across": {"total": 162},
                   "blank": {"total": 10}}}


def draw(run: Run, name: str, text: str, photo: bool = False) -> None:
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(figsize=(7, 2.6))
    axes.imshow(np.random.default_rng(len(name)).integers(0, 256, (6, 24)), cmap="gray")
    axes.set_title(text)
    run.save_figure(fig, name, photo)
    plt.close(fig)


@pytest.fixture(scope="module", params=["real", "drawn"])
def finished(request, tmp_path_factory):
    """A made-up run in a home of its own; its metrics are put back by whoever changes them."""
    drawn = request.param == "drawn"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_HOME", str(tmp_path_factory.mktemp(request.param)))
        run = Run.open("made_up")
        counts = {"Training": [3995, 7215, 4965], "PublicTest": [467, 895, 607], "PrivateTest": [491, 879, 626]}
        run.record(drawn=drawn, fingerprint="0123456789abcdef", source="made_up",
                   parameters={"04_training": {"epochs": 20}},
                   counts={usage: dict(zip(CLASSES, n, strict=True)) for usage, n in counts.items()})
        fill(run)
        probabilities = np.random.default_rng(0).dirichlet((1, 1, 1), 3965).astype("float32")
        run.write_predictions("PosterCNN", 1, np.repeat([0, 1, 2], (958, 1774, 1233)), probabilities)
        for name in ("architecture", "training_curves", "mean_faces"):
            draw(run, name, f"the figure {name}")
        draw(run, "evaluation_probabilities", "single faces", photo=not drawn)
        yield run


def fill(run: Run, **changed: dict) -> None:
    metrics = {"evaluation": evaluation(run.drawn), "training": training(run.drawn)}
    metrics |= {"techniques": TECHNIQUES, "data": AUDIT}
    for name, values in (metrics | changed).items():
        run.write_metrics(name, values)


def pages(path: Path):
    return pypdf.PdfReader(path).pages


def text_of(path: Path) -> str:
    return " ".join(pages(path)[0].extract_text().split())


def changed_text(run: Run, name: str, *keys_and_value) -> str:
    """The poster's text after one metric of PosterCNN was set to another value."""
    *keys, last, value = keys_and_value
    metrics = {"evaluation": evaluation, "training": training}[name](run.drawn)
    inner = metrics["PosterCNN"]
    for key in keys:
        inner = inner[key]
    inner[last] = value
    fill(run, **{name: metrics})
    try:
        return text_of(poster.make_poster(run))
    finally:
        fill(run)


def numbers(value) -> list[float]:
    """All numbers at any depth."""
    if isinstance(value, dict | list):
        return [number for item in (value.values() if isinstance(value, dict) else value) for number in numbers(item)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def check_numbers(run: Run, text: str) -> None:
    """Every percentage of the text is a metric at one decimal (or the confusion matrix's share, or people's score)."""
    metrics = [run.read_metrics(name) or {} for name in poster.METRICS]
    facts = poster.collect(run)
    rows = facts["evaluation"]["confusion"]
    known = {f"{100 * number:.1f}" for number in numbers([metrics, facts["training"]["best_val_ci"]])}
    known |= {f"{100 * n / sum(row):.0f}" for row in rows for n in row} | {"95", "5"}
    unknown = set(re.findall(r"([\d.]+) ?%", text)) - known
    assert not unknown, f"percentages that no metric explains: {unknown}"
    own = metrics[1]["PosterCNN"]
    told = [own["accuracy"], *own["accuracy_ci"], *(c["recall"] for c in own["per_class"].values()),
            *(part["accuracy"] for part in [*metrics[1]["baselines"].values(), own.get("clean")] if part)]
    assert not [value for value in told if f"{100 * value:.1f}" not in text]


def test_one_page_of_selectable_text_in_embedded_fonts(finished):
    start = time.perf_counter()
    path = poster.make_poster(finished)
    assert time.perf_counter() - start < 10
    assert path == finished.path / "poster.pdf" and path.stat().st_size < 4e6
    (page,) = pages(path)
    assert [round(float(side) / 72 * 25.4) for side in page.mediabox[2:]] == [1189, 841]
    fonts = [font.get_object()["/DescendantFonts"][0].get_object() for font in page["/Resources"]["/Font"].values()]
    assert fonts and all("/FontFile2" in font["/FontDescriptor"].get_object() for font in fonts)
    assert all("DejaVu" in font["/BaseFont"] for font in fonts)
    text = text_of(path)
    for heading in ("Abstract", "Objectives", "Materials and methods", "Data set.", "Preprocessing.", "Augmentation.",
                    "Architecture.", "Training.", "Validation.", "Results", "Calibration.", "Techniques, one by one.",
                    "Limits of the data", "Conclusion", "References", poster.TITLE, "the figure architecture"):
        assert heading in text
    assert "This run has no" not in text


def test_every_number_is_a_metric(finished):
    text = text_of(poster.make_poster(finished))
    check_numbers(finished, text)
    assert "78.4 % of 3,965" in text and "n = 3,965" in text and "77.1 to 79.7 %" in text
    assert "two seeds: mean 78.2 %, standard deviation 0.4 points" in text
    assert "On the other 3,786 test images the accuracy is 78.0 % (76.7 to 79.3 %), 0.4 points lower" in text
    assert "−1.2 (−2.1 to −0.4)" in text and "+0.2 (−0.6 to +0.9)" in text
    assert "The interval of one of two excludes zero" in text
    assert ("competition" in text) != finished.drawn


@REAL
@pytest.mark.parametrize(("change", "said"), [
    (("evaluation", "accuracy", 0.7844), "beats the class competition’s baseline, 76.7 %, by 1.7 points (outside its"),
    (("evaluation", "accuracy_ci", [0.76, 0.8]), "76.7 %, by 1.7 points (inside its 95 % interval)"),
    (("evaluation", "accuracy", 0.75), "misses the class competition’s baseline, 76.7 %, by 1.7 points"),
    (("evaluation", "accuracy", 0.83), "beats the best public result, 82.2 %, by 0.8 points"),
    (("evaluation", "accuracy", 0.7671), "equals the class competition’s baseline, 76.7 %, to the printed digit"),
    (("evaluation", "accuracy", 0.7844), "On new images it is 0.3 points better than on the validation images"),
    (("evaluation", "accuracy", 0.7744), "On new images it is 0.7 points worse than on the validation images"),
    (("evaluation", "clean", "accuracy", 0.79), "0.6 points higher"),
    (("evaluation", "per_class", "Angry", "recall", 0.93), "Angry is named right most often (93.0 % of n = 958)"),
    (("evaluation", "per_class", "Happy", "recall", 0.6), "(75.1 % of n = 1,233), Happy least (60.0 % of n = 1,774)"),
    (("evaluation", "macro_f1", 0.5), "Macro-F1 0.500"),
    (("evaluation", "ece", 0.1), "calibration error 0.100"),
    (("evaluation", "scored_on", "validation"), "of 3,965 validation images"),
    (("training", "mean", 0.7990), "lies 0.7 points lower"),
    (("training", "poster", "best_val_acc", 0.7723), "The original poster’s best, 77.2 %, lies 0.7 points lower"),
    (("training", "poster", "distance_in_std", -2.2), "2.2 standard deviations below our mean"),
    (("training", "poster", "largest_train_loss_gap", 0.1), "stays within 0.100 nats"),
    (("training", "std", 0.0123), "standard deviation 1.2 points, n = 4,853"),
])
def test_sentences_follow_the_metrics(finished, change, said):
    assert said in changed_text(finished, *change)


@REAL
def test_confidence_above_or_below_accuracy(finished):
    assert "above accuracy: it promises more" in changed_text(finished, "evaluation", "accuracy", 0.3)
    assert "below accuracy: it keeps more" in changed_text(finished, "evaluation", "accuracy", 0.9)


def test_what_is_missing_is_named(home):
    run = Run.open("empty")
    run.record(drawn=True)
    text = text_of(poster.make_poster(run))
    for missing in ("metrics/training.json: notebook 04_training", "metrics/evaluation.json: notebook 05_evaluation",
                    "metrics/data.json: notebook 01_eda",
                    "figures/architecture: notebook 03_model", "figures/training_curves: notebook 04_training",
                    "figures/evaluation_probabilities: notebook 05_evaluation"):
        assert f"This run has no {missing} makes it." in text
    assert "This run has no metrics/techniques.json: what each technique is worth was not measured." in text


def test_what_came_after_the_poster_is_told_of_photographs(finished):
    better = {"accuracy": 0.8512, "accuracy_ci": [0.8398, 0.862], "n": 3965}
    fill(finished, beyond={"test": {"PosterCNN": better, "AttentionCNN": better, "ensemble": better}})
    try:
        text = text_of(poster.make_poster(finished))
    finally:
        finished.write_metrics("beyond", {})
    assert ("our AttentionCNN names 85.1" in text and "an ensemble of such networks 85.1" in text) != finished.drawn
    assert ("Next: deeper networks, and attention." in text) == finished.drawn


@REAL
@pytest.mark.parametrize("title", ["Faces and words " * 19, "w" * 300])
def test_a_title_that_does_not_fit_is_refused(finished, title):
    before = poster.make_poster(finished).read_bytes()
    with pytest.raises(CourseError, match="title does not fit"):
        poster.make_poster(finished, title=title)
    assert (finished.path / "poster.pdf").read_bytes() == before
    assert not list(finished.path.glob(".poster*"))


@REAL
def test_a_long_title_is_fitted_whole(finished):
    title = "Naming Angry, Happy and Neutral Faces: " + "a Student’s Network Measured Again " * 4
    assert " ".join(title.split()) in text_of(poster.make_poster(finished, title=title, author="A. Reader, B. Reader"))
    assert "A. Reader, B. Reader" in text_of(poster.make_poster(finished, author="A. Reader, B. Reader"))
    with pytest.raises(CourseError, match="author does not fit"):
        poster.make_poster(finished, author="A. Reader, " * 30)


@REAL
@pytest.mark.parametrize(("old", "new", "block"), [
    ("body-size = 26", "body-size = 40", "column|chart|foot"),
    ("let (left, cell, high, top) = (62, 49", "let (left, cell, high, top) = (62, 95", "chart"),
])
def test_text_that_leaves_its_block_is_refused(finished, tmp_path, monkeypatch, old, new, block):
    shutil.copytree(poster.template(), tmp_path / "template")
    kit = tmp_path / "template" / "kit.typ"
    assert old in kit.read_text(encoding="utf-8")
    kit.write_text(kit.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    monkeypatch.setattr(poster, "template", lambda: tmp_path / "template")
    with pytest.raises(CourseError, match=rf"({block}).* does not fit"):
        poster.make_poster(finished)


def test_same_run_same_bytes(finished):
    first = poster.make_poster(finished).read_bytes()
    time.sleep(1.1)
    assert poster.make_poster(finished).read_bytes() == first


@REAL
@pytest.mark.parametrize("paper", ["a1", "a2", "a3"])
def test_other_papers_hold_the_same_text(finished, paper):
    whole = text_of(poster.make_poster(finished))
    path = poster.make_poster(finished, paper=paper)
    assert round(float(pages(path)[0].mediabox[2]) / 72 * 25.4) == {"a1": 841, "a2": 594, "a3": 420}[paper]
    assert sorted(text_of(path)) == sorted(whole)


def test_photographs_only_when_asked_for(finished):
    public, private = poster.make_poster(finished), poster.make_poster(finished, photos=True)
    assert private.name == "poster-photos.pdf"
    assert ("single faces" in text_of(public)) == finished.drawn
    assert "single faces" in text_of(private)
    if not finished.drawn:
        names = ("architecture", "training_curves", "mean_faces")
        assert len(pages(public)[0].images) == sum(f"the figure {name}" in text_of(public) for name in names) == 3


@REAL
def test_one_sentence_for_what_is_wrong(finished, monkeypatch):
    with pytest.raises(CourseError, match="There is no run in .*nowhere: make it by `fer run --run nowhere`"):
        poster.make_poster(Run.open("nowhere"))
    with pytest.raises(CourseError, match="'a9' is none of a0, a1, a2, a3"):
        poster.make_poster(finished, paper="a9")
    with pytest.raises(CourseError, match="cannot be set"):
        fill(finished, evaluation={"PosterCNN": {"n": 3}})
        poster.make_poster(finished)
    fill(finished)
    monkeypatch.setitem(__import__("sys").modules, "typst", None)
    with pytest.raises(CourseError, match="pip install"):
        poster.make_poster(finished)


def test_the_committed_run(home):
    if not (COMMITTED / "metrics" / "evaluation.json").is_file():
        pytest.skip("reports/fer2013 holds no metrics yet")
    shutil.copytree(COMMITTED, home / "reports" / "fer2013", ignore=shutil.ignore_patterns("photos", "checkpoints"))
    run = Run.open("fer2013")
    committed = run.path / "poster.pdf"
    stored = text_of(committed) if committed.is_file() else None
    text = text_of(poster.make_poster(run))
    check_numbers(run, text)
    assert stored in (None, text), "reports/fer2013/poster.pdf is older than its metrics: make poster RUN=fer2013"


@REAL
def test_a_figure_is_exported_at_the_width_asked_for(finished):
    path = poster.export_figure(finished, "training_curves", width_mm=89)
    assert path.name == "training_curves-89mm.pdf"
    page, = pages(path)
    assert float(page.mediabox.width) == pytest.approx(89 / 25.4 * 72, abs=0.01)
    assert "the figure training_curves" in " ".join(page.extract_text().split())
    first = path.read_bytes()
    assert poster.export_figure(finished, "training_curves", width_mm=89).read_bytes() == first
    png = matplotlib.image.imread(poster.export_figure(finished, "training_curves", 89, "png"))
    assert png.shape[1] == pytest.approx(89 / 25.4 * 300, abs=1)


@REAL
def test_a_figure_that_is_not_there_and_a_width_that_is_none(finished):
    with pytest.raises(CourseError, match="no figure 'curves': choose from architecture"):
        poster.export_figure(finished, "curves")
    with pytest.raises(CourseError, match="0 mm wide"):
        poster.export_figure(finished, "architecture", 0)

"""The poster: one page, in which every number is the run's and every sentence says what the numbers say."""

import copy
import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from drawing import luminance

from fer_utils import CourseError
from fer_utils.data import POSTER_CLASSES, Faces
from fer_utils.evaluation import evaluate
from fer_utils.runs import Run
from fer_utils.support.published import PUBLISHED_COUNTS
from fer_utils.support.saved_figures import drawn_width
from fer_utils.tools import cli
from fer_utils.training import HISTORY, Recipe

pypdf = pytest.importorskip("pypdf", reason="pip install pypdf: the tests read the poster by it")
pytest.importorskip("typst", reason="pip install typst: the poster is set by it")
from reports.poster import build as poster  # noqa: E402

matplotlib.use("Agg")
REAL = pytest.mark.parametrize("finished", ["real"], indirect=True)
CLONE = Path(__file__).parents[2]
COMMITTED = CLONE / "reports" / "fer2013"
NAME = "PosterCNN-1a2b3c4d"


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
    return {NAME: own, "baselines": {"majority": majority} | ({} if drawn else published)}


def training(drawn: bool) -> dict:
    own = {"train_size": 11322, "val_size": 4853, "epochs": 20, "seeds": [0, 1], "best_val_acc": [0.7762, 0.7817],
           "best_epoch": [18, 20], "mean": 0.779, "std": 0.0039, "final_train_loss": [0.39, 0.4],
           "seconds_per_epoch": 9.5}
    published = {"best_val_acc": 0.7923, "largest_train_loss_gap": 0.0214, "distance_in_std": 3.41}
    return {NAME: own | ({} if drawn else {"poster": published})}


TECHNIQUES = {"measure": "best validation accuracy, with minus without", "removed": {
    "mixing": {"difference": -0.0123, "difference_ci": [-0.021, -0.004], "n": 3},
    "bilinear rotation": {"difference": 0.0017, "difference_ci": [-0.006, 0.009], "n": 3}}}
AUDIT = {"audit": {"copies_in_train": {"total": 369}, "copies_in_test": {"total": 27}, "twins_across": {"total": 162},
                   "blank": {"total": 10}}}


def draw(run: Run, name: str, text: str, photo: bool = False) -> None:
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(figsize=(183 / 25.4, 2.6))
    axes.imshow(np.random.default_rng(len(name)).integers(0, 256, (6, 24)), cmap="gray")
    axes.set_title(text)
    fig.photo = photo
    run.save_figure(fig, name)
    plt.close(fig)


def train(run: Run, model: str = "PosterCNN", epochs: int = 20, name: str = NAME, **changed) -> str:
    """Write the folder of a training of two seeds: what it was asked for and `epochs` of its history."""
    kept = run.new_training(name)
    asked = {"training": name, "model": model, "dropout": 0.5, "classes": POSTER_CLASSES, "loop": "course",
             "recipe": asdict(Recipe()), "precision": "float32", "parameters": 1_273_795,
             "train": {"n": 11322, "fingerprint": "a"}, "val": {"n": 4853, "fingerprint": "b"}}
    kept.write_asked(asked | changed)
    for seed in (0, 1):
        rows = [(seed, epoch, 1.0, 1.0, 0.5, True, 1.0) for epoch in range(1, epochs + 1)]
        kept.write_history(seed, pd.DataFrame(rows, columns=HISTORY))
    return name


@pytest.fixture(scope="module", params=["real", "drawn"])
def finished(request, tmp_path_factory):
    """A made-up run in a home of its own; its metrics are put back by whoever changes them."""
    drawn = request.param == "drawn"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_HOME", str(tmp_path_factory.mktemp(request.param)))
        run = Run.open("made_up")
        counts = PUBLISHED_COUNTS.loc[list(POSTER_CLASSES)].to_dict()
        run.record(drawn=drawn, fingerprint="0123456789abcdef", source="made_up", classes=POSTER_CLASSES,
                   counts=counts, training=NAME, evaluated=NAME)
        train(run)
        fill(run)
        probabilities = np.random.default_rng(0).dirichlet((1, 1, 1), 3965).astype("float32")
        run.write_predictions(NAME, 1, faces(POSTER_CLASSES, (958, 1774, 1233)), probabilities)
        for name in ("architecture", "training_curves", "mean_faces"):
            draw(run, name, f"the figure {name}")
        draw(run, "evaluation_probabilities", "single faces", photo=True)
        yield run


def faces(classes: tuple[str, ...], sizes: tuple[int, ...]) -> Faces:
    """Black test images, so many of each class."""
    labels, n = np.repeat(np.arange(len(sizes)), sizes), sum(sizes)
    return Faces(np.zeros((n, 48, 48), np.uint8), labels, np.full(n, "PublicTest"), np.arange(n).astype(str), classes,
                 "made up")


def fill(run: Run, **changed: dict) -> None:
    metrics = {"evaluation": evaluation(run.drawn), "training": training(run.drawn)}
    metrics |= {"techniques": TECHNIQUES, "data": AUDIT}
    for name, values in (metrics | changed).items():
        run.write_metrics(name, values)


def own_run(classes: tuple[str, ...], model: str = "no_such_module:TinyNet", counts: dict | None = None) -> Run:
    """A run of a reader's own network and classes, of 20 test images each, without notebook 06 and its techniques."""
    run = Run.open(f"own_{len(classes)}")
    n = 20 * len(classes)
    counts = counts or {"Training": dict.fromkeys(classes, 50), "Test": dict.fromkeys(classes, 20)}
    name = train(run, model, name="TinyNet-1a2b3c4d", classes=classes, dropout=None, parameters=54_321)
    run.record(drawn=False, source="my_faces", classes=classes, counts=counts, training=name, evaluated=name)
    logits = np.random.default_rng(0).normal(size=(n, len(classes))) + 2 * np.eye(len(classes)).repeat(20, axis=0)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    test = faces(classes, (20,) * len(classes))
    scores = evaluate(test, probabilities) | {"mean": 0.7, "std": 0.01, "chosen_seed": 0, "seeds": [0, 1],
                                              "chosen_on": "validation", "scored_on": "test"}
    majority = {"accuracy": 1 / len(classes), "n": n}
    fill(run, evaluation={name: scores, "baselines": {"majority": majority}},
         training={name: training(drawn=True)[NAME]}, techniques={})
    run.write_predictions(name, 0, test, probabilities)
    for figure in ("architecture", "training_curves"):
        draw(run, figure, f"the figure {figure}")
    return run


def pages(path: Path):
    return pypdf.PdfReader(path).pages


def text_of(path: Path) -> str:
    return " ".join(pages(path)[0].extract_text().split())


def changed_text(run: Run, name: str, *changes: tuple) -> str:
    """The poster's text after metrics of the training were set to other values: (key, ..., value) each."""
    metrics = copy.deepcopy({"evaluation": evaluation, "training": training}[name](run.drawn))
    for *keys, last, value in changes:
        inner = metrics[NAME]
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
    if isinstance(value, dict | list | tuple):
        return [number for item in (value.values() if isinstance(value, dict) else value) for number in numbers(item)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def check_numbers(run: Run, text: str) -> None:
    """Every percentage of the text is a metric at one decimal (or the confusion matrix's share, or people's score)."""
    names = ("training", "evaluation", "techniques", "beyond", "data", "new_faces")
    metrics = {name: run.read_metrics(name) or {} for name in names}
    facts = poster.collect(run)
    rows = facts["evaluation"]["confusion"]
    known = {f"{100 * number:.1f}" for number in numbers([metrics, facts["training"]["interval"]])}
    known |= {f"{100 * n / sum(row):.0f}" for row in rows for n in row} | {"95", "5"}
    known |= set(re.findall(r">(\d+) %<", (poster.TEMPLATE / "faces.svg").read_text(encoding="utf-8")))
    unknown = set(re.findall(r"([\d.]+) ?%", text)) - known
    assert not unknown, f"percentages that no metric explains: {unknown}"
    own = facts["evaluation"]
    told = [own["accuracy"], *own["accuracy_ci"], *(c["recall"] for c in own["per_class"].values()),
            *(part["accuracy"] for part in [*metrics["evaluation"]["baselines"].values(), own.get("clean")] if part)]
    assert not [value for value in told if f"{100 * value:.1f}" not in text]


def test_one_page_of_selectable_text_in_embedded_fonts(finished):
    start = time.perf_counter()
    path = poster.make_poster(finished)
    assert time.perf_counter() - start < 20
    assert path == finished.path / "poster.pdf" and path.stat().st_size < 4e6
    (page,) = pages(path)
    assert [round(float(side) / 72 * 25.4) for side in page.mediabox[2:]] == [1189, 841]
    fonts = [font.get_object()["/DescendantFonts"][0].get_object() for font in page["/Resources"]["/Font"].values()]
    assert fonts and all("/FontFile2" in font["/FontDescriptor"].get_object() for font in fonts)
    assert all("DejaVu" in font["/BaseFont"] for font in fonts)
    text = text_of(path)
    for heading in ("Abstract", "Objectives", "Materials and methods", "Data set.", "Preprocessing.", "Augmentation.",
                    "Activation functions.", "Training.", "Validation.", "Model", "Results", "Results by class",
                    "Calibration.", "Techniques, one by one.", "What a network says of a face.", "Limits of the data",
                    "Conclusion", "References", poster.TITLE, "the figure architecture", "the figure training_curves"):
        assert heading in text
    assert "This run has no" not in text


def test_every_number_is_a_metric(finished):
    text = text_of(poster.make_poster(finished))
    check_numbers(finished, text)
    assert "78.4 % of 3,965" in text and "n = 3,965" in text and "77.1 to 79.7 %" in text
    assert "two seeds: mean 78.2 %, standard deviation 0.4 points" in text
    assert "On the 3,786 test images that repeat no other the accuracy is 78.0 % (76.7 to 79.3 %), 0.4 points" in text
    assert "−1.2 (−2.1 to −0.4)" in text and "+0.2 (−0.6 to +0.9)" in text and "over three seeds" in text
    assert ("competition" in text) != finished.drawn


@REAL
@pytest.mark.parametrize(("name", "changes", "said"), [
    ("evaluation", [("accuracy", 0.7844)], "That beats the class competition’s baseline, 76.7 %, by 1.7 points."),
    ("evaluation", [("accuracy_ci", [0.76, 0.8])], "That is not distinguishable from the class competition’s baseline, "
                                                   "76.7 %."),
    ("evaluation", [("accuracy", 0.75), ("accuracy_ci", [0.73, 0.76])], "misses the class competition’s baseline, "
                                                                        "76.7 %, by 1.7 points"),
    ("evaluation", [("accuracy", 0.84), ("accuracy_ci", [0.83, 0.85])], "it beats the best public result, 82.2 %, by "
                                                                        "1.8 points"),
    ("evaluation", [("accuracy", 0.7844)], "On new images it is 0.3 points better than on the validation images"),
    ("evaluation", [("accuracy", 0.7744)], "On new images it is 0.7 points worse than on the validation images"),
    ("evaluation", [("clean", "accuracy", 0.79)], "0.6 points higher"),
    ("evaluation", [("per_class", "Angry", "recall", 0.93)], "Named right most often: Angry (93.0 % of n = 958)"),
    ("evaluation", [("per_class", "Happy", "recall", 0.6)], "least: Happy (60.0 % of n = 1,774)"),
    ("evaluation", [("macro_f1", 0.5)], "Macro-F1 0.500"),
    ("evaluation", [("ece", 0.1)], "calibration error 0.100"),
    ("evaluation", [("scored_on", "validation")], "of 3,965 validation images are named rightly"),
    ("evaluation", [("seeds", [1]), ("std", None)], "one seed, so no spread over trainings"),
    ("evaluation", [("accuracy", 0.3)], "above accuracy: it promises more"),
    ("evaluation", [("accuracy", 0.9)], "below accuracy: it keeps more"),
    ("training", [("mean", 0.7990)], "lies 0.7 points lower"),
    ("training", [("poster", "best_val_acc", 0.7723)], "The original poster’s best, 77.2 %, lies 0.7 points lower"),
    ("training", [("poster", "distance_in_std", -2.2)], "2.2 standard deviations below our mean"),
    ("training", [("poster", "largest_train_loss_gap", 0.1)], "stays within 0.100 nats"),
    ("training", [("std", 0.0123)], "standard deviation 1.2 points, n = 4,853"),
    ("training", [("best_val_acc", [0.7762])], "Best validation accuracy 77.6 % (95 % interval 76.4 to 78.8 %, n ="),
])
def test_sentences_follow_the_metrics(finished, name, changes, said):
    assert said in changed_text(finished, name, *changes)


@REAL
def test_no_gap_is_told_that_the_interval_does_not_show(finished):
    text = changed_text(finished, "evaluation", ("accuracy_ci", [0.76, 0.8]))
    assert "beats the class competition" not in text and "1.7 points" not in text


@REAL
def test_a_technique_is_coloured_by_what_its_interval_shows(finished):
    words = {one["name"]: one["words"] for one in poster.collect(finished)["techniques"]}
    assert words == {"mixing": "harmed", "bilinear rotation": "not shown"}


def test_what_is_missing_is_named(home):
    run = Run.open("empty")
    run.record(drawn=True)
    text = text_of(poster.make_poster(run))
    for missing in ("metrics/training.json: notebook 04_training", "metrics/evaluation.json: notebook 05_evaluation",
                    "metrics/data.json: notebook 01_eda", "trainings/*/recipe.json: notebook 04_training",
                    "figures/architecture: notebook 03_model", "figures/training_curves: notebook 04_training",
                    "figures/evaluation_probabilities: notebook 05_evaluation"):
        assert f"This run has no {missing} makes it." in text
    assert "Techniques" not in text


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
def test_settings_are_those_of_the_training_that_was_evaluated(finished):
    text = text_of(poster.make_poster(finished))
    assert "Adam, learning rate 0.001, batches of 64 and dropout 0.5; 20 epochs." in text
    recipe = Recipe(epochs=12, learning_rate=3e-4, optimizer="adamw", weight_decay=0.05, schedule="one_cycle",
                    label_smoothing=0.1, averaging=0.99, flip=False, degrees=0, erase=0.25, scale=0.1, shift=2,
                    class_weights="balanced")
    other = train(finished, name="PosterCNN-99999999", epochs=7, recipe=asdict(recipe), dropout=None, loop="reference",
                  precision="bfloat16", val=None)
    try:
        finished.record(training=other)
        text = text_of(poster.make_poster(finished))
        assert "batches of 64 and dropout 0.5; 20 epochs." in text
        assert f"The curves are those of {other}, trained last; evaluated is {NAME}." in text
        finished.record(evaluated=other)
        fill(finished, evaluation={other: evaluation(False)[NAME]}, training={other: training(False)[NAME]})
        text = text_of(poster.make_poster(finished))
        for said in ("AdamW, learning rate 0.0003 at the top of one cycle, batches of 64, weight decay 0.05, every "
                     "class weighed alike, labels smoothed by 0.1, weights averaged with decay 0.99 and "
                     "bfloat16; stopped after 7 of 12 epochs.",
                     "A loop of PIL images from a DataLoader.", "None: the weights of the last epoch are kept.",
                     "is seen: shifts by up to 2 pixels, scaling by up to 10 % and a patch erased from 25 % of the"):
            assert said in text
        assert "The curves are those of" not in text
    finally:
        finished.record(training=NAME, evaluated=NAME)
        fill(finished)


SEVEN = tuple(PUBLISHED_COUNTS.index)


@pytest.mark.parametrize("classes", [
    ("Happy",), ("smile", "frown"), ("bored", "confused", "delighted", "frustrated", "surprised"), SEVEN,
    tuple(f"expression {k}" for k in range(12)), tuple(f"expression {k}" for k in range(20)),
], ids=len)
def test_any_classes_and_a_network_of_ones_own(home, classes):
    run = own_run(classes)
    text = text_of(poster.make_poster(run))
    assert "TinyNet. 54,321 parameters. Below, for comparison, the original poster’s network." in text
    assert f"of {20 * len(classes):,} test images are named rightly." in text
    told = len(classes) < 16
    assert all(text.count(name) >= 2 + told for name in classes)
    assert ("apart on faces" in text) and (f"Tell {len(classes)} expressions" in text) == (len(classes) > 7)
    assert "PosterCNN" not in text and "dropout" not in text.replace("Dropout", "")


def test_odd_names_are_set_as_they_are(home):
    classes = ("*the* #face_of <b>$someone$ who is not at all amused", "[none]", "Happy")
    text = text_of(poster.make_poster(own_run(classes)))
    assert all(text.count(name) >= 3 for name in classes)


def test_seven_of_fer2013s_classes(home):
    text = text_of(poster.make_poster(own_run(SEVEN, "PosterCNN", PUBLISHED_COUNTS.to_dict())))
    assert "all seven classes" in text and "people reach 65 ± 5 % on these classes." in text


def test_columns_have_no_holes(finished):
    """The largest step from one line of a text column to the next, but for the charts, which are no text."""
    spots = []
    page, = pages(poster.make_poster(finished))
    page.extract_text(visitor_text=lambda text, cm, tm, font, size: spots.append((tm[4] * cm[0] + cm[4],
                      tm[5] * cm[3] + cm[5], text)) if text.strip() else None)
    mm = 72 / 25.4
    for left in (24, 359):
        heights = sorted({round(y / mm) for x, y, _ in spots if left - 1 <= x / mm < left + 300 and y / mm < 560})
        assert len(heights) > 30 and max(np.diff(heights)) < 80


@pytest.mark.parametrize("drawing", [poster.TEMPLATE / "faces.svg", COMMITTED / "figures" / "architecture.svg",
                                     COMMITTED / "figures" / "training_curves.svg"], ids=lambda path: path.stem)
def test_type_in_figures_is_18_points_on_a0(drawing):
    kit = (poster.TEMPLATE / "kit.typ").read_text(encoding="utf-8")
    scale = int(re.search(r"picture-width = (\d+)", kit)[1]) / drawn_width(drawing)
    sizes = re.findall(r"font(?:-size)?:[^;\"]*?([\d.]+)px", drawing.read_text(encoding="utf-8"))
    assert sizes and min(map(float, sizes)) * scale >= 17.95


def test_the_faces_beside_photographs_are_drawn_ones():
    assert "drawn faces" in (poster.TEMPLATE / "faces.svg").read_text(encoding="utf-8")


@REAL
@pytest.mark.parametrize("title", ["Faces and words " * 24, "w" * 300])
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


@REAL
def test_authors_are_the_courses_or_those_given(finished, monkeypatch, tmp_path):
    assert "The authors of the facial expression course" in text_of(poster.make_poster(finished))
    assert "A. Reader, B. Reader" in text_of(poster.make_poster(finished, author="A. Reader, B. Reader"))
    with pytest.raises(CourseError, match="author does not fit"):
        poster.make_poster(finished, author="A. Reader, " * 30)
    (tmp_path / "CITATION.cff").write_text("authors:\n- {given-names: Ada, family-names: Reader}\n- name: A School\n")
    monkeypatch.setattr(poster, "CLONE", tmp_path)
    assert poster.authors() == "Ada Reader, A School"


@REAL
def test_a_code_leads_to_the_repository_where_one_is_stamped(finished, monkeypatch):
    assert "the code" not in text_of(poster.make_poster(finished))
    monkeypatch.setattr(poster, "repository", lambda root: "https://github.com/reader/faces")
    assert "the code" in text_of(poster.make_poster(finished))
    monkeypatch.setitem(sys.modules, "segno", None)
    with pytest.raises(CourseError, match="pip install segno"):
        poster.make_poster(finished)


@REAL
@pytest.mark.parametrize(("old", "new", "block"), [
    ("range(20, 31)", "range(40, 41)", "column|chart"),
    ("calc.min(26, 150 / n)", "200", "column|chart"),
    ("[named by the network]", f"[{'too long at the left ' * 6}]", "chart"),
    ("[(#ends)]", "[too long at the right, beside the interval of each]", "chart"),
])
def test_text_that_leaves_its_block_is_refused(finished, tmp_path, monkeypatch, old, new, block):
    shutil.copytree(poster.TEMPLATE, tmp_path / "template")
    kit = tmp_path / "template" / "kit.typ"
    assert old in kit.read_text(encoding="utf-8")
    kit.write_text(kit.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    monkeypatch.setattr(poster, "TEMPLATE", tmp_path / "template")
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
    said = "These are drawn faces, answered by a network trained on the course’s drawn sample"
    assert (said in text_of(public)) != finished.drawn and said not in text_of(private)


@REAL
def test_one_sentence_for_what_is_wrong(finished, monkeypatch):
    with pytest.raises(CourseError, match="There is no run in .*nowhere: make it by `fer run --run nowhere`"):
        poster.make_poster(Run.open("nowhere"))
    with pytest.raises(CourseError, match="'a9' is none of a0, a1, a2, a3"):
        poster.make_poster(finished, paper="a9")
    with pytest.raises(CourseError, match="evaluation.json.* is damaged"):
        fill(finished, evaluation={NAME: {"n": 3}})
        poster.make_poster(finished)
    fill(finished)
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(CourseError, match="pip install"):
        poster.make_poster(finished)


@REAL
def test_the_builder_is_run_from_anywhere(finished, tmp_path):
    def build(*arguments: str) -> subprocess.CompletedProcess:
        builder = CLONE / "reports" / "poster" / "build.py"
        return subprocess.run([sys.executable, builder, *arguments], cwd=tmp_path, capture_output=True, text=True)

    done = build("made_up", "--paper", "a3", "--title", "Faces of Ours")
    assert (done.returncode, done.stdout.strip()) == (0, str(finished.path / "poster.pdf"))
    assert "Faces of Ours" in text_of(finished.path / "poster.pdf")
    wrong = build("nowhere")
    assert wrong.returncode == 1 and wrong.stderr.startswith("There is no run in") and wrong.stderr.count("\n") == 1


@REAL
def test_fer_poster_hands_everything_to_the_builder(finished, capfd):
    assert cli.main(["poster", "made_up", "--paper", "a3", "--author", "A. Reader"]) == 0
    assert capfd.readouterr().out.strip() == str(finished.path / "poster.pdf")
    assert "A. Reader" in text_of(finished.path / "poster.pdf")
    assert cli.main(["poster", "nowhere"]) == 1


def test_the_committed_run(home):
    shutil.copytree(COMMITTED, home / "reports" / "fer2013", ignore=shutil.ignore_patterns("photos"))
    run = Run.open("fer2013")
    stored = text_of(run.path / "poster.pdf")
    text = text_of(poster.make_poster(run))
    check_numbers(run, text)
    assert stored == text, "reports/fer2013/poster.pdf is older than its metrics: make poster RUN=fer2013"


def test_the_committed_run_without_its_trainings_is_set_in_larger_type(home):
    shutil.copytree(COMMITTED, home / "reports" / "lean", ignore=shutil.ignore_patterns("trainings", "predictions"))
    assert "trainings/*/recipe.json: notebook 04_training" in text_of(poster.make_poster(Run.open("lean")))


@REAL
def test_a_number_stays_beside_its_unit(finished):
    text = pages(poster.make_poster(finished))[0].extract_text()
    for words in ("two\xa0seeds", "dropout\xa00.5", "20\xa0epochs", "48\xa0×\xa048\xa0pixels", "95\xa0% interval"):
        assert words in text
    lines = text.replace("\xa0", " ").splitlines()
    units = r"(points|pixels|epochs|nats|shifts|standard|degrees|%)"
    assert not [line for line, after in zip(lines, lines[1:], strict=False)
                if re.search(r"\d\s*$", line) and re.match(units, after)]


def test_every_field_of_the_confusion_matrix_can_be_read(tmp_path):
    shutil.copy(poster.TEMPLATE / "kit.typ", tmp_path)
    colours = {name: getattr(poster.figures, name.upper()) for name in ("ink", "grey", "pale", "ours", "poster")}
    (tmp_path / "facts.json").write_text(json.dumps({"kind": "other", "paper": "a0", "colours": colours}))
    (tmp_path / "page.typ").write_text(
        '#import "kit.typ": *\n#for percent in range(101) [#let fill = shade(percent / 100)\n'
        "#metadata((fill.to-hex(), ink-on(fill).to-hex())) <field>]")
    fields = json.loads(poster.typst_compiler(tmp_path / "page.typ").query("<field>", field="value"))
    assert len(fields) == 101
    for fill, ink in fields:
        dark, light = sorted((luminance(fill), luminance(ink)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5

"""Faces that lack something: a notebook goes through and says what it leaves out, or stops with one sentence."""

from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from fer_utils import CourseError
from fer_utils.data import Faces
from fer_utils.lessons import check_learnable
from fer_utils.runs import Run
from fer_utils.tools.notebooks import run_notebooks

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ["01_eda", "02_preprocessing", "03_model", "04_training", "05_evaluation"]
QUICK = [("epochs", "1"), ("draws", "50"), ("steps", "5")]


def faces(**sizes: int) -> Faces:
    """Training images, so many of each class, and one test image of the first."""
    labels = np.array([k for k, n in enumerate(sizes.values()) for _ in range(n)] + [0])
    usage = np.array(["Training"] * (len(labels) - 1) + ["Test"])
    return Faces(np.zeros((len(labels), 48, 48), np.uint8), labels, usage, np.arange(len(labels)).astype(str),
                 tuple(sizes), "mine.zip")


def write(folder, sizes: dict[str, int]) -> str:
    """Images of noise around a shade for each class: {"train/shy": 12} are twelve of them."""
    rng, shades = np.random.default_rng(0), {}
    for place, n in sizes.items():
        shade = shades.setdefault(place.split("/")[1], 40 * len(shades) + 20)
        (folder / place).mkdir(parents=True)
        for i in range(n):
            pixels = (shade + rng.integers(0, 60, (48, 48))).astype(np.uint8)
            Image.fromarray(pixels).save(folder / place / f"{i}.png")
    return str(folder)


@pytest.mark.parametrize(("sizes", "words"), [
    ({"shy": 0, "bold": 0}, "too few labelled training images to learn from (0 of shy, 0 of bold): give at least 8"),
    ({"shy": 4, "bold": 4}, "to learn from (4 of shy, 4 of bold)"),
    ({"shy": 20, "bold": 0}, "to learn from (0 of bold): give at least 8 of each class, in a part called train, or"),
    ({"shy": 20}, "shy is the only class: a network tells classes apart"),
    ({f"class{k}": 0 for k in range(100)}, "mine.zip has too few"),
])
def test_faces_that_nothing_can_be_learned_from_are_refused(sizes, words):
    with pytest.raises(CourseError) as error:
        check_learnable(faces(**sizes))
    assert words in str(error.value) and len(str(error.value)) <= 400


def test_eight_images_of_two_classes_are_enough():
    check_learnable(faces(shy=8, bold=8))


def test_a_notebook_stops_at_its_second_cell_with_the_sentence(home, tmp_path):
    source = write(tmp_path / "few", {"train/shy": 4, "train/bold": 4, "test/shy": 2, "test/bold": 2})
    with pytest.raises(CourseError, match="01_eda.ipynb stopped in its cell .*\n.*too few labelled training images"):
        run_notebooks(["01_eda"], [("data", source), ("run", "few"), ("classes", "all")], log=lambda line: None)


@pytest.mark.parametrize(("name", "value", "words"), [
    ("seeds", "2", "seeds is of type int, which '2' is not"), ("epochs", 1.5, "is of type int, which 1.5 is not"),
    ("augmentation", "False", "augmentation is of type bool, which 'False' is not"),
    ("data", 3, "data is of type str, which 3 is not"), ("dropout", "0.5", "dropout is of type float"),
])
def test_a_notebook_run_by_hand_refuses_what_fer_run_refuses(name, value, words, home):
    notebook = nbformat.read(ROOT / "notebooks" / "04_training.ipynb", as_version=4)
    settings, _, imports, load = [cell for cell in notebook.cells if cell.cell_type == "code"][:4]
    first = load.source.index("check_parameters(globals())")
    given = f"{settings.source}\n{name} = {value!r}\n{imports.source}\n{load.source[first:]}"
    with pytest.raises(CourseError, match=words):
        exec(given, {})  # as papermill's injected cell does
    exec(f"{settings.source}\ndropout = 1\n{imports.source}\ncheck_parameters(globals())", {})


@pytest.mark.parametrize(("test", "scored_on", "n", "names", "quick"), [
    ({}, "validation", 14, NOTEBOOKS, QUICK),
    ({"test/bold": 5}, "test", 5, ["04_training", "05_evaluation"], [("epochs", "1")]),
], ids=["no test images", "a test of one class"])
def test_notebooks_go_through_what_can_still_be_scored(home, tmp_path, test, scored_on, n, names, quick):
    source = write(tmp_path / "faces", {"train/bold": 24, "train/shy": 20} | test)
    given = [("data", source), ("run", "own"), ("classes", "all"), *quick]
    run_notebooks(names, given, log=lambda line: None)
    run = Run.open("own")
    metrics = run.read_metrics("evaluation")[run.read()["evaluated"]]
    assert metrics["scored_on"] == scored_on and metrics["n"] == n
    assert set(metrics["per_class"]) == ({"bold", "shy"} if scored_on == "validation" else {"bold"})
    submission = run.path / "submission.csv"
    assert submission.exists() == bool(test)
    if test:  # in the competition's format
        chosen = run.read_predictions(run.read()["evaluated"], metrics["chosen_seed"])[1].argmax(axis=1)
        assert submission.read_bytes().decode() == "Id,Category\n" + "".join(f"{i},{k}\n" for i, k in enumerate(chosen))

"""Every file of a run damaged, or another's in its place: what reads it gives the right result, or one sentence."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from making import bands, rounds
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from fer_utils import CourseError, count, evaluation, lessons
from fer_utils.figures import speed
from fer_utils.lessons import is_finished, load_trained, training_to_judge
from fer_utils.models import build_model
from fer_utils.runs import Run
from fer_utils.support import saved_figures
from fer_utils.support.checkpoints import save_training
from fer_utils.support.run_tables import HISTORY
from fer_utils.tools.compare import compare
from fer_utils.tools.sweep import results as jobs
from fer_utils.training import Recipe, Result
from reports import results
from reports.figures import build
from reports.figures.export import export_figure
from reports.poster.build import collect, make_poster
from reports.site.pages import write_pages

ROOT = Path(__file__).parents[1]
NAME = "PosterCNN-0a1b2c3d"
CHANGED = ("a byte", "within", "within too", "within as well")
"""Ways after which the file may be whole, and say something else."""
VALUES = [None, True, 3, -1.5, "text", [], [1, 2], {}, {"a": 1}]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """The folder of a run that has everything: the committed one, with trainings, notebooks and a sweep."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("whole")
        patch.setenv("FER_HOME", str(home))
        run = Run.open("mine")
        shutil.copytree(ROOT / "reports" / "fer2013", run.path, ignore=shutil.ignore_patterns("*.png", "trainings"))
        for path in [*run.path.glob("figures/*"), *run.path.glob("metrics/predictions/*")]:
            if path.name not in ("architecture.svg", "training_curves.svg", "PosterCNN-seed0.csv"):
                path.unlink()
        training, recipe = run.new_training(NAME), Recipe(epochs=2)
        training.write_asked({
            "training": NAME, "model": "PosterCNN", "dropout": 0.5, "classes": ["Angry", "Happy", "Neutral"],
            "loop": "course", "recipe": asdict(recipe), "precision": "float32", "parameters": 1_273_795,
            "train": {"n": 40, "fingerprint": "a"}, "val": {"n": 20, "fingerprint": bands(6).fingerprint}})
        rows = [(0, epoch, 1.0, 1.1, 0.5, epoch == 1, 2.5) for epoch in (1, 2)]
        save_training(training, 0, Result(build_model("PosterCNN"), pd.DataFrame(rows, columns=HISTORY), recipe))
        cell = new_code_cell("1", outputs=[new_output("stream", text="1")])
        (run.path / "notebooks").mkdir()
        nbformat.write(new_notebook(cells=[new_markdown_cell("# One"), cell]), run.path / "notebooks" / "01_one.ipynb")
        Run.open("mine/sweep/04_training/epochs-2").record(
            parameters={"04_training": {"epochs": 2}}, seconds={"04_training": 3.0}, training=NAME, seeds=[0],
            notebooks={"04_training": "0123456789abcdef"})
        return run.path


def changed(value, rng: np.random.Generator):
    """The JSON value with one of the values in it, at any depth, replaced by another of any type."""
    inside = list(enumerate(value)) if isinstance(value, list) else list(getattr(value, "items", list)())
    if not inside or rng.random() < 0.2:
        return VALUES[rng.integers(len(VALUES))]
    key, item = inside[rng.integers(len(inside))]
    copied = value.copy()
    copied[key] = changed(item, rng)
    return copied


def damage(path: Path, others: list[Path], rng: np.random.Generator) -> str:
    """Damage a file; returns how."""
    content = path.read_bytes()
    at = int(rng.integers(len(content)))
    ways: dict[str, Callable[[], bytes]] = {
        "cut": lambda: content[:at], "emptied": lambda: b"", "binary": lambda: rng.bytes(200),
        "a byte": lambda: content[:at] + rng.bytes(1) + content[at + 1:],
        "another's": lambda: others[rng.integers(len(others))].read_bytes(),
        "of another type": lambda: json.dumps(VALUES[rng.integers(len(VALUES))]).encode()}
    if path.suffix in (".json", ".ipynb"):
        ways |= dict.fromkeys(CHANGED[1:],
                              lambda: json.dumps(changed(json.loads(content), rng)).encode())
    way = list(ways)[rng.integers(len(ways))]
    path.write_bytes(ways[way]())
    return way


def readers(run: Run, path: Path, folder: Path, everything: bool) -> list[Callable]:
    """What reads this file; the slow ones only with `everything`."""
    training = Run.open("mine").new_training(NAME)
    if "trainings" in path.parts:
        return [lambda: is_finished(training, 0), lambda: load_trained(training, 0), lambda: compare(["mine"]),
                lambda: results.report(run), lambda: run.trainings(), lambda: jobs("mine", "04_training"),
                lambda: training_to_judge(run, type("Parts", (), {"val": bands(6)}), NAME)]
    if path.suffix == ".svg":
        return [lambda: export_figure(run, path.stem), *([lambda: make_poster(run)] if everything else [])]
    if path.suffix == ".ipynb":
        return [lambda: write_pages(run, folder / "source", "OWNER/REPO")]
    if "sweep" in path.parts:
        return [lambda: jobs("mine", "04_training")]
    slow = [lambda: make_poster(run), lambda: build.redraw(run, lambda line: None)]
    return [lambda: results.report(run), lambda: write_pages(run, folder / "source", "OWNER/REPO"), run.record,
            *(slow if everything else [lambda: collect(run)])]


@rounds(60, 500)
def test_a_damaged_file_of_a_run_is_read_rightly_or_named_in_one_sentence(whole, tmp_path, monkeypatch, rounds):
    rng, failures, quick = np.random.default_rng(rounds), [], ("class_counts", "accuracy_floor", "evaluation_scores")
    monkeypatch.setattr(build, "FIGURES", {name: build.FIGURES[name] for name in quick})
    # The other form of a figure would take time, and read no more.
    monkeypatch.setattr(saved_figures, "save_drawing", partial(saved_figures.save_drawing, forms=["svg"]))
    wanted = [path.relative_to(whole) for path in sorted(whole.rglob("*"))
              if path.suffix in (".json", ".csv", ".svg", ".ipynb", ".safetensors")]
    for number in range(rounds):
        home = tmp_path / str(number)
        monkeypatch.setenv("FER_HOME", str(home))
        shutil.copytree(whole, home / "reports" / "mine")
        run, name = Run.open("mine"), wanted[number % len(wanted)]
        way = damage(run.path / name, [whole / other for other in wanted], rng)
        for read in readers(run, run.path / name, home, everything=rounds > 100):
            shutil.rmtree(home / "source", ignore_errors=True)
            try:
                read()
            except CourseError as error:
                if len(str(error)) > 400 or way not in CHANGED and name.name not in str(error):
                    failures.append((str(name), way, str(error)))
            except Exception as error:  # the test collects them all
                failures.append((str(name), way, repr(error)))
        shutil.rmtree(home)
    assert not failures, "\n".join(map(str, failures))


CELLS = [(path.stem, cell.source) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
         for cell in nbformat.read(path, 4).cells if re.search("^with results_to_show", cell.source, re.MULTILINE)]
EMPTY = ("against", "answers", "beside", "best_way", "bought", "budget", "by_network", "differences", "ensemble",
         "found", "machine_peak", "measures", "reached", "recalls", "rival", "scores", "seen", "seven", "spent",
         "tried", "by_adamw", "for_long", "seeds_of", "shifts_found", "reference_score", "moves_alone")
"""What a cell has found in its own run: in a rehearsal it shows the committed run's instead."""


@pytest.mark.parametrize(("notebook", "cell"), CELLS)
def test_a_rehearsal_shows_committed_metrics_or_names_the_damaged_one(notebook, cell, tmp_path, monkeypatch, capsys):
    rng, folder = np.random.default_rng(0), tmp_path / "reports" / "fer2013" / "metrics"
    monkeypatch.setattr(lessons, "clone", lambda: tmp_path)
    given = dict.fromkeys(EMPTY, {}) | dict.fromkeys(("ablations", "members", "pairs", "square", "table"), []) | {
        "ablation_seeds": 1, "alone": 0, "count": count,
        "axes": {"batch_size": [], "learning_rate": []}, "evaluation": evaluation,
        "faces": bands(6), "figures": speed, "grid_seeds": 0, "labelled": False, "networks": ["notebook 04"],
        "paired_seeds": None, "pd": pd, "rehearsal": True, "results_to_show": lessons.results_to_show, "run": "mine",
        "seeds": 5, "show_committed": str, "together": 0, "verdict": evaluation.verdict}
    given |= {name: str for name in ("in_words", "in_points") if f"def {name}" not in cell}
    further = json.loads((ROOT / "reports" / "fer2013" / "metrics" / "further.json").read_text(encoding="utf-8"))
    given |= {"changes": further["tried"], "ways": further["views"], "long_trainings": further["for_long"]}
    files = [folder / f"{name}.json" for name in re.findall(r'results_to_show\("(\w+)"', cell)]
    shutil.copytree(ROOT / "reports" / "fer2013" / "metrics", folder)
    exec(cell, dict(given))
    assert capsys.readouterr().out
    refused = 0
    for number in range(25):
        whole = json.loads((path := files[number % len(files)]).read_text(encoding="utf-8"))
        path.write_text(json.dumps(changed(whole, rng)), encoding="utf-8")
        try:
            exec(cell, dict(given))
        except CourseError as error:
            assert str(path) in str(error) and "git restore" in str(error) and len(str(error)) <= 400
            refused += 1
        path.write_text(json.dumps(whole), encoding="utf-8")
    assert refused

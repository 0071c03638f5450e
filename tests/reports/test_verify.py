"""`fer verify RUN`: a run as it was made is green, and each lie in it is caught and named."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from making import bands, write_folder

from fer_utils import CourseError
from fer_utils.runs import Run
from fer_utils.shifts import every_shift, paired_means, shift_scores
from fer_utils.support.files import read_json, write_json
from fer_utils.support.run_tables import write_shifted
from fer_utils.tools import cli
from fer_utils.tools.notebooks import run_notebooks
from reports import checks, printed, results, verify, with_data
from reports.evidence import Compared, compare
from reports.figures.build import Kept, draw
from reports.poster.build import make_poster

pytest.importorskip("typst", reason="pip install typst: the poster is set by it")
pytest.importorskip("pypdf", reason="pip install pypdf: the poster is read by it")
pytestmark = pytest.mark.filterwarnings("ignore:.*does not hold what FER2013 was published with:UserWarning")
ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "reports" / "fer2013"
USAGES = ["Training"] * 3 + ["PublicTest", "PrivateTest"]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A home with the run `tiny`, as notebooks 04 and 05 and the builders make it, and its faces."""
    home, drawn = tmp_path_factory.mktemp("home"), bands(150)
    rows = [(3 * label, USAGES[i // 3 % 5], image) for i, (image, label) in enumerate(zip(drawn.images, drawn.labels,
                                                                                         strict=True))]
    write_folder(home / "faces", rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_HOME", str(home))
        patch.setenv("FER_CACHE", str(home / "cache"))
        given = {"data": "faces", "run": "tiny", "epochs": "2", "seeds": "2", "batch_size": "16", "seed": "3"}
        run_notebooks(["04_training", "05_evaluation"], [*given.items()], log=lambda line: None)
        results.write_report("tiny")
        make_poster(Run.open("tiny"))
    return home


@pytest.fixture
def run(made, home, monkeypatch, style) -> Run:
    """A copy of that run, to lie in."""
    monkeypatch.setenv("FER_CACHE", str(made / "cache"))
    shutil.copytree(made / "reports", home / "reports")
    return Run.open("tiny")


@pytest.fixture
def quick(monkeypatch) -> None:
    """Without the checks that take seconds."""
    for check in (printed.figures, printed.poster):
        monkeypatch.delitem(verify.CHECKS, check)


@pytest.fixture
def verified(made, capsys):
    """A function that verifies the run with its faces, and returns the exit status and what it says differs."""

    def verified(data: Path = made / "faces") -> tuple[int, list[str]]:
        status = verify.main(["tiny", "--data", str(data)])
        said = capsys.readouterr().out
        return status, said.partition("\nDifferences:\n")[2].splitlines()

    return verified


def name(run: Run) -> str:
    return run.read()["evaluated"]


def chosen(run: Run) -> int:
    return run.read_metrics("evaluation")[name(run)]["chosen_seed"]


def change(path: Path, *keys, by=lambda value: value + 1) -> None:
    """Change one value of a JSON file."""
    values = inside = read_json(path)
    for key in keys[:-1]:
        inside = inside[key]
    inside[keys[-1]] = by(inside[keys[-1]])
    write_json(path, values)


def change_row(path: Path, row: int, column: str, by) -> None:
    """Change one value of a CSV file."""
    table = pd.read_csv(path)
    table.loc[row, column] = by(table.loc[row, column])
    table.to_csv(path, index=False)


def predictions(run: Run, seed: int) -> Path:
    return run.path / "metrics" / "predictions" / f"{name(run)}-seed{seed}.csv"


def test_a_run_as_it_was_made_is_green(run, made, capsys):
    assert verify.main(["tiny", "--data", str(made / "faces")]) == 0
    said = capsys.readouterr().out
    assert "No differences." in said and ", 87 of 87 test scores among them;" in said.splitlines()[0]
    compared = {line.split(": ", 1)[1]: line.split()[0] for line in said.splitlines() if " compared, " in line}
    for check in (checks.test_images, checks.evaluation, checks.histories, checks.recipes, with_data.data,
                  with_data.weights, printed.figures, printed.page, printed.poster):
        assert int(compared[check.__doc__].replace(",", "")) > 1, check


def test_a_run_without_test_images_is_green_and_has_its_poster(home, monkeypatch, capsys, style):
    monkeypatch.setenv("FER_CACHE", str(home / "cache"))
    drawn = bands(90)
    write_folder(home / "faces", [(3 * label, "Training", image) for image, label in zip(drawn.images, drawn.labels,
                                                                                       strict=True)])
    given = {"data": "faces", "run": "tiny", "epochs": "1", "batch_size": "16"}
    run_notebooks(["01_eda", "04_training", "05_evaluation"], [*given.items()], log=lambda line: None)
    results.write_report("tiny")
    make_poster(Run.open("tiny"))
    status, said = verify.main(["tiny", "--data", str(home / "faces")]), capsys.readouterr().out
    assert (status, said.partition("\nDifferences:\n")[2]) == (0, "")
    assert "No differences." in said and "does not hold the images that it was scored on" in said


def test_data_that_are_not_there_are_one_sentence(run, capsys):
    assert cli.main(["verify", "tiny", "--data", "/no/such/place"]) == 1
    told = capsys.readouterr()
    assert told.err.count("\n") == 1 and "no file or folder '/no/such/place'" in told.err and not told.out


def test_without_the_data_it_is_green_too_and_says_what_it_could_not(run, quick, capsys):
    assert verify.main(["tiny"]) == 0
    said = capsys.readouterr().out
    assert "it needs the data: name them by --data PATH: data/*, metrics/predictions/*, from weights" in said
    assert f"fitted on validation images, whose predictions are not kept: evaluation/{name(run)} (1)" in said


def test_without_the_test_images_not_every_score_is_computed_and_the_status_is_1(run, quick, capsys):
    (run.path / "metrics" / "test_images.csv").unlink()
    assert verify.main(["tiny"]) == 1
    assert ", 0 of 87 test scores among them;" in capsys.readouterr().out


def lie_in_a_digit(run):
    change(run.path / "metrics" / "evaluation.json", name(run), "brier", by=lambda value: value + 1e-6)
    return f"evaluation/{name(run)}/brier: stored"


def lie_in_an_interval(run):
    change(run.path / "metrics" / "evaluation.json", name(run), "clean", "accuracy_ci", 1, by=lambda end: end - 0.01)
    return f"evaluation/{name(run)}/clean/accuracy_ci/1: stored"


def lie_in_a_swap_of_predictions(run):
    one, other = (predictions(run, seed) for seed in (3, 4))
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    return f"from metrics/predictions/{name(run)}-seed{chosen(run)}.csv"


def lie_in_the_weights(run):
    weights = run.training(name(run)).weights
    shutil.copy(weights(3), weights(4))
    return f"The weights of {name(run)}, seed 4"


def lie_in_a_label(run):
    change_row(predictions(run, 4), 7, "label", lambda label: (label + 1) % 3)
    return f"{name(run)}-seed4.csv/label of image 7: stored"


def lie_in_a_probability(run):
    other = next(seed for seed in (3, 4) if seed != chosen(run))
    change_row(predictions(run, other), 11, "p_happy", lambda share: share + 0.01)
    return f"{name(run)}-seed{other}.csv is damaged"


def lie_in_the_recipe(run):
    change(run.training(name(run)).path / "recipe.json", "recipe", "learning_rate", by=lambda value: value * 2)
    return f"trainings/{name(run)}/recipe.json/name: stored"


def lie_in_a_history(run):
    path = run.training(name(run)).path / "seed4.csv"
    change_row(path, len(pd.read_csv(path)) - 1, "train_loss", lambda loss: loss - 0.01)
    return f"{name(run)}/seed4.csv is"


def lie_in_the_table(run):
    page = run.path / "README.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("| Happy | 20 | ", "| Happy | 20 | 1."), encoding="utf-8")
    return "README.md, line"


def lie_in_the_fingerprint(run):
    change(run.path / "run.json", "fingerprint", by=lambda value: "0" + value[1:])
    return "run.json/fingerprint: stored"


def lie_in_the_counts(run):
    change(run.path / "run.json", "counts", "Training", "Happy")
    return "run.json/counts/Training/Happy: stored 31"


def lie_in_what_leaks(run):
    change_row(run.path / "metrics" / "test_images.csv", 5, "clean", lambda clean: not clean)
    return "metrics/test_images.csv/clean/5: stored False, again True"


def lie_by_damage(run):
    (run.path / "metrics" / "training.json").write_text('{"all": 5}')
    return "training/*: stored \"damaged (TypeError: 'int' object"


def shifted(run: Run) -> None:
    """Scores under shifts as notebook 09 writes them, of two networks that guess."""
    labels, rng = pd.read_csv(run.path / "metrics" / "test_images.csv")["label"].to_numpy(), np.random.default_rng(0)
    rows = pd.MultiIndex.from_tuples(every_shift(np.zeros((1, 48, 48), np.uint8)), names=["shift", "severity"])
    named = {name: pd.DataFrame(rng.integers(0, 3, (len(rows), len(labels))), index=rows) for name in ("One", "Two")}
    for name, one in named.items():
        write_shifted(run.shifted(name), labels, one)
    run.write_metrics("new_faces", {
        "scored_on": "test", "networks": {name: shift_scores(one, labels) for name, one in named.items()},
        "reference": "One", "against": {"Two": paired_means(named["One"], named["Two"], labels)}})


def lie_under_a_shift(run):
    shifted(run)
    change(run.path / "metrics" / "new_faces.json", "networks", "Two", "by_shift", "noise", 1, "accuracy",
           by=lambda value: value + 0.01)
    return "new_faces/networks/Two/by_shift/noise/1/accuracy: stored"


def lie_in_what_was_named_under_a_shift(run):
    shifted(run)
    label = pd.read_csv(run.shifted("Two"))["label"][3]
    change_row(run.shifted("Two"), 3, "blur 2", lambda named: (label + 1) % 3 if named == label else label)
    return "new_faces/networks/Two/by_shift/blur/1/accuracy: stored"


LIES = [one for what, one in globals().items() if what.startswith("lie_")]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__.removeprefix("lie_"))
def test_a_lie_is_caught_and_named(lie, run, quick, verified):
    words = lie(run)
    status, differences = verified()
    assert status == 1 and any(words in line for line in differences), (words, differences)


def test_a_figure_of_another_run_is_caught(run, verified):
    history = run.training(name(run)).path / "seed3.csv"
    true = history.read_bytes()
    change_row(history, 0, "val_loss", lambda loss: loss + 0.1)
    run.save_figure(draw(Kept(run), "training_curves"), "training_curves")
    history.write_bytes(true)
    status, differences = verified()
    assert status == 1 and len(differences) == 1
    assert differences[0].startswith("  figures/training_curves.svg: stored '")


def test_a_poster_of_another_run_is_caught(run, verified, monkeypatch):
    monkeypatch.delitem(verify.CHECKS, printed.figures)
    metrics = run.path / "metrics" / "evaluation.json"
    true = metrics.read_bytes()
    change(metrics, name(run), "accuracy", by=lambda value: value - 0.1)
    make_poster(run)
    metrics.write_bytes(true)
    status, differences = verified()
    assert status == 1 and len(differences) == 1
    assert differences[0].startswith("  poster.pdf, the numbers that only one of both prints: stored '")


def test_other_data_are_no_evidence(run, made, tmp_path, quick, verified):
    shutil.copytree(made / "faces" / "train", tmp_path / "other" / "train")
    shutil.copytree(made / "faces" / "train", tmp_path / "other" / "test")
    status, differences = verified(tmp_path / "other")
    assert status == 1 and differences[0].startswith("  run.json/fingerprint: stored")


def test_texts_are_compared_where_another_matplotlib_drew(run):
    svg = (run.path / "figures" / "evaluation_scores.svg").read_text(encoding="utf-8")
    older, text = svg.replace("Matplotlib v", "Matplotlib v1."), re.search(r">([^<]+)</text>", svg)[1]
    same, unknown = printed.drawn_alike("a.svg", older, svg)
    assert same.agrees and unknown.reason.startswith("another Matplotlib drew it")
    other, _ = printed.drawn_alike("a.svg", older.replace(f">{text}</text>", ">another</text>", 1), svg)
    assert (other.stored, other.again) == ("another", text)


@pytest.mark.parametrize(("stored", "again", "agree"), [
    (0.25, 0.25 + 1e-11, True), (0.25, 0.25 + 1e-8, False), (3, 3.0, True), (None, 0.5, False), ("0.5", 0.5, False),
    (float("nan"), 0.5, False), ([0.5], 0.5, False), ("Happy", "Happy", True)])
def test_the_tolerance(stored, again, agree):
    assert Compared("there", stored, again, "here").agrees is agree


def test_values_that_lack_or_are_too_many_differ():
    again = {"b": [1], "c": {"e": 3}}
    found = {one.where: (one.stored, one.again) for one in compare("here", "a", {"b": [1, 2], "d": 5}, again)}
    assert found == {"a/b/0": (1, 1), "a/b/1": (2, None), "a/c/e": (None, 3)}


def test_no_run_is_one_sentence(home, capsys):
    assert cli.ended(verify.main, ["nowhere"]) == 1
    assert capsys.readouterr().err == "There is no run nowhere: make it by `fer run --run nowhere`.\n"


@pytest.mark.parametrize(("source", "drawn", "asked"), [("sketches", True, "sketches"), ("mine", False, None)])
def test_drawn_faces_are_drawn_again_by_the_hand_that_drew_them(home, monkeypatch, source, drawn, asked):
    Run.start("tiny", replace(bands(9), source=source, drawn=drawn))

    def stop(run, data):
        raise CourseError(f"asked for {data}")

    monkeypatch.setattr(verify, "verify", stop)
    with pytest.raises(CourseError, match=f"^asked for {asked}$"):
        verify.main(["tiny"])


def test_fer_verify_hands_everything_to_the_script(home, capfd, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert cli.main(["verify", "nowhere", "--data", "sample"]) == 1
    assert capfd.readouterr().err.startswith("There is no run nowhere")
    monkeypatch.setattr("fer_utils.support.home.clone", lambda: home)
    assert cli.main(["verify", "nowhere"]) == 1
    assert capfd.readouterr().err == f"{home} has no reports/verify.py, and `fer verify` needs it: run it in a clone.\n"


def test_the_committed_run_is_green(style):
    verdict = verify.verify(Run(COMMITTED))
    assert verdict.differences == [] and verdict.green, verify.report("fer2013", verdict)
    assert len(verdict.tests) >= 317 and len(verdict.again) >= 554


def test_the_committed_run_is_what_its_data_and_the_shipped_weights_give(fer2013_zip, monkeypatch):
    """The weights of PosterCNN: those of AttentionCNN take minutes, and `fer verify fer2013 --data` asks them too."""
    first = with_data.predicted
    monkeypatch.setattr(with_data, "predicted", lambda e: [one for one in first(e) if one.model == "PosterCNN"])
    for check in (*verify.CHECKS,):
        if check not in (with_data.data, with_data.weights):
            monkeypatch.delitem(verify.CHECKS, check)
    verdict = verify.verify(Run(COMMITTED), str(fer2013_zip))
    assert verdict.differences == [], verify.report("fer2013", verdict)
    predicted = [one for one in verdict.compared[with_data.weights] if one.where.startswith("metrics")]
    assert len(predicted) == 2  # by notebook 05's choice, and taught in notebook 11

"""What a run keeps, and that nothing of it is ever half-written."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from drawing import simple_figure

from fer_utils import CourseError
from fer_utils.data import Faces
from fer_utils.runs import Run, Training
from fer_utils.support.files import beside, checked_name
from fer_utils.support.provenance import git_commit
from fer_utils.support.run_tables import read_shifted, write_shifted
from fer_utils.training import HISTORY, Recipe


def some_faces(value: int = 0, drawn: bool = False, source: str = "/home/somebody/fer2013.zip") -> Faces:
    labels = np.arange(6) % 3
    usage = np.array(["Training"] * 3 + ["PublicTest", "PrivateTest", "PrivateTest"])
    return Faces(images=np.full((6, 48, 48), value, np.uint8), labels=labels, usage=usage,
                 names=np.array([str(i) for i in range(6)]), source=source, drawn=drawn)


def files(folder: Path) -> list[str]:
    """All files below, but for locks, which only hold something while a process does."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")
                  if path.is_file() and path.name != ".lock")


def test_opening_a_run_writes_nothing(home):
    run = Run.open("mine")
    assert run.path == home / "reports" / "mine" and run.read() == {} and not run.drawn
    assert run.read_metrics("training") is None and run.trainings().empty
    assert not run.new_training("PosterCNN-1a2b3c4d").asked() and not run.new_training("PosterCNN-1a2b3c4d").seeds()
    with pytest.raises(CourseError):
        run.training("PosterCNN-1a2b3c4d")
    Run.open("mine/sweep/04_training/job")
    assert not list(home.iterdir())


def test_starting_a_run_records_its_faces_without_the_machines_folders(home):
    run = Run.start("mine", some_faces())
    assert run == Run.open("mine")
    kept = run.read()
    assert kept["source"] == "fer2013.zip" and kept["drawn"] is False and not run.drawn
    assert kept["fingerprint"] == some_faces().fingerprint and kept["classes"] == ["Angry", "Happy", "Neutral"]
    assert kept["counts"]["Training"] == {"Angry": 1, "Happy": 1, "Neutral": 1}
    assert kept["versions"]["python"] == ".".join(map(str, sys.version_info[:3])) and "torch" in kept["versions"]
    assert kept["processor"] and "git_commit" in kept
    assert "/home" not in (run.path / "run.json").read_text()
    own = Run.start("own", replace(some_faces(), classes=("shy", "joy", "bored"), drawn=True))
    assert own.read()["classes"] == ["shy", "joy", "bored"] and own.drawn
    assert own.read()["counts"]["PublicTest"] == {"shy": 1, "joy": 0, "bored": 0}


@pytest.mark.parametrize(("source", "drawn", "name"), [
    ("sample", True, "default-sample"), ("../my faces/fer.2013.zip", False, "default-fer-2013"),
    ("data", False, "default-data")])
def test_the_run_that_nobody_named_is_named_after_its_faces(home, source, drawn, name):
    first = Run.start("default", some_faces(source=source, drawn=drawn))
    assert first.name == name and Run.start("default", some_faces(source=source, drawn=drawn)) == first
    other = some_faces(value=9, source=source, drawn=drawn)
    second = Run.start("default", other)
    assert second.name == f"{name}-{other.fingerprint[:6]}" and Run.start("default", other) == second
    assert Run.start("default", some_faces(source=source, drawn=drawn)) == first
    assert [run.read()["fingerprint"] == other.fingerprint for run in (first, second)] == [False, True]


def test_the_posters_faces_are_fer2013_whatever_their_file_is_called(home, monkeypatch):
    monkeypatch.setattr(Faces, "are_posters", True)
    assert Run.start("default", some_faces(source="archive (3).zip")).name == "default-fer2013"


def test_record_merges_and_keeps_what_others_wrote(home):
    run = Run.open("mine")
    run.record(seeds=[0], parameters={"01_eda": {"data": "/data/faces.zip", "n": np.int64(3)}}, precision="float32")
    run.record(seeds=[0, 1], parameters={"04_training": {"epochs": 2}})
    kept = run.read()
    assert kept["seeds"] == [0, 1] and kept["precision"] == "float32"
    assert kept["parameters"] == {"01_eda": {"data": "faces.zip", "n": 3}, "04_training": {"epochs": 2}}


def test_what_a_killed_process_left_of_run_json_goes_with_the_next_record(home):
    run = Run.open("mine")
    run.record(seeds=[0])
    own = beside(run.path / "run.json")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = own.with_name(own.name.replace(str(os.getpid()), str(gone.pid)))
    left.write_text("{")
    run.record(seeds=[0, 1])
    assert not left.exists() and run.read()["seeds"] == [0, 1]


def test_threads_are_those_of_torch(home):
    import torch

    Run.open("mine").record()
    assert Run.open("mine").read()["threads"] == torch.get_num_threads()


def test_other_faces_are_refused_in_one_sentence(home):
    run = Run.start("mine", some_faces())
    Run.start("mine", some_faces(source="elsewhere/fer2013.zip"))
    run.write_metrics("data", {"n": 6})
    before = (run.path / "run.json").read_bytes()
    seven = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")
    for others in (some_faces(value=1, source="sample", drawn=True), some_faces().take(np.arange(5)),
                   replace(some_faces(), classes=seven, labels=np.array([0, 3, 6, 0, 3, 6]))):
        with pytest.raises(CourseError, match=r"^The run mine holds results on other faces \(fer2013.zip\): .*\.$"):
            Run.start("mine", others)
    assert (run.path / "run.json").read_bytes() == before


def test_metrics_are_added_beside_what_others_add(home):
    run = Run.open("mine")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: run.add_metrics("training", {f"A-{k}": {"n": k}}), range(20)))
    assert run.read_metrics("training") == {f"A-{k}": {"n": k} for k in range(20)}
    run.add_metrics("training", {"A-3": {"m": 4}})
    assert run.read_metrics("training")["A-3"] == {"m": 4}


def test_a_run_from_which_nothing_came_takes_on_other_faces(home):
    first, second = some_faces(), some_faces(value=1, source="sample", drawn=True)
    Run.start("mine", first).record(notebooks={"04_training": "begun"})
    run = Run.start("mine", second)
    assert run.read()["fingerprint"] == second.fingerprint and run.drawn and "notebooks" not in run.read()
    for part in ("figures", "metrics", "sweep", "trainings"):
        run = Run.start(f"with-{part}", first)
        (run.path / part).mkdir()
        with pytest.raises(CourseError, match="holds results on other faces"):
            Run.start(run.name, second)


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/../b", "/a", "a\\b", "é", "a b", ".hidden", "poster",
                                  "poster/a", "site", "site/a", "sweep/a"])
def test_names_that_are_no_folders_are_refused(home, name):
    with pytest.raises(CourseError):
        Run.open(name)
    if not name.startswith(("poster", "site", "sweep")):
        with pytest.raises(CourseError):
            Run.open("mine").write_metrics(name, {})
        with pytest.raises(CourseError):
            Run.open("mine").training(name)
    assert not (home / "reports").exists()
    assert checked_name("fer-2013_v1.0") == "fer-2013_v1.0"


def test_a_run_may_lie_inside_another(home):
    Run.open("mine/sweep/job-1").write_metrics("training", {"n": 1})
    assert (home / "reports" / "mine" / "sweep" / "job-1" / "metrics" / "training.json").exists()
    with pytest.raises(CourseError):
        Run.open("mine").write_metrics("a/b", {})


def test_figures_come_in_two_forms_with_the_same_bytes_each_time(home):
    run = Run.start("mine", some_faces())
    run.save_figure(simple_figure(), "curve")
    folder = run.path / "figures"
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(first) == ["curve.png", "curve.svg"]
    run.save_figure(simple_figure(), "curve")
    assert first == {path.name: path.read_bytes() for path in folder.iterdir()}
    svg = first["curve.svg"].decode()
    assert ">epoch</text>" in svg and "drawn faces" not in svg and "<dc:date>" not in svg


def test_figures_of_photographs_go_to_a_folder_that_is_never_published(home):
    run, people, silent, heat = Run.start("mine", some_faces()), simple_figure(), simple_figure(), simple_figure()
    people.photo = True
    for figure in (silent, heat):
        figure.axes[0].imshow(np.eye(3))
    heat.photo = False
    for name, figure in (("people", people), ("silent", silent), ("heat", heat)):
        run.save_figure(figure, name)
    assert files(run.path / "figures") == ["heat.png", "heat.svg"] + [
        f"photos/{name}.{form}" for name in ("people", "silent") for form in ("png", "svg")]
    drawn = Run.start("drawn", some_faces(drawn=True))
    drawn.save_figure(people, "people")
    assert files(drawn.path / "figures") == ["people.png", "people.svg"]


def test_figures_of_drawn_faces_say_so_once_below_everything_else(home):
    run = Run.start("mine", some_faces(drawn=True))
    fig = simple_figure()
    run.save_figure(fig, "curve")
    run.save_figure(fig, "curve")
    assert (run.path / "figures" / "curve.svg").read_text().count(">drawn faces</text>") == 1
    fig.draw_without_rendering()
    note, = fig.texts
    below = note.get_window_extent()
    assert below.y1 < min(ax.get_tightbbox().y0 for ax in fig.axes)
    paper = fig.get_tightbbox().transformed(fig.dpi_scale_trans)
    assert paper.y0 <= below.y0 and below.x1 <= paper.x1 + 1
    network = simple_figure()
    network.data = False  # it shows none of the faces
    run.save_figure(network, "network")
    assert "drawn faces" not in (run.path / "figures" / "network.svg").read_text()


def test_metrics_are_replaced_whole_with_plain_values(home):
    run = Run.open("mine")
    assert run.read_metrics("training") is None
    run.write_metrics("training", {"old": 1})
    third = np.float64(1) / 3
    run.write_metrics("training", {"PosterCNN": {"seeds": (np.int64(0), 1), "mean": third, "done": np.bool_(True),
                                                 "matrix": np.eye(2), "none": None, 3: "three"}})
    assert run.read_metrics("training") == {"PosterCNN": {"seeds": [0, 1], "mean": 1 / 3, "done": True, "none": None,
                                                          "matrix": [[1.0, 0.0], [0.0, 1.0]], "3": "three"}}
    assert json.dumps(1 / 3) in (run.path / "metrics" / "training.json").read_text()


@pytest.mark.parametrize("value", [float("nan"), np.float32("inf"), [1.0, np.nan], {"deep": np.array([np.nan])},
                                   object()])
def test_metrics_that_json_cannot_hold_are_refused(home, value):
    run = Run.open("mine")
    run.write_metrics("training", {"accuracy": 0.5})
    with pytest.raises(CourseError, match="training.json can hold text, finite numbers"):
        run.write_metrics("training", {"accuracy": value})
    assert run.read_metrics("training") == {"accuracy": 0.5}


def test_a_mangled_run_json_is_named(home):
    run = Run.open("mine")
    run.record()
    (run.path / "run.json").write_text("{")
    with pytest.raises(CourseError, match="run.json is damaged, or not what"):
        Run.open("mine").read()


def rows(seed: int, accuracies: list[float]) -> pd.DataFrame:
    """A history of as many epochs, in which each better one was saved."""
    best = pd.Series(accuracies).cummax()
    return pd.DataFrame({"seed": seed, "epoch": range(1, len(best) + 1), "train_loss": 1 / 3 / best,
                         "val_loss": 0.7 / best, "val_acc": accuracies, "saved": best > best.shift(fill_value=0),
                         "seconds": 2.5})


def keep(run: Run, name: str, seeds: dict[int, list[float]], **asked) -> Training:
    """What a training leaves in a run: recipe.json, and a history for each seed with these accuracies."""
    training = run.new_training(name)
    fields = {"training": name, "model": "PosterCNN", "dropout": 0.5, "loop": "course", "recipe": asdict(Recipe()),
              "classes": ("Angry", "Happy", "Neutral"), "precision": "float32", "parameters": 1_273_795,
              "train": {"n": 11322, "fingerprint": "ab"}, "val": {"n": 4853, "fingerprint": "cd"}}
    training.write_asked(fields | asked)
    for seed, accuracies in seeds.items():
        training.write_history(seed, rows(seed, accuracies))
    return training


def test_a_training_keeps_what_was_asked_and_a_history_for_each_seed(home):
    run = Run.open("mine")
    training = keep(run, "PosterCNN-1a2b3c4d", {10: [0.5, 0.6], 2: [0.4]})
    assert training == run.training("PosterCNN-1a2b3c4d") and training.name == "PosterCNN-1a2b3c4d"
    assert training.path == home / "reports" / "mine" / "trainings" / "PosterCNN-1a2b3c4d"
    assert files(training.path) == ["recipe.json", "seed10.csv", "seed2.csv"]
    assert training.weights(2) == training.path / "seed2.safetensors" and not training.weights(2).exists()
    assert training.seeds() == [2, 10]
    asked = training.asked()
    assert asked["recipe"] == asdict(Recipe()) and asked["classes"] == ["Angry", "Happy", "Neutral"]
    assert training.history(3) is None
    training.write_history(2, rows(2, [0.4, 0.3, 0.5]))
    assert training.history(2)["val_acc"].tolist() == [0.4, 0.3, 0.5] and len(training.history(10)) == 2
    assert training.history(2)["saved"].tolist() == [True, False, True] and training.history(2)["saved"].dtype == bool


def test_a_history_comes_back_with_every_digit(home):
    rng = np.random.default_rng(0)
    history = rows(0, np.sort(rng.random(500)).tolist()).assign(seconds=rng.exponential(20, 500))
    assert list(history) == HISTORY
    training = Run.open("mine").new_training("PosterCNN-1a2b3c4d")
    training.write_history(0, history)
    pd.testing.assert_frame_equal(training.history(0), history, check_exact=True)
    nothing = history.head(2).assign(seed=1, val_loss=np.nan, val_acc=np.nan, saved=[False, True])
    training.write_history(1, nothing)
    pd.testing.assert_frame_equal(training.history(1), nothing, check_exact=True)


def test_two_recipes_are_two_trainings_and_the_table_has_a_row_for_each_seed(home):
    run = Run.open("mine")
    keep(run, "PosterCNN-1a2b3c4d", {0: [0.5, 0.7, 0.6], 1: [0.8, 0.2, 0.2]})
    keep(run, "FastCNN-00000000", {10: [0.9, 0.91], 9: [0.8, 0.5]}, model="FastCNN", dropout=None, val=None,
         loop="reference", train={"n": 16175, "fingerprint": "ef"}, precision="bfloat16",
         recipe=asdict(Recipe(epochs=2, shift=3)))
    keep(run, "TinyNet-ffffffff", {}, model="my_net:TinyNet")
    table = run.trainings()
    assert table[["training", "seed"]].values.tolist() == [
        ["FastCNN-00000000", 9], ["FastCNN-00000000", 10], ["PosterCNN-1a2b3c4d", 0], ["PosterCNN-1a2b3c4d", 1]]
    assert {"training", "model", "dropout", "loop", "n_train", "precision", "seed", "epochs_done", "epoch", "val_acc",
            "train_loss", "val_loss", "seconds"} | asdict(Recipe()).keys() == set(table)
    assert table["model"].tolist() == ["FastCNN"] * 2 + ["PosterCNN"] * 2
    assert table["loop"].tolist() == ["reference"] * 2 + ["course"] * 2
    assert table["precision"].tolist() == ["bfloat16"] * 2 + ["float32"] * 2
    assert table["n_train"].tolist() == [16175] * 2 + [11322] * 2 and table["epochs"].tolist() == [2, 2, 20, 20]
    assert table["shift"].tolist() == [3, 3, 0, 0] and table["dropout"].isna().tolist() == [True, True, False, False]
    assert table["epochs_done"].tolist() == [2, 2, 3, 3] and table["seconds"].tolist() == [5, 5, 7.5, 7.5]
    assert table["epoch"].tolist() == [1, 2, 2, 1] and table["val_acc"].tolist() == [0.8, 0.91, 0.7, 0.8]
    assert table["train_loss"].tolist() == pytest.approx([1 / 3 / best for best in (0.8, 0.91, 0.7, 0.8)])


def test_a_training_whose_weights_were_never_kept_has_a_row_too(home):
    run = Run.open("mine")
    keep(run, "PosterCNN-1a2b3c4d", {}).write_history(0, rows(0, [0.5, 0.6]).assign(saved=False))
    keep(run, "PosterCNN-00000000", {0: [0.5]})
    table = run.trainings()
    assert table["epochs_done"].tolist() == [1, 2] and table["epoch"].isna().tolist() == [False, True]


def test_a_training_that_is_not_there_names_those_that_are(home):
    run = Run.open("mine")
    with pytest.raises(CourseError, match=r"^The run mine has no training 'PosterCNN'; .* notebook 04 trains one\.$"):
        run.training("PosterCNN")
    for k in range(40):
        keep(run, f"PosterCNN-{k:08}", {0: [0.5]})
    with pytest.raises(CourseError, match="PosterCNN-00000000, PosterCNN-00000001") as caught:
        run.training("PosterCNN-1a2b3c4d")
    assert len(str(caught.value)) <= 400


def test_a_job_of_a_sweep_keeps_its_trainings_in_the_run_that_sweeps(home):
    job, parent = Run.open("mine/sweep/04_training/lr-0.01"), Run.open("mine")
    keep(job, "PosterCNN-1a2b3c4d", {0: [0.5]})
    keep(Run.open("mine/sweep/04_training/lr-0.1"), "PosterCNN-1a2b3c4d", {1: [0.6]})
    job.write_metrics("training", {"n": 1})
    assert files(home / "reports") == [
        "mine/sweep/04_training/lr-0.01/metrics/training.json", "mine/trainings/PosterCNN-1a2b3c4d/recipe.json",
        "mine/trainings/PosterCNN-1a2b3c4d/seed0.csv", "mine/trainings/PosterCNN-1a2b3c4d/seed1.csv"]
    for run in (job, parent):
        assert run.trainings()["seed"].tolist() == [0, 1]
        assert run.training("PosterCNN-1a2b3c4d").history(1)["val_acc"].tolist() == [0.6]


@pytest.mark.parametrize("name", ["sweep", "sweep/course", "a/sweep/b/c"])
def test_a_home_that_is_called_sweep_is_no_sweep(tmp_path, monkeypatch, name):
    monkeypatch.setenv("FER_HOME", str(tmp_path / name))
    for run in (Run.open("mine"), Run.open("mine/sweep/04_training/job")):
        assert run.new_training("PosterCNN-1a2b3c4d").path == (
            tmp_path / name / "reports" / "mine" / "trainings" / "PosterCNN-1a2b3c4d")


def test_predictions_keep_every_digit_of_float32(home):
    run = Run.open("mine")
    logits = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    run.write_predictions("PosterCNN-1a2b3c4d", 3, some_faces(), probabilities)
    path = run.path / "metrics" / "predictions" / "PosterCNN-1a2b3c4d-seed3.csv"
    table = pd.read_csv(path)
    assert list(table) == ["index", "label", "p_angry", "p_happy", "p_neutral"]
    assert table["index"].tolist() == list(range(6)) and table["label"].tolist() == (np.arange(6) % 3).tolist()
    assert (table.iloc[:, 2:].to_numpy(np.float32) == probabilities).all()
    labels, read = run.read_predictions("PosterCNN-1a2b3c4d", 3)
    assert labels.tolist() == some_faces().labels.tolist() and (read == probabilities).all()
    run.write_predictions("PosterCNN-1a2b3c4d", 3, replace(some_faces(), labels=None), probabilities)
    assert (pd.read_csv(path)["label"] == -1).all()
    assert [run.read_predictions("PosterCNN-1a2b3c4d", seed) for seed in (3, 4)] == [None, None]


def test_predictions_have_a_column_for_each_class_of_the_faces(home):
    run, faces = Run.open("mine"), replace(some_faces(), classes=("shy", "Joy", "bored, a bit", "calm"))
    run.write_predictions("TinyNet-1a2b3c4d", 0, faces, np.full((6, 4), 0.25, np.float32))
    table = pd.read_csv(run.path / "metrics" / "predictions" / "TinyNet-1a2b3c4d-seed0.csv")
    assert list(table) == ["index", "label", "p_shy", "p_joy", "p_bored, a bit", "p_calm"]


def named_under_shifts() -> pd.DataFrame:
    rows = pd.MultiIndex.from_tuples([("as it is", 0), ("crop too wide", 1), ("crop too wide", 3)],
                                     names=["shift", "severity"])
    return pd.DataFrame(np.arange(18).reshape(3, 6) % 3, index=rows)


def test_what_is_named_under_shifts_comes_back_as_it_was(home):
    path = Run.open("mine").shifted("FastCNN as it is")
    assert path.name == "FastCNN-as-it-is.csv"
    write_shifted(path, some_faces().labels, named_under_shifts())
    labels, named = read_shifted(path)
    assert labels.tolist() == some_faces().labels.tolist()
    pd.testing.assert_frame_equal(named, named_under_shifts())


@pytest.mark.parametrize("damage", [
    b"", b"{}", b"index,label,noise\n0,1,2\n", b"index,label,noise 1\n0,1,x\n", b"\xff\xfe"])
def test_a_damaged_table_of_shifts_is_one_sentence(home, damage):
    path = Run.open("mine").shifted("PosterCNN")
    with pytest.raises(CourseError, match=r"PosterCNN.csv is not in metrics/shifts/: run notebook 09 again"):
        read_shifted(path)
    path.parent.mkdir(parents=True)
    path.write_bytes(damage)
    with pytest.raises(CourseError, match="PosterCNN.csv"):
        read_shifted(path)


def test_notebooks_that_write_at_the_same_time_lose_nothing(home):
    code = ("import sys; from fer_utils.runs import Run; run = Run.open('mine')\n"
            "for i in range(15): run.record(seconds={f'{sys.argv[1]}-{i}': i})")
    workers = [subprocess.Popen([sys.executable, "-c", code, str(worker)]) for worker in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert len(Run.open("mine").read()["seconds"]) == 45


def test_a_full_disk_is_one_sentence_and_nothing_half_written(full_disk, monkeypatch):
    monkeypatch.setenv("FER_HOME", str(full_disk))
    run = Run.start("mine", some_faces(drawn=True))
    many = some_faces(drawn=True).take(np.arange(6).repeat(900))
    before = files(full_disk)
    for write in (lambda: run.write_metrics("big", {"text": "x" * 100_000}),
                  lambda: run.save_figure(simple_figure(), "curve"),
                  lambda: run.write_predictions("PosterCNN", 0, many, np.full((5400, 3), 1 / 3)),
                  lambda: keep(run, "PosterCNN-1a2b3c4d", {0: [0.5] * 5000}),
                  lambda: run.record(text="x" * 100_000)):
        with pytest.raises(CourseError, match=r"cannot be written \(No space left on device\): .*\.$"):
            write()
        left = [name for name in files(full_disk) if name not in before]
        # A figure's smaller forms may have found room, whole.
        assert all(name.startswith(("reports/mine/figures/curve.", "reports/mine/trainings/PosterCNN-1a2b3c4d/recipe"))
                   for name in left)
    assert run.read()["drawn"] is True


def test_a_folder_without_write_permission_is_one_sentence():
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("only the superuser can become nobody")
    script = ("import os, sys\nfrom fer_utils import CourseError\nfrom fer_utils.runs import Run\n"
              "from matplotlib.figure import Figure\n"
              # Python's own files may be closed to nobody, so become nobody when they are loaded.
              "os.setgid(65534); os.setuid(65534)\n"
              "for write in (lambda run: run.record(), lambda run: run.write_metrics('a', {}),\n"
              "              lambda run: run.new_training('a').write_asked({}),\n"
              "              lambda run: run.save_figure(Figure(), 'a')):\n"
              "    try: write(Run.open('mine'))\n"
              "    except CourseError as error: print(error)\n")
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                              env={**os.environ, "FER_HOME": folder})
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert len(lines) == 4 and all("cannot be written (Permission denied)" in line for line in lines)
        assert not os.listdir(folder)


def test_git_commit_says_where_the_code_differs(tmp_path):
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        return subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True,
                              text=True).stdout.strip()

    git("init", "--quiet")
    assert git_commit(tmp_path) is None
    for name in ("fer_utils/runs.py", "reports/run.json"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("one")
    git("add", ".")
    git("commit", "--quiet", "--message", "Begin")
    commit = git("rev-parse", "HEAD")
    assert git_commit(tmp_path) == commit
    (tmp_path / "reports/run.json").write_text("two")
    assert git_commit(tmp_path) == commit
    (tmp_path / "fer_utils/runs.py").write_text("two")
    assert git_commit(tmp_path) == f"{commit}-dirty"


def test_what_the_test_images_are_is_kept(home):
    run, test = Run.open("mine"), some_faces()
    run.write_test_images(test, np.arange(6) > 0)
    table = pd.read_csv(run.path / "metrics" / "test_images.csv")
    assert list(table) == ["index", "label", "usage", "clean"] and table["clean"].tolist() == [False] + [True] * 5
    assert table["label"].tolist() == test.labels.tolist() and table["usage"].tolist() == test.usage.tolist()

"""runs.py and files.py: what a run keeps, and that nothing of it is ever half-written."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fer_utils import CourseError
from fer_utils.data import Faces
from fer_utils.runs import Run, git_commit
from fer_utils.support.files import checked_name


def some_faces(value: int = 0, drawn: bool = False, source: str = "/home/somebody/fer2013.zip") -> Faces:
    labels = np.arange(6) % 3
    usage = np.array(["Training"] * 3 + ["PublicTest", "PrivateTest", "PrivateTest"])
    return Faces(images=np.full((6, 48, 48), value, np.uint8), labels=labels, usage=usage,
                 names=np.array([str(i) for i in range(6)]), source=source, drawn=drawn)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def simple_figure() -> Figure:
    fig, ax = plt.subplots(figsize=(3, 2), layout="constrained")
    ax.plot([0, 1], [0, 1])
    ax.set(xlabel="epoch", ylabel="loss")
    plt.close(fig)
    return fig


def test_opening_a_run_writes_nothing_and_its_faces_are_recorded_without_the_machines_folders(home):
    run = Run.open("mine")
    assert run.path == home / "reports" / "mine" and not run.path.exists() and run.read() == {}
    run = Run.open("mine", some_faces())
    kept = run.read()
    assert kept["source"] == "fer2013.zip" and kept["drawn"] is False and not run.drawn
    assert kept["fingerprint"] == some_faces().fingerprint
    assert kept["counts"]["Training"] == {"Angry": 1, "Happy": 1, "Neutral": 1}
    assert kept["versions"]["python"] == ".".join(map(str, sys.version_info[:3])) and "torch" in kept["versions"]
    assert kept["processor"] and "git_commit" in kept
    assert "/home" not in (run.path / "run.json").read_text()


def test_record_merges_and_keeps_what_others_wrote(home):
    run = Run.open("mine")
    run.record(seeds=[0], parameters={"01_eda": {"data": "/data/faces.zip", "n": np.int64(3)}}, precision="float32")
    run.record(seeds=[0, 1], parameters={"04_training": {"epochs": 2}})
    kept = run.read()
    assert kept["seeds"] == [0, 1] and kept["precision"] == "float32"
    assert kept["parameters"] == {"01_eda": {"data": "faces.zip", "n": 3}, "04_training": {"epochs": 2}}


def test_threads_are_those_of_torch(home):
    import torch

    Run.open("mine").record()
    assert Run.open("mine").read()["threads"] == torch.get_num_threads()


def test_a_second_data_source_is_refused_in_one_sentence(home):
    run = Run.open("mine", some_faces())
    Run.open("mine", some_faces(source="elsewhere/fer2013.zip"))
    before = (run.path / "run.json").read_bytes()
    with pytest.raises(CourseError, match=r"^The run mine holds results on other faces \(fer2013.zip\): .*\.$"):
        Run.open("mine", some_faces(value=1, source="sample", drawn=True))
    assert (run.path / "run.json").read_bytes() == before


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/../b", "/a", "a\\b", "é", "a b", ".hidden", "poster",
                                  "poster/a"])
def test_names_that_are_no_folders_are_refused(home, name):
    with pytest.raises(CourseError):
        Run.open(name)
    if not name.startswith("poster"):
        with pytest.raises(CourseError):
            Run.open("mine").write_metrics(name, {})
    assert not (home / "reports").exists()
    assert checked_name("fer-2013_v1.0") == "fer-2013_v1.0"


def test_a_run_may_lie_inside_another(home):
    Run.open("mine/sweep/job-1").write_metrics("training", {"n": 1})
    assert (home / "reports" / "mine" / "sweep" / "job-1" / "metrics" / "training.json").exists()
    with pytest.raises(CourseError):
        Run.open("mine").write_metrics("a/b", {})


def test_timed_keeps_the_seconds_of_what_ended_well(home):
    run = Run.open("mine")
    with run.timed("01_eda") as seconds:
        assert 0 <= seconds() < 5
    with pytest.raises(KeyError), run.timed("02_preprocessing"):
        raise KeyError
    assert list(run.read()["seconds"]) == ["01_eda"]


def test_figures_come_in_three_forms_with_the_same_bytes_each_time(home):
    run = Run.open("mine", some_faces())
    run.save_figure(simple_figure(), "curve")
    folder = run.path / "figures"
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(first) == ["curve.pdf", "curve.png", "curve.svg"]
    run.save_figure(simple_figure(), "curve")
    assert first == {path.name: path.read_bytes() for path in folder.iterdir()}
    svg = first["curve.svg"].decode()
    assert ">epoch</text>" in svg and "drawn faces" not in svg and "<dc:date>" not in svg
    assert b"/FontFile2" in first["curve.pdf"] and b"CreationDate" not in first["curve.pdf"]
    run.save_figure(simple_figure(), "people", photo=True)
    assert files(folder / "photos") == ["people.pdf", "people.png", "people.svg"] and len(files(folder)) == 6


def test_figures_of_drawn_faces_say_so_once_below_everything_else(home):
    run = Run.open("mine", some_faces(drawn=True))
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
def test_metrics_that_json_cannot_hold_are_refused_by_key(home, value):
    run = Run.open("mine")
    run.write_metrics("training", {"accuracy": 0.5})
    with pytest.raises(CourseError, match="training.json: accuracy"):
        run.write_metrics("training", {"accuracy": value})
    assert run.read_metrics("training") == {"accuracy": 0.5}


def test_a_mangled_run_json_is_named(home):
    run = Run.open("mine")
    run.record()
    (run.path / "run.json").write_text("{")
    with pytest.raises(CourseError, match="run.json is not JSON"):
        Run.open("mine").read()


def test_history_replaces_the_rows_of_the_same_model_and_seed(home):
    def rows(model: str, seed: int, losses: list[float]) -> pd.DataFrame:
        return pd.DataFrame({"model": model, "seed": seed, "epoch": range(1, len(losses) + 1), "train_loss": losses,
                             "saved": True})

    run = Run.open("mine")
    assert run.read_history() is None
    run.write_history(rows("PosterCNN", 0, [0.9, 0.8, 0.7]))
    run.write_history(pd.concat([rows("PosterCNN", 1, [0.5]), rows("Other", 0, [0.4])]))
    run.write_history(rows("PosterCNN", 0, [0.6, 1 / 3]))
    history = run.read_history()
    assert history[["model", "seed", "epoch"]].values.tolist() == [
        ["Other", 0, 1], ["PosterCNN", 0, 1], ["PosterCNN", 0, 2], ["PosterCNN", 1, 1]]
    assert history["train_loss"].tolist() == [0.4, 0.6, 1 / 3, 0.5] and history["saved"].dtype == bool
    run.write_history(history)
    pd.testing.assert_frame_equal(run.read_history(), history)


def test_predictions_keep_every_digit_of_float32(home):
    run = Run.open("mine")
    logits = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    run.write_predictions("PosterCNN", 3, np.arange(50) % 3, probabilities)
    table = pd.read_csv(run.path / "metrics" / "predictions" / "PosterCNN-seed3.csv")
    assert list(table) == ["index", "label", "p_angry", "p_happy", "p_neutral"]
    assert table["index"].tolist() == list(range(50)) and table["label"].tolist() == (np.arange(50) % 3).tolist()
    assert (table.iloc[:, 2:].to_numpy(np.float32) == probabilities).all()
    run.write_predictions("PosterCNN", 3, None, probabilities)
    assert (pd.read_csv(run.path / "metrics" / "predictions" / "PosterCNN-seed3.csv")["label"] == -1).all()


def test_checkpoints_have_a_folder_and_a_name(home):
    path = Run.open("mine").checkpoint("PosterCNN", 4)
    assert path == home / "reports" / "mine" / "checkpoints" / "PosterCNN-seed4.safetensors" and path.parent.is_dir()


def test_notebooks_that_write_at_the_same_time_lose_nothing(home):
    code = ("import sys; from fer_utils.runs import Run; run = Run.open('mine')\n"
            "for i in range(15): run.record(seconds={f'{sys.argv[1]}-{i}': i})")
    workers = [subprocess.Popen([sys.executable, "-c", code, str(worker)]) for worker in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert len(Run.open("mine").read()["seconds"]) == 45


def test_a_full_disk_is_one_sentence_and_nothing_half_written(full_disk, monkeypatch):
    monkeypatch.setenv("FER_HOME", str(full_disk))
    run = Run.open("mine", some_faces(drawn=True))
    before = files(full_disk)
    for write in (lambda: run.write_metrics("big", {"text": "x" * 100_000}),
                  lambda: run.save_figure(simple_figure(), "curve"),
                  lambda: run.write_predictions("PosterCNN", 0, None, np.full((5000, 3), 1 / 3)),
                  lambda: run.record(text="x" * 100_000)):
        with pytest.raises(CourseError, match=r"cannot be written \(No space left on device\): .*\.$"):
            write()
        left = [name for name in files(full_disk) if name not in before]
        # A figure's smaller forms may have found room, whole.
        assert all(name.startswith("reports/mine/figures/curve.") for name in left)
    assert run.read()["drawn"] is True


def test_a_folder_without_write_permission_is_one_sentence():
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("only the superuser can become nobody")
    script = ("import os, sys\nfrom fer_utils import CourseError\nfrom fer_utils.runs import Run\n"
              "from matplotlib.figure import Figure\n"
              # Python's own files may be closed to nobody, so become nobody when they are loaded.
              "os.setgid(65534); os.setuid(65534)\n"
              "for write in (lambda run: run.record(), lambda run: run.write_metrics('a', {}),\n"
              "              lambda run: run.checkpoint('a', 0), lambda run: run.save_figure(Figure(), 'a')):\n"
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

"""From what a reader names to a place: the home's data, the sample, Kaggle."""

import sys
import types
import warnings
from pathlib import Path

import pytest
from making import load, make_rows, refused, write_folder

from fer_utils.data import audit, load_faces
from fer_utils.support import sources

SKETCHES = "2497956ea04139c186ed3109156dc9214d3c3291719fbbffeafd5dc4a88c39e7"
pytestmark = pytest.mark.usefixtures("cache")


def test_sample_is_drawn_once_and_again_when_the_drawing_changes(tiny_sample, cache, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # drawn faces have FER2013's file names, and need no warning
        faces = load_faces("sample")
        assert load_faces("sample").fingerprint == faces.fingerprint
    assert faces.drawn and faces.train.drawn and faces.source == "sample"
    assert tiny_sample == [(1500, 500, 2013)] and "drawn faces" in capsys.readouterr().out
    Path(sources.sample.__file__).write_text("# second version")
    load("sample")
    assert len(tiny_sample) == 2 and all("-1500-500-2013-" in file.name for file in cache.iterdir())


def test_sketches_are_a_source_of_their_own(cache, capsys):
    faces = load_faces("sketches")
    assert capsys.readouterr().out == ("Faces: 600 for training and 600 for testing, from "
                                       "the embedded sample of faces drawn by another hand\n")
    assert faces.drawn and faces.source == "sketches" and faces.fingerprint == SKETCHES
    assert faces.counts().T.to_numpy().tolist() == [[200, 200, 200], [100, 103, 97], [100, 97, 103]]
    assert not audit(faces).to_numpy().any()
    refused("sketches", "drawn by another hand has no class Sad", "Angry, Happy, Neutral", classes="Sad")


def test_auto_prefers_fer_data_then_the_home_then_the_sample(tiny_sample, home, monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("FER_DATA")
    (home / "data").mkdir()
    (home / "data" / ".gitkeep").write_text("")
    assert load("auto").drawn
    write_folder(home / "data", make_rows(seed=1))
    with pytest.warns(UserWarning):
        assert load_faces().source == str(home / "data")
    assert str(home / "data") in capsys.readouterr().out
    other = write_folder(tmp_path / "other", make_rows(seed=2))
    monkeypatch.setenv("FER_DATA", str(other))
    assert load("auto").fingerprint == load(other).fingerprint
    assert load("data").source == "data"  # a relative path is also looked for in the home


def test_kaggle_asks_kagglehub_and_nothing_else_does(tmp_path, monkeypatch):
    folder, asked = write_folder(tmp_path / "faces", make_rows()), []
    module = types.ModuleType("kagglehub")
    module.dataset_download = lambda name: asked.append(name) or str(folder)
    monkeypatch.setitem(sys.modules, "kagglehub", module)
    load(folder)
    assert not asked
    assert load("kaggle").fingerprint == load(folder).fingerprint and asked == ["msambare/fer2013"]


def test_no_such_path():
    refused("nowhere/fer2013.zip", "nowhere/fer2013.zip", "no file or folder", "sample, sketches or kaggle")


def test_kaggle_without_its_package_or_its_network(monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    refused("kaggle", "pip install kagglehub")
    def fail(name):
        raise ConnectionError("no route")

    monkeypatch.setitem(sys.modules, "kagglehub", types.SimpleNamespace(dataset_download=fail))
    refused("kaggle", "no route", "msambare/fer2013")

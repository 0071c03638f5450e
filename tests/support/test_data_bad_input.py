"""Bad data end with one clear sentence that says what, where and what to do, and leave nothing half-written."""

import os
import sys
import tarfile
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_data import cache, make_rows, write_competition, write_csv, write_folder, zip_of  # noqa: F401

from fer_utils.data import DataError, Faces, load_faces, split

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_folder(tmp_path / "faces", make_rows(), "jpg")


def refused(source, *words: str) -> None:
    """`source` is refused with one sentence that holds all `words`, and the cache stays empty."""
    with pytest.raises(DataError) as caught:
        load_faces(source)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".") and len(sentence) < 600, sentence
    for word in words:
        assert word in sentence, sentence
    left = Path(os.environ["FER_CACHE"])
    assert not left.exists() or not list(left.iterdir())


def test_no_such_path():
    refused("nowhere/fer2013.zip", "nowhere/fer2013.zip", "no file or folder")


def test_empty_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "is empty", "train/<class>/")


def test_folder_without_a_known_form(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "readme.txt").write_text("faces follow")
    refused(tmp_path / "notes", "none of the known forms")


@pytest.mark.parametrize("part", ["train/happy", "test/neutral"])
def test_class_folder_missing(folder, part):
    (folder / part).rename(folder / "moved")
    refused(folder, part, "missing or empty")


def test_whole_part_missing(folder):
    (folder / "test").rename(folder / "valid")
    refused(folder, "test/angry", "missing or empty")


def test_unknown_class_folder(folder):
    (folder / "train" / "sad").rename(folder / "train" / "bored")
    refused(folder, "train/bored/", "no known class folder")


def test_images_outside_class_folders(folder):
    Image.new("L", (48, 48)).save(folder / "train" / "stray.png")
    refused(folder, "train/stray.png")


def test_several_data_sets(folder, tmp_path):
    both = tmp_path / "both"
    both.mkdir()
    folder.rename(both / "a")
    write_folder(both / "b", make_rows())
    refused(both, "several data sets", "a/", "b/")


@pytest.mark.parametrize("kept", [0.99, 0.5, 0.0])
def test_truncated_zip(folder, tmp_path, kept):
    path = zip_of(folder, tmp_path / "faces.zip")
    path.write_bytes(path.read_bytes()[:int(kept * path.stat().st_size)])
    refused(path, "faces.zip", "damaged or incomplete", "download")


def test_zip_with_a_flipped_byte(folder, tmp_path):
    path = zip_of(folder, tmp_path / "faces.zip")
    content = bytearray(path.read_bytes())
    content[500] ^= 255
    path.write_bytes(content)
    refused(path, "damaged or incomplete")


@pytest.mark.parametrize("name", ["../evil.jpg", "train/angry/../../../evil.jpg", "/etc/evil.jpg", "C:/evil.jpg",
                                  "..\\evil.jpg"])
def test_zip_entry_that_climbs_out(folder, tmp_path, name):
    path = zip_of(folder, tmp_path / "faces.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "x")
    refused(path, "climbs out", repr(name))
    assert not list(tmp_path.rglob("evil*"))


def test_tar_entry_that_climbs_out_and_truncated_tar(tmp_path):
    csv = write_csv(tmp_path / "fer2013.csv", make_rows())
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as archive:
        archive.add(csv, "../fer2013.csv")
    refused(tmp_path / "bad.tar.gz", "climbs out")
    with tarfile.open(tmp_path / "cut.tar.gz", "w:gz") as archive:
        archive.add(csv, "fer2013.csv")
    content = (tmp_path / "cut.tar.gz").read_bytes()
    for size in (len(content) // 2, 100, 5):
        (tmp_path / "cut.tar.gz").write_bytes(content[:size])
        refused(tmp_path / "cut.tar.gz", "cut.tar.gz", "download it again")


@pytest.mark.parametrize("cut", [1, 30, 500, None])
def test_truncated_jpeg_is_named(folder, tmp_path, cut):
    file = folder / "train" / "angry" / "Training_0.jpg"
    file.write_bytes(file.read_bytes()[:-cut] if cut else b"")
    refused(folder, "train/angry/Training_0.jpg", "no whole image")
    refused(zip_of(folder, tmp_path / "faces.zip"), "train/angry/Training_0.jpg", "no whole image")


def test_file_that_is_no_image(folder):
    (folder / "train" / "angry" / "notes.txt").write_text("x")
    refused(folder, "train/angry/notes.txt", "type not known")


def test_source_of_unknown_type(tmp_path):
    (tmp_path / "faces.rar").write_bytes(b"Rar!")
    refused(tmp_path / "faces.rar", "faces.rar", "type not known")


def row(code="3", pixels=None, usage="Training") -> str:
    return f"{code},{' '.join(['7'] * 2304) if pixels is None else pixels},{usage}"


GOOD = " ".join(["7"] * 2303)


@pytest.mark.parametrize(("bad", "words"), [
    (row(pixels=GOOD), ["2303 pixels, not 2304"]),
    (row(pixels=""), ["0 pixels"]),
    (row(pixels=GOOD + " 7 7"), ["2305 pixels"]),
    (row(pixels=GOOD + " x"), ["not a whole number"]),
    (row(pixels="7.5 " + GOOD), ["not a whole number"]),
    (row(pixels=GOOD + " 256"), ["256", "0 to 255"]),
    (row(pixels=GOOD + " 65636"), ["65636"]),
    (row(pixels=GOOD + " 18446744073709551623"), ["0 to 255"]),
    (row(pixels=GOOD + " -1"), ["-1", "0 to 255"]),
    (row(code="4", pixels=GOOD), ["2303 pixels"]),  # rows of classes that are dropped are checked too
    (row(code="7"), ["emotion code '7'"]),
    (row(code="happy"), ["emotion code 'happy'"]),
    (row(usage="Train"), ["usage 'Train'"]),
    ("3," + GOOD, ["2 fields under 3 columns"]),
])
def test_csv_row_that_is_wrong_is_named(tmp_path, bad, words):
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", row(), row("0"), bad, row("6")]))
    refused(path, "fer2013.csv, line 4", *words)
    with zipfile.ZipFile(tmp_path / "csv.zip", "w") as archive:
        archive.write(path, "fer2013.csv")
    refused(tmp_path / "csv.zip", "fer2013.csv, line 4", *words)


@pytest.mark.parametrize(("header", "column"), [
    ("emotion,pixels", "Usage"), ("emotion,Usage", "pixels"), ("", "emotion")])
def test_csv_without_a_column(tmp_path, header, column):
    path = tmp_path / "fer2013.csv"
    path.write_text(header + "\n")
    refused(path, "line 1", f"no column {column}")


def test_csv_without_rows_or_that_is_no_text(tmp_path):
    path = tmp_path / "fer2013.csv"
    path.write_text("emotion,pixels,Usage\n")
    refused(path, "no angry, happy or neutral face")
    path.write_bytes(b"emotion,pixels,Usage\n\xff\xfe\x00\x01\n")
    refused(path, "no proper CSV")
    path.write_text("emotion,pixels,Usage\n3,\"" + "7 " * 200000)
    refused(path, "no proper CSV")


def test_competition_files_that_do_not_fit(tmp_path):
    images = [r[2] for r in make_rows(6)]
    refused(write_competition(tmp_path / "a", images[:4], [0, 1, 2], images[4:]), "3 labels", "4 images")
    refused(write_competition(tmp_path / "b", images[:4], [0, 1, 2, 3], images[4:]), "train_target.csv, line 4", "'3'")
    folder = write_competition(tmp_path / "c", images[:4], [0, 1, 2, 0], images[4:])
    for line, words in (("7,8,9", "3 pixels"), ("7,x", "whole number"), ("7,,8", "whole number"), ("7,8,", "pixels")):
        (folder / "test_data.csv").write_text(line + "\n")
        refused(folder, "test_data.csv, line 1", words)


def test_kaggle_without_its_package_or_its_network(monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    refused("kaggle", "pip install kagglehub")
    def fail(name):
        raise ConnectionError("no route")

    monkeypatch.setitem(sys.modules, "kagglehub", types.SimpleNamespace(dataset_download=fail))
    refused("kaggle", "no route", "msambare/fer2013")


def faces(n=12, labels=None) -> Faces:
    images = np.zeros((n, 48, 48), np.uint8)
    return Faces(images, labels, np.full(n, "Training"), np.arange(n).astype(str))


def test_arrays_that_do_not_fit():
    with pytest.raises(DataError, match="3 labels for 12 images"):
        faces(labels=np.array([0, 1, 2]))
    with pytest.raises(DataError, match="give uint8"):
        Faces(np.zeros((2, 48, 48)), None, np.array(["Test"] * 2), np.array(["a", "b"]))
    with pytest.raises(DataError, match="give uint8"):
        Faces(np.zeros((2, 32, 32), np.uint8), None, np.array(["Test"] * 2), np.array(["a", "b"]))


@pytest.mark.parametrize("fraction", [0, 1.5, -0.1, "much"])
def test_split_that_cannot_be_cut(fraction):
    with pytest.raises(DataError, match="val_fraction"):
        split(faces(labels=np.arange(12) % 3), fraction)
    with pytest.raises(DataError, match="no labels"):
        split(faces())
    with pytest.raises(DataError, match="cannot cut"):
        split(faces(labels=np.array([0] * 11 + [1])))


def test_archive_inside_a_folder_is_named(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "fer2013.zip").write_bytes(b"PK")
    refused(tmp_path / "data", "fer2013.zip", "damaged")

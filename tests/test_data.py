"""Every form of the data gives the same faces; the cache, the split and the audit keep their promises."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
import types
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fer_utils import data
from fer_utils.data import (
    Audit,
    DataError,
    Faces,
    Split,
    audit,
    course_home,
    load_faces,
    other_expressions,
    split,
)
from fer_utils.support.formats import CODES

KEPT = ("angry", "happy", "neutral")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache for each test, and a folder to work in where relative paths find nothing."""
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "cache"


def load(source) -> Faces:
    """Load small stand-ins, whose counts are rightly warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return load_faces(source, verbose=False)


def test_folder_gives_the_schema_and_natural_order(tmp_path):
    rows = make_rows()
    faces = load(write_folder(tmp_path / "faces", rows))
    assert faces.images.dtype == np.uint8 and faces.labels.dtype == np.int64
    assert faces.classes == ("Angry", "Happy", "Neutral")
    expected = [i for i, row in enumerate(rows) if row[0] in (0, 3, 6) and row[1] == "Training"]
    assert [int(name.split("_")[1][:-4]) for name in faces.train.names] == expected
    assert faces.train.names[0] == "train/angry/Training_0.png"
    assert (faces.train.images == [rows[i][2] for i in expected]).all()
    assert faces.train.labels.tolist() == [(0, 3, 6).index(rows[i][0]) for i in expected]
    assert set(faces.test.usage) == {"PublicTest", "PrivateTest"} and not faces.drawn


def test_counts_that_are_not_the_published_ones_are_a_warning_with_the_table(tmp_path):
    with pytest.warns(UserWarning, match=r"(?s)found.*published.*Happy.*7215"):
        load_faces(write_csv(tmp_path / "fer2013.csv", make_rows()))


def test_faces_take_and_fingerprint():
    faces = toy([1, 2, 3, 4], np.array([0, 1, 2, 0]), ["Training", "Training", "PublicTest", "Test"])
    assert len(faces.train) == len(faces.test) == 2 and faces.take(np.array([3, 0])).names.tolist() == ["3", "0"]
    assert faces.take(faces.labels == 0).images[:, 0, 0].tolist() == [1, 4] and "4 images" in repr(faces)
    assert faces.fingerprint == faces.take(np.arange(4)).fingerprint != faces.take(np.array([1, 0, 2, 3])).fingerprint
    other = Faces(faces.images, np.array([0, 1, 2, 1]), faces.usage, faces.names)
    assert other.fingerprint != faces.fingerprint and len(faces.take(np.array([], int))) == 0


def test_audit_finds_each_flaw():
    grey = np.zeros((9, 48, 48), np.uint8)
    grey[:, 0, 0] = [1, 1, 2, 3, 1, 3, 4, 4, 0]  # the last image is blank
    usage = ["Training"] * 4 + ["PublicTest"] * 2 + ["PrivateTest"] * 3
    found = audit(toy(grey, np.array([0, 0, 1, 2, 0, 1, 2, 2, 1]), usage))
    assert isinstance(found, Audit)
    assert {name: i.tolist() for name, i in found.indices.items()} == {
        "copies_in_train": [1], "copies_in_test": [7], "twins_across": [4, 5], "twins_same_label": [4],
        "conflicting": [3, 5], "blank": [8]}
    assert (found.copies_in_train, found.twins_across, found.blank) == (1, 2, 1)
    assert found.table().loc["twins_across"].to_dict() == {"Training": 0, "PublicTest": 2, "PrivateTest": 0, "total": 2}
    clean = toy(grey, np.array([0, 0, 1, 2, 0, 1, 2, 2, 1]), usage).without_leaks()
    assert clean.names.tolist() == ["0", "2", "3", "6"]
    assert audit(clean).twins_across == audit(clean).copies_in_train == audit(clean).copies_in_test == 0
    assert audit(toy(grey[:0], np.array([], int))).blank == 0


def test_split_is_stratified_seeded_and_rounds_up():
    labels = np.repeat([0, 1, 2], (3995, 7215, 4965))
    faces = toy(np.zeros((16175, 48, 48)), labels)
    parts = split(faces)
    assert isinstance(parts, Split) and (len(parts.train), len(parts.val), len(parts.test)) == (11322, 4853, 0)
    assert np.abs(np.bincount(parts.val.labels) - 0.3 * np.bincount(labels)).max() <= 1
    assert (split(faces).val.names == parts.val.names).all()
    assert not (split(faces, seed=1).val.names == parts.val.names).all()
    assert not set(parts.train.names) & set(parts.val.names)


def test_split_can_keep_identical_images_on_one_side():
    pixels = np.random.default_rng(0).integers(0, 60_000, 6000)
    images = np.zeros((6000, 48, 48), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = pixels % 256, pixels // 256
    faces = toy(images, pixels % 3)
    loose, tight = split(faces), split(faces, group_duplicates=True)
    keys = [set(map(bytes, part.images[:, 0, :2])) for part in (loose.train, loose.val, tight.train, tight.val)]
    assert keys[0] & keys[1] and not keys[2] & keys[3] and abs(len(tight.val) - 1800) <= 18


def timed(function, *arguments):
    """What the function returns, and the processor's seconds: others' work on this machine does not count."""
    start = time.process_time()
    return function(*arguments), time.process_time() - start


def test_real_zip_is_fast_and_flawed_as_published(fer2013_zip):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        faces, cold = timed(load_faces, fer2013_zip)
        again, warm = timed(load_faces, fer2013_zip)
    print(f"zip of 35,887 JPEGs: cold {cold:.2f} s, warm {warm:.3f} s")
    assert again.fingerprint == faces.fingerprint and faces.counts().equals(data.PUBLISHED)
    assert cold < 6 and warm < 0.5
    found, clean = audit(faces), faces.without_leaks()
    assert (found.copies_in_train, found.copies_in_test, found.twins_same_label) == (369, 27, 161)
    assert found.table().loc["twins_across"].tolist() == [0, 77, 85, 162]
    assert found.table().loc["blank"].tolist() == [9, 1, 0, 10]
    assert len(faces.train) - found.copies_in_train == 15806
    # The nine blank training images are black and so copies of one another: the last of them goes as blank.
    assert (len(clean.train), len(clean.test)) == (15805, 3786)
    assert len(split(faces).val) == 4853
    for seed in range(5):
        parts = split(faces, seed=seed, group_duplicates=True)
        assert abs(len(parts.val) - 4853) < 48.5
        assert audit(parts.train).copies_in_train + audit(parts.val).copies_in_train == 369


MEASURE = """
import re, sys, time
from fer_utils.data import load_faces
start = time.process_time()
faces = load_faces(sys.argv[1], verbose=False)
seconds = time.process_time() - start
peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
print(seconds, int(peak[1]) / 1e6, faces.fingerprint)
"""


def pandas_row_by_row(path: Path) -> np.ndarray:
    """The usual way, which parses every row, as load_faces does to check them."""
    table = pd.read_csv(path)
    images = np.array([np.array(row.pixels.split(), np.uint8) for _, row in table.iterrows()])
    return images[table.emotion.isin((0, 3, 6))].reshape(-1, 48, 48)


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_full_csv_is_fast_and_small_in_memory(fer2013_zip, tmp_path):
    with zipfile.ZipFile(fer2013_zip) as archive:
        paths = [Path(name) for name in archive.namelist() if name.endswith(".jpg")]
        rows = [(CODES.index(path.parent.name), path.name.split("_")[0],
                 np.asarray(Image.open(io.BytesIO(archive.read(path.as_posix()))))) for path in paths]
    path = write_csv(tmp_path / "fer2013.csv", rows)
    run = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True)
    seconds, gigabytes, fingerprint = run.stdout.split()
    assert not run.stderr and len(rows) == 35887
    kept = [row for row in rows if row[0] in (0, 3, 6)]
    labels = np.array([(0, 3, 6).index(code) for code, _, _ in kept])
    assert toy([row[2] for row in kept], labels, [row[1] for row in kept]).fingerprint == fingerprint
    quarter = write_csv(tmp_path / "quarter.csv", rows[::4])
    ours, fast = timed(load_faces, quarter)
    parsed, slow = timed(pandas_row_by_row, quarter)
    print(f"{path.stat().st_size / 1e6:.0f} MB of CSV: {float(seconds):.2f} s, {float(gigabytes):.2f} GB at most; "
          f"a quarter of it: {fast:.2f} s, pandas row by row {slow:.2f} s, {slow / fast:.1f} times as long")
    assert (parsed == ours.images).all()
    assert float(seconds) < 8 and float(gigabytes) < 1.5


def test_errors_are_course_errors():
    from fer_utils import CourseError

    assert issubclass(DataError, CourseError) and issubclass(CourseError, ValueError)


def test_the_other_expressions_have_labels_of_their_own(tmp_path, cache):
    rows = make_rows()
    folder = write_folder(tmp_path / "faces", rows)
    faces = load(folder)
    others = other_expressions(faces)
    expected = [row for row in rows if row[0] not in (0, 3, 6) and row[1] == "Training"]
    assert len(others) == len(expected) and set(others.usage) == {"Training"}
    assert others.counts()["Training"].to_dict() == {
        "Angry": 0, "Happy": 0, "Neutral": 0, **{
            name: sum(CODES[row[0]] == name.lower() for row in expected)
            for name in ("Disgust", "Fear", "Sad", "Surprise")}}
    codes = {row[2].tobytes(): CODES[row[0]] for row in expected}
    named = [("disgust", "fear", "sad", "surprise")[label - 3] for label in others.labels]
    assert [codes[image.tobytes()] for image in others.images] == named
    assert len(list(cache.iterdir())) == 2 and load(folder).fingerprint == faces.fingerprint
    csv_file = write_csv(tmp_path / "fer2013.csv", rows)
    assert other_expressions(load(csv_file)).labels.tolist() == others.labels.tolist()


def test_sources_of_three_classes_have_no_other_expressions(tmp_path, tiny_sample):
    rows = [row for row in make_rows() if row[0] in (0, 3, 6)]
    assert other_expressions(load(write_folder(tmp_path / "faces", rows))) is None
    assert other_expressions(load(write_csv(tmp_path / "fer2013.csv", rows))) is None
    images = [row[2] for row in rows]
    competition = write_competition(tmp_path / "class", images[:6], [0, 1, 2, 0, 1, 2], images[6:8])
    assert other_expressions(load(competition)) is None
    assert other_expressions(load("sample")) is None


def test_faces_join_in_order():
    first = toy([1, 2], np.array([0, 1]), ["Training", "Test"])
    both = first.join(toy([3, 4], np.array([3, 6])))
    assert both.images[:, 0, 0].tolist() == [1, 2, 3, 4] and both.labels.tolist() == [0, 1, 3, 6]
    assert both.counts().loc["Surprise"].to_dict() == {"Training": 1, "Test": 0} and "Fear" not in both.counts().index
    assert both.train.labels.tolist() == [0, 3, 6] and both.labels.dtype == np.int64
    unlabelled = first.join(toy([5]))
    assert unlabelled.labels.tolist() == [0, 1, -1] and unlabelled.counts().loc["unlabelled", "Training"] == 1
    assert audit(toy([7, 7], np.array([0, 3]))).conflicting == 2


def test_real_zip_has_the_published_number_of_other_expressions(fer2013_zip):
    faces = load_faces(fer2013_zip, verbose=False)
    others = other_expressions(faces)
    assert np.bincount(others.labels).tolist() == [0, 0, 0, 436, 4097, 4830, 3171]
    assert len(others) == 12_534 and len(faces.train.join(others)) == 28_709


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

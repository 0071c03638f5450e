"""Faces of any classes under one schema; the split and the audit keep their promises."""

import io
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from making import load, make_rows, refused, shades, write_competition, write_csv, write_folder
from PIL import Image

from fer_utils import data
from fer_utils.data import POSTER_CLASSES, DataError, Faces, Split, audit, count_flaws, identical, load_faces, split
from fer_utils.support import sources
from fer_utils.support.published import PUBLISHED_COUNTS
from fer_utils.support.schema import CODES

pytestmark = pytest.mark.usefixtures("cache")

SEVEN = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")
OWN = ("bored", "Curious", "joy", "puzzled", "shy")
"""A reader's own names, as the folders have them, by the alphabet: case says nothing."""
THREE = "d28b51f34bda28f3658c26be24c6b3b8fb344ff993bda3dad5d5ccf7536acf0b"
"""The fingerprint of FER2013's angry, happy and neutral images."""


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
    faces = shades([1, 2, 3, 4], np.array([0, 1, 2, 0]), ["Training", "Training", "PublicTest", "Test"])
    assert len(faces.train) == len(faces.test) == 2 and faces.take(np.array([3, 0])).names.tolist() == ["3", "0"]
    assert faces.take(faces.labels == 0).images[:, 0, 0].tolist() == [1, 4] and "4 images" in repr(faces)
    assert faces.fingerprint == faces.take(np.arange(4)).fingerprint != faces.take(np.array([1, 0, 2, 3])).fingerprint
    other = Faces(faces.images, np.array([0, 1, 2, 1]), faces.usage, faces.names)
    assert other.fingerprint != faces.fingerprint and len(faces.take(np.array([], int))) == 0


def test_classes_stay_with_the_faces_on_their_way():
    faces = shades(np.arange(20), np.arange(20) % 2, ["Training"] * 15 + ["PublicTest"] * 5, classes=("shy", "joy"),
                   source="own", drawn=True)
    parts = split(faces)
    for part in (faces.train, faces.test, faces.take(np.arange(3)), faces.join(faces), *parts, faces.without_leaks()):
        assert (part.classes, part.source, part.drawn) == (("shy", "joy"), "own", True)
    assert list(faces.counts().index) == ["shy", "joy"] and faces.counts().to_numpy().sum() == 20
    assert np.bincount(parts.val.labels).sum() == 5
    assert shades([1]).classes == POSTER_CLASSES == ("Angry", "Happy", "Neutral")


def test_with_classes_keeps_theirs_and_renumbers():
    faces = shades(np.arange(8), np.array([0, 1, 2, 3, 4, 5, 6, -1]), classes=SEVEN)
    some = faces.with_classes(["Neutral", "Angry", "Happy"])
    assert some.classes == ("Neutral", "Angry", "Happy") and some.labels.dtype == np.int64
    assert some.images[:, 0, 0].tolist() == [0, 3, 6] and some.labels.tolist() == [1, 2, 0]
    assert some.names.tolist() == ["0", "3", "6"] and some.source == faces.source
    assert faces.with_classes(SEVEN).labels.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert faces.labels.tolist() == [0, 1, 2, 3, 4, 5, 6, -1]


def test_a_usage_that_nobody_knows_is_refused():
    with pytest.raises(data.DataError, match="usage has 'train': give Training, Validation, PublicTest, PrivateTest"):
        data.Faces(np.zeros((2, 48, 48), np.uint8), None, np.array(["train", "Test"]), np.array(["a", "b"]))


def test_with_classes_refuses_a_class_that_the_faces_lack():
    faces = shades([1, 2], np.array([0, 1]))
    with pytest.raises(DataError, match="Hapy") as caught:
        faces.with_classes(("Angry", "Hapy"))
    assert "Angry, Happy, Neutral" in str(caught.value)


def own_folder(folder: Path, names=OWN) -> Path:
    """A reader's own layout: 3 images of each class to learn from and 1 to test, each class of another shade."""
    for part, n in (("train", 3), ("test", 1)):
        for shade, name in enumerate(names):
            (folder / part / name).mkdir(parents=True)
            for i in range(n):
                Image.new("L", (48, 48), 20 * shade + i).save(folder / part / name / f"photo{i}.png")
    return folder


@pytest.mark.parametrize("all_classes", ["all", " All ", ()])
def test_a_readers_own_five_classes(tmp_path, all_classes, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        faces = load_faces(own_folder(tmp_path / "own", OWN[::-1]), classes=all_classes)
    assert faces.classes == OWN and faces.labels.dtype == np.int64
    assert faces.counts().to_dict() == {"Training": dict.fromkeys(OWN, 3), "Test": dict.fromkeys(OWN, 1)}
    # Folders were written in the opposite order: shade 0 is shy, and a label follows its folder's name.
    assert {(label, image[0, 0] // 20) for label, image in zip(faces.labels, faces.images, strict=True)} == {
        (0, 4), (1, 3), (2, 2), (3, 1), (4, 0)}
    assert "Left out" not in capsys.readouterr().out
    assert [len(part) for part in split(faces, 0.34)] == [9, 6, 5]


@pytest.mark.parametrize("asked", ["shy, bored", "SHY,Bored", ("shy", "bored"), ["Shy", "BORED"]])
def test_two_classes_in_the_readers_order_and_the_others_said_with_their_counts(tmp_path, asked, capsys):
    folder = own_folder(tmp_path / "own")
    for _ in range(2):  # read, then from the cache: the same words
        faces = load_faces(folder, asked)
        assert faces.classes == ("shy", "bored")  # spelled as the source does
        assert faces.counts()["Training"].to_dict() == {"shy": 3, "bored": 3}
        assert set(faces.images[faces.labels == 0][:, 0, 0] // 20) == {4}
        assert "Left out: 4 Curious, 4 joy, 4 puzzled\n" in capsys.readouterr().out
    assert load_faces(folder, ("bored", "shy"), verbose=False).labels.tolist() == [
        1 - label for label in faces.labels.tolist()]
    assert not capsys.readouterr().out


def test_one_class_is_enough_to_look_at(tmp_path):
    faces = load_faces(own_folder(tmp_path / "own"), "joy")
    assert faces.classes == ("joy",) and set(faces.labels) == {0} and len(faces) == 4


def test_fer2013s_names_come_first_in_its_order_and_with_a_capital(tmp_path):
    folder = own_folder(tmp_path / "own", ("amused", "surprise", "NEUTRAL", "Angry", "happy", "zen"))
    assert load_faces(folder, "all").classes == ("Angry", "Happy", "Surprise", "Neutral", "amused", "zen")
    assert load_faces(folder).classes == POSTER_CLASSES
    csv_file = write_csv(tmp_path / "fer2013.csv", make_rows())
    assert load(csv_file, "all").classes == SEVEN
    assert load(csv_file, "all").with_classes(POSTER_CLASSES).fingerprint == load(csv_file).fingerprint
    assert load(csv_file, "sad,DISGUST").classes == ("Sad", "Disgust")


def test_absent_classes_are_one_sentence_that_lists_what_is_there(tmp_path):
    folder = own_folder(tmp_path / "own")
    refused(folder, "no class Angry, Happy, Neutral", "bored, Curious, joy, puzzled, shy", "classes=all")
    refused(folder, "no class sad", "bored, Curious, joy, puzzled, shy", "classes=all", classes="joy,sad")
    csv_file = write_csv(tmp_path / "fer2013.csv", [row for row in make_rows() if row[0] in (1, 2)])
    refused(csv_file, "no class Angry, Happy, Neutral", "Disgust, Fear", "classes=all")
    many = own_folder(tmp_path / "many", [f"what the {k:02} participants of the study felt" for k in range(40)])
    refused(many, "no class Angry, Happy, Neutral", "what the 00 participants of the study felt", "classes=all")
    refused(folder, "no class", "classes=all", classes=[f"what participant {k} of the study felt" for k in range(40)])


def test_the_sample_lacks_what_it_was_not_drawn_with(tiny_sample):
    refused("sample", "sample of drawn faces has no class Sad", "Angry, Happy, Neutral", "classes=all",
            classes="Happy,Sad")
    assert load_faces("sample", "all").fingerprint == load_faces("sample").fingerprint
    assert load_faces("sample", "Neutral").classes == ("Neutral",)


@pytest.mark.parametrize(("classes", "words"), [
    ("Angry,,Happy", "empty name"), ("", "empty name"), (["Angry", ""], "empty name"), ((" ",), "empty name"),
    ("Angry,angry", "twice"), (("Happy", "HAPPY"), "twice"), ("sadness,sad", "twice")])
def test_names_that_cannot_be_classes(tmp_path, classes, words):
    refused(own_folder(tmp_path / "own", ("angry", "happy", "sad")), words, classes=classes)


def test_the_cache_holds_different_classes_apart(tmp_path, cache, monkeypatch):
    folder = own_folder(tmp_path / "own")
    asked = ("all", ("joy", "shy"), ("shy", "joy"), ("joy",))
    first = [load_faces(folder, classes) for classes in asked]
    assert len({faces.fingerprint for faces in first}) == len(asked)
    monkeypatch.setattr(sources, "read_source", lambda *_: pytest.fail("the cache should have answered"))
    again = [load_faces(folder, classes) for classes in asked]
    assert [(one.classes, one.fingerprint) for one in again] == [(one.classes, one.fingerprint) for one in first]


@pytest.mark.parametrize("classes", ["Sad,Happy", "angry,happy,neutral", "all"])
def test_published_counts_are_those_of_the_classes_asked_for(tmp_path, monkeypatch, classes):
    csv_file = write_csv(tmp_path / "fer2013.csv", make_rows())
    monkeypatch.setattr(data, "PUBLISHED_COUNTS", load(csv_file, "all").counts())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_faces(csv_file, classes)
    monkeypatch.setattr(data, "PUBLISHED_COUNTS", load(csv_file, "all").counts() + 1)
    with pytest.warns(UserWarning, match="does not hold what FER2013 was published with"):
        load_faces(csv_file, classes)


def test_class_competition_in_some_classes_keeps_its_unlabelled_test_images(tmp_path):
    images = [row[2] for row in make_rows(8)]
    folder = write_competition(tmp_path / "class", images[:6], [0, 1, 2, 0, 1, 2], images[6:])
    faces = load_faces(folder, "Happy,Angry")
    assert faces.train.labels.tolist() == [1, 0, 1, 0] and faces.test.labels is None and len(faces.test) == 2
    refused(folder, "no class Sad", "Angry, Happy, Neutral", classes="Sad")


def test_audit_finds_each_flaw():
    grey = np.zeros((9, 48, 48), np.uint8)
    grey[:, 0, 0] = [1, 1, 2, 3, 1, 3, 4, 4, 0]  # the last image is blank
    usage = ["Training"] * 4 + ["PublicTest"] * 2 + ["PrivateTest"] * 3
    faces = shades(grey, np.array([0, 0, 1, 2, 0, 1, 2, 2, 1]), usage)
    assert {flaw: np.flatnonzero(mask).tolist() for flaw, mask in audit(faces).items()} == {
        "copies_in_train": [1], "copies_in_test": [7], "twins_across": [4, 5], "twins_same_label": [4],
        "conflicting": [3, 5], "blank": [8]}
    counts, clean, empty = count_flaws(faces), faces.without_leaks(), shades(grey[:0], np.array([], int))
    assert counts["total"].tolist() == [1, 1, 2, 1, 2, 1]
    assert counts.loc["twins_across"].to_dict() == {"Training": 0, "PublicTest": 2, "PrivateTest": 0, "total": 2}
    assert clean.names.tolist() == ["0", "2", "3", "6"] and clean.is_clean().all()
    assert np.flatnonzero(faces.is_clean()).tolist() == [0, 2, 3, 6]
    assert len(empty.without_leaks()) == len(audit(empty)) == count_flaws(empty)["total"].sum() == 0


def test_images_are_numbered_by_all_their_pixels():
    images = np.zeros((6, 48, 48), np.uint8)
    images[1, 47, 47] = images[2, 0, 0] = images[5, 0, 0] = 1  # else black, to the last pixel too
    assert identical(images).tolist() == [0, 1, 2, 0, 0, 2] and identical(images).dtype == np.int64
    assert identical(images[:, :, ::-1]).tolist() == [0, 1, 2, 0, 0, 2] and len(identical(images[:0])) == 0


def test_split_is_stratified_seeded_and_rounds_up():
    labels = np.repeat([0, 1, 2], (3995, 7215, 4965))
    faces = shades(np.zeros((16175, 48, 48)), labels)
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
    faces = shades(images, pixels % 3)
    loose, tight = split(faces), split(faces, group_duplicates=True)
    keys = [set(map(bytes, part.images[:, 0, :2])) for part in (loose.train, loose.val, tight.train, tight.val)]
    assert keys[0] & keys[1] and not keys[2] & keys[3] and abs(len(tight.val) - 1800) <= 18


def timed(function, *arguments):
    """What the function returns, and the processor's seconds: others' work on this machine does not count."""
    start = time.process_time()
    return function(*arguments), time.process_time() - start


def decoded_by_pillow(path: Path) -> list[np.ndarray]:
    """The three classes' images of the zip, in no order, checked by nothing."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if Path(name).parent.name in ("angry", "happy", "neutral")]
        return [np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in names if name.endswith(".jpg")]


def test_real_zip_is_fast_and_flawed_as_published(fer2013_zip):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        faces, cold = timed(load_faces, fer2013_zip)
        again, warm = timed(load_faces, fer2013_zip)
    _, plain = timed(decoded_by_pillow, fer2013_zip)
    print(f"16,175 + 3,965 of 35,887 JPEGs: cold {cold:.2f} s, warm {warm:.3f} s; Pillow alone {plain:.2f} s")
    assert again.fingerprint == faces.fingerprint and faces.counts().equals(PUBLISHED_COUNTS.loc[list(POSTER_CLASSES)])
    assert cold < 2.5 * plain and warm < plain / 3
    found, clean = count_flaws(faces), faces.without_leaks()
    assert found["total"].tolist()[:4] == [369, 27, 162, 161]
    assert found.loc["twins_across"].tolist() == [0, 77, 85, 162]
    assert found.loc["blank"].tolist() == [9, 1, 0, 10]
    assert len(faces.train) - found["total"]["copies_in_train"] == 15806
    # The nine blank training images are black and so copies of one another: the last of them goes as blank.
    assert (len(clean.train), len(clean.test)) == (15805, 3786)
    assert len(split(faces).val) == 4853
    assert faces.fingerprint == THREE
    for seed in range(5):
        parts = split(faces, seed=seed, group_duplicates=True)
        assert abs(len(parts.val) - 4853) < 48.5
        assert sum(audit(part)["copies_in_train"].sum() for part in (parts.train, parts.val)) == 369


def test_real_zip_in_all_seven_classes(fer2013_zip, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        faces = load_faces(fer2013_zip, classes="all")
    assert faces.classes == SEVEN and len(faces) == 35_887 and "Left out" not in capsys.readouterr().out
    assert faces.counts().equals(PUBLISHED_COUNTS) and list(faces.counts().index) == list(SEVEN)
    assert np.bincount(faces.train.labels).tolist() == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    assert len(faces.train) == 28_709
    assert faces.with_classes(POSTER_CLASSES).fingerprint == THREE
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        three = load_faces(fer2013_zip)
    assert three.fingerprint == THREE
    assert "Left out: 547 Disgust, 5,121 Fear, 6,077 Sad, 4,002 Surprise\n" in capsys.readouterr().out


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
    assert shades([row[2] for row in kept], labels, [row[1] for row in kept]).fingerprint == fingerprint
    quarter = write_csv(tmp_path / "quarter.csv", rows[::4])
    ours, fast = timed(load_faces, quarter)
    parsed, slow = timed(pandas_row_by_row, quarter)
    print(f"{path.stat().st_size / 1e6:.0f} MB of CSV: {float(seconds):.2f} s, {float(gigabytes):.2f} GB at most; "
          f"a quarter of it: {fast:.2f} s, pandas row by row {slow:.2f} s, {slow / fast:.1f} times as long")
    assert (parsed == ours.images).all()
    assert fast < slow and float(gigabytes) < 1.5


def test_errors_are_course_errors():
    from fer_utils import CourseError

    assert issubclass(DataError, CourseError) and issubclass(CourseError, ValueError)


def test_faces_join_in_order():
    first = shades([1, 2], np.array([0, 1]), ["Training", "Test"], classes=SEVEN)
    both = first.join(shades([3, 4], np.array([3, 6]), classes=SEVEN))
    assert both.images[:, 0, 0].tolist() == [1, 2, 3, 4] and both.labels.tolist() == [0, 1, 3, 6]
    assert both.counts().loc["Neutral"].to_dict() == {"Training": 1, "Test": 0} and both.counts().loc["Fear"].sum() == 0
    assert both.train.labels.tolist() == [0, 3, 6] and both.labels.dtype == np.int64 and both.classes == SEVEN
    unlabelled = first.join(shades([5], classes=SEVEN))
    assert unlabelled.labels.tolist() == [0, 1, -1] and unlabelled.counts().loc["unlabelled", "Training"] == 1
    assert audit(shades([7, 7], np.array([0, 3]), classes=SEVEN))["conflicting"].sum() == 2
    with pytest.raises(DataError, match="cannot be joined"):
        first.join(shades([5], np.array([0])))


def dark(labels=None) -> Faces:
    return shades(np.zeros((12, 48, 48)), labels)


def test_arrays_that_do_not_fit():
    with pytest.raises(DataError, match="3 labels for 12 images"):
        dark(labels=np.array([0, 1, 2]))
    with pytest.raises(DataError, match="give uint8"):
        Faces(np.zeros((2, 48, 48)), None, np.array(["Test"] * 2), np.array(["a", "b"]))
    with pytest.raises(DataError, match="give uint8"):
        Faces(np.zeros((2, 32, 32), np.uint8), None, np.array(["Test"] * 2), np.array(["a", "b"]))
    for wrong in ([0, 3], [0, -2]):
        with pytest.raises(DataError, match=r"labels run from .* with 3 classes they are 0 to 2, or -1"):
            shades([1, 2], np.array(wrong))
    assert shades([1, 2], np.array([0, 3]), classes=SEVEN).labels.tolist() == [0, 3]


@pytest.mark.parametrize("fraction", [0, 1.5, -0.1, "much"])
def test_split_that_cannot_be_cut(fraction):
    with pytest.raises(DataError, match="val_fraction"):
        split(dark(labels=np.arange(12) % 3), fraction)
    with pytest.raises(DataError, match="no labels"):
        split(dark())
    with pytest.raises(DataError, match="cannot cut"):
        split(dark(labels=np.array([0] * 11 + [1])))

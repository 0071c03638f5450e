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


def make_rows(n: int = 42, seed: int = 0) -> list[tuple[int, str, np.ndarray]]:
    """(emotion code, usage, pixels), the seven classes and the usages mixed."""
    rng = np.random.default_rng(seed)
    usages = ("Training", "Training", "Training", "PublicTest", "PrivateTest")
    return [(i % 7, usages[i % 5], rng.integers(0, 256, (48, 48), np.uint8)) for i in range(n)]


def write_folder(folder: Path, rows, suffix: str = "png") -> Path:
    """Kaggle's layout, images numbered without leading zeros so that text order and natural order differ."""
    for i, (code, usage, pixels) in enumerate(rows):
        file = folder / ("train" if usage == "Training" else "test") / CODES[code] / f"{usage}_{i}.{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)
    return folder


def write_csv(path: Path, rows, header: str = "emotion,pixels,Usage", order=(0, 1, 2)) -> Path:
    text = np.array([str(value) for value in range(256)])
    with path.open("w") as file:
        print(header, file=file)
        for code, usage, pixels in rows:
            cells = (str(code), " ".join(text[pixels.ravel()].tolist()), usage)
            print(",".join(cells[i] for i in order), file=file)
    return path


def zip_of(folder: Path, path: Path, prefix: str = "", names=sorted) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in names(f for f in folder.rglob("*") if f.is_file()):
            archive.write(file, prefix + file.relative_to(folder).as_posix())
    return path


def load(source) -> Faces:
    """Load small stand-ins, whose counts are rightly warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return load_faces(source, verbose=False)


def toy(images, labels=None, usage="Training") -> Faces:
    images = np.asarray(images, np.uint8)
    images = np.broadcast_to(images.reshape(len(images), -1, 1), (len(images), 48, 48)) if images.ndim == 1 else images
    usage = np.broadcast_to(np.asarray(usage), len(images)).copy()
    return Faces(np.array(images), labels, usage, np.arange(len(images)).astype(str))


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


def test_image_forms_agree(tmp_path):
    folder = write_folder(tmp_path / "faces", make_rows())
    (folder / "train" / "angry" / ".DS_Store").write_text("")
    whole = load(folder)
    forms = [
        zip_of(folder, tmp_path / "a.zip"),
        zip_of(folder, tmp_path / "b.zip", "archive/", lambda files: sorted(files, reverse=True)),
        tmp_path / "nested",
        tmp_path / "around",
    ]
    shutil.copytree(folder, forms[2] / "fer2013")
    forms[3].mkdir()
    shutil.copy(forms[0], forms[3])
    for form in forms:
        faces = load(form)
        assert faces.fingerprint == whole.fingerprint and (faces.names == whole.names).all(), form
    (tmp_path / "nested" / "fer2013" / "train" / "angry").rename(tmp_path / "nested" / "fer2013" / "train" / "ANGRY")
    assert load(forms[2]).fingerprint == whole.fingerprint


def test_csv_forms_agree_and_keep_the_order_of_rows(tmp_path):
    rows = make_rows()
    plain = write_csv(tmp_path / "fer2013.csv", rows)
    icml = write_csv(tmp_path / "icml_face_data.csv", rows, "emotion, Usage, pixels", (0, 2, 1))
    with zipfile.ZipFile(tmp_path / "challenge.zip", "w") as archive:
        archive.write(icml, "icml_face_data.csv")
        archive.writestr("train.csv", "emotion,pixels\n")
    with tarfile.open(tmp_path / "fer2013.tar.gz", "w:gz") as archive:
        archive.add(plain, "fer2013/fer2013.csv")
    (tmp_path / "bom").mkdir()
    (tmp_path / "bom" / "fer2013.csv").write_bytes(b"\xef\xbb\xbf" + plain.read_bytes().replace(b"\n", b"\r\n"))
    faces = load(plain)
    kept = [row for row in rows if row[0] in (0, 3, 6)]
    assert (faces.images == [row[2] for row in kept]).all() and faces.usage.tolist() == [row[1] for row in kept]
    assert faces.labels.tolist() == [(0, 3, 6).index(row[0]) for row in kept] and faces.names[1] == "line 5"
    for form in (icml, tmp_path / "challenge.zip", tmp_path / "fer2013.tar.gz", tmp_path / "bom"):
        assert load(form).fingerprint == faces.fingerprint, form


def write_competition(folder: Path, train, labels, test) -> Path:
    folder.mkdir()
    np.savetxt(folder / "train_data.csv", np.reshape(train, (len(train), -1)), "%d", ",")
    np.savetxt(folder / "train_target.csv", labels, "%d")
    np.savetxt(folder / "test_data.csv", np.reshape(test, (len(test), -1)), "%d", ",")
    return folder


def test_class_competition_has_unlabelled_test_images(tmp_path):
    images = [row[2] for row in make_rows(8)]
    folder = write_competition(tmp_path / "class", images[:6], [0, 1, 2, 0, 1, 2], images[6:])
    faces = load_faces(folder)
    assert (faces.images == images).all() and faces.labels.tolist() == [0, 1, 2, 0, 1, 2, -1, -1]
    assert faces.test.labels is None and set(faces.test.usage) == {"Test"} and faces.train.labels.min() == 0
    assert faces.names[0] == "train_data.csv, line 1"
    assert faces.counts().loc["unlabelled"].to_dict() == {"Training": 0, "Test": 2}
    assert load_faces(zip_of(folder, tmp_path / "class.zip", "cs/")).fingerprint == faces.fingerprint
    assert len(split(faces, 0.5).val) == 3 and audit(faces).twins_across == 0


def test_test_images_without_fer2013_names_have_usage_test(tmp_path):
    for part in ("train", "test"):
        for name in KEPT:
            (tmp_path / "own" / part / name).mkdir(parents=True)
            Image.new("L", (48, 48)).save(tmp_path / "own" / part / name / "im0.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(load_faces(tmp_path / "own").usage) == {"Training", "Test"}


def test_other_sizes_and_colours_are_converted_and_said_once(tmp_path, capsys):
    folder = write_folder(tmp_path / "faces", make_rows())
    Image.new("RGB", (96, 64), (255, 255, 255)).save(folder / "train" / "angry" / "Training_9001.png")
    Image.new("L", (64, 64), 7).save(folder / "test" / "happy" / "PublicTest_9002.png")
    for _ in range(2):  # read, then from the cache: the same words
        with pytest.warns(UserWarning):
            faces = load_faces(folder)
        assert capsys.readouterr().out.count("Converted to 48x48 pixels in grey: 2 images") == 1
    assert (faces.images[faces.names == "train/angry/Training_9001.png"] == 255).all()


def test_counts_that_are_not_the_published_ones_are_a_warning_with_the_table(tmp_path):
    with pytest.warns(UserWarning, match=r"(?s)found.*published.*Happy.*7215"):
        load_faces(write_csv(tmp_path / "fer2013.csv", make_rows()))


@pytest.fixture
def tiny_sample(tmp_path, monkeypatch):
    """A stand-in for the drawing, so that tests of what surrounds it take no time; returns the calls."""
    calls, source = [], tmp_path / "drawing.py"
    source.write_text("# first version")

    def draw_sample(folder, n_train, n_test, seed):
        calls.append((n_train, n_test, seed))
        write_folder(folder, make_rows())

    monkeypatch.setattr(data, "sample", types.SimpleNamespace(__file__=str(source), draw_sample=draw_sample))
    return calls


def test_sample_is_drawn_once_and_again_when_the_drawing_changes(tiny_sample, cache, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # drawn faces have FER2013's file names, and need no warning
        faces = load_faces("sample")
        assert load_faces("sample").fingerprint == faces.fingerprint
    assert faces.drawn and faces.train.drawn and faces.source == "sample"
    assert tiny_sample == [(1500, 500, 2013)] and "drawn faces" in capsys.readouterr().out
    Path(data.sample.__file__).write_text("# second version")
    load("sample")
    assert len(tiny_sample) == 2 and all("-1500-500-2013-" in file.name for file in cache.iterdir())


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


def test_course_home(tmp_path, monkeypatch):
    monkeypatch.delenv("FER_HOME")
    assert course_home() == Path.cwd()
    (tmp_path / "course" / "notebooks").mkdir(parents=True)
    (tmp_path / "course" / "fer_utils").mkdir()
    monkeypatch.chdir(tmp_path / "course" / "notebooks")
    assert course_home() == tmp_path / "course"
    monkeypatch.setenv("FER_HOME", str(tmp_path))
    assert course_home() == tmp_path


def test_cache_answers_until_the_source_changes(tmp_path, cache, monkeypatch):
    folder = write_folder(tmp_path / "faces", make_rows())
    path = zip_of(folder, tmp_path / "faces.zip")
    first, first_folder = load(path), load(folder)
    with monkeypatch.context() as patch:
        patch.setattr(data, "read_source", lambda path: pytest.fail("the cache should have answered"))
        again = load(path)
        assert again.fingerprint == first.fingerprint and (again.names == first.names).all()
    new = make_rows(seed=5)
    stamp = path.stat().st_mtime_ns
    zip_of(write_folder(folder, new), path)
    os.utime(path, ns=(stamp, stamp))  # a copied file may keep its time
    assert load(path).fingerprint == load(folder).fingerprint != first_folder.fingerprint
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "foreign"])
def test_damaged_cache_is_rebuilt(tmp_path, cache, damage):
    folder = write_folder(tmp_path / "faces", make_rows())
    faces = load(folder)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 3] ^= 1
    file.write_bytes({"flip": bytes(changed), "cut": whole[:-500], "empty": b"", "foreign": b"\x93NUMPY"}[damage])
    assert load(folder).fingerprint == faces.fingerprint
    assert len(file.read_bytes()) == len(whole) and [*cache.iterdir()] == [file]


def test_cache_that_cannot_be_written_is_only_a_warning(tmp_path, monkeypatch, tiny_sample):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "file" / "cache"))
    folder = write_folder(tmp_path / "faces", make_rows())
    with pytest.warns(UserWarning, match="read afresh"):
        assert len(load_faces(folder)) == 18
    with pytest.warns(UserWarning, match="read afresh"):
        assert load_faces("sample").drawn


def test_two_processes_may_start_at_once(tmp_path, cache):
    folder = write_folder(tmp_path / "faces", make_rows(210))
    code = f"from fer_utils.data import load_faces; print(load_faces({str(folder)!r}, verbose=False).fingerprint)"
    command = [sys.executable, "-W", "ignore", "-c", code]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = {run.communicate()[0].strip() for run in runs}
    assert outputs == {load(folder).fingerprint} and len(list(cache.iterdir())) == 1


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

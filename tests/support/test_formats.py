"""Every published form gives the same faces; bad data end with one sentence that says what, where and what to do."""

import shutil
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest
from making import load, make_rows, refused, write_competition, write_csv, write_folder, zip_of
from PIL import Image

from fer_utils.data import POSTER_CLASSES, audit, load_faces, split

pytestmark = [pytest.mark.usefixtures("cache"), pytest.mark.filterwarnings("ignore::UserWarning")]


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


def test_class_competition_has_unlabelled_test_images(tmp_path):
    images = [row[2] for row in make_rows(8)]
    folder = write_competition(tmp_path / "class", images[:6], [0, 1, 2, 0, 1, 2], images[6:])
    faces = load_faces(folder)
    assert (faces.images == images).all() and faces.labels.tolist() == [0, 1, 2, 0, 1, 2, -1, -1]
    assert faces.test.labels is None and set(faces.test.usage) == {"Test"} and faces.train.labels.min() == 0
    assert faces.names[0] == "train_data.csv, line 1"
    assert faces.counts().loc["unlabelled"].to_dict() == {"Training": 0, "Test": 2}
    assert load_faces(zip_of(folder, tmp_path / "class.zip", "cs/")).fingerprint == faces.fingerprint
    assert len(split(faces, 0.5).val) == 3 and not audit(faces)["twins_across"].any()


def test_test_images_without_fer2013_names_have_usage_test(tmp_path):
    for part in ("train", "test"):
        for name in POSTER_CLASSES:
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


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_folder(tmp_path / "faces", make_rows(), "jpg")


def test_empty_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "is empty", "train/<class>/")


def test_folder_without_a_known_form(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "readme.txt").write_text("faces follow")
    refused(tmp_path / "notes", "none of the known forms")


@pytest.mark.parametrize(("part", "words"), [
    ("train/happy", "Without training images: Happy"), ("test/neutral", "Without test images: Neutral")])
def test_a_class_that_a_part_lacks_is_said(folder, part, words, capsys):
    n = len(list((folder / part).iterdir()))
    (folder / part).rename(folder / "moved")
    faces = load_faces(folder)
    out = capsys.readouterr().out
    assert len(faces) == 18 - n and words in out and f"Not read: {n} images outside the class folders" in out


def test_a_set_without_one_of_its_parts(folder, capsys):
    (folder / "test").rename(folder / "valid")
    assert len(load_faces(folder).test) == 7  # the one other part is the test
    shutil.rmtree(folder / "valid")
    assert (len(load_faces(folder).train), len(load_faces(folder).test)) == (11, 0)
    (folder / "train").rename(folder / "test")
    assert (len(load_faces(folder).train), len(load_faces(folder).test)) == (0, 11)


def test_class_folders_that_were_not_asked_for_are_said(folder, capsys):
    (folder / "train" / "sad").rename(folder / "train" / "bored")
    faces = load_faces(folder)
    n = len(list((folder / "train" / "bored").iterdir()))
    assert faces.classes == POSTER_CLASSES and f"{n} bored" in capsys.readouterr().out
    assert load_faces(folder, "all").classes[-1] == "bored"
    assert "Without training images: Sad" in capsys.readouterr().out


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
    refused(path, "no row with a face")
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


def test_archive_inside_a_folder_is_named(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "fer2013.zip").write_bytes(b"PK")
    refused(tmp_path / "data", "fer2013.zip", "damaged")

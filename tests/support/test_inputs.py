"""Inputs that people really have: each is taken, or refused with the right advice, with its family varied."""

import csv
import gzip
import itertools
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from making import counted, load, make_rows, refused, tar_of, write_csv, write_set, zip_of
from PIL import Image

from fer_utils import CourseError
from fer_utils.data import audit, load_faces, split
from fer_utils.support.schema import CODES

pytestmark = [pytest.mark.usefixtures("cache"), pytest.mark.filterwarnings("ignore::UserWarning")]

ARCHIVES = ("faces.zip", "faces.tar", "faces.tar.gz", "faces.tgz", "faces.tar.bz2", "faces.tar.xz")
links = pytest.mark.skipif(os.name == "nt", reason="links and pipes are made as on POSIX")
TABLE = make_rows(42)
N_TABLE = sum(row[1] == "Training" and row[0] in (0, 3, 6) for row in TABLE)


def packed(folder: Path, name: str) -> Path:
    """The folder itself, or an archive of this name beside it."""
    if not name:
        return folder
    return (zip_of if name.endswith(".zip") else tar_of)(folder, folder.parent / name)


@pytest.mark.parametrize("container", ["", *ARCHIVES])
@pytest.mark.parametrize("beside", ["README.md", "LICENSE", "label.txt", "notes.csv", "train.txt", "test/notes.txt"])
def test_other_files_beside_the_parts(tmp_path, container, beside, capsys):
    folder = write_set(tmp_path / "set")
    (folder / beside).write_text("x")
    faces = load_faces(packed(folder, container))
    assert (len(faces.train), len(faces.test)) == (6, 6) and "Not read" not in capsys.readouterr().out
    assert faces.seen[-1] == f"Not read: 1 other files ({beside})"


@pytest.mark.parametrize("name", ["archive.zip", "archive.tar.gz"])
def test_an_archive_beside_what_was_unpacked_from_it_is_not_read(tmp_path, name):
    folder = write_set(tmp_path / "set")
    packed(folder, name).rename(folder / name)
    assert counted(folder) == (6, 0, 6)


def test_one_archive_alone_in_a_folder_is_read_and_several_are_listed(tmp_path):
    path = zip_of(write_set(tmp_path / "set"), tmp_path / "a.zip")
    (tmp_path / "data").mkdir()
    path.rename(tmp_path / "data" / "a.zip")
    assert counted(tmp_path / "data") == (6, 0, 6)
    (tmp_path / "data" / "b.zip").write_bytes(b"")
    refused(tmp_path / "data", "several archives", "a.zip", "b.zip")


@pytest.mark.parametrize(("parts", "depth", "container"), [
    (("train", "validation"), "images", ""), (("Training", "Testing"), "a/b/c", "faces.zip"),
    (("TRAIN", "Valid"), "", "faces.tar.xz"), (("training", "test"), "fer2013/fer2013", "faces.tar.bz2"),
    (("Train", "VAL"), "versions/1", ""), (("train", "testing"), "test", ""), (("train/train", "test/test"), "", "")])
def test_parts_by_any_name_at_any_depth(tmp_path, parts, depth, container):
    whole = load(write_set(tmp_path / "plain"))
    folder = write_set(tmp_path / "set" / depth, parts)
    assert load(packed(tmp_path / "set", container)).fingerprint == whole.fingerprint, folder


@pytest.mark.parametrize("parts", [("Training", "PublicTest", "PrivateTest"), ("train", "publictest", "PRIVATETEST")])
def test_public_and_private_test_are_together_the_test(tmp_path, parts):
    faces = load(write_set(tmp_path / "set", parts))
    assert faces.counts().sum().to_dict() == {"Training": 6, "PublicTest": 6, "PrivateTest": 6}
    assert len(faces.test) == 12


@pytest.mark.parametrize("container", ["", *ARCHIVES])
@pytest.mark.parametrize("inner", ["images/images", "images/images/images"])
def test_the_same_tree_twice_is_read_once(tmp_path, container, inner, capsys):
    write_set(tmp_path / "set" / "images", ("train", "validation"))
    write_set(tmp_path / "set" / inner, ("train", "validation"))
    if inner.count("/") > 1:
        return refused(packed(tmp_path / "set", container), "several data sets", "images/", f"{inner}/")
    faces = load_faces(packed(tmp_path / "set", container))
    assert len(faces) == 12 and "Read once, though it is there twice: images/images/" in capsys.readouterr().out


def test_more_than_one_candidate_is_listed(tmp_path):
    write_set(tmp_path / "set", ("a/train", "a/test", "b/train", "b/test"))
    refused(tmp_path / "set", "several data sets", "a/", "b/", "give the path of one")
    refused(write_set(tmp_path / "twins", ("train", "training", "test")), "several folders for training", "train/")
    write_csv(write_set(tmp_path / "both") / "fer2013.csv", TABLE)
    refused(tmp_path / "both", "fer2013.csv", "images", "give the path of one")
    for name in ("a.csv", "b.csv"):
        (tmp_path / "tables").mkdir(exist_ok=True)
        write_csv(tmp_path / "tables" / name, TABLE)
    refused(tmp_path / "tables", "several tables", "a.csv", "b.csv")


@pytest.mark.parametrize("val", ["val", "valid", "Validation"])
def test_a_validation_part_is_kept_and_used(tmp_path, val, capsys):
    faces = load_faces(write_set(tmp_path / "set", ("train", val, "test"), n=4))
    assert "12 for training, 12 for validation and 12 for testing" in capsys.readouterr().out
    assert faces.counts().sum().to_dict() == {"Training": 12, "Validation": 12, "Test": 12}
    parts = split(faces)
    assert "Validation: the 12 images" in capsys.readouterr().out
    assert [len(part) for part in parts] == [12, 12, 12] and set(parts.val.usage) == {"Validation"}
    assert faces.join(faces).val.usage.size == 24 and len(faces.without_leaks()) == 36
    leaked = faces.join(faces.val)  # each once more: a copy
    found = audit(leaked)
    assert (found["copies_in_train"].sum(), found["copies_in_test"].sum(), len(leaked.without_leaks())) == (12, 0, 36)


@links
@pytest.mark.parametrize("what", ["train", "train/angry", "train/angry/0.png"])
@pytest.mark.parametrize("container", ["", "faces.tar", "faces.tar.xz"])
def test_links_are_followed(tmp_path, what, container):
    whole = load(write_set(tmp_path / "plain"))
    folder = write_set(tmp_path / "set")
    (folder / what).rename(folder / "elsewhere")
    (folder / what).symlink_to(os.path.relpath(folder / "elsewhere", (folder / what).parent))
    assert load(packed(folder, container)).fingerprint == whole.fingerprint


@links
def test_links_in_a_loop_and_to_nowhere_are_named(tmp_path):
    folder = write_set(tmp_path / "set")
    (folder / "beside").symlink_to("/nowhere")
    assert counted(folder) == (6, 0, 6)
    (folder / "train" / "angry" / "9.png").symlink_to("/nowhere/9.png")
    refused(folder, "9.png", "a link to /nowhere/9.png")
    refused(packed(folder, "faces.tar"), "9.png", "a link to /nowhere/9.png")
    (folder / "train" / "angry" / "9.png").unlink()
    (folder / "train" / "angry" / "again").symlink_to(folder / "train")
    refused(folder, "angry/again")
    (folder / "train" / "angry" / "again").rename(folder / "again")
    assert counted(folder) == (6, 0, 6)


@links
def test_a_tars_hard_links_are_images_too(tmp_path):
    folder = write_set(tmp_path / "set")
    os.link(folder / "train" / "angry" / "0.png", folder / "train" / "happy" / "9.png")
    faces = load(packed(folder, "faces.tar.gz"))
    assert len(faces.train) == 7 and (faces.images[faces.names == "train/happy/9.png"]
                                      == faces.images[faces.names == "train/angry/0.png"]).all()


def test_a_zips_links_are_followed(tmp_path):
    path = zip_of(write_set(tmp_path / "set"), tmp_path / "faces.zip")
    with zipfile.ZipFile(path, "a") as archive:
        for name, target in (("train/happy/9.png", "../angry/0.png"), ("train/happy/8.png", "9.png")):
            link = zipfile.ZipInfo(name)
            link.external_attr = 0o120777 << 16
            archive.writestr(link, target)
    assert len(load(path).train) == 8


NAMES = [
    ["anger", "disgusted", "fearful", "happiness", "sadness", "surprised", "neutrality"],
    ["ANGER", "Disgust", "Fear", "Happy", "Sad", "Suprise", "Neutral"],
    [f"{code}_{name}" for code, name in enumerate(CODES)],
    [f"{code:02}-{name.title()}" for code, name in enumerate(CODES)],
    ["0 angry", "1. disgust", "afraid", "3_happiness", "sad ", "suprised", "neutral"]]


@pytest.mark.parametrize("names", NAMES, ids=lambda names: names[0])
@pytest.mark.parametrize("classes", ["all", "Angry,Happy,Neutral", "anger,SADNESS"])
def test_common_forms_of_the_classes_names(tmp_path, names, classes):
    whole = load(write_set(tmp_path / "plain"), classes.replace("anger", "angry").replace("SADNESS", "sad"))
    faces = load(write_set(tmp_path / "set", names=names), classes)
    assert faces.fingerprint == whole.fingerprint and faces.classes == whole.classes


def test_what_a_class_was_called_is_said(tmp_path, capsys):
    load_faces(write_set(tmp_path / "set", names=NAMES[0]))
    assert "Classes: anger is Angry, disgusted is Disgust, fearful is Fear, happiness" in capsys.readouterr().out


def test_digits_are_codes_only_where_they_are_0_to_6(tmp_path, capsys):
    whole = load(write_set(tmp_path / "plain"), "all")
    digits = write_set(tmp_path / "set", names=list("0123456"))
    assert load_faces(digits, "all").fingerprint == whole.fingerprint
    assert "whose classes 0 to 6 are read as FER2013's codes, 0 Angry to 6 Neutral" in capsys.readouterr().out
    seven = write_set(tmp_path / "seven", names=list("1234567"))
    refused(seven, "1, 2, 3, 4, 5, 6, 7", "number otherwise", "classes=all")
    assert load(seven, "all").classes == tuple("1234567") and load(seven, "2,1").classes == ("2", "1")
    eleven = load(write_set(tmp_path / "eleven", names=[str(i) for i in range(11)]), "all")
    assert eleven.classes == tuple(str(i) for i in range(11))


@pytest.mark.parametrize("extra", ["contempt", "Contempt", "7_contempt"])
def test_an_eighth_class_is_counted_and_said(tmp_path, extra, capsys):
    folder = write_set(tmp_path / "set", names=(*CODES, extra))
    assert len(load_faces(folder)) == 12 and f"4 {extra}" in capsys.readouterr().out.splitlines()[1]
    assert load(folder, "all").classes[-1] == extra


@pytest.mark.parametrize("litter", ["thumbs.db", "THUMBS.DB", "Desktop.ini", ".DS_Store", "._0.png", "@eaDir/0.png",
                                    "0.png:Zone.Identifier", ".ipynb_checkpoints/0.png", "__MACOSX/0.png"])
@pytest.mark.parametrize("container", ["", "faces.zip"])
def test_system_litter_by_any_case(tmp_path, litter, container):
    folder = write_set(tmp_path / "set")
    for place in ("", "train/angry"):
        (folder / place / litter).parent.mkdir(exist_ok=True)
        (folder / place / litter).write_bytes(b"x")
    assert counted(packed(folder, container)) == (6, 0, 6)


@pytest.mark.parametrize(("change", "words"), [
    (lambda grey: grey.astype(np.uint16) * 257, "0 to 65,535"),
    (lambda grey: grey.astype(np.uint16) * 16 + 15, "0 to 4,095"), (lambda grey: grey.astype(np.uint16), "0 to 255"),
    (lambda grey: grey.astype(np.int32) * 257, "0 to 65,535"), (lambda grey: np.float32(grey) / 255, "0 to 1"),
    (lambda grey: np.float32(grey), "0 to 255")], ids=["16", "12", "8 in 16", "32", "to 1", "to 255"])
def test_more_than_eight_bits_keep_their_grey_levels(tmp_path, change, words, capsys):
    whole = load(write_set(tmp_path / "plain"))
    folder = write_set(tmp_path / "set", suffix="tiff", change=lambda image: Image.fromarray(change(np.asarray(image))))
    faces = load_faces(folder)
    assert np.abs(faces.images.astype(int) - whole.images).max() <= 1 and len(np.unique(faces.images)) > 200
    assert f"Scaled to 0 to 255 from grey levels {words}: 12 images" in capsys.readouterr().out


def test_floats_that_are_no_grey_levels(tmp_path):
    for i, value in enumerate((-1, 300, float("nan"))):
        grey = np.full((48, 48), value, np.float32)
        folder = write_set(tmp_path / str(i), suffix="tiff", change=lambda _, grey=grey: Image.fromarray(grey))
        refused(folder, "grey levels")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_stand_up(tmp_path, orientation):
    half = np.zeros((48, 48), np.uint8)
    half[:24] = 255  # bright above, dark below
    turn = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90",
            7: "TRANSVERSE", 8: "ROTATE_270"}
    image = Image.fromarray(half)
    if orientation > 1:
        image = image.transpose(Image.Transpose[turn[orientation]])
    image.getexif()[0x0112] = orientation
    folder = write_set(tmp_path / "set", suffix="jpg", change=lambda _: image)
    for file in folder.rglob("*.jpg"):
        image.save(file, exif=image.getexif(), quality=95)
    assert (load(folder).images[:, :20] > 200).all() and (load(folder).images[:, 28:] < 55).all()


def test_pictures_of_other_shapes_modes_and_formats(tmp_path, capsys):
    folder = write_set(tmp_path / "set", n=0)
    grey = np.tile(np.linspace(40, 200, 48).astype(np.uint8), (48, 1))
    wide = np.pad(grey, ((0, 0), (30, 31)), constant_values=255)
    clear = np.dstack([grey] * 3 + [np.full((48, 48), 0, np.uint8)])
    pictures = {"plain.png": grey, "plain.gif": grey, "plain.webp": np.dstack([grey] * 3), "plain.bmp": grey,
                "plain.tif": grey, "plain.ppm": grey, "wide.png": wide, "tall.png": wide.T, "clear.png": clear}
    for part, code in itertools.product(("train", "test"), ("angry", "happy", "neutral")):
        for name, pixels in pictures.items():
            options = {"lossless": True} if name.endswith("webp") else {}
            Image.fromarray(pixels).save(folder / part / code / name, **options)
    faces = load_faces(folder)
    kinds = {Path(name).name: image.astype(int) for name, image in zip(faces.names, faces.images, strict=True)}
    assert len(faces) == 54 and (kinds.pop("clear.png") == 128).all()
    assert (kinds.pop("tall.png") == grey.T).all()
    assert all(np.abs(image - grey).max() <= 1 for image in kinds.values())
    out = capsys.readouterr().out
    assert "Cropped to a square at the centre: 12 images" in out and "Laid over grey where transparent: 6 images" in out


def test_a_picture_that_no_format_fits_is_named_without_an_address(tmp_path):
    folder = write_set(tmp_path / "set")
    (folder / "train" / "angry" / "9.png").write_bytes(b"not a picture")
    refused(folder, "train/angry/9.png", "no format that Pillow knows")
    with pytest.raises(ValueError, match="^((?!0x).)*$"):
        load_faces(folder)


def test_train_and_test_tables(tmp_path, capsys):
    names = iter(itertools.product(("train", "Training"), ("test", "TEST"), (True, False)))
    training = [row for row in TABLE if row[1] == "Training"]
    testing = [row for row in TABLE if row[1] != "Training"]
    for i, (train, test, labelled) in enumerate(names):
        folder = tmp_path / str(i) / "fer2013"
        folder.mkdir(parents=True)
        write_csv(folder / f"{train}.csv", training, "emotion,pixels", (0, 1))
        write_csv(folder / f"{test}.csv", testing, *(("emotion,pixels", (0, 1)) if labelled else ("pixels", (1,))))
        faces = load(tmp_path / str(i))
        assert len(faces.train) == N_TABLE and (faces.test.labels is not None) == labelled
        assert len(faces.test) == (len(load(write_csv(tmp_path / "w.csv", TABLE)).test) if labelled else len(testing))
    assert load(folder / "Training.csv").names[0] == "line 2"
    write_csv(folder / "val.csv", training[:7], "emotion,pixels", (0, 1))
    assert counted(folder) == (N_TABLE, sum(code in (0, 3, 6) for code, *_ in training[:7]), len(testing))


DIALECTS = [{"delimiter": ";"}, {"delimiter": "\t"}, {"delimiter": "|"}, {"quoting": csv.QUOTE_ALL},
            {"quoting": csv.QUOTE_NONNUMERIC, "lineterminator": "\r\n"}, {"lineterminator": "\r"}]
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")


def written(path: Path, rows, header=("emotion", "pixels", "Usage"), encoding="utf-8", **dialect) -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, **dialect)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def cells(rows=TABLE) -> list[tuple]:
    return [(code, " ".join(map(str, pixels.ravel().tolist())), usage) for code, usage, pixels in rows]


@pytest.mark.parametrize(("encoding", "dialect"), [("utf-8", d) for d in DIALECTS] + [(e, {}) for e in ENCODINGS])
def test_delimiters_quotes_and_encodings_are_found_out(tmp_path, encoding, dialect):
    plain = load(write_csv(tmp_path / "plain.csv", TABLE))
    path = written(tmp_path / "fer2013.csv", cells(), encoding=encoding, **dialect)
    assert load(path).fingerprint == plain.fingerprint


@pytest.mark.parametrize(("header", "change"), [
    ("EMOTION,pixels,usage", lambda code, pixels, usage: (code, pixels, usage.lower())),
    (" Emotion , Pixels,USAGE", lambda code, pixels, usage: (code, pixels, usage.upper())),
    ("emotion,pixels,Usage", lambda code, pixels, usage: (float(code), pixels, usage)),
    ("emotion,pixels,Usage", lambda code, pixels, usage: (CODES[code], pixels, usage)),
    ("Usage,,emotion,pixels", lambda code, pixels, usage: (usage, 7, code, pixels)),
    ("emotion, pixels, Usage", lambda code, pixels, usage: (f"{code}", f' "{pixels}"', f" {usage}"))])
def test_columns_codes_and_usages_as_people_write_them(tmp_path, header, change):
    plain = load(write_csv(tmp_path / "plain.csv", TABLE))
    text = "\n".join([header, *(",".join(map(str, change(*row))) for row in cells())])
    (tmp_path / "fer2013.csv").write_text(text)
    assert load(tmp_path / "fer2013.csv").fingerprint == plain.fingerprint


@pytest.mark.parametrize("empty", [",,\n,,\n", "\n \n", '"","",\n, ,\n'])
def test_empty_rows_are_skipped_and_counted(tmp_path, empty, capsys):
    path = write_csv(tmp_path / "fer2013.csv", TABLE)
    path.write_text(path.read_text() + empty)
    assert len(load_faces(path).train) == N_TABLE and "Empty rows skipped: 2" in capsys.readouterr().out


@pytest.mark.parametrize("first", [0, 30])
def test_a_table_without_a_header_is_told_shortly(tmp_path, first):
    path = write_csv(tmp_path / "fer2013.csv", TABLE)
    path.write_text("".join(path.read_text().splitlines(True)[1 + first:]))
    refused(path, "line 1", "header", "emotion, pixels, Usage")
    refused(tmp_path, "fer2013.csv", "header")


@pytest.mark.parametrize("name", ["fer2013.csv.gz", "fer2013.csv.zip", "fer2013.csv", *ARCHIVES])
def test_packed_tables(tmp_path, name):
    (tmp_path / "in").mkdir()
    plain = write_csv(tmp_path / "in" / "fer2013.csv", TABLE)
    whole, path = load(plain), tmp_path / "packed" / name
    path.parent.mkdir()
    if name.endswith("csv.gz"):
        path.write_bytes(gzip.compress(plain.read_bytes()))
    else:  # a download may bear the table's name and yet be a zip
        (zip_of if "tar" not in name and "tgz" not in name else tar_of)(tmp_path / "in", path)
    assert load(path).fingerprint == whole.fingerprint
    if name != "fer2013.csv":
        assert load(path.parent).fingerprint == whole.fingerprint


@pytest.mark.parametrize("keep", [("Training",), ("PublicTest", "PrivateTest"), ("PrivateTest",)])
def test_a_table_of_some_parts_only(tmp_path, keep):
    rows = [row for row in make_rows(70) if row[1] in keep]
    faces = load(write_csv(tmp_path / "fer2013.csv", rows))
    assert set(faces.usage) == set(keep) and (len(faces.train) > 0) == ("Training" in keep)


@pytest.mark.parametrize(("at", "value", "words"), [(8, 1, "has a password"), (10, 9, "number 9")])
def test_a_password_or_a_rare_method_is_not_called_damage(tmp_path, at, value, words):
    write_csv(tmp_path / "fer2013.csv", TABLE[:7])
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(tmp_path / "fer2013.csv", "fer2013.csv")
    content = bytearray((tmp_path / "x.zip").read_bytes())
    content[content.find(b"PK\1\2") + at], content[at - 2] = value, value
    (tmp_path / "x.zip").write_bytes(content)
    refused(tmp_path / "x.zip", "x.zip", words, "unpack it")
    with pytest.raises(ValueError, match="^((?!damaged).)*$"):
        load_faces(tmp_path / "x.zip")


def test_a_web_page_in_place_of_a_download(tmp_path):
    for name in ("fer2013.zip.html", "archive", "fer2013.csv"):
        (tmp_path / name).write_text("<!DOCTYPE html><title>Sign in</title>")
        refused(tmp_path / name, "web page", "sign in")


def votes(path: Path, rows, chosen) -> Path:
    """A file like FER+'s: for each row of FER2013's table ten votes."""
    columns = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
    lines = [(usage, f"fer{i:07}.png", *(pick.count(column[0]) for column in columns))
             for i, ((_, usage, _), pick) in enumerate(zip(rows, chosen, strict=True))]
    return written(path, lines, ("Usage", "Image name", *columns))


def test_the_labels_of_fer_plus(tmp_path, capsys):
    rows = make_rows(8)
    write_csv(tmp_path / "fer2013.csv", rows)
    # The first letters of the columns: neutral, happiness, anger, contempt, a tie, unknown, no face, neutral.
    picks = ["n" * 8 + "sh", "h" * 10, "a" * 6 + "nnnn", "c" * 9 + "n", "nnnnnaaaaa", "u" * 9 + "n", "N" * 10, "n" * 10]
    votes(tmp_path / "fer2013new.csv", rows, picks)
    faces = load_faces(tmp_path, labels="fer+")
    assert [faces.classes[label] for label in faces.labels] == ["Neutral", "Happy", "Angry", "Neutral"]
    assert (faces.images == [rows[i][2] for i in (0, 1, 2, 7)]).all() and faces.names[-1] == "line 9"
    out = capsys.readouterr().out
    assert "Left out: 1 contempt" in out
    assert "Left out by FER+: 1 without a majority, 1 that most call unknown, 1 that most call no face" in out
    assert load(tmp_path).labels.tolist() == [0, 1, 2, 0]  # its own, unless asked
    votes(tmp_path / "fer2013new.csv", rows[:7], picks[:7])
    for words in ("does not follow", "needs FER+"):
        with pytest.raises(ValueError, match=words.replace("+", r"\+")):
            load_faces(tmp_path, labels="fer+")
        (tmp_path / "fer2013new.csv").unlink(missing_ok=True)
    with pytest.raises(ValueError, match="there are no labels 'fer'"):
        load_faces(tmp_path, labels="fer")


def test_an_accent_is_one_class_however_the_system_writes_it(tmp_path, capsys):
    composed, parted = "Ém\u00fc", "E\u0301mu\u0308"
    write_set(tmp_path, ("train",), (composed, "Sad"))
    write_set(tmp_path, ("test",), (parted, "Sad"))
    faces = load_faces(tmp_path, "all")
    assert faces.classes == ("Sad", composed) and faces.counts().to_numpy().tolist() == [[2, 2], [2, 2]]
    assert load_faces(tmp_path, parted).classes == (composed,) and "Classes:" not in capsys.readouterr().out


def test_numbers_of_a_table_of_ones_own_are_said_to_be_read_as_codes(tmp_path, capsys):
    load_faces(write_csv(tmp_path / "mine.csv", TABLE))
    assert "whose classes 0 to 6 are read as FER2013's codes" in capsys.readouterr().out
    named = [(CODES[code], usage, pixels) for code, usage, pixels in TABLE]
    for path in (write_csv(tmp_path / "fer2013.csv", TABLE), write_csv(tmp_path / "named.csv", named)):
        load_faces(path)
        assert "codes" not in capsys.readouterr().out, path


def test_a_column_that_is_there_twice_and_another_encoding_have_their_advice(tmp_path):
    text = write_csv(tmp_path / "fer2013.csv", TABLE).read_text()
    header, rest = text.split("\n", 1)
    (tmp_path / "twice.csv").write_text(f"{header},emotion\n" + rest.replace("\n", ",1\n"))
    refused(tmp_path / "twice.csv", "the column emotion is there twice")
    (tmp_path / "latin.csv").write_bytes(text.replace("Training", "Übung").encode("latin-1"))
    refused(tmp_path / "latin.csv", "save it as UTF-8")


def test_parts_of_unknown_names_are_told_the_known_ones(tmp_path):
    refused(write_set(tmp_path, ("train_set", "test_set")), "test_set/, train_set/", "call the parts of one set train")


def test_settings_of_the_split_and_labels_are_checked_too():
    with pytest.raises(CourseError, match="seed is -1: give a whole number from 0"):
        split(load("sample"), seed=-1)
    with pytest.raises(CourseError, match="has no votes of FER\\+"):
        load_faces("sample", labels="fer+")
    for wrong in (lambda: load_faces("sample", labels="x" * 500), lambda: load("sample").with_classes(["y" * 500])):
        with pytest.raises(CourseError) as caught:
            wrong()
        assert len(str(caught.value)) <= 400

"""Readers of FER2013's published forms: whatever the files look like, the arrays come out alike.

`fer_utils.data.load_faces` calls them. Image forms come in natural order of the file names, training first (`_9` before
`_10`, whatever the folders are called); CSV forms keep the order of their rows. Nothing is ever unpacked to disk.
"""

import csv
import io
import os
import re
import tarfile
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from textwrap import shorten
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from fer_utils import CourseError

SIDE = 48
CODES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""FER2013's emotion codes, 0 to 6; its folders carry the same names."""
USAGES = ("Training", "PublicTest", "PrivateTest", "Test")
FER_CSV = ("fer2013.csv", "icml_face_data.csv")
COMPETITION = ("train_data.csv", "train_target.csv", "test_data.csv")
COMPETITION_CLASSES = ("angry", "happy", "neutral")
"""What the class competition's labels 0, 1 and 2 stand for."""
FORMS = f"train/<class>/ and test/<class>/, or {FER_CSV[0]}, or {FER_CSV[1]}, or {', '.join(COMPETITION)}"
TARS = (".tar.gz", ".tgz")
Open = Callable[[str], BinaryIO]


class DataError(CourseError):
    """The data cannot be used as they are: one sentence that says what is wrong, where, and what to do."""


class Raw(NamedTuple):
    """What a reader returns: uint8 (N, 48, 48), int64 (N,) with -1 where unlabelled, and two arrays of str (N,).

    found: classes (the names of the labels, in order), left_out (images by name of the classes not asked for),
    converted (images whose colours or size were changed), claims_fer2013 (whether it should be FER2013, whole).
    """

    images: np.ndarray
    labels: np.ndarray
    usage: np.ndarray
    names: np.ndarray
    found: dict


def read_source(path: Path, classes: Sequence[str]) -> Raw:
    """Read a folder, .zip, .tar.gz or .csv that holds one of the published forms; DataError says what is wrong.

    classes: names that the source holds, or none for all of them.
    """
    try:
        with _open_source(path) as (names, open_file):
            files = _clean(names, path)
            return _read_form(path, files, lambda name: open_file(files[name]), classes)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, RuntimeError) as error:
        raise DataError(f"{path} is damaged or incomplete ({error}): download it again.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}): check it or download it again.") from error


def list_files(folder: Path) -> list[str]:
    return [os.path.relpath(os.path.join(top, name), folder) for top, _, names in os.walk(folder) for name in names]


@contextmanager
def _open_source(path: Path) -> Iterator[tuple[list[str], Open]]:
    """Yield the names of the files in `path` and a function that opens one: from here on all containers are equal."""
    name = path.name.lower()
    if path.is_dir():
        yield list_files(path), lambda file: open(path / file, "rb")
    elif name.endswith(".csv"):
        yield [path.name], lambda file: path.open("rb")
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            yield archive.namelist(), archive.open
    elif name.endswith(TARS):
        with tarfile.open(path) as archive:
            yield [member.name + "/" * (not member.isfile()) for member in archive], archive.extractfile
    else:
        raise DataError(f"{path} is of a type not known here: give a folder, .zip, .tar.gz or .csv that holds {FORMS}.")


def _clean(names: list[str], path: Path) -> dict[str, str]:
    """Map names with forward slashes to the container's own names, without folders and systems' hidden files."""
    files = {}
    for name in names:
        clean = PurePosixPath(name.replace("\\", "/"))
        if clean.is_absolute() or ".." in clean.parts or re.match("[A-Za-z]:", name):
            raise DataError(f"{path} has an entry that climbs out of it, {name!r}: do not trust it, download it again.")
        hidden = any(part.startswith((".", "__MACOSX")) for part in clean.parts)
        if not hidden and not name.endswith(("/", "\\")) and clean.name not in ("Thumbs.db", "desktop.ini"):
            files[str(clean)] = name
    return files


def _read_form(path: Path, files: dict[str, str], open_file: Open, classes: Sequence[str]) -> Raw:
    """Recognise the form by the names of its files, the shallowest first, and read it."""
    ordered = sorted(files, key=lambda name: (name.count("/"), name))
    base = {name.split("/")[-1].lower(): name for name in reversed(ordered)}
    roots = [match[1] for name in ordered if (match := re.match("(|[^/]+/)(train|test)/", name, re.IGNORECASE))]
    if roots:
        root = min(roots)
        if root and len(set(roots)) > 1:
            raise DataError(f"{path} holds several data sets ({', '.join(sorted(set(roots)))}): give the path of one.")
        below = {name[len(root):]: name for name in files if name.startswith(root)}
        return _read_images(path, below, open_file, classes)
    for name in FER_CSV if path.suffix.lower() != ".csv" else base:
        if name in base:
            where = path if path.suffix.lower() == ".csv" else path / base[name]
            return _read_csv(open_file(base[name]), str(where), name in FER_CSV, classes)
    if all(name in base for name in COMPETITION):
        return _read_competition(path, [open_file(base[name]) for name in COMPETITION], classes)
    archives = [name for name in ordered if "/" not in name and name.lower().endswith((".zip", *TARS))]
    if path.is_dir() and len(archives) == 1:
        return read_source(path / archives[0], classes)
    raise DataError(f"{path} {'holds none of the known forms' if files else 'is empty'}: put there {FORMS}.")


def choose_classes(where: Path | str, there: Counter, wanted: Sequence[str]) -> tuple[dict[str, int], dict]:
    """The label of each class folder or code to be read, and `classes` and `left_out` for `Raw.found`.

    there: images by the name that the source uses; case says nothing, and FER2013's names are written with a capital.
    wanted: names, or none for all: FER2013's in its order, then others by the alphabet. DataError where one is absent.
    """
    spelled = {name.casefold(): name.capitalize() if name.casefold() in CODES else name for name in sorted(there)}
    order = [*CODES, *sorted(spelled.keys() - set(CODES))]
    listed = [spelled[key] for key in order if key in spelled]
    missing = ", ".join(name for name in wanted if name.casefold() not in spelled)
    if missing:
        missing, held = (shorten(names, 120, placeholder=" ...") for names in (missing, ", ".join(listed)))
        raise DataError(f"{where} has no class {missing}, only {held}: give classes=all, or some of these names.")
    chosen = tuple(spelled[name.casefold()] for name in wanted) or tuple(listed)
    labels = {name.casefold(): label for label, name in enumerate(chosen)}
    left_out = Counter()
    for name, n in there.items():
        if name.casefold() not in labels:
            left_out[spelled[name.casefold()]] += n
    return labels, {"classes": chosen, "left_out": {name: left_out[name] for name in listed if name in left_out}}


def _read_images(path: Path, files: dict[str, str], open_file: Open, classes: Sequence[str]) -> Raw:
    """Read `train/<class>/` and `test/<class>/`; a label is the class folder's name, never its place in a list."""
    entries = sorted(_image_entries(path, files))
    labels, found = choose_classes(path, Counter(folder for _, _, folder, _ in entries), classes)
    entries = [entry for entry in entries if entry[2].casefold() in labels]
    present = {(is_test, folder.casefold()) for is_test, _, folder, _ in entries}
    for is_test, part in enumerate(("train", "test")):
        for missing in (name for name in labels if (is_test, name) not in present):
            raise DataError(f"{path}: the class folder {part}/{missing} is missing or empty: unpack the data again.")
    images, converted, usage = np.empty((len(entries), SIDE, SIDE), np.uint8), 0, []
    for i, (is_test, (prefix, *_), _, name) in enumerate(entries):
        with open_file(files[name]) as file:
            images[i], changed = _decode(file.read(), f"{path}: {name}")
        converted += changed
        part = {"publictest_": "PublicTest", "privatetest_": "PrivateTest"}.get(prefix, "Test")
        usage.append(part if is_test else "Training")
    claims = any(number[0] in ("training_", "publictest_", "privatetest_") for _, number, _, _ in entries)
    numbers = np.array([labels[folder.casefold()] for _, _, folder, _ in entries], np.int64)
    names = np.array([entry[-1] for entry in entries], str)
    return Raw(images, numbers, np.array(usage, str), names,
               found | {"converted": converted, "claims_fer2013": claims})


def _image_entries(path: Path, files: dict[str, str]) -> Iterator[tuple[int, list, str, str]]:
    """Yield (1 if test, file name cut at its numbers, class folder, name): sorted, these are in natural order."""
    for name in files:
        part, *folders, file = name.split("/")
        if part.lower() not in ("train", "test"):
            continue
        if len(folders) != 1:
            raise DataError(f"{path}: {name} is in no class folder: put each image into {part}/<class>/.")
        if not file.lower().endswith((".jpg", ".jpeg", ".png", ".bmp")):
            raise DataError(f"{path}: {name} is of a type not known here: class folders hold .jpg, .png or .bmp files.")
        cut = [int(piece) if piece.isdecimal() else piece for piece in re.split(r"(\d+)", file.lower())]
        yield int(part.lower() == "test"), cut, folders[0], name


def _decode(data: bytes, where: str) -> tuple[np.ndarray, bool]:
    """Decode one image to uint8 (48, 48); the second value says whether its colours or size had to be changed."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "BMP")) as image:
            changed = image.mode != "L" or image.size != (SIDE, SIDE)
            grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR) if changed else image
            return np.asarray(grey), changed
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{where} is no whole image ({error}): replace it or unpack the data again.") from error


def _rows(stream: BinaryIO, where: str, delimiter: str = ",") -> Iterator[tuple[str, list[str]]]:
    """Yield each row of a CSV file that is not empty, after the words that say where it is."""
    try:
        with io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
            reader = csv.reader(text, delimiter=delimiter)
            for row in reader:
                if row:
                    yield f"{where}, line {reader.line_num}", row
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{where} is no proper CSV file ({error}): download it again.") from error


def _pixels(text: str, separator: str, where: str) -> np.ndarray:
    """Parse 2,304 whole numbers from 0 to 255 to uint8 (48, 48)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what older numpy only warns of, newer numpy raises
            # int64, since a narrower type would wrap 65,636 round to a valid pixel.
            values = np.fromstring(text, np.int64, sep=separator)
    except (ValueError, DeprecationWarning) as error:
        raise DataError(f"{where}: a pixel is not a whole number: fix the row or download the file again.") from error
    if len(values) != SIDE * SIDE:
        raise DataError(f"{where}: the row has {len(values)} pixels, not {SIDE * SIDE}: download the file again.")
    if values.min() < 0 or values.max() > 255:
        wrong = values[(values < 0) | (values > 255)][0]
        raise DataError(f"{where}: the pixel value {wrong} is not within 0 to 255: fix the row or download it again.")
    return values.astype(np.uint8).reshape(SIDE, SIDE)


def _read_csv(stream: BinaryIO, where: str, claims_fer2013: bool, classes: Sequence[str]) -> Raw:
    """Read columns emotion, pixels and Usage, in any order and with any spaces around their names."""
    rows = _rows(stream, where)
    header = [name.strip().lower() for name in next(rows, ("", []))[1]]
    for name in ("emotion", "pixels", "Usage"):
        if name.lower() not in header:
            raise DataError(f"{where}, line 1: there is no column {name}, only {header}: give the whole fer2013.csv.")
    kept = []
    for at, row in rows:
        if len(row) != len(header):
            raise DataError(f"{at}: {len(row)} fields under {len(header)} columns: fix the row or download it again.")
        values = dict(zip(header, map(str.strip, row), strict=True))
        code, usage = values["emotion"], values["usage"]
        if code not in tuple("0123456"):
            raise DataError(f"{at}: the emotion code {code!r} is unknown: FER2013's are 0 to 6; fix the row.")
        if usage not in USAGES:
            raise DataError(f"{at}: the usage {usage!r} is unknown: it must be one of {', '.join(USAGES)}.")
        kept.append((_pixels(values["pixels"], " ", at), CODES[int(code)], usage, at.rsplit(", ")[-1]))
    if not kept:
        raise DataError(f"{where} has no row with a face: download it again.")
    labels, found = choose_classes(where, Counter(name for _, name, _, _ in kept), classes)
    images, emotions, usage, names = zip(*(row for row in kept if row[1] in labels), strict=True)
    numbers = np.array([labels[emotion] for emotion in emotions], np.int64)
    return Raw(np.stack(images), numbers, np.array(usage, str), np.array(names, str),
               found | {"converted": 0, "claims_fer2013": claims_fer2013})


def _read_competition(path: Path, streams: list[BinaryIO], classes: Sequence[str]) -> Raw:
    """Read the class competition's files, which have no header; its test images are unlabelled (-1)."""
    # No tab occurs, so a row is one string, which is parsed at once.
    train, target, test = (_rows(s, str(path / name), "\t") for s, name in zip(streams, COMPETITION, strict=True))
    train, test = ([(at, _pixels(row[0], ",", at)) for at, row in part] for part in (train, test))
    emotions = []
    for at, row in target:
        if row[0].strip() not in tuple("012"):
            raise DataError(f"{at}: the label {row[0]!r} is not 0, 1 or 2: fix the row or download the file again.")
        emotions.append(COMPETITION_CLASSES[int(row[0])])
    if len(emotions) != len(train):
        raise DataError(f"{path}: {COMPETITION[1]} has {len(emotions)} labels, but {COMPETITION[0]} {len(train)} "
                        "images: download both again.")
    labels, found = choose_classes(path, Counter(dict.fromkeys(COMPETITION_CLASSES, 0)) + Counter(emotions), classes)
    kept = [(image, labels[name], "Training", at) for (at, image), name in zip(train, emotions, strict=True)
            if name in labels] + [(image, -1, "Test", at) for at, image in test]
    images, numbers, usage, places = zip(*kept, strict=True)
    names = np.array([Path(at).name for at in places])
    return Raw(np.stack(images), np.array(numbers, np.int64), np.array(usage), names,
               found | {"converted": 0, "claims_fer2013": False})

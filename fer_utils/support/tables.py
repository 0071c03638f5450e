"""Faces in tables: a row holds a class, 2,304 pixels and a usage; in the class competition's files, one of these."""

import csv
import gzip
import io
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from textwrap import shorten
from typing import BinaryIO, NamedTuple

import numpy as np

from fer_utils import brief
from fer_utils.support.archives import FREE_GROWTH, GROWTH, DataError, Open, shown
from fer_utils.support.images import SIDE
from fer_utils.support.schema import CODES, USAGES

LONGEST_LINE, MOST_LINES = 100_000, 1_000_000
"""Characters and lines of a table; FER2013's has 9,221 and 35,888."""
COMPETITION = ("train_data.csv", "train_target.csv", "test_data.csv")
COMPETITION_CLASSES = ("angry", "happy", "neutral")
"""What the class competition's labels 0, 1 and 2 stand for."""
CODED = {str(code): name for code, name in enumerate(CODES)}
VOTED = {"neutral": "neutral", "happiness": "happy", "surprise": "surprise", "sadness": "sad", "anger": "angry",
         "disgust": "disgust", "fear": "fear", "contempt": "contempt", "unknown": "", "nf": ""}
"""FER+'s columns of votes, and the class that each stands for: unknown and no face are none."""


class Rows(NamedTuple):
    """A table's rows: images, uint8 (48, 48); classes by name, "" where unlabelled; usage; line; how many rows are
    empty, and how many have a number that is read as FER2013's code."""

    images: list[np.ndarray]
    names: list[str]
    usage: list[str]
    lines: list[int]
    empty: int = 0
    coded: int = 0


@contextmanager
def _opened(open_file: Open, name: str) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The file's own stream and what is in it, which is the same unless it is packed by gzip."""
    with open_file() as stream:
        if name.lower().endswith(".gz"):
            with gzip.open(stream) as unpacked:
                yield stream, unpacked
        else:
            yield stream, stream


def _encoding(head: bytes) -> str:
    """UTF-16 where there is its mark or a zero in every second byte; else UTF-8, with or without its mark."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    zero = head[:2].find(b"\0")
    return "utf-8-sig" if zero < 0 else ("utf-16-be", "utf-16-le")[zero]


def rows(open_file: Open, where: str, delimiter: str = "") -> Iterator[tuple[int, list[str]]]:
    """Yield each line's number and its fields, stripped. Without a delimiter given it is what the first line has most.

    `where` ends with the file's name. DataError for what is no text, or has more lines or longer ones than tables have.
    """
    with _opened(open_file, where) as (packed, stream):
        try:
            text = io.TextIOWrapper(stream, _encoding(stream.peek(2)))
            for number, line in enumerate(iter(lambda: text.readline(LONGEST_LINE), ""), 1):
                if len(line) == LONGEST_LINE or number > MOST_LINES:
                    raise csv.Error(f"more than {MOST_LINES:,} lines, or one of {LONGEST_LINE:,} characters")
                if packed is not stream and stream.tell() > max(FREE_GROWTH, GROWTH * packed.tell()):
                    raise csv.Error(f"it grows to more than {FREE_GROWTH // 1_000_000} MB")
                delimiter = delimiter or max(",;\t|", key=line.count)
                quoted = '"' in line
                fields = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True)) if quoted else (
                    line.split(delimiter))
                yield number, [field.strip() for field in fields]
        except (csv.Error, UnicodeError) as error:
            advice = "save it as UTF-8, or " if isinstance(error, UnicodeError) else ""
            raise DataError(f"{shown(where)} is no proper CSV file ({brief(error)}): {advice}download it again."
                            ) from error


def header(open_file: Open, where: str) -> list[str]:
    """The names in a table's first line, without their case; none where it cannot be read as a table."""
    try:
        with closing(rows(open_file, where)) as lines:
            return [name.casefold() for name in next(lines, (1, []))[1]]
    except DataError:
        return []


def _records(open_file: Open, where: str, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row's line and its fields by the columns' names; no fields for an empty row."""
    with closing(rows(open_file, where)) as lines:
        columns = [name.casefold() for name in next(lines, (1, []))[1]]
        for name in needed:
            if columns.count(name.casefold()) > 1:
                raise DataError(f"{shown(where)}, line 1: the column {name} is there twice: keep one of the two.")
            if name.casefold() not in columns:
                there = shorten(", ".join(column[:20] for column in columns), 100, placeholder=" ...")
                raise DataError(f"{shown(where)}, line 1: there is no column {name}, only {there or 'an empty line'}: "
                                f"the first line must be a header that names {', '.join(needed)}.")
        for number, fields in lines:
            if any(fields) and len(fields) != len(columns):
                raise DataError(f"{shown(where)}, line {number}: {len(fields)} fields under {len(columns)} columns: "
                                "fix the row or download it again.")
            yield number, dict(zip(columns, fields, strict=True)) if any(fields) else {}


def pixels(text: str, separator: str, at: str) -> np.ndarray:
    """Parse 2,304 whole numbers from 0 to 255 to uint8 (48, 48)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what older numpy only warns of, newer numpy raises
            # int64, since a narrower type would wrap 65,636 round to a valid pixel.
            values = np.fromstring(text, np.int64, sep=separator)
    except (ValueError, DeprecationWarning) as error:
        raise DataError(f"{at}: a pixel is not a whole number: fix the row or download the file again.") from error
    if len(values) != SIDE * SIDE:
        raise DataError(f"{at}: the row has {len(values)} pixels, not {SIDE * SIDE}: download the file again.")
    if values.min() < 0 or values.max() > 255:
        wrong = values[(values < 0) | (values > 255)][0]
        raise DataError(f"{at}: the pixel value {wrong} is not within 0 to 255: fix the row or download it again.")
    return values.astype(np.uint8).reshape(SIDE, SIDE)


def read_faces(open_file: Open, where: str, usage: str | None, any_number: bool) -> Rows:
    """Read columns emotion, pixels and Usage, in any order and case.

    usage: that of every row, where the table's own name tells it; then it needs no such column, and a test no emotion.
    any_number: whether codes beyond FER2013's 0 to 6 may stand for classes of those names.
    """
    needed = {None: ["emotion", "pixels", "Usage"], "Test": ["pixels"]}.get(usage, ["emotion", "pixels"])
    found, usages, empty = Rows([], [], [], []), {name.casefold(): name for name in USAGES}, 0
    for number, values in _records(open_file, where, needed):
        if not values:
            empty += 1
            continue
        at = f"{shown(where)}, line {number}"
        part = usage or usages.get(values["usage"].casefold())
        if part is None:
            raise DataError(f"{at}: the usage {values['usage'][:40]!r} is unknown: give one of {', '.join(USAGES)}.")
        found.images.append(pixels(values["pixels"], " ", at))
        found.names.append(values["emotion"].removesuffix(".0") if "emotion" in values else "")
        found.usage.append(part)
        found.lines.append(number)
    if not found.images:
        raise DataError(f"{shown(where)} has no row with a face: download it again.")
    labelled = "emotion" in needed or any(found.names)
    coded = len(found.images) if labelled and {*found.names} <= CODED.keys() else 0
    names = _named(found, where, any_number) if labelled else found.names
    return found._replace(names=names, empty=empty, coded=coded)


def _named(found: Rows, where: str, any_number: bool) -> list[str]:
    """The classes by name: FER2013's for its codes, or as they stand where none is a number."""
    there = set(found.names)
    if there <= CODED.keys():
        return [CODED[code] for code in found.names]
    if all(not name.isdecimal() and name for name in there) or any_number and all(name.isdecimal() for name in there):
        return found.names
    line, wrong = next((n, code) for n, code in zip(found.lines, found.names, strict=True) if code not in CODED)
    raise DataError(f"{shown(where)}, line {line}: the emotion code {wrong[:40]!r} is unknown: FER2013's are 0 to 6; "
                    "fix the row, or give classes=all where a collection numbers its classes otherwise.")


def read_votes(open_file: Open, where: str, usage: Sequence[str]) -> tuple[list[str], Counter]:
    """FER+'s class of each row: the one with the most votes; "" and counted, with the reason, where that is no class.

    usage: that of the rows of FER2013's table, which FER+'s follow.
    """
    names, without = [], Counter()
    reasons = {"unknown": "that most call unknown", "nf": "that most call no face"}
    records = [(n, values) for n, values in _records(open_file, where, ["Usage", *VOTED]) if values]
    if [values["usage"].casefold() for _, values in records] != [part.casefold() for part in usage]:
        raise DataError(f"{shown(where)} does not follow the rows of FER2013's table: download both again.")
    for number, values in records:
        try:
            votes = [float(values[column]) for column in VOTED]
        except ValueError as error:
            raise DataError(f"{shown(where)}, line {number}: a vote is not a number: download it again.") from error
        most = [column for column, n in zip(VOTED, votes, strict=True) if n == max(votes)]
        names.append(VOTED[most[0]] if len(most) == 1 else "")
        if not names[-1]:
            without["without a majority" if len(most) > 1 else reasons[most[0]]] += 1
    return names, without


def read_competition(path: Path, opens: Sequence[Open]) -> Rows:
    """Read the class competition's files, which have no header; its test images are unlabelled."""
    parts = []
    for name, open_file in zip(COMPETITION, opens, strict=True):
        # No tab occurs, so a row is one string, which is parsed at once.
        lines = rows(open_file, str(path / name), "\t")
        parts.append([(f"{path / name}, line {n}", text) for n, (text, *_) in lines if text])
        if not parts[-1]:
            raise DataError(f"{shown(path / name)} is empty: download it again.")
    train, target, test = parts
    for at, label in target:
        if label not in tuple("012"):
            raise DataError(f"{shown(at)}: the label {label[:40]!r} is not 0, 1 or 2: fix the row or the file.")
    if len(target) != len(train):
        raise DataError(f"{shown(path)}: {COMPETITION[1]} has {len(target)} labels, but {COMPETITION[0]} {len(train)} "
                        "images: download both again.")
    images = [pixels(text, ",", shown(at)) for at, text in train + test]
    names = [COMPETITION_CLASSES[int(label)] for _, label in target] + [""] * len(test)
    return Rows(images, names, ["Training"] * len(train) + ["Test"] * len(test), [at for at, _ in train + test])

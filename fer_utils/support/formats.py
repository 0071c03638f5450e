"""Readers of faces as people have them: whatever the files look like, the arrays come out alike.

`fer_utils.data.load_faces` calls them. Image forms come in natural order of the file names, training first (`_9` before
`_10`, whatever the folders are called); tables keep the order of their rows. Nothing is ever unpacked to disk.
"""

import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from posixpath import basename
from textwrap import shorten

import numpy as np

from fer_utils.support.archives import ARCHIVES, TABLES, DataError, Open, is_litter, listing, shown
from fer_utils.support.images import suffixes
from fer_utils.support.schema import Raw, choose_classes, say_what_lacks, settled, usage_of
from fer_utils.support.tables import COMPETITION, VOTED, Rows, header, read_competition, read_faces, read_votes
from fer_utils.support.trees import find_trees, read_images

FER_CSV = ("fer2013.csv", "icml_face_data.csv")
MOST_TABLES = 50
"""So many of a source's tables are looked into, the outermost first."""
FORMS = f"train/<class>/ and test/<class>/, or {FER_CSV[0]}, or {FER_CSV[1]}, or {', '.join(COMPETITION)}"
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, struct.error, RuntimeError,
          UnicodeError)


def read_source(path: Path, classes: Sequence[str], labels: str = "own") -> Raw:
    """Read a folder, archive or table that holds one of the known forms; DataError says what is wrong.

    classes: names that the source holds, or none for all of them. labels: "own", or "fer+" for the votes of FER+.
    """
    try:
        with listing(path) as files:
            return _read_form(path, files, classes, labels)
    except DAMAGE as error:
        raise DataError(f"{shown(path)} is damaged or incomplete ({shown(error)}): download it again.") from error
    except OSError as error:
        raise DataError(f"{shown(error.filename or path)} cannot be read ({error.strerror or error}): check it or "
                        "download it again.") from error


def _read_form(path: Path, every: dict[str, Open], classes: Sequence[str], labels: str) -> Raw:
    """Recognise the form by the names of the files and by the tables' first lines, and read it."""
    files = {name: open_file for name, open_file in every.items() if not is_litter(name)}
    images = {name for name in files if os.path.splitext(name)[1].lower() in suffixes()}
    in_parts = [name for name in images if name.count("/") > 1 and usage_of(name.rsplit("/", 2)[0])]
    tables, votes = _find_tables(path, files)
    competition = {basename(name).lower(): name for name in files}
    if in_parts and tables:
        raise DataError(f"{shown(path)} holds images ({shown(min(in_parts))}) and tables of faces "
                        f"({shown(', '.join(tables))}): give the path of one.")
    if labels == "fer+" and not (votes and set(tables.values()) == {None}):
        raise DataError(f"{shown(path)}: labels=fer+ needs FER+'s fer2013new.csv beside fer2013.csv: put both there.")
    if tables:
        return _read_tables(path, files, tables, votes if labels == "fer+" else None, classes)
    if all(name in competition for name in COMPETITION) and not in_parts:
        found = read_competition(path, [files[competition[name]] for name in COMPETITION])
        places = [Path(at).name for at in found.lines]
        return _from_rows(path, found, places, classes, [f"Read: {', '.join(COMPETITION)}"])
    trees, copies = find_trees(path, in_parts or [name for name in images if "/" in name])
    if trees:
        return read_images(path, files, images, trees, copies, classes)
    archives = [name for name in files if "/" not in name and name.lower().endswith(ARCHIVES)]
    if path.is_dir() and len(archives) == 1:
        return read_source(path / archives[0], classes, labels)
    what = f"several archives ({shown(', '.join(sorted(archives)))})" if archives else "none of the known forms"
    raise DataError(f"{shown(path)} {f'holds {what}' if files else 'is empty'}: put there {FORMS}.")


def _find_tables(path: Path, files: dict[str, Open]) -> tuple[dict[str, str | None], str | None]:
    """The tables of faces, with the usage that a table's name tells, and FER+'s votes; DataError for several sets."""
    tables = [name for name in files if name.lower().endswith(TABLES)]
    outermost = set(sorted(tables, key=lambda name: (name.count("/"), name))[:MOST_TABLES])
    heads = {name: set(header(files[name], name)) for name in tables if name in outermost}
    votes = next((name for name, columns in heads.items() if columns >= VOTED.keys()), None)
    whole = [name for name, columns in heads.items() if columns >= {"emotion", "pixels", "usage"}]
    called = [[name for name in whole if _base(name) == base] for base in FER_CSV]
    chosen = next(filter(None, called), whole)
    parts = {name: usage_of(name) for name, columns in heads.items() if "pixels" in columns and usage_of(name)}
    if chosen:
        parts = dict.fromkeys(chosen)
    elif not parts:
        parts = dict.fromkeys(name for name in tables if _base(name) in FER_CSV or name == path.name)
    if len(set(parts.values())) < len(parts):
        several = shorten(", ".join(map(shown, parts)), 200, placeholder=" ...")
        raise DataError(f"{shown(path)} holds several tables of faces ({several}): give the path of one.")
    return {name: usage and settled(usage, parts.values()) for name, usage in parts.items()}, votes


def _base(name: str) -> str:
    return basename(name).lower().removesuffix(".gz")


def _read_tables(path: Path, files: dict[str, Open], tables: dict[str, str | None], votes: str | None,
                 classes: Sequence[str]) -> Raw:
    """Read one whole table, with FER+'s votes where asked for, or one for each part."""
    found, places, seen, without = Rows([], [], [], []), [], [], Counter()
    for name, usage in tables.items():
        where = str(path if name == path.name else path / name)
        read = read_faces(files[name], where, usage, any_number=not classes)
        seen.append(f"Read: {name}, {len(read.images):,} rows" + (f", {usage}" if usage else ""))
        places += [f"{name}, line {n}" if len(tables) > 1 else f"line {n}" for n in read.lines]
        found = Rows(*(one + other for one, other in zip(found, read, strict=True)))
    if votes:
        names, without = read_votes(files[votes], str(path / votes), found.usage)
        kept = [i for i, name in enumerate(names) if name]
        columns = found.images, names, found.usage, found.lines
        found = Rows(*([values[i] for i in kept] for values in columns), found.empty)
        places = [places[i] for i in kept]
        seen.append(f"Labels: the class with the most votes in {votes}")
    raw = _from_rows(path, found, places, classes, seen)
    if without:
        raw.found["said"].append(f"Left out by FER+: {', '.join(f'{n:,} {why}' for why, n in without.items())}")
    called_fer2013 = _base(next(iter(tables))) in FER_CSV
    raw.found["claims_fer2013"] = called_fer2013 and not votes
    raw.found["codes"] = found.coded > 0 and not called_fer2013
    return raw


def _from_rows(path: Path, rows: Rows, places: list[str], classes: Sequence[str], seen: list[str]) -> Raw:
    """The rows of the classes asked for, and the unlabelled ones."""
    labels, found = choose_classes(path, Counter(filter(None, rows.names)), classes)
    kept = [i for i, name in enumerate(rows.names) if name in labels or not name]
    numbers = np.array([labels.get(rows.names[i], -1) for i in kept], np.int64)
    usage = np.array([rows.usage[i] for i in kept], str)
    found["seen"] += seen
    if rows.empty:
        found["said"].append(f"Empty rows skipped: {rows.empty:,}")
    say_what_lacks(found, numbers, usage)
    images = np.stack([rows.images[i] for i in kept])
    return Raw(images, numbers, usage, np.array([places[i] for i in kept], str), found)

"""Readers of faces as people have them: whatever the files look like, the arrays come out alike.

`fer_utils.data.load_faces` calls them. Image forms come in natural order of the file names, training first (`_9` before
`_10`, whatever the folders are called); tables keep the order of their rows. Nothing is ever unpacked to disk.
"""

import lzma
import os
import re
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import shorten
from typing import NamedTuple

import numpy as np

from fer_utils.support.images import SIDE, Deep, read_image, suffixes, to_bytes
from fer_utils.support.listing import ARCHIVES, TABLES, DataError, Open, is_litter, listing, shown
from fer_utils.support.parts import Tree, choose_classes, find_trees, settled, usage_of
from fer_utils.support.tables import COMPETITION, VOTED, Rows, header, read_competition, read_faces, read_votes

FER_CSV = ("fer2013.csv", "icml_face_data.csv")
MOST_TABLES = 50
"""So many of a source's tables are looked into, the outermost first."""
FORMS = f"train/<class>/ and test/<class>/, or {FER_CSV[0]}, or {FER_CSV[1]}, or {', '.join(COMPETITION)}"
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, struct.error, RuntimeError)


class Raw(NamedTuple):
    """What a reader returns: uint8 (N, 48, 48), int64 (N,) with -1 where unlabelled, and two arrays of str (N,).

    found: classes (the names of the labels, in order), left_out (images by name of the classes not asked for), said
    (lines on what was changed or not taken), seen (lines on what was recognised), codes (whether folders 0 to 6 were
    taken for FER2013's), claims_fer2013 (whether it should be FER2013, whole).
    """

    images: np.ndarray
    labels: np.ndarray
    usage: np.ndarray
    names: np.ndarray
    found: dict


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
    competition = {name.rsplit("/", 1)[-1].lower(): name for name in files}
    if in_parts and tables:
        raise DataError(f"{shown(path)} holds images ({shown(min(in_parts))}) and tables of faces "
                        f"({shown(', '.join(tables))}): give the path of one.")
    if labels == "fer+" and not (votes and set(tables.values()) == {None}):
        raise DataError(f"{shown(path)}: labels=fer+ needs FER+'s fer2013new.csv beside fer2013.csv: put both there.")
    if tables:
        return _read_tables(path, files, tables, votes if labels == "fer+" else None, classes)
    if all(name in competition for name in COMPETITION) and not in_parts:
        found = read_competition(path, [files[competition[name]] for name in COMPETITION])
        return _from_rows(path, found, found.lines, classes, [f"Read: {', '.join(COMPETITION)}"])
    trees, copies = find_trees(path, in_parts or [name for name in images if "/" in name])
    if trees:
        return _read_images(path, files, images, trees, copies, classes)
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
        alone = not path.is_dir() and len(files) == 1
        parts = dict.fromkeys(name for name in tables if _base(name) in FER_CSV or alone)
    if len(set(parts.values())) < len(parts):
        several = shorten(", ".join(map(shown, parts)), 200, placeholder=" ...")
        raise DataError(f"{shown(path)} holds several tables of faces ({several}): give the path of one.")
    return {name: usage and settled(usage, parts.values()) for name, usage in parts.items()}, votes


def _base(name: str) -> str:
    return name.rsplit("/", 1)[-1].lower().removesuffix(".gz")


def _read_tables(path: Path, files: dict[str, Open], tables: dict[str, str | None], votes: str | None,
                 classes: Sequence[str]) -> Raw:
    """Read one whole table, with FER+'s votes where asked for, or one for each part."""
    found, places, seen, without = Rows([], [], [], [], 0), [], [], Counter()
    for name, usage in tables.items():
        where = str(path / name) if path.is_dir() or len(files) > 1 else str(path)
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
    raw.found["claims_fer2013"] = _base(next(iter(tables))) in FER_CSV and not votes
    return raw


def _from_rows(path: Path, rows: Rows, places: list[str], classes: Sequence[str], seen: list[str]) -> Raw:
    """The rows of the classes asked for, and the unlabelled ones."""
    labels, found = choose_classes(path, Counter(filter(None, rows.names)), classes)
    kept = [i for i, name in enumerate(rows.names) if name in labels or not name]
    said = [f"Empty rows skipped: {rows.empty:,}"] if rows.empty else []
    numbers = np.array([labels.get(rows.names[i], -1) for i in kept], np.int64)
    usage = np.array([rows.usage[i] for i in kept], str)
    return Raw(np.stack([rows.images[i] for i in kept]), numbers, usage, np.array([places[i] for i in kept], str),
               _told(found, numbers, usage, said, seen))


def _read_images(path: Path, files: dict[str, Open], images: set[str], trees: list[Tree], copies: list[str],
                 classes: Sequence[str]) -> Raw:
    """Read the images in class folders; a label is the class folder's name, never its place in a list."""
    where = {name: (tree, *inner.split("/")) for tree in trees for inner, name in tree.files.items()}
    _check_strays(path, files, images, trees, copies)
    labels, found = choose_classes(path, Counter(folder for _, folder, _ in where.values()), classes)
    entries = []
    for name, (tree, folder, file) in where.items():
        if folder in labels:
            cut = [int(piece) if piece.isdecimal() else piece for piece in re.split(r"(\d+)", file.lower())]
            part = {"publictest_": "PublicTest", "privatetest_": "PrivateTest"}.get(cut[0], "Test")
            usage = part if tree.usage == "Test" else tree.usage
            rank = {"Training": 0, "Validation": 1}.get(usage, 2)
            entries.append((rank, cut, found["order"][folder], name, usage, folder))
    entries.sort()  # natural order
    pixels, changed, deep = np.empty((len(entries), SIDE, SIDE), np.uint8), Counter(), {}
    order = {name: i for i, name in enumerate(files)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow's decoders, on oddities that they read well
        for i in sorted(range(len(entries)), key=lambda i: order[entries[i][3]]):  # as they are packed
            name = entries[i][3]
            image, changes = read_image(files[name], f"{path}: {name}")
            changed.update(changes)
            if isinstance(image, Deep):
                deep[i] = image
            else:
                pixels[i] = image
    if deep:
        pixels[[*deep]], scaled = to_bytes(deep.values(), str(path))
        changed += scaled
    numbers, usage = np.array([labels[entry[5]] for entry in entries], np.int64), np.array([e[4] for e in entries], str)
    said = [f"{what}: {n:,} images" for what, n in changed.items()]
    said += [f"Read once, though it is there twice: {copy}/" for copy in copies]
    seen = [f"Part: {tree.folder or '.'}/, {tree.usage}, {len(tree.files):,} images" for tree in trees]
    rest = [name for name in files if name not in where and not any(name.startswith(f"{copy}/") for copy in copies)]
    for what, left, told in (("images outside the class folders", [n for n in rest if n in images], said),
                             ("other files", [n for n in rest if n not in images], seen)):
        if left:
            told.append(f"Not read: {len(left):,} {what} ({shorten(', '.join(left), 80, placeholder=' ...')})")
    claims = any(entry[1][0] in ("training_", "publictest_", "privatetest_") for entry in entries)
    return Raw(pixels, numbers, usage, np.array([entry[3] for entry in entries], str),
               _told(found, numbers, usage, said, seen) | {"claims_fer2013": claims})


def _check_strays(path: Path, files: Iterable[str], images: set[str], trees: list[Tree], copies: list[str]) -> None:
    """DataError for an image of a part that is in no class folder, and for another file that is in one."""
    taken = {name for tree in trees for name in tree.files.values()}
    folders = {name.rpartition("/")[0] for name in taken}
    for name in files:
        if name.rpartition("/")[0] in folders and name not in images:
            raise DataError(f"{shown(path)}: {shown(name)} is of a type not known here: class folders hold "
                            "images only, in a format that Pillow reads; move it or convert it.")
        tree = next((tree for tree in trees if tree.folder and name.startswith(f"{tree.folder}/")), None)
        if tree and name in images - taken and not any(name.startswith(f"{copy}/") for copy in copies):
            raise DataError(f"{shown(path)}: {shown(name)} is in no class folder: put each image into "
                            f"{tree.folder}/<class>/.")


def _told(found: dict, labels: np.ndarray, usage: np.ndarray, said: list[str], seen: list[str]) -> dict:
    """What `load_faces` prints of a source: always, and on request."""
    if found["left_out"]:
        said = ["Left out: " + ", ".join(f"{n:,} {name}" for name, n in found["left_out"].items()), *said]
    if found["mapping"] and not found["codes"]:
        said.append("Classes: " + ", ".join(f"{name} is {known}" for name, known in found["mapping"].items()))
    testing = ~np.isin(usage, ("Training", "Validation"))
    for part, inside in {"training": usage == "Training", "validation": usage == "Validation", "test": testing}.items():
        absent = [name for label, name in enumerate(found["classes"]) if label not in labels[inside]]
        if absent and (labels[inside] >= 0).any():
            said.append(f"Without {part} images: {', '.join(absent)}")
    return found | {"said": said, "seen": seen, "claims_fer2013": False}

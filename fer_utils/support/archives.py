"""What a folder, a zip or a tar holds: each file's name, and a function that opens it. Nothing is unpacked to disk.

A file that must not be read (a link to nowhere, a pipe) is listed too: opening it raises the sentence that names it.
"""

import bz2
import gzip
import lzma
import os
import posixpath
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from fer_utils import CourseError

MOST_FILES = 500_000
TOO_MANY = f"{{}} holds more than {MOST_FILES:,} files: give a smaller set."
MOST_FOLDER_LINKS = 50
"""In an archive; a set of faces has one for each part."""
GROWTH, FREE_GROWTH = 10, 320_000_000
"""What is packed may grow tenfold, or to 320 MB; FER2013's table grows threefold, to 301 MB."""
LONGEST_READ = 16_000_000
"""Bytes that a tar's own headers may ask for at once."""
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
ARCHIVES = (".zip", *TARS)
TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
LITTER = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "#recycle", "$recycle.bin",
          "system volume information", "lost+found"}
"""What systems leave beside the reader's files, beside all that starts with a dot."""
Open = Callable[[], BinaryIO]


class DataError(CourseError):
    """The data cannot be used as they are: one sentence that says what is wrong, where, and what to do."""


def printable(name: str) -> str:
    """The name with escapes for what cannot be shown: line ends, and bytes that are no text."""
    return name if name.isprintable() else "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def shown(name: object) -> str:
    """A name or path as a sentence can hold it: printable, and the middle cut out where it is long."""
    text = printable(str(name))
    return text if len(text) <= 120 else f"{text[:30]}...{text[-87:]}"


def is_litter(name: str) -> bool:
    """Whether a file or a folder around it is a system's, not the reader's."""
    name = name.casefold()
    hidden = name.startswith(".") or "/." in name
    return hidden or name.endswith("zone.identifier") or not LITTER.isdisjoint(name.split("/"))


@contextmanager
def listing(path: Path) -> Iterator[dict[str, Open]]:
    """Yield the files of `path`, in its own order: from here on folders, archives and single tables are equal."""
    name = path.name.lower()
    if path.is_dir():
        yield _gathered(path, walk(path))
        return
    if not path.is_file():
        raise DataError(f"{shown(path)} is neither a file nor a folder: give the path of one.")
    with path.open("rb") as file:
        head = file.read(512)
    if name.endswith(".zip") or head.startswith(b"PK"):
        _check_entries(path)
        with zipfile.ZipFile(path) as archive:
            yield _gathered(path, *_zip_files(path, archive))
    elif name.endswith(TARS) or head[257:262] == b"ustar":
        unpack = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}.get(head[:2], open)
        with unpack(path, "rb") as stream, tarfile.open(fileobj=_Bounded(stream), mode="r:") as archive:
            yield _gathered(path, *_tar_files(path, archive))
    elif head.lstrip().startswith(b"<"):
        raise DataError(f"{shown(path)} is a web page, not data: sign in where it came from and download it again.")
    elif name.endswith(TABLES):
        yield {path.name: partial(path.open, "rb")}
    else:
        raise DataError(f"{shown(path)} is of a type not known here: unpack it, or give a folder, zip, tar or csv.")


def walk(folder: Path) -> Iterator[tuple[str, Open]]:
    """Each file below `folder`, links followed; systems' own folders are named and not entered."""
    waiting, met = [("", str(folder), (os.path.realpath(folder),))], 0
    while waiting:
        above, top, real = waiting.pop()
        with os.scandir(top) as entries:
            for entry in entries:
                met += 1
                if met > MOST_FILES:
                    refuse(TOO_MANY.format(shown(folder)))
                name = above + entry.name
                if is_litter(entry.name) or not entry.is_dir():
                    yield name, partial(open_file, entry.path)
                    continue
                there = os.path.realpath(entry.path) if entry.is_symlink() else os.path.join(real[-1], entry.name)
                if entry.is_symlink() and any((place + os.sep).startswith(there + os.sep) for place in real):
                    yield name, partial(refuse, f"{shown(entry.path)} is a link to a folder around it: delete it.")
                else:
                    waiting.append((f"{name}/", entry.path, (*real, there)))


def open_file(path: str) -> BinaryIO:
    """The file, open to be read; DataError for a link to nowhere, and for what is no file."""
    if os.path.islink(path) and not os.path.exists(path):
        refuse(f"{shown(path)} is a link to {shown(os.readlink(path))}, which is not there: delete or repair it.")
    if not stat.S_ISREG(os.stat(path).st_mode):
        refuse(f"{shown(path)} is a pipe, a socket or a device, not a file: delete it.")
    return open(path, "rb")


def refuse(sentence: str) -> BinaryIO:
    """What stands for opening a file that must not be read: it raises the sentence as a DataError."""
    raise DataError(sentence)


def _gathered(path: Path, found: Iterable[tuple[str, Open]], links: dict[str, str] | None = None) -> dict[str, Open]:
    """The files by printable names; `links` are an archive's: where each points, seen from the archive's top."""
    files: dict[str, Open] = {}
    for name, open_file in found:
        name = printable(name)
        if name in files:
            raise DataError(f"{shown(path)} holds {shown(name)} twice: unpack it and keep one of the two.")
        files[name] = open_file
    folders = 0
    for name, target in (links or {}).items():
        place = _followed(target, links)
        if place in files:
            files[name] = files[place]
            continue
        folders += 1
        below = [file for file in files if file.startswith(f"{place}/")] if folders <= MOST_FOLDER_LINKS else []
        if len(files) + len(below) > MOST_FILES:
            refuse(TOO_MANY.format(shown(path)))
        files |= {name + file.removeprefix(place): files[file] for file in below}
        if not below:
            files[name] = partial(refuse, f"{shown(path)}: {shown(name)} is a link to {shown(target)}, which is not "
                                           "in it: pack it again with the files themselves.")
    return files


def _followed(target: str, links: dict[str, str]) -> str:
    """Where `target` leads through an archive's links, of which a chain may have 40, as on disk."""
    for _ in range(40):
        above = next((p for p in (target, *map(str, PurePosixPath(target).parents)) if p in links), None)
        if above is None:
            break
        target = links[above] + target.removeprefix(above)
    return target


def _inside(path: Path, name: str) -> str:
    """An archive's entry with forward slashes; DataError where it would lie outside."""
    clean = PurePosixPath(name.replace("\\", "/"))
    if clean.is_absolute() or ".." in clean.parts or re.match("[A-Za-z]:", name):
        raise DataError(f"{shown(path)} has an entry that climbs out of it, {shown(name)!r}: do not trust it, "
                        "download it again.")
    return str(clean)


def _check_entries(path: Path) -> None:
    """Count a zip's entries before they are listed, which takes a kilobyte of memory for each."""
    with path.open("rb") as file:
        entries = sum(block.count(b"PK\1\2") for block in iter(partial(file.read, 1 << 20), b""))
    if entries > MOST_FILES:
        refuse(TOO_MANY.format(shown(path)))


def _zip_files(path: Path, archive: zipfile.ZipFile) -> tuple[list[tuple[str, Open]], dict[str, str]]:
    files, links = [], {}
    for info in archive.infolist():
        name = _inside(path, info.filename)
        if stat.S_ISLNK(info.external_attr >> 16) and info.file_size < 4096:
            with _open_member(path, archive, info) as file:
                links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), os.fsdecode(file.read())))
        elif not info.filename.endswith(("/", "\\")):
            files.append((name, partial(_open_member, path, archive, info)))
    return files, links


def _open_member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    if info.flag_bits & 1:
        refuse(f"{shown(path)} has a password: unpack it with the password, then give the folder.")
    if info.file_size > max(FREE_GROWTH, GROWTH * path.stat().st_size):
        refuse(f"{shown(path)}: {shown(info.filename)} would grow to {info.file_size / 1e6:,.0f} MB: do not trust it.")
    try:
        return archive.open(info)
    except NotImplementedError:
        refuse(f"{shown(path)} is packed by a method that Python lacks (number {info.compress_type}): unpack it by "
                "another program, then give the folder.")


def _tar_files(path: Path, archive: tarfile.TarFile) -> tuple[list[tuple[str, Open]], dict[str, str]]:
    files, links, most = [], {}, max(FREE_GROWTH, GROWTH * path.stat().st_size)
    for member in archive:
        name = _inside(path, member.name)
        if archive.offset > most:
            refuse(f"{shown(path)} grows to more than {most / 1e6:,.0f} MB: do not trust it.")
        if len(files) + len(links) > MOST_FILES:
            refuse(TOO_MANY.format(shown(path)))
        if member.issym():
            links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
        elif member.islnk():
            links[name] = posixpath.normpath(member.linkname)
        elif member.isreg():
            files.append((name, partial(archive.extractfile, member)))
        elif not member.isdir():
            files.append((name, partial(refuse, f"{shown(path)}: {shown(name)} is a pipe or a device, not a file.")))
    archive.fileobj.seek(archive.offset)  # where tarfile stops, be it at the end or at a header that it cannot read
    if archive.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError("a broken header")
    while archive.fileobj.read(1 << 20):  # what is packed has its checksum at its end
        if archive.fileobj.tell() > most:
            refuse(f"{shown(path)} grows to more than {most / 1e6:,.0f} MB: do not trust it.")
    return files, links


class _Bounded:
    """A tar's stream that refuses to read more at once than the header of an honest file needs."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream

    def read(self, size: int) -> bytes:
        if size > LONGEST_READ:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return self.stream.read(size)

    def __getattr__(self, name: str):
        return getattr(self.stream, name)

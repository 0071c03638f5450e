"""Writing so that a reader, a second notebook or a power cut sees the old file or the new one, never half of either."""

import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from platform import node

import psutil
from filelock import FileLock, Timeout

from fer_utils import CourseError, brief


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling that takes the place of `path` when the block ends well and is removed when not.

    It is on the disk before it takes that place, so that a power cut leaves the old file or the new one, too. Raises
    CourseError where the system refuses the write: a full disk, a folder without write permission.
    """
    temporary = beside(path)
    with writable(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Have the folder itself on the disk, where the system can: not on Windows, nor on some network drives."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def beside(path: Path) -> Path:
    """A hidden sibling of `path` for this process alone, which `remove_leftovers` knows by its name."""
    return path.with_name(f".{path.stem}-{_machine()}-{os.getpid()}{path.suffix}")


def remove_leftovers(folder: Path, names: str = "**/.*") -> None:
    """Remove what processes of this machine that were killed have left half-written in the folder, at any depth."""
    for path in sorted(folder.glob(f"{names}-{_machine()}-*")):
        owner = re.fullmatch(r"(\d+)(\..*)?", path.name.rpartition("-")[2])
        if owner and not psutil.pid_exists(int(owner[1])):
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _machine() -> str:
    """Eight digits for this machine: a process is known by its number on one machine only."""
    return sha256(node().encode()).hexdigest()[:8]


@contextmanager
def writable(path: Path, advice: str = "free some space, or set FER_HOME to a folder that you may write to"
             ) -> Iterator[None]:
    """Turn the system's refusal to write `path` into one sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise CourseError(f"{path} cannot be written ({reason}): {advice}.") from error


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder among the system's temporary files that goes with the block; those of killed processes go, too.

    Raises CourseError where the disk of the temporary files is full.
    """
    try:
        place = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise _no_room("there is no folder for them that can be written") from error
    remove_leftovers(place, ".fer*")
    try:
        with tempfile.TemporaryDirectory(prefix=".fer", suffix=f"-{_machine()}-{os.getpid()}",
                                         ignore_cleanup_errors=True) as folder:
            yield Path(folder)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_room(f"{place}: {error.strerror}") from error
        raise


def _no_room(reason: str) -> CourseError:
    return CourseError(f"There is no room for temporary files ({reason}): free some space there, or let TMPDIR name "
                       "another folder.")


@contextmanager
def locked(folder: Path, name: str = ".lock", waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the folder's lock, so that two notebooks changing one file both keep what they wrote.

    `waiting` is called once where another process holds it. The system frees the lock with the process; a drive without
    such locks keeps a killed process's file `name`, which another machine waits for until it is deleted by hand. Where
    a drive refuses locks altogether, as some network drives do, the block runs without one.
    """
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / name)
    with suppress(OSError, NotImplementedError):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting()
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def write_text(path: Path, text: str) -> None:
    """Put `text` (UTF-8, lines ending as they are) in the place of `path`."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def write_json(path: Path, values: dict) -> None:
    """Put `values` in the place of `path`: keys sorted as text, numpy's types made plain, floats with all their digits.

    Raises CourseError for what JSON cannot hold: NaN, infinity, an object that is neither text, number nor a list.
    """
    try:
        plain = json.loads(json.dumps(values, default=lambda value: value.tolist(), allow_nan=False))
    except (AttributeError, TypeError, ValueError) as error:
        raise CourseError(f"{path.name} can hold text, finite numbers, lists and dictionaries only: store None in the "
                          "place of what is no finite number, or leave the key out.") from error
    write_text(path, json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


RUN_AGAIN = "delete it, and run the notebook again that writes it"
"""What to do with a damaged file of a run."""


def read_json(path: Path, advice: str = RUN_AGAIN) -> dict | None:
    """The dictionary in `path`, or None where there is no such file; CourseError where it cannot be read or is none."""
    with suppress(FileNotFoundError), reading(path, advice=advice):
        values = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
        if not isinstance(values, dict):
            raise ValueError("no dictionary")
        return values
    return None


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


@contextmanager
def reading(*paths: Path, advice: str = RUN_AGAIN) -> Iterator[None]:
    """Turn what damaged or foreign files raise into one sentence that names them; a missing one stays missing."""
    try:
        yield
    except (CourseError, FileNotFoundError):
        raise
    except OSError as error:
        raise CourseError(f"{paths[0]} cannot be read ({error.strerror}): see who may read it.") from error
    except (ArithmeticError, AttributeError, LookupError, RecursionError, SyntaxError, TypeError, ValueError) as error:
        where = " or ".join([str(paths[0]), *(path.name for path in paths[1:])])
        raise CourseError(f"{where} is damaged, or not what this version of the course writes there "
                          f"({brief(error)[:90]}): {advice}.") from error


def checked_name(name: str, what: str = "name") -> str:
    """`name`, where it can be a file's: letters, digits, dots, underscores and hyphens, the first one no dot."""
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name):
        raise CourseError(f"{name[:80]!r} is no {what}: use letters, digits, dots, underscores and hyphens only.")
    return name

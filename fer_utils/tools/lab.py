"""The reader's working copy of the notebooks, opened in JupyterLab: what is run and changed there is no change of the
clone."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import copyfile

import nbformat

from fer_utils import CourseError
from fer_utils.support.checks import to_choose
from fer_utils.support.files import read_json, remove_leftovers, replacing, writable, write_json
from fer_utils.support.home import clone, course_home

EDITIONS = ".editions.json"
"""A file in the working copy: of each notebook the fingerprint that its original had when it was copied."""


def open_lab(arguments: Sequence[str] = ()) -> None:
    """Complete the working copy and open it in JupyterLab, with JupyterLab's own `arguments`, until that is stopped.

    The course's home is JupyterLab's root, so that links from a notebook to another and to ../reports/ lead there.
    Raises CourseError where JupyterLab is not installed.
    """
    try:
        from jupyterlab.labapp import LabApp
    except ImportError as error:
        raise CourseError('JupyterLab is not installed: install it by `pip install "jupyterlab>=4.2"`.') from error
    folder = working_copy()
    LabApp.launch_instance([f"--ServerApp.root_dir={folder.parent}", f"--LabApp.default_url=/lab/tree/{folder.name}",
                            *arguments])


def working_copy(log: Callable[[str], None] = print) -> Path:
    """The folder work/ in the course's home; each notebook that is not there yet is copied to it.

    What is there is left alone. Where the course's notebook has changed since it was copied, one sentence says so.
    """
    folder = course_home() / "work"
    remove_leftovers(folder)
    editions, originals = read_json(folder / EDITIONS) or {}, _originals()
    now = {name: _fingerprint(original) for name, original in originals.items()}
    missing = [name for name in originals if not (folder / f"{name}.ipynb").exists()]
    older = [name for name in originals if name not in missing and editions.get(name) not in (None, now[name])]
    write_json(folder / EDITIONS, editions | {name: now[name] for name in missing})  # before what a kill could cut
    for name in missing:
        _copy(originals[name], folder / f"{name}.ipynb")
    if older:
        log(f"The course has newer editions of {', '.join(older)} than work/ does: `fer lab --reset {' '.join(older)}` "
            "brings them and keeps yours beside them.")
    return folder


def reset(names: Sequence[str], log: Callable[[str], None] = print) -> None:
    """Put the course's notebooks of these names ("04_training") in the place of the reader's, which are kept beside.

    Raises CourseError for a name that the course does not have, before anything is changed.
    """
    folder, originals = course_home() / "work", _originals()
    names = [name.removeprefix("work/").removesuffix(".ipynb") for name in names]
    for name in names:
        if name not in originals:
            raise CourseError(f"There is no notebook {name[:80]}: choose from {to_choose(name, originals)}.")
    editions = read_json(folder / EDITIONS) or {}
    for name in names:
        path, kept = folder / f"{name}.ipynb", ""
        if path.exists() and path.read_bytes() != originals[name].read_bytes():
            backup = _unused(path)
            with writable(backup):
                os.replace(path, backup)
            kept = f"; yours is kept as work/{backup.relative_to(folder).as_posix()}"
        _copy(originals[name], path)
        editions[name] = _fingerprint(originals[name])
        log(f"work/{name}.ipynb is as the course has it{kept}.")
    write_json(folder / EDITIONS, editions)


def _originals() -> dict[str, Path]:
    """The course's notebooks by their names, those in folders with the folder's: exercises/01_eda/01_eda.

    Solutions stay where they are, and so do a teacher's submissions.
    """
    folder = clone() / "notebooks"
    paths = sorted([*folder.glob("*.ipynb"), *folder.glob("exercises/**/*.ipynb")])
    short = {path.relative_to(folder).with_suffix(""): path for path in paths}
    return {name.as_posix(): path for name, path in short.items() if ".ipynb_checkpoints" not in name.parts}


def _copy(original: Path, path: Path) -> None:
    """Copy a notebook whole or not at all."""
    with replacing(path) as temporary:
        copyfile(original, temporary)


def _fingerprint(path: Path) -> str:
    """A hash of what a notebook's cells say and do; outputs are no new edition."""
    cells = nbformat.read(path, as_version=4).cells
    return hashlib.sha256("\0".join(cell.source for cell in cells).encode()).hexdigest()[:16]


def _unused(path: Path) -> Path:
    """A name beside `path` that no file has: 04_training-mine.ipynb, 04_training-mine-2.ipynb, ..."""
    number, free = 1, path.with_stem(f"{path.stem}-mine")
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}-mine-{number}")
    return free

"""What `fer check` looks at: each requirement of the course, and the command that fixes it where it is not met."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from fer_utils import CourseError, brief
from fer_utils.support.home import course_home

PIP = "python -m pip install"
FREE_GB = 1.0
"""Enough for the reports of a run and the cache of the data."""


class Check(NamedTuple):
    """One requirement: whether it is met, what was found, and what fixes it."""

    ok: bool
    found: str
    fix: str = ""

    def __str__(self) -> str:
        return f"OK     {self.found}" if self.ok else f"WRONG  {self.found}\n       fix it: {self.fix}"


def check() -> Iterator[Check]:
    """Every requirement of the course in turn; a check that fails in an unforeseen way is reported, not raised."""
    yield _python()
    for line in metadata.requires("fer_utils") or []:
        if "extra ==" not in line:
            yield _package(Requirement(line))
    for look, fix in ((_vision, f"{PIP} --upgrade torch torchvision"), (_device, f"{PIP} --upgrade torch"),
                       (_kernel, "python -m ipykernel install --sys-prefix"),
                       (_disk, "delete what you no longer need, or set FER_HOME to a folder on a larger disk"),
                       (_data, "give FER_DATA a data source that exists, or unset it for the drawn sample"),
                       (_reports, "set FER_HOME to a folder that you may write to")):
        yield _tried(look, fix)


def _tried(look: Callable[[], tuple[bool, str]], fix: str) -> Check:
    try:
        return Check(*look(), fix)
    except Exception as error:
        said = str(error) if isinstance(error, CourseError) else f"{look.__name__[1:]}: {brief(error)}"
        return Check(False, said, fix)


def _python() -> Check:
    wanted = metadata.metadata("fer_utils")["Requires-Python"]
    fits = SpecifierSet(wanted).contains(platform.python_version(), prereleases=True)
    return Check(fits, f"Python {platform.python_version()} ({wanted})",
                 "install Python 3.11 or newer (https://www.python.org/downloads), then: make lab PYTHON=python3.11")


def _package(requirement: Requirement) -> Check:
    fix = f'{PIP} "{requirement}"'
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Check(False, f"{requirement.name} is not installed ({requirement.specifier})", fix)
    fits = requirement.specifier.contains(version, prereleases=True)
    return Check(fits, f"{requirement.name} {version} ({requirement.specifier})", fix)


def _vision() -> tuple[bool, str]:
    import torch
    for built in Path(find_spec("torchvision").origin).parent.glob("_C*"):
        torch.ops.load_library(built)  # raises where it was built for another torch; the rest of it takes seconds
    return True, f"torchvision {metadata.version('torchvision')} fits torch {torch.__version__}"


def _device() -> tuple[bool, str]:
    from fer_utils.support.devices import choose_device, describe_device
    return True, f"device: {describe_device(choose_device())}"


def _kernel() -> tuple[bool, str]:
    from jupyter_client.kernelspec import KernelSpecManager
    python = Path(KernelSpecManager().get_kernel_spec("python3").argv[0])
    ours = not python.is_absolute() or python.parent == Path(sys.executable).parent
    return ours, "Jupyter's kernel python3 " + ("is this Python" if ours else "is another Python")


def _disk() -> tuple[bool, str]:
    free = shutil.disk_usage(_existing(course_home())).free / 1e9
    return free >= FREE_GB, f"disk: {free:.1f} GB free (at least {FREE_GB:.0f})"


def _data() -> tuple[bool, str]:
    from fer_utils.data import load_faces  # here, for it needs packages that may be missing
    faces = load_faces("auto", verbose=False)
    return True, f"data: auto takes {faces.source}, {len(faces):,} {'drawn ' if faces.drawn else ''}faces"


def _reports() -> tuple[bool, str]:
    folder = course_home() / "reports"
    nearest = _existing(folder)
    if not nearest.is_dir():
        return False, f"{nearest} is a file, where results need a folder"
    return os.access(nearest, os.W_OK), f"results are written to {folder}"


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())

"""What a notebook needs away from home: its set-up cell, its badge, and the one address that both are stamped with."""

import re
import tomllib
from pathlib import Path

import nbformat

from fer_utils import CourseError
from fer_utils.support.files import write_text

UNSTAMPED = "https://github.com/OWNER/REPO"
"""The address of nobody's repository, until `fer colab` stamps a real one."""

SETUP_CELL = '''\
# At home this does nothing; on Colab it installs the course and leaves the torch that is there alone.
import os
import subprocess
import sys
from importlib import invalidate_caches, metadata, util

if util.find_spec("fer_utils") is None:
    address = os.environ.get("FER_REPOSITORY", "https://github.com/OWNER/REPO")
    if address.endswith("OWNER/REPO"):
        raise RuntimeError("This copy names no repository: run `fer colab YOU/FORK` in a clone, or set FER_REPOSITORY.")
    kept = [f"{name}=={metadata.version(name)}" for name in ("numpy", "torch", "torchvision") if util.find_spec(name)]
    subprocess.run([sys.executable, "-m", "pip", "install", "-qq", *kept, f"git+{address}"], check=True)
    invalidate_caches()
    print("The course is installed from", address)'''

BADGE = ("[![Open In Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
         "(https://colab.research.google.com/github/OWNER/REPO/blob/main/notebooks/{notebook}.ipynb)")


def setup_cell(address: str) -> str:
    """The source of every notebook's cell tagged `setup`, for the repository at `address`."""
    return SETUP_CELL.replace(UNSTAMPED, address)


def badge(address: str, notebook: str) -> str:
    """The source of the cell tagged `badge` in the notebook of that name, for example 01_eda."""
    return BADGE.replace("OWNER/REPO", "/".join(address.split("/")[-2:])).replace("{notebook}", notebook)


def repository(root: Path) -> str:
    """The address in `root`'s pyproject.toml, where alone it is kept."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]


def stamp(root: Path, fork: str) -> list[Path]:
    """Write the address of `fork` ("OWNER/REPO" on GitHub) into pyproject.toml and into what repeats it.

    Those are the set-up cell and the badge of each notebook, README.md and CITATION.cff. Returns the files changed.
    Raises CourseError where `fork` is no such name or `root` is no clone of the course.
    """
    if not re.fullmatch(r"[\w-]+/[\w.-]+", fork):
        raise CourseError(f"{fork!r} names no repository on GitHub: give its owner and its name as OWNER/REPO.")
    if not (root / "pyproject.toml").exists():
        raise CourseError(f"{root} is no clone of the course (it has no pyproject.toml): run `fer colab` in one.")
    old, new = repository(root), f"https://github.com/{fork}"
    files = [root / name for name in ("pyproject.toml", "README.md", "CITATION.cff") if (root / name).exists()]
    texts = {path: _with_address(path.read_text(encoding="utf-8"), old, new) for path in files}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        texts[path] = _stamped(path, new)
    changed = [path for path, text in texts.items() if text != path.read_text(encoding="utf-8")]
    for path in changed:
        write_text(path, texts[path])
    return changed


def _with_address(text: str, old: str, new: str) -> str:
    for site in ("https://github.com/", "https://colab.research.google.com/github/"):
        text = re.sub(re.escape(old.replace("https://github.com/", site)) + r"(?![\w-])",
                      new.replace("https://github.com/", site), text)
    return text


def _stamped(path: Path, address: str) -> str:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "setup" in tags:
            cell.source = setup_cell(address)
        if "badge" in tags:
            cell.source = badge(address, path.stem)
    return nbformat.writes(notebook) + "\n"

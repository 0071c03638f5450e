"""What a notebook needs away from home: its set-up cell, its badge, and the one address that both are stamped with."""

import re
import tomllib
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell

from fer_utils import CourseError
from fer_utils.support.files import write_text
from fer_utils.tools.notebooks import cleaned

UNSTAMPED = "https://github.com/OWNER/REPO"
"""The address of nobody's repository, until `fer colab` stamps a real one."""

SETUP_CELL = '''\
# On Colab this installs the course; at home it does nothing.
import os
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

beside = Path("fer-course").absolute()
course = next((folder for folder in beside.parents if (folder / "fer_utils").is_dir()), beside)
packages = [folder for folder in sys.path if folder.endswith("-packages")]
if not any(metadata.distributions(name="fer_utils", path=packages)):
    if not course.exists():
        address = os.environ.get("FER_REPOSITORY", "https://github.com/OWNER/REPO")
        assert not address.endswith("OWNER/REPO"), "This copy names no repository: set FER_REPOSITORY to its address."
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", address, str(course)], check=True)
    kept = [f"{name}=={metadata.version(name)}" for name in ("numpy", "torch", "torchvision") if util.find_spec(name)]
    subprocess.run([sys.executable, "-m", "pip", "install", "-qq", *kept, "-e", f"{course}[poster]"], check=True)
    sys.path.append(str(course))
    print("The course is installed from", course)
if beside.exists():
    os.environ.setdefault("FER_HOME", str(beside))'''
"""A clone of the course around the current folder is taken, else a shallow one is made beside the notebook; that one is
the course's home, unless FER_HOME names another. The torch that is there stays. What is installed is asked of the
folders of installed packages: in a clone the current folder has a fer_utils too."""

BADGE = ("[![Open In Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
         "(https://colab.research.google.com/github/OWNER/REPO/blob/main/notebooks/{notebook}.ipynb)")


def setup_cell(address: str) -> str:
    """The source of every notebook's cell tagged `setup`, for the repository at `address`."""
    return SETUP_CELL.replace(UNSTAMPED, address)


def badge(address: str, notebook: str) -> str:
    """The source of the cell tagged `badge` in the notebook of that name, as 01_eda or exercises/01_eda."""
    return BADGE.replace("OWNER/REPO", "/".join(address.split("/")[-2:])).replace("{notebook}", notebook)


def repository(root: Path) -> str:
    """The address in `root`'s pyproject.toml, where alone it is kept."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]


def stamp(root: Path, fork: str) -> list[Path]:
    """Write the address of `fork` ("OWNER/REPO" on GitHub) into pyproject.toml and into what repeats it.

    Those are each notebook's set-up cell and its badge, which comes after the title, README.md and CITATION.cff. The
    name OWNER/REPO itself takes the address and the badges away. Returns the files changed. Raises CourseError where
    `fork` is no such name or `root` is no clone of the course.
    """
    if not re.fullmatch(r"[\w-]+/[\w.-]+", fork) or fork.endswith(".git"):
        raise CourseError(f"{fork!r} names no repository on GitHub: give its owner and its name as OWNER/REPO.")
    if not (root / "pyproject.toml").exists():
        raise CourseError(f"{root} is no clone of the course (it has no pyproject.toml): run `fer colab` in one.")
    old, new = repository(root), f"https://github.com/{fork}"
    files = [root / name for name in ("pyproject.toml", "README.md", "CITATION.cff") if (root / name).exists()]
    texts = {path: _with_address(path.read_text(encoding="utf-8"), old, new) for path in files}
    for path in sorted((root / "notebooks").rglob("*.ipynb")):
        texts[path] = _stamped(path, path.relative_to(root / "notebooks").with_suffix("").as_posix(), new)
    changed = [path for path, text in texts.items() if text != path.read_text(encoding="utf-8")]
    for path in reversed(changed):  # pyproject.toml last: it holds the address that a second attempt begins with
        write_text(path, texts[path])
    return changed


def _with_address(text: str, old: str, new: str) -> str:
    for site in ("https://github.com/", "https://colab.research.google.com/github/"):
        text = re.sub(re.escape(old.replace("https://github.com/", site)) + r"(?![\w-])",
                      new.replace("https://github.com/", site), text)
    return text


def _stamped(path: Path, name: str, address: str) -> str:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if "badge" not in cell.metadata.get("tags", [])]
    if address != UNSTAMPED and not name.startswith("solutions/"):  # else it would lead to nobody's repository
        notebook.cells.insert(1, new_markdown_cell(badge(address, name), metadata={"tags": ["badge"]}))
    for cell in notebook.cells:
        if "setup" in cell.metadata.get("tags", []):
            cell.source = setup_cell(address)
    return nbformat.writes(cleaned(notebook)) + "\n"

"""Where the course lives: the folder that holds its notebooks, data and reports."""

import os
from pathlib import Path

from fer_utils import CourseError


def course_home() -> Path:
    """The folder of the reader's data, reports and work: $FER_HOME, else the clone around the current folder, else
    the current folder itself."""
    here = Path.cwd()
    if os.environ.get("FER_HOME"):
        return here / Path(os.environ["FER_HOME"]).expanduser()
    return _around(here) or here


def clone() -> Path:
    """The folder of the course's own notebooks: the clone around the current folder, else the home that FER_HOME
    names, else the clone that the package runs from. Raises CourseError where none of them holds notebooks."""
    for folder in (_around(Path.cwd()), course_home(), Path(__file__).parents[2]):
        if folder and any(folder.glob("notebooks/*.ipynb")):
            return folder
    raise CourseError(f"{course_home()} has no notebooks/*.ipynb: change to a clone of the course.")


def _around(here: Path) -> Path | None:
    """The nearest folder upwards that holds notebooks/ and fer_utils/."""
    folders = (here, *here.parents)
    return next((p for p in folders if (p / "notebooks").is_dir() and (p / "fer_utils").is_dir()), None)

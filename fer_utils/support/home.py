"""Where the course lives: the folder that holds its notebooks, data and reports."""

import os
from pathlib import Path

from fer_utils import CourseError


def course_home() -> Path:
    """$FER_HOME, else the nearest folder upwards that holds notebooks/ and fer_utils/, else the current folder."""
    here = Path.cwd()
    if os.environ.get("FER_HOME"):
        return here / Path(os.environ["FER_HOME"]).expanduser()
    homes = (p for p in (here, *here.parents) if (p / "notebooks").is_dir() and (p / "fer_utils").is_dir())
    return next(homes, here)


def clone() -> Path:
    """The folder that holds the course's notebooks: its home, or else the clone that the package runs from."""
    for folder in (course_home(), Path(__file__).parents[2]):
        if any(folder.glob("notebooks/*.ipynb")):
            return folder
    raise CourseError(f"{course_home()} has no notebooks/*.ipynb: change to a clone of the course.")

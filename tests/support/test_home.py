from pathlib import Path

import pytest

from fer_utils import CourseError
from fer_utils.support import home
from fer_utils.support.home import clone, course_home


def test_course_home(tmp_path, monkeypatch):
    monkeypatch.delenv("FER_HOME")
    monkeypatch.chdir(tmp_path)
    assert course_home() == Path.cwd()
    (tmp_path / "course" / "notebooks").mkdir(parents=True)
    (tmp_path / "course" / "fer_utils").mkdir()
    monkeypatch.chdir(tmp_path / "course" / "notebooks")
    assert course_home() == tmp_path / "course"
    monkeypatch.setenv("FER_HOME", str(tmp_path))
    assert course_home() == tmp_path


def test_the_clone_is_where_the_notebooks_are(tmp_path, monkeypatch):
    (tmp_path / "home" / "notebooks").mkdir(parents=True)
    monkeypatch.setenv("FER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert clone() == Path(__file__).parents[2]  # the home has none, the package's own folder has
    (tmp_path / "home" / "notebooks" / "04_training.ipynb").write_text("{}")
    assert clone() == tmp_path / "home"
    for folder in ("notebooks/exercises", "fer_utils"):
        (tmp_path / "clone" / folder).mkdir(parents=True)
    (tmp_path / "clone" / "notebooks" / "04_training.ipynb").write_text("{}")
    monkeypatch.chdir(tmp_path / "clone" / "notebooks" / "exercises")
    assert clone() == tmp_path / "clone" and course_home() == tmp_path / "home"  # the one that one stands in
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home" / "notebooks" / "04_training.ipynb").unlink()
    monkeypatch.setattr(home, "__file__", str(tmp_path / "site-packages" / "fer_utils" / "support" / "home.py"))
    with pytest.raises(CourseError, match=r"has no notebooks/\*.ipynb: change to a clone of the course\.$"):
        clone()

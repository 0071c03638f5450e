"""The two editions of the exercises: one is made of the other, and nbgrader marks what is handed in."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from answering import NAMES, NOTEBOOKS, grading, read
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config, PyFileConfigLoader

from fer_utils import CourseError
from fer_utils.support.home import clone
from fer_utils.tools.colab import repository, setup_cell
from fer_utils.tools.lab import working_copy
from fer_utils.tools.notebooks import find

ROOT = NOTEBOOKS.parent
WITHOUT = ("00_start_here", "10_common_errors")  # the tour, and the notebook of errors
LESSONS = [path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb")) if path.stem not in WITHOUT]


def teacher(folder: Path) -> NbGraderAPI:
    """nbgrader with the course's settings, at work in `folder`."""
    config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(NOTEBOOKS)).load_config())
    config.CourseDirectory.root = str(folder)
    config.Application.log_level = 40
    return NbGraderAPI(config=config)


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Path:
    """A folder with the solutions, and what `make exercises` makes of them."""
    folder = tmp_path_factory.mktemp("course")
    with pytest.MonkeyPatch.context() as patch:  # nbgrader calls alembic, which is installed beside it
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        _generate(folder)
    return folder


def _generate(folder: Path) -> None:
    (folder / "solutions").symlink_to(NOTEBOOKS / "solutions")
    made = teacher(folder)
    for name in NAMES:
        assert made.generate_assignment(name, force=True, create=True)["success"]


def content(path: Path) -> list:
    """What a notebook says: its cells, without ids and without the badge that `fer colab` stamps."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [{key: value for key, value in cell.items() if key != "id"} for cell in cells
            if "badge" not in cell["metadata"].get("tags", [])]


def test_there_is_a_notebook_of_exercises_for_each_lesson():
    assert NAMES == LESSONS == sorted(path.stem for path in (NOTEBOOKS / "exercises").glob("*/*.ipynb"))
    assert {path.stem for path in find()} >= set(NAMES)
    assert not {path for path in find() if path.parent != NOTEBOOKS}


@pytest.mark.parametrize("name", NAMES)
def test_what_students_get_is_made_of_the_solutions(released, name):
    made, stored = (folder / "exercises" / name / f"{name}.ipynb" for folder in (released, NOTEBOOKS))
    assert content(made) == content(stored), "run make exercises"


@pytest.mark.parametrize("name", NAMES)
def test_students_get_neither_answers_nor_outputs(name):
    cells = read("exercises", name).cells
    assert not re.search("SOLUTION|HIDDEN", "".join(cell.source for cell in cells))
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert {len(cell.outputs) for cell in code} == {0}
    stubs = [cell.source for cell in code if grading(cell).get("solution")]
    assert all(stub.rstrip().endswith("# Your code here") and '"""' in stub for stub in stubs)
    locked = [cell for cell in code if grading(cell).get("grade")]
    assert len(locked) == len(stubs) and {cell.metadata.editable for cell in locked} == {False}


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_of_exercises_begins_as_a_lesson_does(name):
    cells = read("solutions", name).cells
    title = read("solutions", name).cells[0].source.removeprefix("# Exercises to ")
    assert nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells[0].source == f"# {title}"
    setups = [cell.source for cell in cells if "setup" in cell.metadata.get("tags", [])]
    assert setups == [setup_cell(repository(ROOT))]
    long = [cell.source for cell in cells if cell.cell_type == "code" and len(cell.source.splitlines()) > 17
            and cell.source not in setups]
    assert long == []  # fifteen and the two lines that nbgrader cuts at
    for cell in cells:
        for link in re.findall(r"\]\((\.\.[^)]*)\)", cell.source):
            assert (NOTEBOOKS / "exercises" / name / link).is_file(), link


@pytest.mark.parametrize("name", NAMES)
def test_the_times_of_the_table_are_those_of_the_exercises(name):
    cells = read("solutions", name).cells
    table = re.findall(r"^\| \d \| (.*) \| (\d+) min \|$", cells[1].source, re.MULTILINE)
    tasks = [re.match(r"## \d · (.*)\n\n\*(\d+) minutes\*", cell.source) for cell in cells
             if cell.source.startswith("## ")]
    assert table == [task.groups() for task in tasks] and len(table) in (3, 4)


def test_nbgrader_marks_a_right_and_a_wrong_answer(released):
    name, student = "08_speed", "ada"
    submission = nbformat.read(released / "exercises" / name / f"{name}.ipynb", as_version=4)
    right = {grading(cell).get("grade_id"): cell.source for cell in read("solutions", name).cells}
    for cell in submission.cells:
        if grading(cell).get("grade_id") == "amdahl-by-hand":
            cell.source = right["amdahl-by-hand"]
        if grading(cell).get("grade_id") == "when-has-compiling-paid":
            cell.source = cell.source.replace("# Your code here", "return compiling // (before - after)")
        if grading(cell).get("grade_id") == "time-to-accuracy-check":
            cell.source = "pass  # a student who changes the check gets the teacher's back"
    handed_in = released / "submitted" / student / name / f"{name}.ipynb"
    handed_in.parent.mkdir(parents=True)
    nbformat.write(submission, handed_in)
    assert teacher(released).autograde(name, student, force=True, create=True)["success"]
    with Gradebook(f"sqlite:///{released / 'gradebook.db'}") as book:
        marks = {grade.name: (grade.auto_score, grade.max_score)
                 for grade in book.find_submission_notebook(name, name, student).grades}
        assert book.find_submission(name, student).score == 1
    assert marks == {"amdahl-by-hand-check": (1, 1), "when-has-compiling-paid-check": (0, 1),
                     "time-to-accuracy-check": (0, 2), "a-wrong-way-to-measure-check": (0, 3)}
    told = (released / "autograded" / student / name / f"{name}.ipynb").read_text(encoding="utf-8")
    assert "✗ Not yet." in told and "For 31 s of compiling and epochs of 15 s instead of 20 s, 6 came" in told


def test_what_marking_leaves_is_ignored_by_git(tmp_path):
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text((ROOT / ".gitignore").read_text())
    left = ("gradebook.db", "submitted/ada/01_eda/01_eda.ipynb", "autograded/ada/01_eda/01_eda.ipynb",
            "feedback/ada/01_eda/01_eda.html", "exercises/01_eda/01_eda.ipynb")
    ignored = [subprocess.run(["git", "check-ignore", "--quiet", f"notebooks/{path}"], cwd=tmp_path).returncode == 0
               for path in left]
    assert ignored == [True, True, True, True, False]


def test_the_working_copy_has_the_exercises_and_not_the_solutions(home):
    folder = working_copy(log=lambda line: None)
    copied = {path.relative_to(folder).as_posix() for path in folder.rglob("*.ipynb")}
    assert {f"exercises/{name}/{name}.ipynb" for name in NAMES} <= copied
    assert {path.name for path in clone().glob("notebooks/*.ipynb")} <= copied
    assert not any("solutions" in path for path in copied)


@pytest.mark.parametrize("edition", ["exercises", "solutions"])
def test_a_run_does_not_take_an_exercise_for_the_lesson_of_its_name(edition):
    with pytest.raises(CourseError, match=f"01_eda.ipynb in {edition}/ belongs to no run"):
        find([str(NOTEBOOKS / edition / "01_eda" / "01_eda.ipynb")])
    with pytest.raises(CourseError, match="belongs to no run"):
        find([f"{edition}/01_eda/01_eda"])

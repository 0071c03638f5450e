"""`fer lab`: a working copy that is made once, left alone, and restored by name; the clone stays as it was."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from fer_utils import CourseError
from fer_utils.support.home import course_home
from fer_utils.tools import lab
from fer_utils.tools.cli import main
from fer_utils.tools.lab import working_copy

ROOT = Path(__file__).parents[2]


@pytest.fixture
def course(tmp_path, monkeypatch, write_notebook) -> Path:
    """A clone with two notebooks and an exercise, which is the current folder."""
    monkeypatch.delenv("FER_HOME", raising=False)
    for name in ("01_first", "02_second", "exercises/01_first", ".ipynb_checkpoints/01_first-checkpoint"):
        write_notebook(tmp_path / "clone" / "notebooks" / f"{name}.ipynb", "# Title", f"'{name}'")
    (tmp_path / "clone" / "fer_utils").mkdir()
    (tmp_path / "clone" / ".gitignore").write_text((ROOT / ".gitignore").read_text())
    monkeypatch.chdir(tmp_path / "clone")
    return tmp_path / "clone"


@pytest.fixture
def opened(monkeypatch) -> list[list[str]]:
    """The arguments with which JupyterLab was started, which it is not."""
    labapp = pytest.importorskip("jupyterlab.labapp", reason="JupyterLab is missing: pip install -e '.[lab]'")
    calls: list[list[str]] = []
    monkeypatch.setattr(labapp.LabApp, "launch_instance", lambda argv: calls.append(argv))
    return calls


def change(path: Path, source: str) -> None:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].source = source
    nbformat.write(notebook, path)


def source(path: Path) -> str:
    return nbformat.read(path, as_version=4).cells[1].source


def notebooks(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.ipynb"))


def test_lab_opens_a_copy_whose_home_is_the_clone(course, opened, capsys, monkeypatch):
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", "add", "."], check=True)
    assert main(["lab", "--", "--no-browser", "--port=9999"]) == 0
    assert opened == [[f"--ServerApp.root_dir={course}", "--LabApp.default_url=/lab/tree/work", "--no-browser",
                       "--port=9999"]]
    assert notebooks(course / "work") == ["01_first.ipynb", "02_second.ipynb", "exercises/01_first.ipynb"]
    monkeypatch.chdir(course / "work" / "exercises")
    assert course_home() == course and working_copy() == course / "work"
    change(course / "work" / "01_first.ipynb", "'mine'")
    status = subprocess.run(["git", "status", "--porcelain"], cwd=course, capture_output=True, text=True, check=True)
    assert "??" not in status.stdout and " M" not in status.stdout
    assert capsys.readouterr().out == ""


def test_the_copy_is_made_once_and_an_old_one_is_said(course, capsys):
    folder = working_copy()
    change(folder / "01_first.ipynb", "'mine'")
    (folder / "02_second.ipynb").unlink()
    assert working_copy() == folder and capsys.readouterr().out == ""
    assert source(folder / "01_first.ipynb") == "'mine'" and source(folder / "02_second.ipynb") == "'02_second'"
    for name in ("01_first", "exercises/01_first"):
        change(course / "notebooks" / f"{name}.ipynb", "'new'")
    working_copy()
    assert capsys.readouterr().out == (
        "The course has newer editions of 01_first, exercises/01_first than work/ does: `fer lab --reset 01_first "
        "exercises/01_first` brings them and keeps yours beside them.\n")
    assert source(folder / "01_first.ipynb") == "'mine'"


def test_new_outputs_of_the_course_are_no_new_edition(course, capsys):
    working_copy()
    path = course / "notebooks" / "01_first.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="1\n")]
    nbformat.write(notebook, path)
    working_copy()
    assert capsys.readouterr().out == ""


def test_reset_restores_and_keeps_the_readers(course, opened, capsys):
    folder = working_copy()
    for k in range(2):
        change(folder / "01_first.ipynb", f"'mine {k}'")
        change(course / "notebooks" / "01_first.ipynb", f"'new {k}'")
        assert main(["lab", "--reset", "01_first", "work/exercises/01_first.ipynb"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "work/01_first.ipynb is as the course has it; yours is kept as work/01_first-mine.ipynb.",
        "work/exercises/01_first.ipynb is as the course has it.",
        "work/01_first.ipynb is as the course has it; yours is kept as work/01_first-mine-2.ipynb.",
        "work/exercises/01_first.ipynb is as the course has it."]
    assert [source(folder / f"01_first{end}.ipynb") for end in ("", "-mine", "-mine-2")] == [
        "'new 1'", "'mine 0'", "'mine 1'"]
    working_copy()
    assert opened == [] and capsys.readouterr().out == ""


def test_reset_refuses_what_the_course_does_not_have(course, capsys):
    change(working_copy() / "01_first.ipynb", "'mine'")
    assert main(["lab", "--reset", "01_first", "03_third"]) == 1
    assert capsys.readouterr().err == ("There is no notebook 03_third: choose from 01_first, 02_second, "
                                       "exercises/01_first.\n")
    assert source(course / "work" / "01_first.ipynb") == "'mine'"


def test_without_jupyterlab_one_sentence_says_what_to_install(course, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)
    assert main(["lab"]) == 1
    assert capsys.readouterr().err == ('JupyterLab is not installed: install it by `pip install "jupyterlab>=4.2"`.\n')
    assert not (course / "work").exists()


def test_the_readers_home_holds_the_copy_where_fer_home_names_one(course, monkeypatch, tmp_path):
    monkeypatch.setenv("FER_HOME", str(tmp_path / "home"))
    assert working_copy() == tmp_path / "home" / "work"
    assert notebooks(tmp_path / "home" / "work") == notebooks(course / "notebooks")[1:]


def test_the_readers_copy_runs_by_its_path(course, monkeypatch):
    from fer_utils.tools.notebooks import find

    folder = working_copy()
    assert find(["work/01_first.ipynb", "01_first"]) == [folder / "01_first.ipynb",
                                                         course / "notebooks" / "01_first.ipynb"]
    with pytest.raises(CourseError, match="no notebook 01_frist"):
        find(["01_frist"])


def test_a_copy_that_was_cut_knows_its_editions(course, monkeypatch, capsys):
    copied = []
    copy = lab._copy

    def cut(original: Path, path: Path) -> None:
        if copied:
            raise KeyboardInterrupt
        copied.append(path)
        copy(original, path)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(lab, "_copy", cut)
        working_copy()
    change(course / "notebooks" / f"{copied[0].stem}.ipynb", "'a newer edition'")
    working_copy()
    assert f"The course has newer editions of {copied[0].stem} than work/ does" in capsys.readouterr().out

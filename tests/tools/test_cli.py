"""The command `fer`: its arguments, its sentences and its exit statuses, on small notebooks of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path, PureWindowsPath

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from fer_utils import CourseError
from fer_utils.runs import Run
from fer_utils.tools import check as checks
from fer_utils.tools.cli import main
from fer_utils.tools.notebooks import _from_home, cleaned, find, read_parameters, without_paths

ROOT = Path(__file__).parents[2]
PARAMETERS = """# tag: parameters
data: str = "auto"  # which faces
run: str = "default"  # the run's name
epochs: int = 3  # how often
learning_rate: float = 1e-3  # how far
flip: bool = True  # mirror or not"""
SHOW = "print(data, run, repr((epochs, learning_rate, flip)))"


@pytest.fixture
def course(home, write_notebook, monkeypatch) -> Path:
    """A home with two small notebooks, and the current folder: the clone around it would come first."""
    monkeypatch.chdir(home)
    write_notebook(home / "notebooks" / "01_first.ipynb", "# What is first?", PARAMETERS, SHOW)
    write_notebook(home / "notebooks" / "02_second.ipynb", '# tag: parameters\nseed: int = 0  # chance\nrun: str = ""',
                   "import os\nprint(seed, run, os.getcwd() == os.environ['FER_HOME'])")
    return home


def printed(path: Path) -> str:
    notebook = nbformat.read(path, as_version=4)
    return "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))


def test_run_executes_all_notebooks_in_order_and_records_them(course, capsys):
    assert main(["run", "--data", "sample", "--run", "mine", "-p", "epochs", "5", "-p", "flip", "false",
                 "-p", "seed", "7"]) == 0
    run = Run.open("mine")
    assert printed(run.path / "notebooks" / "01_first.ipynb") == "sample mine (5, 0.001, False)\n"
    assert printed(run.path / "notebooks" / "02_second.ipynb") == "7 mine True\n"
    kept = run.read()
    assert list(kept["seconds"]) == ["01_first", "02_second"] and kept["source"] == "sample" and kept["drawn"]
    assert kept["parameters"] == {
        "01_first": {"data": "sample", "run": "mine", "epochs": 5, "learning_rate": 1e-3, "flip": False},
        "02_second": {"seed": 7, "run": "mine"}}
    assert capsys.readouterr().out.splitlines()[-2:][0].startswith("01_first  ")


def test_run_takes_names_and_paths(course, capsys, monkeypatch, write_notebook, tmp_path):
    first, second = find()
    assert find(["02_second", "notebooks/01_first.ipynb", str(first)]) == [second, first, first]
    own = write_notebook(tmp_path / "own.ipynb", "print('own')")
    monkeypatch.chdir(tmp_path)
    assert main(["run", "own.ipynb", "02_second"]) == 0
    assert printed(course / "reports" / "default" / "notebooks" / own.name) == "own\n"
    assert main(["run", "03_third"]) == 1
    assert capsys.readouterr().err == "There is no notebook 03_third: choose from 01_first, 02_second.\n"


@pytest.mark.parametrize(("name", "value", "words"), [
    ("epoch", "5", ["no parameter epoch: choose from epochs, ", ", flip, ", ", seed"]),
    ("epochs", "many", ["epochs is of type int", "'many'", "its default is 3"]),
    ("epochs", "2.5", ["epochs is of type int"]),
    ("learning_rate", "fast", ["learning_rate is of type float"]),
    ("flip", "1", ["flip is of type bool"])])
def test_parameters_are_checked_before_anything_runs(course, capsys, name, value, words):
    assert main(["run", "--run", "mine", "-p", name, value]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and all(word in error for word in words)
    assert not (course / "reports").exists()


def test_parameters_are_read_as_each_notebook_declares_them(tmp_path):
    def parameter(kind: str) -> dict:
        return {"inferred_type_name": kind, "default": "0"}

    declared = {tmp_path / "a": {"n": parameter("int"), "data": parameter("str")},
                tmp_path / "b": {"n": parameter("float")}}
    given = [("n", "3"), ("data", "x"), ("run", "y")]
    assert read_parameters(declared, given) == {tmp_path / "a": {"n": 3, "data": "x"}, tmp_path / "b": {"n": 3.0}}


@pytest.mark.parametrize("arguments", [
    ["--data", "no/such/place"], ["--run", "../up"], ["--run", "a/../b"], ["--run", "/a"]])
def test_bad_data_or_run_is_refused_before_anything_is_written(course, capsys, arguments):
    assert main(["run", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Traceback" not in error
    assert not (course / "reports").exists()


def test_other_data_in_a_run_is_refused_before_anything_runs(course, capsys):
    run = Run.open("mine")
    run.record(fingerprint="0" * 64, source="fer2013.zip", drawn=False)
    run.write_metrics("data", {})
    assert main(["run", "--run", "mine", "--data", "sample"]) == 1
    assert capsys.readouterr().err.startswith("The run mine holds results on other faces (fer2013.zip)")
    assert not (run.path / "notebooks").exists()


def test_a_failing_cell_is_named_and_stops_the_run(course, capsys, write_notebook):
    failing = course / "notebooks" / "01_first.ipynb"
    write_notebook(failing, "# Title", PARAMETERS, "print('before')", "def divide():\n    return 1 / 0", "divide()",
                   "print('after')")
    assert main(["run", "--run", "mine"]) == 1
    captured = capsys.readouterr()
    assert captured.err.splitlines()[-3:] == [
        "01_first.ipynb stopped in its cell [5].", "ZeroDivisionError: division by zero",
        "What ran until then: " + os.path.join("reports", "mine", "notebooks", "01_first.ipynb")]
    executed = course / "reports" / "mine" / "notebooks"
    assert [path.name for path in executed.iterdir()] == ["01_first.ipynb"]
    assert printed(executed / "01_first.ipynb") == "before\n"
    assert "seconds" not in Run.open("mine").read()


def test_a_run_that_was_cut_goes_on_at_the_first_unfinished_notebook(course, capsys, monkeypatch, write_notebook):
    (first, second), executed = find(), []

    def execute(notebook: Path, output: Path, parameters: dict) -> None:
        executed.append(notebook.stem)
        if "fails" in notebook.read_text():
            raise CourseError("cut")
        write_notebook(output)

    def run(*arguments: str) -> list[str]:
        """Which notebooks were executed."""
        executed.clear()
        main(["run", "--run", "mine", "--data", "sample", *arguments])
        return executed.copy()

    monkeypatch.setattr("fer_utils.tools.notebooks.execute", execute)
    both, last = [first.stem, second.stem], [second.stem]
    write_notebook(second, PARAMETERS, "'fails'")
    assert run() == both
    assert run() == last and "The run goes on at 02_second: what comes before" in capsys.readouterr().out
    assert run("--fresh") == both and run() == last
    assert run("-p", "epochs", "4") == both and run("-p", "epochs", "4") == last
    write_notebook(second, PARAMETERS)
    assert run("-p", "epochs", "4") == last
    assert run("-p", "epochs", "4") == both and "All of these were finished before" in capsys.readouterr().out
    (course / "reports" / "mine" / "notebooks" / "02_second.ipynb").unlink()
    assert run("-p", "epochs", "4") == last
    write_notebook(first, PARAMETERS, "'another text'")
    assert run("-p", "epochs", "4") == both


def test_folders_of_any_name_run_and_are_not_stored(course, tmp_path, monkeypatch, capsys):
    if os.name == "nt":
        pytest.skip("Windows has no such names")
    folder = tmp_path / "{run}{}{0}" / "it's" / 'a "quoted" one' / "back\\slash" / "épée 😀"
    home, temporary = folder / "home", folder / "temporary"
    shutil.copytree(course, home)
    temporary.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("FER_HOME", str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    nbformat.write(new_notebook(cells=[new_code_cell(
        "import html, json, os\nfrom pathlib import Path\nfrom urllib.parse import quote\nhere = os.getcwd()\n"
        "display({'a': [here, ascii(here), here + '\"' + \"'\"]}, Path(here), json.dumps(here), html.escape(here))\n"
        "print('shown', here, quote(here))")]), home / "notebooks" / "01_first.ipynb")
    assert main(["run", "01_first", "--run", "mine"]) == 0, capsys.readouterr()
    text = (home / "reports" / "mine" / "notebooks" / "01_first.ipynb").read_text()
    assert "shown . ." in text
    for name in (tmp_path.name, "it's", "one", "slash", "home"):
        assert name not in text.split('"outputs"')[1].split('"source"')[0], text
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("folder", ["C:\\Users\\Zoë O'Neil", "C:\\Users\\anna"])
def test_a_folder_of_windows_is_not_stored_either(folder):

    inside = folder + "\\faces.csv"
    texts = [inside, repr(inside), repr([inside + '"']), json.dumps({"a": inside}), ascii(inside),
             PureWindowsPath(inside).as_posix()]
    cells = [new_code_cell(outputs=[new_output("stream", text=text)]) for text in texts]
    clean = without_paths(new_notebook(cells=cells), [PureWindowsPath(folder)])
    for cell in clean.cells:
        assert "Users" not in cell.outputs[0].text and "faces.csv" in cell.outputs[0].text


def test_a_full_folder_of_temporary_files_is_named_as_such(course, full_disk, capsys, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(full_disk))
    (full_disk / "full").write_bytes(b"x" * 30_000)
    nbformat.write(new_notebook(cells=[new_code_cell("print('x' * 100_000)")]), course / "notebooks" / "01_first.ipynb")
    assert main(["run", "01_first", "--run", "mine"]) == 1
    error = capsys.readouterr().err
    assert "There is no room for temporary files" in error and str(full_disk) in error and len(error) <= 400


def test_of_a_course_error_the_sentence_alone_is_printed(course, capsys, write_notebook):
    write_notebook(course / "notebooks" / "01_first.ipynb",
                   "from fer_utils.data import load_faces\nload_faces('nowhere')")
    assert main(["run", "01_first"]) == 1
    first, sentence, _ = capsys.readouterr().err.splitlines()
    assert first == "01_first.ipynb stopped in its cell [1]." and "nowhere" in sentence and "Error" not in sentence


def test_a_dead_kernel_is_one_sentence(course, capsys, write_notebook):
    write_notebook(course / "notebooks" / "01_first.ipynb", "import os\nos._exit(1)")
    assert main(["run", "01_first"]) == 1
    assert "its kernel died" in capsys.readouterr().err


def test_a_full_disk_is_one_sentence_and_no_half_notebook(full_disk, capsys, monkeypatch, write_notebook, tmp_path):
    monkeypatch.setenv("FER_HOME", str(full_disk))
    path = write_notebook(tmp_path / "long.ipynb", "print('x' * 100_000)")
    assert main(["run", str(path), "--run", "mine"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "long.ipynb cannot be written (No space left on device)" in error
    assert not list(full_disk.rglob("*.ipynb"))


def test_executed_notebooks_name_no_folder_of_the_machine(course, monkeypatch, tmp_path, write_notebook):
    faces = tmp_path / "somewhere" / "faces"
    write_notebook(course / "notebooks" / "01_first.ipynb", PARAMETERS,
                   "import sys, fer_utils\nfrom pathlib import Path\nfrom fer_utils.support.home import course_home\n"
                   "print(data, sys.prefix, Path.home(), course_home(), fer_utils.__file__)")
    monkeypatch.setattr("fer_utils.tools.notebooks.load_faces", lambda source, classes: None)
    monkeypatch.setattr("fer_utils.runs.Run.open", classmethod(lambda cls, name: cls(course / "run")))
    monkeypatch.setattr("fer_utils.runs.Run.start", classmethod(lambda cls, name, faces: cls(course / "run")))
    assert main(["run", "01_first", "--data", str(faces)]) == 0
    text = (course / "run" / "notebooks" / "01_first.ipynb").read_text()
    for folder in (course, tmp_path, Path.home(), sys.prefix, Path(__file__).parents[2]):
        assert str(folder) not in text
    assert printed(course / "run" / "notebooks" / "01_first.ipynb").startswith("./faces python ~ . ./fer_utils/")


def test_pictures_are_no_paths():

    data = {"image/png": f"abc+{Path.home()}/x", "text/plain": f"{Path.home()}/x {Path.home()}s"}
    cell = new_code_cell(outputs=[new_output("display_data", data)])
    clean = without_paths(new_notebook(cells=[cell])).cells[0].outputs[0].data
    assert clean == {"image/png": data["image/png"], "text/plain": f"~/x {Path.home()}s"}


def test_a_relative_data_path_means_the_same_in_the_notebooks(course, monkeypatch, tmp_path):
    from fer_utils.support.sample import draw_sample

    draw_sample(tmp_path / "faces", n_train=30, n_test=30)
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="does not hold what FER2013"):
        assert main(["run", "01_first", "--data", "faces", "--run", "mine"]) == 0
    shown = printed(course / "reports" / "mine" / "notebooks" / "01_first.ipynb").split()[0]
    assert (course / shown).resolve() == tmp_path / "faces"
    assert Run.open("mine").read()["source"] == "faces"


def test_a_run_shows_the_epochs_of_its_trainings_and_nothing_else_of_its_cells(course, capsys, write_notebook):
    said = ["Net-0a1b2c3d, seed 0: training now, 2 epochs on 12 images.", "Epoch [1/2], Train Loss: 1", "Model saved!"]
    write_notebook(course / "notebooks" / "01_first.ipynb", PARAMETERS, f"print({said[0]!r}); print({said[1]!r})",
                   f"print({said[2]!r}); print('seed 0: 0.81')")
    assert main(["run", "01_first", "--data", "sample", "--run", "mine"]) == 0
    shown = capsys.readouterr()
    assert shown.err.splitlines() == said[:2] and "Epoch" not in shown.out


def test_refresh_stores_outputs_that_are_the_same_each_time(course, capsys, monkeypatch, write_notebook):
    (course / "notebooks" / "02_second.ipynb").unlink()
    path = write_notebook(course / "notebooks" / "01_first.ipynb", PARAMETERS,
                          "import os, sys\nfrom pathlib import Path\n"
                          "print(os.listdir(os.environ['FER_HOME']), os.environ['FER_DATA'], data)\nprint(Path.home())",
                          "print('a')\nprint('note', file=sys.stderr)\nprint('b')", "1 + 1", "1 + 1")
    monkeypatch.setenv("FER_DATA", "nowhere")
    assert main(["refresh"]) == 0
    first = path.read_bytes()
    assert main(["refresh"]) == 0
    assert path.read_bytes() == first
    notebook = nbformat.read(path, as_version=4)
    assert [cell.get("execution_count") for cell in notebook.cells] == [1, 2, 3, 4, 5]
    assert notebook.cells[1].outputs[0].text == "[] sample auto\n~\n"
    assert notebook.cells[0].metadata == {"tags": ["parameters"]} and notebook.cells[1].metadata == {}
    assert len({cell.id for cell in notebook.cells}) == 5
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_nbval_agrees_with_what_refresh_stored_to_the_character(course, write_notebook):
    (course / "notebooks" / "02_second.ipynb").unlink()
    path = write_notebook(course / "notebooks" / "01_first.ipynb", "import os\nprint('accuracy 0.81')",
                          "# tag: nbval-ignore-output\nprint(os.getpid())", "{'n': 500}",
                          "print('✓ half: enough:', os.getpid())\n"
                          "print(f'TinyCNN-{os.getpid():08x} took {os.getpid() / 10:.1f} s')")
    assert main(["refresh"]) == 0

    def nbval() -> int:
        arguments = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", Path(__file__).parents[1] / "nbval.cfg",
                     "-p", "no:cacheprovider", path]
        return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=course, capture_output=True).returncode

    assert nbval() == 0
    stored = path.read_text(encoding="utf-8")
    for old, new in (("accuracy 0.81", "accuracy 0.82"), ("✓ half: enough", "✓ half: too much"), ("✓", "✗")):
        path.write_text(stored.replace(f'"{old}', f'"{new}'), encoding="utf-8")
        assert nbval() == 1


def test_refresh_writes_nothing_when_a_cell_fails(course, capsys, write_notebook):
    write_notebook(course / "notebooks" / "03_third.ipynb", "1", "raise ValueError('no')")
    before = {path: path.read_bytes() for path in find()}
    assert main(["refresh"]) == 1
    assert capsys.readouterr().err == "03_third.ipynb stopped in its cell [2].\nValueError: no\n"
    assert before == {path: path.read_bytes() for path in find()}


def test_cleaning_keeps_what_the_author_said():

    cell = new_code_cell("1", metadata={"tags": ["setup"], "execution": {"iopub.status.busy": "now"}, "papermill": {}})
    known = {"alt": "A curve.", "photo": False}
    cell.outputs = [new_output("display_data", {"image/png": "x"}, metadata={"image/png": known | {"width": 9}})]
    notebook = cleaned(new_notebook(cells=[cell], metadata={"title": "T", "accelerator": "GPU", "widgets": {}}))
    assert notebook.cells[0].metadata == {"tags": ["setup"]}
    assert notebook.cells[0].outputs[0].metadata == {"image/png": known}
    assert set(notebook.metadata) == {"title", "accelerator", "kernelspec", "language_info"}


def test_data_prints_counts_and_audit(home, capsys):
    assert main(["data", "sample"]) == 0
    out = capsys.readouterr().out
    assert "Angry" in out and "PublicTest" in out and "copies_in_train" in out
    assert main(["data", "nowhere"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1


def test_help_names_the_embedded_sources(capsys):
    for name in ("data", "run"):
        with pytest.raises(SystemExit):
            main([name, "--help"])
        said = capsys.readouterr().out
        assert all(f'"{source}"' in said for source in ("auto", "sample", "sketches", "kaggle"))


def test_a_folder_does_not_stand_for_an_embedded_source(home, tmp_path, monkeypatch):
    for name in ("sketches", "mine"):
        (tmp_path / "work" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    assert _from_home("sketches") == "sketches" and _from_home("mine") == "../work/mine"


def test_data_says_what_was_recognised_and_what_was_not_read(home, tmp_path, capsys):
    from making import write_set

    folder = write_set(tmp_path / "set", ("train", "val", "test"), ("anger", "happiness", "neutral", "contempt"))
    (folder / "README.md").write_text("x")
    assert main(["data", str(folder)]) == 0
    out = capsys.readouterr().out
    for words in ("6 for training, 6 for validation and 6 for testing", "Left out: 6 contempt",
                  "Classes: anger is Angry, happiness is Happy", "Part: train/, Training, 8 images",
                  "Part: val/, Validation, 8 images", "Not read: 1 other files (README.md)"):
        assert words in out
    assert main(["data", str(folder), "--labels", "fer+"]) == 1
    assert "fer2013new.csv" in capsys.readouterr().err


def start_fer(*arguments: str) -> subprocess.Popen:
    code = "import sys; from fer_utils.tools.cli import main; raise SystemExit(main(sys.argv[1:]))"
    return subprocess.Popen([sys.executable, "-W", "error", "-c", code, *arguments], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, start_new_session=True)


def write_script(course: Path, text: str) -> None:
    """What `fer figures` does, in a clone of its own."""
    (course / "fer_utils").mkdir()
    (course / "reports" / "figures").mkdir(parents=True)
    (course / "reports" / "figures" / "build.py").write_text(f"def main(arguments):\n    {text}\n")


@pytest.mark.parametrize("command", ["data sample", "predict face.png face.png", "figures mine"])
def test_a_reader_that_stops_reading_is_no_error(course, monkeypatch, command):
    write_script(course, "print('a line')")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    Image.new("L", (300, 200), 90).save("face.png")
    fer = start_fer(*command.split())
    fer.stdout.close()
    error = fer.stderr.read()
    fer.stderr.close()
    assert fer.wait() == 0 and not error


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_interrupting_a_script_is_one_word(course, monkeypatch):
    write_script(course, "import time; open('begun', 'w').close(); time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    fer = start_fer("figures", "mine")
    for _ in range(600):
        if (course / "begun").exists():
            break
        time.sleep(0.05)
    os.killpg(fer.pid, signal.SIGINT)  # as a terminal does
    assert fer.communicate(timeout=30) == ("", "Interrupted.\n") and fer.returncode == 130


def test_check_is_one_line_per_requirement(home, capsys):
    assert main(["check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("OK ") for line in lines)
    for word in ("Python 3", "torch ", "filelock", "fits torch", "device:", "kernel", "disk", "data: auto takes sample",
                 "reports"):
        assert sum(word in line for line in lines) >= 1, word


def test_check_says_what_is_wrong_and_what_fixes_it(home, capsys, monkeypatch):
    required = ["numpy>=1000", "no-such-package>=1", 'ruff>=1000; extra == "dev"']
    monkeypatch.setattr(checks.metadata, "requires", lambda name: required)
    monkeypatch.setenv("FER_DATA", "nowhere")
    monkeypatch.setattr(checks, "FREE_GB", 1e9)
    monkeypatch.setattr(checks, "_vision", lambda: 1 / 0)
    assert main(["check"]) == 1
    out = capsys.readouterr().out
    assert 'python -m pip install "numpy>=1000"' in out and "no-such-package is not installed (>=1)" in out
    assert out.count("WRONG") == out.count("fix it: ") == 5 and "ruff" not in out


def test_check_says_that_a_file_is_in_the_way_of_results(home, capsys, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FER_HOME", str(tmp_path / "file"))
    assert main(["check"]) == 1
    assert f"WRONG  {tmp_path / 'file'} is a file, where results need a folder" in capsys.readouterr().out


def test_a_name_of_many_letters_is_refused_in_a_short_sentence(course, capsys):
    for arguments in (["run", "x" * 5000], ["run", "-p", "x" * 5000, "1"], ["run", "-p", "epochs", "x" * 5000]):
        assert main(arguments) == 1
        assert len(capsys.readouterr().err) <= 400


def test_a_class_of_error_that_is_not_the_readers_shows_its_traceback(monkeypatch):
    monkeypatch.setattr("fer_utils.tools.cli.check", lambda options: {}["programmer"])
    with pytest.raises(KeyError):
        main(["check"])


def test_interrupting_exits_130_and_leaves_whole_files(course, write_notebook):
    if os.name == "nt":
        pytest.skip("signals are POSIX's")
    write_notebook(course / "notebooks" / "01_first.ipynb", "from pathlib import Path\nPath('begun').touch()",
                   "import time\ntime.sleep(60)")
    fer = subprocess.Popen([sys.executable, "-c", "from fer_utils.tools.cli import main; raise SystemExit(main())",
                            "run", "01_first", "--run", "mine"], stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        if (course / "begun").exists():
            break
        time.sleep(0.05)
    time.sleep(0.5)
    fer.send_signal(signal.SIGINT)
    _, error = fer.communicate(timeout=30)
    assert fer.returncode == 130 and error.endswith("Interrupted.\n") and "Traceback" not in error
    executed = list((course / "reports" / "mine" / "notebooks").iterdir())
    assert [path.name for path in executed] == ["01_first.ipynb"]
    nbformat.validate(nbformat.read(executed[0], as_version=4))


def test_a_home_without_notebooks_uses_those_of_the_clone(home, monkeypatch, tmp_path, write_notebook):
    monkeypatch.chdir(home)
    elsewhere = tmp_path / "elsewhere" / "fer_utils" / "support" / "home.py"
    monkeypatch.setattr("fer_utils.support.home.__file__", str(elsewhere))
    with pytest.raises(CourseError, match="has no notebooks"):
        find()
    own = write_notebook(home / "own.ipynb", "1")
    assert find(["own.ipynb"]) == [own]  # which needs no clone
    theirs = write_notebook(tmp_path / "elsewhere" / "notebooks" / "01_first.ipynb", "1")
    assert find() == [theirs]


def test_the_clone_that_one_stands_in_comes_before_the_home(course, monkeypatch, tmp_path, write_notebook):
    here = write_notebook(tmp_path / "clone" / "notebooks" / "01_first.ipynb", "1")
    (tmp_path / "clone" / "fer_utils").mkdir()
    edited = write_notebook(tmp_path / "clone" / "work" / "01_first.ipynb", "2")
    monkeypatch.chdir(edited.parent)
    assert find() == find(["01_first"]) == find(["01_first", "notebooks/01_first.ipynb"])[1:] == [here]
    assert find(["01_first.ipynb", "work/01_first.ipynb"]) == [edited, edited]
    with pytest.raises(CourseError, match="no notebook wrok/01_first.ipynb"):
        find(["wrok/01_first.ipynb"])


def test_usage_errors_exit_2(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["fly"])
    assert stop.value.code == 2

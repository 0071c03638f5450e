"""Away from home: a bare virtual environment in which torch and Jupyter are there already, as on Colab.

One notebook at a time arrives in an empty folder; its set-up cell has to clone the course beside it, from a git address
on this disk, to install it from there, to make it the home, and to leave torch as it is.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from fer_utils import CourseError
from fer_utils.tools.colab import SETUP_CELL, UNSTAMPED, badge, repository, setup_cell, stamp

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PROBE = """
from importlib import metadata, util
print(*((util.find_spec(name).origin, metadata.version(name)) for name in ("torch", "torchvision", "numpy")))
"""


@pytest.fixture(scope="module")
def outside(tmp_path_factory) -> Path:
    """What Colab has: every package of this environment but the course."""
    folder = tmp_path_factory.mktemp("outside")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "fer_utils" not in path.name and path.suffix != ".pth":
            (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    """A git address on this disk that holds the package as it is now."""
    clone = tmp_path_factory.mktemp("clone")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    for name in ("fer_utils", "notebooks"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "The package"]):
        subprocess.run(["git", *identity, *command], cwd=clone, check=True)
    return clone.as_uri()


class Machine:
    """A fresh virtual environment that sees `outside`, and an empty folder to work in."""

    def __init__(self, folder: Path, outside: Path, address: str) -> None:
        self.content, self.bare = folder / "content", folder / "bare"
        self.content.mkdir()
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.bare], check=True)
        self.python = self.bare / "bin" / "python"
        packages = next(self.bare.glob("lib/python*/site-packages"))
        (packages / "outside.pth").write_text(f"{outside}\n")
        ours = {"FER_HOME", "FER_DATA", "PYTHONPATH", "VIRTUAL_ENV"}
        self.environment = {name: value for name, value in os.environ.items() if name not in ours}
        self.environment |= {"FER_REPOSITORY": address, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        self.environment |= {"PIP_NO_BUILD_ISOLATION": self._no_isolation()}

    def _no_isolation(self) -> str:
        """Older pips read this variable the wrong way round, so ask this one which value builds with what is there."""
        ask = ("from pip._internal.commands import create_command; "
               "print(bool(create_command('install').parse_args(['x'])[0].build_isolation))")
        return "0" if self.run("-c", ask, PIP_NO_BUILD_ISOLATION="0").stdout == "False\n" else "1"

    def run(self, *arguments: str, cwd: Path | None = None, **extra: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.python, *arguments], cwd=cwd or self.content, capture_output=True, text=True,
                              env={**self.environment, **extra})

    def papermill(self, notebook: nbformat.NotebookNode, **extra: str) -> list[str]:
        """Execute the only file that arrived; returns what each cell printed."""
        path, output = self.content / "only.ipynb", self.bare / "out.ipynb"
        nbformat.write(notebook, path)
        done = self.run("-m", "papermill", str(path), str(output), "-k", "python3", "--no-progress-bar",
                        **extra)
        assert done.returncode == 0, done.stdout + done.stderr
        executed = nbformat.read(output, as_version=4)
        return ["".join(output.get("text", "") for output in cell.get("outputs", [])) for cell in executed.cells]


@pytest.fixture
def machine(tmp_path, outside, address) -> Machine:
    if os.name == "nt":
        pytest.skip("the folder of links needs POSIX")
    machine = Machine(tmp_path, outside, address)
    missing = machine.run("-c", "import fer_utils")
    assert missing.returncode == 1 and "No module named 'fer_utils'" in missing.stderr
    return machine


def cells(*sources: str) -> nbformat.NotebookNode:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=[new_code_cell(source) for source in sources], metadata={"kernelspec": kernel})


def test_the_set_up_cell_installs_the_course_once_and_leaves_torch_alone(machine):
    before, course = machine.run("-c", PROBE).stdout, machine.content / "fer-course"
    first, package, commit, again = machine.papermill(cells(
        SETUP_CELL, "import fer_utils\nprint(fer_utils.__file__)",
        "from fer_utils.support import provenance\nprint(provenance.git_commit())", SETUP_CELL))
    assert first == f"The course is installed from {course}\n" and again == ""
    assert package == f"{course / 'fer_utils' / '__init__.py'}\n" and len(commit.strip()) == 40
    assert machine.run("-c", PROBE).stdout == before and "torch" in before
    assert machine.run("-c", "import fer_utils; print(fer_utils.__file__)").stdout == package
    assert (course / ".git" / "shallow").is_file()


def test_the_clone_is_the_home_unless_fer_home_names_another(machine, tmp_path):
    where = ("from fer_utils.support.home import clone, course_home\nfrom fer_utils.tools.notebooks import find\n"
             "print(course_home(), clone(), find(['04_training'])[0].parent.name)")
    course = machine.content / "fer-course"
    # The second time is a kernel started anew on the same machine; the third keeps its results on a drive.
    for home, extra in ((course, {}), (course, {}), (tmp_path, {"FER_HOME": str(tmp_path)})):
        done = machine.run("-c", f"{SETUP_CELL}\n{where}", **extra)
        assert done.stdout.splitlines()[-1:] == [f"{home} {course} notebooks"], done.stderr


def test_in_a_clone_the_set_up_cell_installs_from_there(machine, address):
    clone = machine.content / "mine"
    subprocess.run(["git", "clone", "--quiet", address, str(clone)], check=True)
    ask = "from fer_utils.support.home import course_home; from fer_utils.runs import Run; print(course_home())"
    done = machine.run("-c", f"{SETUP_CELL}\n{ask}", cwd=clone / "notebooks", FER_REPOSITORY=UNSTAMPED)
    assert done.stdout == f"The course is installed from {clone}\n{clone}\n"
    assert machine.run("-c", SETUP_CELL, cwd=clone).stdout == ""
    assert not list(machine.content.rglob("fer-course"))


def test_without_an_address_the_set_up_cell_says_what_to_do(machine):
    done = machine.run("-c", SETUP_CELL, FER_REPOSITORY=UNSTAMPED)
    assert done.returncode == 1 and "set FER_REPOSITORY to its address" in done.stderr.splitlines()[-1]


def test_at_home_the_set_up_cell_does_nothing(tmp_path):
    code = f"import os\nbefore = dict(os.environ)\n{SETUP_CELL}\nassert os.environ == before"
    for folder in (ROOT / "notebooks", tmp_path):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == [] and len(SETUP_CELL.splitlines()) <= 21


def test_a_whole_notebook_runs_by_itself_and_leaves_its_results_in_the_clone(machine):
    before = machine.run("-c", PROBE).stdout
    texts = machine.papermill(nbformat.read(ROOT / "notebooks" / "01_eda.ipynb", as_version=4))
    assert f"The course is installed from {machine.content / 'fer-course'}\n" in texts
    assert machine.run("-c", PROBE).stdout == before and "torch" in before
    assert (machine.content / "fer-course" / "reports" / "default-sample" / "run.json").is_file()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_notebook_has_the_cells_of_the_code_and_the_address_of_the_project(path):
    address, cells = repository(ROOT), nbformat.read(path, as_version=4).cells
    setups, badges = ([cell.source for cell in cells if tag in cell.metadata.get("tags", [])]
                      for tag in ("setup", "badge"))
    assert setups == [setup_cell(address)]
    assert badges == ([] if address == UNSTAMPED else [badge(address, path.stem)])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_is_imported_before_the_set_up_cell(path):
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    tags = [cell.metadata.get("tags", []) for cell in code]
    before = code[: next(i for i, own in enumerate(tags) if "setup" in own)]
    assert all("import" not in cell.source for cell in before)


def test_stamping_reaches_whatever_names_the_repository(tmp_path, write_notebook):
    (tmp_path / "pyproject.toml").write_text(f'[project.urls]\nRepository = "{UNSTAMPED}"\n')
    (tmp_path / "README.md").write_text(f"`fer colab OWNER/REPO`, {UNSTAMPED}.\n{badge(UNSTAMPED, '01_eda')}\n")
    names = ("01_eda", "exercises/01_eda")
    paths = [write_notebook(tmp_path / "notebooks" / f"{name}.ipynb", "# Title", f"# tag: setup\n{SETUP_CELL}", "1 + 1")
             for name in names]
    for fork in ("some-one/a.course", "other/course", "OWNER/REPO"):
        new = f"https://github.com/{fork}"
        assert {changed.name for changed in stamp(tmp_path, fork)} == {"pyproject.toml", "README.md", "01_eda.ipynb"}
        assert repository(tmp_path) == new and stamp(tmp_path, fork) == []
        for path, name in zip(paths, names, strict=True):
            title, *badges, setup, sum_of_two = [cell.source for cell in nbformat.read(path, as_version=4).cells]
            assert [title, setup, sum_of_two] == ["# Title", setup_cell(new), "1 + 1"] and f'"{new}"' in setup
            assert badges == ([] if fork == "OWNER/REPO" else [badge(new, name)])
            assert not badges or f"/github/{fork}/blob/main/notebooks/{name}.ipynb" in badges[0]
        readme = (tmp_path / "README.md").read_text()
        assert readme == f"`fer colab OWNER/REPO`, {new}.\n{badge(new, '01_eda')}\n"
    assert paths[0].read_text().endswith("}\n")


@pytest.mark.parametrize("fork", ["", "owner", "a/b/c", "https://github.com/a/b", "a b/c", "a/b.git"])
def test_what_names_no_repository_is_refused(tmp_path, fork):
    with pytest.raises(CourseError):
        stamp(tmp_path, fork)
    with pytest.raises(CourseError, match="no clone of the course"):
        stamp(tmp_path, "a/b")

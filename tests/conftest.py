"""What every test shares: an empty home for the course, the drawn sample as its data, and the real data where it is."""

import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
LONGEST = ("test_whole_way.py", "test_lopsided.py", "test_jupyterlab.py")
"""Files that take minutes. They begin first, so that the other process never waits for the last of them."""


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session", autouse=True)
def course_environment(tmp_path_factory):
    """FER_HOME is an empty folder and FER_DATA the sample, so that nothing of the reader's gets in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("FER_DATA", "sample")
        patch.setenv("PYTHONHASHSEED", "0")
        yield


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """An empty home for one test alone."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("FER_HOME", str(folder))
    return folder


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache for one test alone, and a folder to work in where relative paths find nothing."""
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "cache"


@pytest.fixture
def tiny_sample(tmp_path, monkeypatch) -> list[tuple]:
    """A stand-in for the drawing, so that tests of what surrounds it take no time; returns the calls."""
    from making import make_rows, write_folder

    from fer_utils.support import sources

    calls, code = [], tmp_path / "drawing.py"
    code.write_text("# first version")

    def draw_sample(folder, n_train, n_test, seed):
        calls.append((n_train, n_test, seed))
        write_folder(folder, [row for row in make_rows() if row[0] in (0, 3, 6)])

    monkeypatch.setattr(sources, "sample", SimpleNamespace(__file__=str(code), draw_sample=draw_sample))
    return calls


@pytest.fixture(scope="session")
def fer2013_zip() -> Path:
    """FER2013's 35,887 JPEGs in one zip: $FER2013_ZIP, or shared/fer2013/fer2013.zip beside the clone."""
    path = Path(os.environ.get("FER2013_ZIP", ROOT.parent / "shared" / "fer2013" / "fer2013.zip"))
    if not path.is_file():
        pytest.skip("FER2013 is not here: set FER2013_ZIP to its zip of JPEGs")
    return path


@pytest.fixture
def full_disk(tmp_path):
    """A folder on a disk of 32 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a tiny disk can be mounted by the superuser of Linux only")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def write_notebook():
    """A function (path, *sources) that writes a notebook; a source that starts with "# tag: x" has the tag x."""

    def write(path: Path, *sources: str) -> Path:
        import nbformat
        from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

        cells = []
        for source in sources:
            cell = new_markdown_cell(source) if source.startswith(("# ", "[")) and "\n" not in source else None
            cell = cell or new_code_cell(source)
            if source.startswith("# tag: "):
                tag, _, cell.source = source.removeprefix("# tag: ").partition("\n")
                cell.metadata["tags"] = [tag]
            cells.append(cell)
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
        return path

    return write


@pytest.fixture
def style():
    """The course's look for a test's figures, which are closed after it."""
    import matplotlib.pyplot as plt

    from fer_utils.figures import use_style

    with plt.rc_context():
        use_style()
        yield
    plt.close("all")

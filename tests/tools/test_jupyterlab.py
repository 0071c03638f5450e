"""The notebooks in JupyterLab, as a reader opens them: Run All, save, and the table of contents.

01 and 04 are run, or with FER_LAB=all every notebook. Screenshots go to $FER_SCREENSHOTS, or else to pytest's folder.
"""

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import Request, urlopen

import nbformat
import pytest
from browsing import chromium

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAMES = (sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) if os.environ.get("FER_LAB") == "all"
         else ["01_eda"])
QUIET = '{"fetchNews": "false", "checkForUpdates": false}'
STARTED = "() => [...jupyterapp.shell.currentWidget.content.model.cells].some(cell => cell.executionCount)"
FINISHED = """() => {
    const panel = jupyterapp.shell.currentWidget;
    return panel.sessionContext.session.kernel.status == 'idle'
        && [...panel.content.model.cells].every(cell => cell.executionState != 'running');
}"""
WATCHED = """() => {
    const bar = document.querySelector('.jp-OutputArea-output progress');
    const curves = bar?.parentElement.querySelector('img');
    curves?.scrollIntoView({block: 'center'});
    const place = curves?.getBoundingClientRect();
    return bar?.value >= 2 && curves?.naturalWidth > 500 && place.top > 0 && place.bottom < window.innerHeight;
}"""
SAVED = "() => !jupyterapp.shell.currentWidget.content.model.dirty"
READY = "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status == 'idle'"


class Lab(NamedTuple):
    address: str
    token: str
    folder: Path

    def ask(self, path: str, method: str = "GET") -> bytes:
        request = Request(f"{self.address}/{path}", method=method, headers={"Authorization": f"token {self.token}"})
        with urlopen(request, timeout=10) as answer:
            return answer.read()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory):
    """JupyterLab over a copy of the notebooks without outputs, with settings, course's home and token of its own."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is missing: pip install -e '.[dev]'")
    root = tmp_path_factory.mktemp("lab")
    folder, settings = root / "notebooks", root / "settings" / "@jupyterlab" / "apputils-extension"
    folder.mkdir()
    for path in NOTEBOOKS.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
                cell.source = cell.source.replace("epochs: int = 20", "epochs: int = 6")  # enough to be watched
        nbformat.write(notebook, folder / path.name)
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(QUIET)
    own = ("FER_HOME", "HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    caches = {"MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", str(Path.home() / ".config" / "matplotlib"))}
    environment = os.environ | {name: str(root / name.lower()) for name in own} | caches
    (root / "home").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lab = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(16), folder)
    environment |= {"JUPYTER_TOKEN": lab.token, "JUPYTERLAB_SETTINGS_DIR": str(root / "settings"),
                    "JUPYTERLAB_WORKSPACES_DIR": str(root / "workspaces"), "FER_DATA": "sample"}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser",
               f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"]
    with (root / "log.txt").open("w") as log:
        server = subprocess.Popen(command, env=environment, cwd=root, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for(lab, server, root / "log.txt")
        yield lab
    finally:
        server.terminate()
        server.wait(60)


def wait_for(lab: Lab, server: subprocess.Popen, log: Path) -> None:
    for _ in range(600):
        try:
            lab.ask("api/status")
            return
        except URLError:
            assert server.poll() is None, log.read_text()
            time.sleep(0.5)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def page(lab, browser):
    """A page that sees this one server and nothing else of the network."""
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    context.route("**/*", lambda route: route.continue_() if route.request.url.startswith((lab.address, "data:"))
                  else route.abort())
    page = context.new_page()
    page.set_default_timeout(300_000)
    page.goto(f"{lab.address}/lab?token={lab.token}")
    yield page
    context.close()


@pytest.fixture
def screenshots(tmp_path) -> Path:
    folder = Path(os.environ.get("FER_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_run_all_in_jupyterlab(lab, page, name, screenshots):
    run_all(lab, page, name)
    notebook = finished(lab, page, name)
    look_at_the_contents(page, notebook)
    page.screenshot(path=screenshots / f"jupyterlab-{name}.png")
    check(notebook)


def test_a_training_is_watched_in_jupyterlab(lab, page, screenshots):
    run_all(lab, page, "04_training")
    page.wait_for_function(WATCHED, timeout=1_200_000)
    page.screenshot(path=screenshots / "jupyterlab-04_training-watched.png")
    notebook = finished(lab, page, "04_training")
    page.screenshot(path=screenshots / "jupyterlab-04_training.png")
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not any("<progress" in output.get("data", {}).get("text/html", "") for output in outputs)
    assert {output.name for output in outputs if output.output_type == "stream"} == {"stdout"}
    check(notebook)


def run_all(lab: Lab, page, name: str) -> None:
    page.goto(f"{lab.address}/lab/tree/{name}.ipynb?reset")
    page.wait_for_function(READY)
    menu(page, "Run", "Run All Cells")
    page.wait_for_function(STARTED)


def finished(lab: Lab, page, name: str) -> nbformat.NotebookNode:
    """The notebook as it is saved when all its cells have run; its kernel is stopped."""
    page.wait_for_function(FINISHED, timeout=1_200_000)
    menu(page, "File", "Save Notebook")
    page.wait_for_function(SAVED)
    for session in json.loads(lab.ask("api/sessions")):
        lab.ask(f"api/sessions/{session['id']}", "DELETE")
    return nbformat.read(lab.folder / f"{name}.ipynb", as_version=4)


def menu(page, name: str, entry: str) -> None:
    page.locator("#jp-MainMenu").get_by_role("menuitem", name=name, exact=True).click()
    page.locator(".lm-Menu").get_by_role("menuitem", name=re.compile(f"^{entry}")).first.click()


def look_at_the_contents(page, notebook: nbformat.NotebookNode) -> None:
    """Open the table of contents in the left sidebar: it has every heading of the notebook, and leads there."""
    page.get_by_role("tab", name=re.compile("Table of Contents")).click()
    page.wait_for_selector("#table-of-contents .jp-tocItem")
    entries = page.locator("#table-of-contents .jp-tocItem")
    shown = " ".join(entries.all_inner_texts())
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    headings = [line.strip("# ") for text in texts for line in text.splitlines() if re.match("#+ ", line)]
    assert len(headings) > 5 and not [heading for heading in headings if heading not in shown]
    entries.nth(2).click()
    page.get_by_role("heading", name=headings[2]).first.wait_for()


def check(notebook: nbformat.NotebookNode) -> None:
    """Every code cell has run in order, none failed, and each figure that a cell saves is under it."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    errors = [output.evalue for cell in code for output in cell.outputs if output.output_type == "error"]
    assert errors == []
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    drawing = [cell for cell in code if re.search(r"^\w+\.save_figure\(", cell.source, re.MULTILINE)]
    assert len(drawing) > 1
    for cell in drawing:
        assert any("image/png" in output.get("data", {}) for output in cell.outputs), cell.source

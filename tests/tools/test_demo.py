"""`fer demo` in a headless browser: a file, the camera, bad pictures; what it asks for, and what it keeps."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from browsing import chromium
from PIL import Image

from fer_utils.photos import Network
from fer_utils.runs import Run
from fer_utils.support.sample import draw_face
from fer_utils.support.scene import draw_scene
from fer_utils.tools import demo as module
from fer_utils.tools.cli import main

WATCHED = """
import sys

def watch(event, arguments):
    host = {"socket.connect": lambda: arguments[1], "socket.getaddrinfo": lambda: arguments[0]}.get(event, str)()
    host = host[0] if isinstance(host, tuple) else host
    if host not in ("", None, "127.0.0.1", "localhost"):
        print("ASKED", event, host, file=sys.stderr, flush=True)
        raise PermissionError(host)

sys.addaudithook(watch)
from fer_utils.tools.cli import main
sys.exit(main(["demo", *sys.argv[1:]]))
"""
"""The command, in a process where every way to another machine is closed, and an attempt is said."""
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--use-file-for-fake-video-capture=")


def scene(expressions: tuple[int, ...], seed: int = 1) -> Image.Image:
    """A picture of 640 x 480 with so many drawn faces of 160 pixels."""
    rng = np.random.default_rng(seed)
    faces = np.array([draw_face(one, rng, 1.0) for one in expressions])
    return draw_scene(faces, [160] * len(faces), [0] * len(faces), rng, size=(640, 480))[0]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser whose camera sees one happy face."""
    film = tmp_path_factory.mktemp("camera") / "film.mjpeg"
    scene((1,)).convert("RGB").save(film, "JPEG", quality=95)
    with chromium(*CAMERA[:2], f"{CAMERA[2]}{film}") as browser:
        yield browser


@pytest.fixture(scope="module")
def served(browser, tmp_path_factory):
    """The demo in a process of its own, stopped by Ctrl-C, which must leave no file."""
    folder = tmp_path_factory.mktemp("demo")
    environment = {**os.environ, "TMPDIR": str(folder)}
    process = subprocess.Popen([sys.executable, "-c", WATCHED], env=environment, text=True, cwd=folder,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        said = process.stdout.readline()
        found = re.fullmatch(r"Open (http://127\.0\.0\.1:\d+) in a browser on this machine\. Ctrl-C ends it\.\n", said)
        assert found, said + process.stderr.read()
        yield SimpleNamespace(address=found[1], process=process, folder=folder)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert (errors, process.returncode) == ("Interrupted.\n", 130)
        assert uploads(folder) == []
    finally:
        process.kill()


@pytest.fixture
def page(served, browser):
    """The page, in a browser that says whatever it asks of other machines, and whatever goes wrong."""
    with browser.new_context(permissions=["camera"]) as context:
        page, faults = context.new_page(), []
        page.set_default_timeout(120_000)
        page.on("request", lambda request: request.url.startswith((served.address, "data:", "blob:"))
                or faults.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: message.type == "error" and faults.append(message.text))
        page.goto(served.address)
        for last in ("What the bars are not", "answers with one of"):  # a page shows its texts one after the other
            page.get_by_text(last).first.wait_for()
        yield page
        assert faults == []


def uploads(folder: Path) -> list[Path]:
    """The files there, once there are none, or after ten seconds."""
    for _ in range(100):
        files = [path for path in folder.rglob("*") if path.is_file()]
        if not files:
            break
        time.sleep(0.1)
    return files


def answer(page, path: Path):
    """The answer's place, once it is there."""
    page.locator("input[type=file]").set_input_files(path)
    page.locator("#answer p").wait_for()
    return page.locator("#answer")


def test_a_file_is_answered_and_not_kept(served, page, tmp_path):
    scene((1, 2)).save(tmp_path / "two.png")
    place = answer(page, tmp_path / "two.png")
    assert re.fullmatch(r"1: .*\d\.\d\d\)?; 2: .*\d\.\d\d\)?", place.locator("p").inner_text())
    picture = place.locator("img")
    assert "numbered box around each face" in picture.get_attribute("alt")
    assert picture.evaluate("image => image.naturalWidth") > 1000
    page.get_by_label("Remove Image").click()
    place.locator("p").wait_for(state="detached")
    assert uploads(served.folder) == []


def test_the_camera_is_answered(served, page):
    page.get_by_label("Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    page.get_by_label("capture photo").click()
    page.locator("#answer p").wait_for()
    assert re.fullmatch(r"1: .*\d\.\d\d\)?", page.locator("#answer p").inner_text())
    assert page.locator("#answer img").count() == 1


def test_a_bad_picture_gets_a_sentence(page, tmp_path):
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "letter<b>.png").write_text("Dear reader")
    scene((1,)).save(tmp_path / "moving.gif")
    Image.new("L", (300, 200), 90).save(tmp_path / "none.png")
    for name, words in {"empty.jpg": "empty.jpg is no whole image", "letter<b>.png": "no format that Pillow knows",
                        "moving.gif": "moving.gif is a GIF", "none.png": "No face; the smallest"}.items():
        said = answer(page, tmp_path / name).locator("p").inner_text()
        assert words in said and said.endswith(".") and len(said) < 400
        page.get_by_label("Remove Image").click()
        page.locator("#answer p").wait_for(state="detached")


def test_the_page_says_what_the_answer_is_worth(page):
    text = page.locator(".gradio-container").inner_text()
    for words in ("It stays on this machine", "AttentionCNN-robust on FER2013 answers with one of",
                  "training images", "95\N{NO-BREAK SPACE}% interval", "no answer under 0.", "at temperature 0.",
                  "A bar is not the probability of being right", "on images of FER2013 alone", "so a cat",
                  "no diagnosis"):
        assert words in text


def test_a_training_of_ones_own_is_said_as_it_is(home, monkeypatch):
    run = Run.open("mine")
    run.record(source="our_faces.zip")
    for name, network in {"new": Network("mine/new, seed 0", None, ("bored", "confused")),
                          "scored": Network("mine/scored, seed 3", None, ("bored", "confused"), 2.0, 0.9)}.items():
        monkeypatch.setattr(module, "own", lambda training: (run, SimpleNamespace(name=training)))
        monkeypatch.setattr(module, "as_network", lambda run, kept, network=network: network)
        run.write_metrics("evaluation", {"scored": {"n": 1200, "accuracy": 0.5, "accuracy_ci": [0.47, 0.53]}})
        words = module.in_short(*module.asked(name)).replace("&nbsp;", " ")
        assert f"mine/{name}, seed {network.name[-1]} answers with one of bored, confused." in words
        assert "It was trained on our_faces.zip." in words
        assert ("Of 1,200 images that it had not learnt from, it named 50.0 % as their labels do (95 % interval: "
                "47.0 % to 53.0 %)." in words) == (name == "scored")
        assert ("no answer under 0.90" if name == "scored" else "not calibrated") in words


def test_only_this_machine_can_ask(served):
    listening = [one for one in psutil.Process(served.process.pid).net_connections("inet")
                 if one.status == psutil.CONN_LISTEN]
    assert [one.laddr.ip for one in listening] == ["127.0.0.1"]


def test_a_port_in_use_is_said(served, capsys):
    port = served.address.rpartition(":")[2]
    assert main(["demo", "--port", port]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"Port {port} cannot be used") and error.count("\n") == 1


def test_without_gradio_a_sentence_says_how_to_install_it(capsys, monkeypatch):
    for there in (None, SimpleNamespace(__version__="3.50.2")):
        monkeypatch.setattr(module, "gradio", there)
        assert main(["demo"]) == 1
        assert capsys.readouterr().err.endswith('install it by `pip install "gradio>=6"`.\n')

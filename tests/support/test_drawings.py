"""A figure on disk and in a notebook: its size, its alt text, and where photographs go."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from fer_utils.runs import Run
from fer_utils.support.drawings import alt_text, width_mm


def a_run(home: Path, drawn: bool = False) -> Run:
    run = Run.open("drawn" if drawn else "mine")
    run.record(drawn=drawn)
    return run


def simple_figure() -> Figure:
    fig, ax = plt.subplots(figsize=(3, 2), layout="constrained")
    ax.plot([0, 1], [0, 1])
    ax.set(xlabel="epoch", ylabel="loss")
    plt.close(fig)
    return fig


def test_figures_come_in_three_forms_with_the_same_bytes_each_time(home):
    run = a_run(home)
    run.save_figure(simple_figure(), "curve")
    folder = run.path / "figures"
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(first) == ["curve.pdf", "curve.png", "curve.svg"]
    run.save_figure(simple_figure(), "curve")
    assert first == {path.name: path.read_bytes() for path in folder.iterdir()}
    svg = first["curve.svg"].decode()
    assert ">epoch</text>" in svg and "drawn faces" not in svg and "<dc:date>" not in svg
    assert b"/FontFile2" in first["curve.pdf"] and b"CreationDate" not in first["curve.pdf"]


def test_figures_of_drawn_faces_say_so_once_below_everything_else(home):
    run = a_run(home, drawn=True)
    fig = simple_figure()
    run.save_figure(fig, "curve")
    run.save_figure(fig, "curve")
    assert (run.path / "figures" / "curve.svg").read_text().count(">drawn faces</text>") == 1
    assert fig.get_size_inches()[0] == 3 and fig.get_size_inches()[1] == pytest.approx(2 + 4 / 25.4)
    fig.draw_without_rendering()
    note, = fig.texts
    below = note.get_window_extent()
    assert below.y1 < min(ax.get_tightbbox().y0 for ax in fig.axes)
    paper = fig.get_tightbbox().transformed(fig.dpi_scale_trans)
    assert paper.y0 <= below.y0 and below.x1 <= paper.x1 + 1


def test_a_figure_keeps_its_size_and_says_what_it_shows_in_every_form(home):
    run, fig = a_run(home), simple_figure()
    fig.alt = "A line that rises, of course <from> 0 to 1."
    run.save_figure(fig, "curve")
    folder = run.path / "figures"
    assert alt_text(folder / "curve.svg") == fig.alt and width_mm(folder / "curve.svg") == 76.2
    with Image.open(folder / "curve.png") as picture:
        assert picture.size == (900, 600) and picture.text["Title"] == fig.alt
    assert b"A line that rises" in (folder / "curve.pdf").read_bytes()
    run.save_figure(simple_figure(), "a_curve")
    assert alt_text(folder / "a_curve.svg") == "a curve"


def test_photographs_go_where_nothing_is_published(home):
    def picture(photo: bool | None) -> Figure:
        fig, ax = plt.subplots()
        ax.imshow(np.eye(2))
        if photo is not None:
            fig.photo = photo
        plt.close(fig)
        return fig

    run = a_run(home)
    run.save_figure(picture(True), "people")
    run.save_figure(picture(False), "noise")
    run.save_figure(picture(None), "unknown")
    assert [path.stem for path in sorted(run.path.glob("figures/*.svg"))] == ["noise"]
    assert [path.stem for path in sorted(run.path.glob("figures/photos/*.svg"))] == ["people", "unknown"]
    run = a_run(home, drawn=True)
    run.save_figure(picture(True), "people")
    assert [path.stem for path in sorted(run.path.glob("figures/*.svg"))] == ["people"]


def test_a_notebook_shows_the_figure_with_its_alt_text(home, write_notebook):
    import nbformat
    from nbclient import NotebookClient

    path = write_notebook(home / "one.ipynb",
                          "import matplotlib.pyplot as plt\nfrom fer_utils.runs import Run\nfig, ax = plt.subplots()\n"
                          "fig.alt, fig.photo = 'An empty frame.', True\nRun.open('mine').save_figure(fig, 'frame')",
                          "plt.get_fignums()")
    notebook = NotebookClient(nbformat.read(path, 4), kernel_name="python3").execute()
    shown, = notebook.cells[0].outputs
    assert shown.data["text/plain"] == "An empty frame." and shown.data["image/png"].startswith("iVBOR")
    assert shown.metadata["image/png"] == {"alt": "An empty frame.", "photo": True}
    assert notebook.cells[1].outputs[0].data["text/plain"] == "[]"


def test_what_shows_nothing_of_the_data_is_not_stamped(home):
    run, fig = a_run(home, drawn=True), simple_figure()
    fig.data = False
    run.save_figure(fig, "functions")
    assert "drawn faces" not in (run.path / "figures" / "functions.svg").read_text()

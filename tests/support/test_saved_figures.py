"""A figure on disk and in a notebook: its size and its alt text."""

from pathlib import Path

import pytest
from drawing import simple_figure
from PIL import Image

from fer_utils.runs import Run
from fer_utils.support.saved_figures import alt_text, drawn_width


def a_run(home: Path, drawn: bool = False) -> Run:
    run = Run.open("drawn" if drawn else "mine")
    run.record(drawn=drawn)
    return run


def test_a_figure_that_is_stamped_grows_once(home):
    run, fig = a_run(home, drawn=True), simple_figure()
    for _ in range(2):
        run.save_figure(fig, "curve")
        assert fig.get_size_inches() == pytest.approx((3, 2 + 4 / 25.4))


def test_a_figure_keeps_its_size_and_says_what_it_shows_in_both_forms(home):
    run, fig = a_run(home), simple_figure()
    fig.alt = "A line that rises, of course <from> 0 to 1."
    run.save_figure(fig, "curve")
    folder = run.path / "figures"
    assert alt_text(folder / "curve.svg") == fig.alt and drawn_width(folder / "curve.svg") == 76.2
    with Image.open(folder / "curve.png") as picture:
        assert picture.size == (900, 600) and picture.text["Title"] == fig.alt
    run.save_figure(simple_figure(), "a_curve")
    assert alt_text(folder / "a_curve.svg") == "a curve"


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

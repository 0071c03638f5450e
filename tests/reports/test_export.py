"""A run's figure at the width of a paper or a slide."""

import matplotlib
import pytest

from fer_utils import CourseError
from fer_utils.runs import Run

pypdf = pytest.importorskip("pypdf", reason="pip install pypdf: the tests read the export by it")
pytest.importorskip("typst", reason="pip install typst: figures are exported by it")
from reports.figures.export import export_figure  # noqa: E402

matplotlib.use("Agg")


@pytest.fixture
def run(home) -> Run:
    """A run with one figure, 150 mm wide."""
    import matplotlib.pyplot as plt

    run = Run.open("made_up")
    figure, axes = plt.subplots(figsize=(150 / 25.4, 2))
    axes.set_title("the figure curves")
    run.save_figure(figure, "curves")
    plt.close(figure)
    return run


@pytest.mark.parametrize(("asked", "width"), [(89, 89), (None, 150)])
def test_a_figure_is_exported_at_the_width_asked_for_or_at_its_own(run, asked, width):
    path = export_figure(run, "curves", asked)
    assert path.name == f"curves-{width}mm.pdf"
    page, = pypdf.PdfReader(path).pages
    assert float(page.mediabox.width) == pytest.approx(width / 25.4 * 72, abs=0.01)
    assert "the figure curves" in " ".join(page.extract_text().split())
    first = path.read_bytes()
    assert export_figure(run, "curves", asked).read_bytes() == first
    png = matplotlib.image.imread(export_figure(run, "curves", asked, "png"))
    assert png.shape[1] == pytest.approx(width / 25.4 * 300, abs=1)


def test_a_figure_that_is_not_there_and_a_width_that_is_none(run):
    with pytest.raises(CourseError, match="no figure 'lines': choose from curves"):
        export_figure(run, "lines")
    with pytest.raises(CourseError, match="0 mm wide"):
        export_figure(run, "curves", 0)

"""`fer figure`: at its own width a figure is not scaled."""

import re

import matplotlib.pyplot as plt
import pytest

from fer_utils.figures import ONE_COLUMN, OURS, use_style
from fer_utils.figures.parts import canvas, interval
from fer_utils.runs import Run
from fer_utils.tools.cli import main


@pytest.mark.parametrize("asked, width", [([], ONE_COLUMN), (["--width-mm", "120"], 120)])
def test_a_figure_is_exported_at_its_own_width_or_the_one_asked_for(home, capsys, style, asked, width):
    pytest.importorskip("typst")
    use_style()
    fig, axes = canvas(ONE_COLUMN, 40)
    interval(axes, 0.5, [0.4, 0.6], 0, OURS, "0.500")
    Run.open("mine").save_figure(fig, "row")
    plt.close(fig)
    assert main(["figure", "mine", "row", "--format", "svg", *asked]) == 0
    assert capsys.readouterr().out.strip().endswith(f"row-{width}mm.svg")
    written = (home / "reports" / "mine" / "figures" / f"row-{width}mm.svg").read_text()
    points = float(re.search(r'width="([\d.]+)pt"', written)[1])
    assert points == pytest.approx(width / 25.4 * 72, abs=0.1)

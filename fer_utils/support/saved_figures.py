"""A figure on disk and in a notebook: the same bytes each time, and its alt text in both forms."""

import re
import sys
from base64 import b64encode
from html import unescape
from io import BytesIO
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from PIL import Image

from fer_utils import CourseError
from fer_utils.support.files import checked_name, replacing

SAVING = {"svg.hashsalt": "fer_utils", "svg.fonttype": "none"}
"""Text stays text, and the same figure gives the same bytes."""
UNDATED = {"svg": {"Date": None}, "png": {}}
MM = 25.4


def save_drawing(figure: Figure, folder: Path, name: str, alt: str, stamp: str = "", forms=tuple(UNDATED)) -> None:
    """Write <name>.svg and .png (300 dpi) at the figure's own size; the alt text is the title in both.

    stamp: a small grey line under the right corner, for which the figure grows by 4 mm.
    """
    if stamp and not figure.get_supxlabel():
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + 4 / MM)
        figure.supxlabel(stamp, x=0.995, ha="right", fontsize=7, color="0.45")
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once is enough for all forms
    with matplotlib.rc_context(SAVING):
        for form in forms:
            with replacing(folder / f"{checked_name(name)}.{form}") as temporary:
                figure.savefig(temporary, dpi=300, metadata=UNDATED[form] | {"Title": alt})


def show_drawing(figure: Figure, alt: str, photo: bool) -> None:
    """In a notebook, show the figure, with `alt` and `photo` as the picture's metadata, and close it."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if hasattr(shell, "kernel"):
        import matplotlib.pyplot as plt

        picture = BytesIO()
        figure.savefig(picture, format="png", metadata={"Software": None})
        show_picture(picture, alt, photo)
        plt.close(figure)


def show_saved(drawing: Path) -> None:
    """Show a figure that `save_drawing` has written, given as its .png, as large as `show_drawing` shows it."""
    picture, smaller = BytesIO(), matplotlib.rcParams["figure.dpi"] / 300
    try:
        saved = Image.open(drawing).convert("RGB")
    except (OSError, SyntaxError) as error:  # the latter for a broken PNG
        raise CourseError(f"{drawing} is no whole picture: bring it back by `git restore` there.") from error
    saved.resize([round(side * smaller) for side in saved.size], Image.LANCZOS).save(picture, "png")
    show_picture(picture, alt_text(drawing.with_suffix(".svg")), photo=False)


def show_picture(png: BytesIO, alt: str, photo: bool) -> None:
    from IPython.display import display

    display({"image/png": b64encode(png.getvalue()).decode(), "text/plain": alt}, raw=True,
            metadata={"image/png": {"alt": alt, "photo": photo}})


def alt_text(drawing: Path) -> str:
    """The alt text of a saved .svg, or the file's name in words where it has none."""
    title = re.search(r"<title>(.*?)</title>", drawing.read_text(encoding="utf-8"), re.DOTALL)
    return unescape(title[1]) if title else drawing.stem.replace("_", " ")


def drawn_width(drawing: Path) -> float:
    """The width of a saved .svg as it was drawn, in millimetres."""
    points = re.search(r'<svg[^>]* width="([\d.]+)pt"', drawing.read_text(encoding="utf-8"))
    return round(float(points[1]) / 72 * MM, 1)

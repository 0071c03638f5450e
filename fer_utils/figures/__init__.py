"""The figures of the course: one module a notebook, one function a figure; `parts` has what they share.

Every function returns a matplotlib `Figure` and saves nothing: `Run.save_figure` does. They are drawn at the width of
one column or of two, in type of 7 points or more, and are never scaled. The first colours are Okabe & Ito's (2008),
which readers with any of the common colour-vision deficiencies can tell apart; further ones are Paul Tol's.

To add one, write it into its notebook's module, and an example into tests/figures/gallery.py, which draws every figure.
"""

import re
import warnings
from collections.abc import Callable, Iterable
from functools import wraps
from itertools import cycle
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib import get_cachedir
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

ONE_COLUMN, TWO_COLUMNS = 89, 183
"""Widths in millimetres that journals print: a column, and the whole page."""
INK, GREY, PALE = "#222222", "#6B6B6B", "#DDDDDD"
GREEN = "#009E73"
OURS, POSTER = "#0072B2", "#D55E00"
"""Wherever this course's numbers and the poster's share a figure."""
DASHED = (0, (4, 2))
EXPRESSIONS = {"Angry": "#D55E00", "Disgust": "#009E73", "Fear": "#CC79A7", "Happy": "#E69F00", "Sad": "#56B4E9",
               "Surprise": "#882255", "Neutral": "#0072B2"}
CJK = "Noto Sans CJK JP", "Microsoft YaHei", "Malgun Gothic", "Arial Unicode MS", "WenQuanYi Micro Hei"
"""Fonts with Chinese, Japanese and Korean letters, which the course's own font lacks."""
SAID: set[str] = set()  # the letters of which `say_missing` has spoken
PALETTE = [*EXPRESSIONS.values(), "#332288", "#999933", "#117733", "#88CCEE", "#AA4499", "#444444"]


def class_colours(classes: Iterable[str]) -> dict[str, str]:
    """A colour for each class, in their order: FER2013's expressions have their own, other names take what is left.

    After thirteen classes the colours begin again.
    """
    names = list(classes)
    taken = [EXPRESSIONS[name] for name in names if name in EXPRESSIONS]
    others = cycle([colour for colour in PALETTE if colour not in taken])
    return {name: EXPRESSIONS[name] if name in EXPRESSIONS else next(others) for name in names}


def ink_on(colour: str | tuple) -> str:
    """White or black, whichever has the greater contrast with `colour`: by WCAG 2 it is 4.5:1 or more."""
    red, green, blue = (part / 12.92 if part <= 0.04 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour))
    return "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.179 else "black"


def use_style() -> None:
    """Give every figure drawn from now on the look of the course."""
    plt.style.use(Path(__file__).with_name("course.mplstyle"))
    plt.rcParams["font.family"] = ["sans-serif", *(name for name in CJK if name in fontManager.get_font_names())]
    warnings.filterwarnings("ignore", "Glyph .* missing from font")  # `say_missing` says it in one sentence


def say_missing(figure: Figure) -> None:
    """Say of letters in its texts, once of each, that no font here has them."""
    fonts = [get_font(findfont(FontProperties(family=[name]))) for name in plt.rcParams["font.family"]]
    letters = {letter for text in figure.findobj(Text) for letter in text.get_text() if letter.isprintable()} - SAID
    missing = {letter for letter in letters if not any(font.get_char_index(ord(letter)) for font in fonts)}
    SAID.update(missing)
    if missing:
        print(f"Figures show boxes for {''.join(sorted(missing))[:20]}, since no font here has these letters: install "
              f"Noto Sans CJK, delete matplotlib's list of fonts, the folder {get_cachedir()}, and start again.")


def shows(data: bool = True, faces: bool = False) -> Callable:
    """Decorate a function that draws, so that its Figure knows what it shows.

    `figure.alt`, the text for readers who do not see it, is the first sentence of the function's docstring;
    `figure.data` tells whether it shows anything of the run's data, and `figure.photo` whether single faces are seen.
    """
    def decorate(function: Callable[..., Figure]) -> Callable[..., Figure]:
        sentence = re.split(r"(?<=\.)\s", function.__doc__, maxsplit=1)[0]

        @wraps(function)
        def draw(*arguments, **options) -> Figure:
            figure = function(*arguments, **options)
            say_missing(figure)
            figure.alt, figure.data = " ".join(sentence.split()), data
            figure.photo = faces or getattr(figure, "photo", False)  # some know only by what they are given
            return figure

        return draw

    return decorate

"""Every figure of the course, with two, three, five and seven classes: its width, its type, and what covers what."""

import ast
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from drawing import crossings, cut_off, faint, overlaps, painted, struck, texts
from figures.gallery import CLASSES, EVERY, OF_CLASSES, made_up_history
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from fer_utils import figures
from fer_utils.figures import ONE_COLUMN, TWO_COLUMNS, class_colours, training

pytestmark = pytest.mark.usefixtures("style")
MODULES = ("eda", "preprocessing", "model", "training", "evaluation", "techniques", "beyond", "speed", "new_faces",
           "further")


@pytest.mark.parametrize("name", EVERY)
def test_a_figure_has_a_journal_s_width_and_type_and_every_text_can_be_read(name):
    fig = EVERY[name]()
    width = fig.get_size_inches()[0] * 25.4
    assert min(abs(width - ONE_COLUMN), abs(width - TWO_COLUMNS)) < 0.1
    if fig.data:
        fig.supxlabel("drawn faces", x=0.995, ha="right", fontsize=7)
    fig.draw_without_rendering()
    fig.set_layout_engine("none")  # laid out once is enough
    small = [(text.get_text(), text.get_fontsize()) for text in painted(fig) if text.get_fontsize() < 7]
    assert not small
    assert not overlaps(fig) and not cut_off(fig) and not crossings(fig)
    assert not faint(fig) and not struck(fig)
    assert plt.get_fignums() == [fig.number]


@pytest.mark.parametrize("module", MODULES)
def test_every_figure_is_in_the_gallery_and_says_what_it_shows(module):
    source = Path(figures.__file__).with_name(f"{module}.py").read_text()
    tree = ast.parse(source)
    drawn = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
             and ast.unparse(node.returns or ast.Constant(None)) == "Figure"]
    gallery = (Path(__file__).parent / "gallery.py").read_text()
    for node in drawn:
        assert f"{module}.{node.name}" in gallery, f"{module}.{node.name} is drawn by no test"
        assert any(ast.unparse(decorator).startswith("shows(") for decorator in node.decorator_list)
        first = ast.get_docstring(node).split("\n\n")[0]
        assert first.endswith(".") and 30 < len(first) < 200


def test_alt_text_is_the_docstring_s_first_sentence():
    fig = EVERY["evaluation_silence"]()
    assert fig.alt.startswith("The share of wrong answers against the share of images answered, with a dot where ")
    assert fig.alt.endswith(" the threshold puts the model.")
    assert (fig.data, fig.photo) == (True, False)
    for name, data, photo in (("residual_block", False, False), ("activation_functions", False, False),
                              ("scaling", True, True), ("evaluation_no_faces, 2 classes", True, False)):
        assert (EVERY[name]().data, EVERY[name]().photo) == (data, photo)


def test_zero_and_the_images_as_they_are_have_a_line_each_under_the_shifts():
    fig = EVERY["new_faces_under_shifts"]()
    lines = {line.get_linestyle(): line.get_xdata()[0] for line in fig.axes[1].lines if len(line.get_xdata()) == 2}
    assert lines == {"--": 0, "-": pytest.approx(100 * (0.79 - 0.789))}


def test_seaborn_leaves_the_style_alone():
    before = dict(plt.rcParams)
    for name in ("techniques_grid", "training_curves", "same_distribution", "batch_norm"):
        EVERY[name]()
    assert dict(plt.rcParams) == before


def test_the_expressions_keep_their_colours_and_other_names_take_what_is_left():
    assert class_colours(("Angry", "Happy", "Neutral")) == {
        "Angry": "#D55E00", "Happy": "#E69F00", "Neutral": "#0072B2"}
    seven = class_colours(("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral"))
    assert len(set(seven.values())) == 7 and list(class_colours(reversed(list(seven)))) == list(reversed(list(seven)))
    mixed = class_colours(("bored", "Happy", "keen"))
    assert mixed["Happy"] == seven["Happy"] and len(set(mixed.values())) == 3
    assert len(set(class_colours(map(str, range(13))).values())) == 13 and len(class_colours(map(str, range(20)))) == 20


def small_font(path: Path, name: str) -> None:
    """A font with one letter, 中, to stand for one that has all of them."""
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "middle"])
    font.setupCharacterMap({ord("中"): "middle"})
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 700), (700, 700), (700, 0)):
        pen.lineTo(corner)
    pen.closePath()
    font.setupGlyf(dict.fromkeys((".notdef", "middle"), pen.glyph()))
    font.setupHorizontalMetrics(dict.fromkeys((".notdef", "middle"), (800, 0)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": name, "styleName": "Regular"})
    font.setupOS2(sTypoAscender=800)
    font.setupPost()
    font.save(path)


def test_a_reader_s_names_are_shown_as_they_are_written(monkeypatch):
    monkeypatch.setitem(CLASSES, 3, ("_calm", "$x_1$", "50 % \\$"))
    for name in ("channel_weights", "pixel_distributions", "evaluation_classes", "evaluation_probabilities"):
        shown = [text.replace("\u200b", "") for text in texts(OF_CLASSES[name](3))]
        assert set(CLASSES[3]) <= {text.split("\n")[0] for text in shown}, name
    fig = training.compared_curves({"_mine: a": made_up_history(2)})
    assert "\u200b_mine: a (seeds: 2)" in texts(fig)


def test_a_font_with_letters_of_other_scripts_is_taken_where_there_is_one(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(figures, "SAID", set())
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*font_manager.fontManager.ttflist])
    monkeypatch.setitem(CLASSES, 3, ("中", "b", "c"))
    small_font(tmp_path / "small.ttf", figures.CJK[0])
    font_manager.fontManager.addfont(tmp_path / "small.ttf")
    figures.use_style()
    EVERY["stratification, 2 classes"]().canvas.draw()
    OF_CLASSES["dropout_logits"](3).canvas.draw()
    assert capsys.readouterr().out == ""


def test_letters_without_a_font_are_named_once_in_a_sentence(monkeypatch, capsys, recwarn):
    monkeypatch.setattr(figures, "CJK", ())
    monkeypatch.setattr(figures, "SAID", set())
    monkeypatch.setitem(CLASSES, 3, ("中", "文", "c"))
    figures.use_style()
    for name in ("dropout_logits", "channel_weights", "evaluation_classes"):
        OF_CLASSES[name](3).canvas.draw()
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "boxes for 中文, since" in said and "Noto Sans CJK" in said
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]

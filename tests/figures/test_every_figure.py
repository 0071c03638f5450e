"""Every figure of the course, with two, three, five and seven classes: its width, its type, and what covers what."""

import ast
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from drawing import crossings, cut_off, faint, overlaps, painted
from figures.gallery import EVERY

from fer_utils import figures
from fer_utils.figures import ONE_COLUMN, TWO_COLUMNS, class_colours

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
    assert not faint(fig)
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

"""Sphinx's settings for the site; `build.py` gives it the pages, and the files that are added as they are."""

import re
from pathlib import Path

import matplotlib
from docutils import nodes

project = html_title = "Facial expression classification in PyTorch"
author = ""
extensions = ["myst_nb"]

nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}
nb_code_prompt_show = nb_code_prompt_hide = "Set-up"
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline"]

html_theme = "sphinx_book_theme"
html_theme_options = {
    "use_download_button": False, "navbar_persistent": [], "footer_content_items": [],
    "pygments_light_style": "github-light-colorblind", "pygments_dark_style": "github-dark-colorblind",
}
html_context = {"default_mode": "auto"}
# STIX, which matplotlib brings along: many a machine has no font with the letters of formulas.
html_static_path = ["site.css", str(Path(matplotlib.get_data_path(), "fonts", "ttf", "STIXGeneral.ttf"))]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
# A summary would be fetched from the pages found, which browsers forbid to pages that come from disk.
html_show_search_summary = False
html_use_index = html_copy_source = html_show_copyright = html_show_sphinx = False


def setup(app) -> None:
    """Sphinx calls this: formulas become MathML, which browsers show without a script."""
    app.add_html_math_renderer("mathml", (_mathml, None), (_mathml, None))
    app.connect("doctree-read", _set_numbers)
    app.connect("doctree-read", _link_figures)


def _set_numbers(app, doctree) -> None:
    """Numbers in texts: beside their units, and with a minus sign for the hyphen."""
    for text in list(doctree.findall(nodes.Text)):
        if not isinstance(text.parent, nodes.literal | nodes.FixedTextElement | nodes.math | nodes.raw):
            said = re.sub(r"(?<![^\s(\[])-(?=\d)", "−", text)
            said = re.sub(r"(?<=\d) (?=[a-z%×±])|(?<=[×±]) (?=\d)|(?<=notebook) (?=\d)", "\xa0", said)
            text.parent.replace(text, nodes.Text(said))


def _link_figures(app, doctree) -> None:
    """A click or a tap opens a figure as large as it was drawn: Sphinx links pictures that have a scale."""
    for image in doctree.findall(nodes.image):
        image["scale"] = 100


def _mathml(translator, node) -> None:
    from docutils.writers.html5_polyglot import HTMLTranslator

    translator.math_output, translator.math_options = "mathml", ""
    HTMLTranslator.visit_math(translator, node)

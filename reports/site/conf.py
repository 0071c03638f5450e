"""Sphinx's settings for the site; `build.py` gives it the pages, and the files that are added as they are."""

from pathlib import Path

import matplotlib

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


def _mathml(translator, node) -> None:
    from docutils.writers.html5_polyglot import HTMLTranslator

    translator.math_output, translator.math_options = "mathml", ""
    HTMLTranslator.visit_math(translator, node)

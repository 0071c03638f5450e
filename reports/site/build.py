"""The site: a run's executed notebooks as pages that open from disk and ask nothing of the network."""

import os
import shutil
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import nbformat

from fer_utils import CourseError
from fer_utils.tools import colab
from fer_utils.support.files import writable
from fer_utils.support.home import clone
from reports.site.pages import TITLE, front_page, prepared
from fer_utils.runs import Run


def build_site(run: Run) -> Path:
    """Build the run's site/ from its executed notebooks, metrics and poster; returns the path of its index.html.

    The folder is replaced whole or not at all. Raises CourseError for a run without executed notebooks, and where
    myst-nb, sphinx-book-theme or, for a poster's picture, Typst is not installed.
    """
    _needed("myst_nb", "sphinx_book_theme")
    paths = sorted(run.path.glob("notebooks/*.ipynb"))
    if not paths:
        raise CourseError(f"The run {run.path.name} has no executed notebooks: make them by "
                          f"`fer run --run {run.path.name}`.")
    address, site = colab.repository(clone()), run.path / "site"
    new, old = (run.path / f".site-{uuid4().hex[:8]}" for _ in range(2))
    with TemporaryDirectory() as folder, writable(site):
        source, extra = Path(folder, "source"), Path(folder, "extra")
        source.mkdir()
        extra.mkdir()
        notebooks = {path.stem: nbformat.read(path, as_version=4) for path in paths}
        (source / "index.md").write_text(front_page(run, notebooks), encoding="utf-8")
        for name, notebook in notebooks.items():
            nbformat.write(prepared(notebook, name, set(notebooks), run, address), source / f"{name}.ipynb")
        _copy_poster(run, extra)
        try:
            _sphinx(source, new, settings(extra))
            if site.exists():
                os.replace(site, old)
            os.replace(new, site)
        finally:
            if old.exists() and not site.exists():
                os.replace(old, site)
            for leftover in (new, old):
                shutil.rmtree(leftover, ignore_errors=True)
    return site / "index.html"


def settings(extra: Path) -> dict:
    """Sphinx's configuration; the files in `extra` go to the site as they are."""
    return {
        "extensions": ["myst_nb", "reports.site.build"], "project": TITLE, "html_title": TITLE, "author": "",
        "nb_execution_mode": "off", "nb_merge_streams": True, "nb_ipywidgets_js": {},
        "nb_code_prompt_show": "Set-up", "nb_code_prompt_hide": "Set-up", "html_context": {"default_mode": "auto"},
        "myst_enable_extensions": ["dollarmath", "amsmath", "attrs_inline"], "html_math_renderer": "mathml",
        "html_theme": "sphinx_book_theme", "html_extra_path": [str(extra)],
        "html_static_path": [str(Path(__file__).with_name("site.css")), _math_font()], "html_css_files": ["site.css"],
        # A summary would be fetched from the pages found, which browsers forbid to pages that come from disk.
        "html_show_search_summary": False,
        "html_use_index": False, "html_copy_source": False, "html_show_copyright": False, "html_show_sphinx": False,
        "html_theme_options": {"use_download_button": False, "navbar_persistent": [], "footer_content_items": []},
    }


def setup(app) -> dict:
    """Sphinx calls this: formulas become MathML, which browsers show without a script."""
    app.add_html_math_renderer("mathml", (_mathml, None), (_mathml, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _copy_poster(run: Run, folder: Path) -> None:
    """The run's poster, where it has one, and its picture."""
    if (run.path / "poster.pdf").exists():
        _needed("typst")
        shutil.copy(run.path / "poster.pdf", folder)
        page = '#set page(width: auto, height: auto, margin: 0pt)\n#image("extra/poster.pdf", width: 1800pt)'
        (folder.parent / "poster.typ").write_text(page)
        import_module("typst").compile(folder.parent / "poster.typ", folder / "poster.png", format="png", ppi=72)


def _sphinx(source: Path, target: Path, configuration: dict) -> None:
    from sphinx.application import Sphinx

    app = Sphinx(source, None, target, source.parent / "doctrees", "html", configuration, status=None)
    app.build()


def _mathml(translator, node) -> None:
    from docutils.writers.html5_polyglot import HTMLTranslator

    translator.math_output, translator.math_options = "mathml", ""
    HTMLTranslator.visit_math(translator, node)


def _math_font() -> str:
    """STIX, which matplotlib brings along: many a machine has no font with the letters of formulas."""
    import matplotlib

    return str(Path(matplotlib.get_data_path(), "fonts", "ttf", "STIXGeneral.ttf"))


def _needed(*modules: str) -> None:
    for module in modules:
        try:
            import_module(module)
        except ImportError as error:
            raise CourseError(f"The site needs {module}: install it by `pip install 'fer_utils[site]'`.") from error

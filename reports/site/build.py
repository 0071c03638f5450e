"""The site of a run: its executed notebooks as pages that open from disk and ask nothing of the network.

`python reports/site/build.py RUN`, `make site RUN=...` and `fer site RUN` build reports/<RUN>/site/.
"""

import argparse
import os
import shutil
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))  # a script finds only its own folder, and the clone is to be used

from fer_utils import CourseError, brief  # noqa: E402
from fer_utils.runs import Run  # noqa: E402
from fer_utils.support.files import beside, remove_leftovers, temporary_folder, writable  # noqa: E402
from fer_utils.tools import colab  # noqa: E402
from fer_utils.tools.cli import ended  # noqa: E402
from reports.site.pages import write_pages  # noqa: E402


def build_site(run: Run) -> Path:
    """Build the run's site/ from its executed notebooks, metrics and poster; returns the path of its index.html.

    The folder is replaced whole or not at all. Raises CourseError for a run without executed notebooks, and where
    myst-nb, sphinx-book-theme or, for a poster's picture, Typst is not installed.
    """
    needed("myst_nb", "sphinx_book_theme")
    if not any(run.path.glob("notebooks/*.ipynb")):
        raise CourseError(f"The run {run.path.name} has no executed notebooks: make them by "
                          f"`fer run --run {run.path.name}`.")
    site = run.path / "site"
    new, old = beside(site), beside(run.path / "old-site")
    remove_leftovers(run.path)
    with writable(site), temporary_folder() as folder:
        source, extra = folder / "source", folder / "extra"
        write_pages(run, source, colab.repository(HERE.parents[1]))
        copy_poster(run, extra)
        try:
            try:
                sphinx(source, new, extra)
            except Exception as error:  # Sphinx's own kinds for whatever a page holds
                raise CourseError(f"The site of {run.path.name} cannot be made of its notebooks/ ({brief(error)}): "
                                  f"execute them again by `fer run --fresh --run {run.path.name}`.") from error
            if site.exists():
                os.replace(site, old)
            os.replace(new, site)
        finally:
            if old.exists() and not site.exists():
                os.replace(old, site)
            for leftover in (new, old):
                shutil.rmtree(leftover, ignore_errors=True)
    return site / "index.html"


def copy_poster(run: Run, folder: Path) -> None:
    """The run's poster, where it has one, and its picture."""
    folder.mkdir()
    if (run.path / "poster.pdf").exists():
        needed("typst")
        shutil.copy(run.path / "poster.pdf", folder)
        page = '#set page(width: auto, height: auto, margin: 0pt)\n#image("extra/poster.pdf", width: 1800pt)'
        (folder.parent / "poster.typ").write_text(page)
        try:
            import_module("typst").compile(folder.parent / "poster.typ", folder / "poster.png", format="png", ppi=72)
        except RuntimeError as error:
            raise CourseError(f"{run.path / 'poster.pdf'} cannot be read ({brief(error)}): set it again by "
                              f"`fer poster {run.path.name}`.") from error


def sphinx(source: Path, target: Path, extra: Path) -> None:
    """Make pages of `source`, by conf.py; the files in `extra` are added as they are."""
    from sphinx.application import Sphinx

    added = {"html_extra_path": [str(extra)]}
    Sphinx(source, HERE, target, source.parent / "doctrees", "html", added, status=None).build()


def needed(*modules: str) -> None:
    """Raise CourseError where one of these is not installed."""
    for module in modules:
        try:
            import_module(module)
        except ImportError as error:
            raise CourseError(f"The site needs {module}: install it by `pip install 'fer_utils[site]'`.") from error


def main(arguments: list[str] | None = None) -> None:
    """Build the site that the command line asks for, and say where it is."""
    parser = argparse.ArgumentParser(description="Build the site of a run: reports/<run>/site/.")
    parser.add_argument("run", metavar="RUN", help="the run's name")
    options = parser.parse_args(arguments)
    print(build_site(Run.open(options.run)))


if __name__ == "__main__":
    sys.exit(ended(main))

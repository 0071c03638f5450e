"""The site: what it says follows from the run, and it works from disk in a real browser with the network unplugged."""

import base64
import io
import json
from pathlib import Path

import nbformat
import pytest
from browsing import chromium
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from fer_utils import CourseError
from fer_utils.figures.alt import ALT, saved_figures
from fer_utils.runs import Run
from fer_utils.tools import colab
from reports.site import build as site
from reports.site import pages

ROOT = Path(__file__).parents[2]
OVERFLOWING = """() => [...document.querySelectorAll('html, body *')]
    .filter(e => e.getBoundingClientRect().width && e.scrollWidth > e.clientWidth + 1
                 && (e.tagName == 'HTML' || ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)))
    .map(e => e.tagName + ' ' + e.className + ' ' + e.textContent.slice(0, 60))"""


def picture() -> str:
    stream = io.BytesIO()
    Image.new("L", (900, 300), 200).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def notebook(title: str, name: str, following: str = "") -> nbformat.NotebookNode:
    wide = "<table class='dataframe'><tr>" + "".join(f"<th>column_{k}</th>" for k in range(9)) + "</tr></table>"
    outputs = [new_output("stream", name="stderr", text="\r 50%|####"), new_output("stream", text="word " * 40),
               new_output("display_data", {"image/png": picture(), "text/plain": "<Figure>"}),
               new_output("display_data", {"text/html": wide, "text/plain": "table"})]
    cells = [
        new_markdown_cell(f"# {title}"),
        new_markdown_cell(colab.badge(colab.UNSTAMPED, name), metadata={"tags": ["badge"]}),
        new_code_cell(colab.SETUP_CELL, metadata={"tags": ["setup"]}),
        new_markdown_cell("## A formula\n\nWith $\\hat p = k / n$:\n\n$$\\frac{1}{n} \\sum_{i=1}^n x_i^2$$\n\n"
                          "> **Tip** Look at `it`\n> twice."),
        new_code_cell(f'course_run.save_figure(draw({"x" * 140}), "{name}_figure")', outputs=outputs),
        new_markdown_cell(f"A zebra of {name}. {following} [README](../README.md) ![Far](https://example.org/a.png)"),
    ]
    return new_notebook(cells=cells)


pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated. Check CHANGES for Sphinx")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """Two tiny executed notebooks, metrics, and a poster of one picture."""
    run = Run(tmp_path_factory.mktemp("site") / "reports" / "mini")
    run.record(drawn=True, source="sample", counts={"Training": {"Happy": 1200}, "PublicTest": {"Happy": 345}})
    scores = {"accuracy": 0.87654, "accuracy_ci": [0.81234, 0.91234], "n": 345, "macro_f1": 0.85432, "seeds": [0, 1],
              "mean": 0.86111, "std": 0.01222, "scored_on": "test", "chosen_on": "validation",
              "per_class": {"Happy": {"n": 345, "recall": 0.90123, "recall_ci": [0.86, 0.93]}}}
    baselines = {"majority": {"accuracy": 0.44637, "accuracy_ci": [0.4, 0.5], "n": 345}}
    run.write_metrics("evaluation", {"PosterCNN": scores, "baselines": baselines})
    run.write_metrics("training", {"PosterCNN": {"seeds": [0, 1], "val_size": 123, "mean": 0.84321, "std": 0.00654}})
    (run.path / "notebooks").mkdir()
    for each in (("1 · First?", "01_first", "[On](02_second.ipynb)."), ("2 · Second?", "02_second")):
        nbformat.write(notebook(*each), run.path / "notebooks" / f"{each[1]}.ipynb")
    Image.new("RGB", (420, 297), "white").save(run.path / "poster.pdf")
    return run


@pytest.fixture(scope="module")
def built(run) -> Path:
    for module in ("myst_nb", "sphinx_book_theme", "typst"):
        pytest.importorskip(module, reason=f"{module} is missing: pip install -e '.[site,poster]'")
    return site.build_site(run).parent


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser):
    """A page without a network; whatever it complains of or asks for beyond the disk fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    page, faults = context.new_page(), []

    def answer(route):
        if route.request.url.startswith(("file:", "data:")):
            return route.continue_()
        faults.append(route.request.url)
        return route.abort()

    context.route("**/*", answer)
    page.on("console", lambda message: message.type in ("error", "warning") and faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []


def address(built: Path, name: str) -> str:
    return (built / name).as_uri()


def test_every_page_loads_and_every_figure_has_alt_text(built, page):
    for name in ("index.html", "01_first.html", "02_second.html", "search.html"):
        page.goto(address(built, name), wait_until="load")
        pictures = page.locator("img").all()
        assert len(pictures) == {"search.html": 0}.get(name, 1)
        for each in pictures:
            assert len(each.get_attribute("alt")) > 9 and each.evaluate("e => e.complete && e.naturalWidth > 0")
        for link in page.locator("a[href$='.html'], a[href$='.pdf']").all():
            assert (built / link.get_attribute("href")).exists()


def test_the_front_page_states_the_metrics(built, page):
    page.goto(address(built, "index.html"))
    text = page.locator("article").inner_text()
    for number in ("0.8765 (0.8123 to 0.9123)", "0.8611 ± 0.0122", "0.8543", "0.8432 ± 0.0065", "123", "345",
                   "0.4464 (0.4000 to 0.5000)", "1,200 to learn from", "drawn faces"):
        assert number in text
    assert page.locator("a.poster img").evaluate("e => e.naturalWidth") > 1000


def test_search_finds_a_word(built, page):
    page.goto(address(built, "index.html"))
    page.keyboard.press("Control+k")
    page.locator("dialog input[name=q], .search-button__search-container input[name=q]").first.fill("zebra")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    assert {"1 · First?", "2 · Second?"} == set(page.locator("#search-results li a").all_inner_texts())


def test_previous_next_and_colab(built, page):
    page.goto(address(built, "index.html"))
    for title in ("1 · First?", "2 · Second?"):
        page.locator("a.right-next").click()
        assert page.locator("article h1").inner_text().startswith(title)
    assert page.get_by_text("Open in Colab").get_attribute("href") == (
        colab.badge(colab.repository(ROOT), "02_second").split("(")[-1].rstrip(")"))
    page.locator("a.left-prev").click()
    assert page.locator("article h1").inner_text().startswith("1 · First?")


def test_formulas_are_set_by_the_browser_itself(built, page):
    page.goto(address(built, "01_first.html"))
    assert page.locator("math").count() == 2 and page.locator("math mfrac").bounding_box()["height"] > 20
    assert page.evaluate("() => [...document.fonts].find(f => f.family.includes('Course Math')).status") == "loaded"
    assert page.locator(".admonition.tip").inner_text().endswith("Look at it twice.")


def test_dark_mode(built, page):
    page.goto(address(built, "01_first.html"))
    shade = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(shade)
    page.locator("button.theme-switch-button:visible").click()
    page.locator("button.theme-change-button[data-mode=dark]:visible").click()
    assert page.locator("html").get_attribute("data-theme") == "dark" and page.evaluate(shade) != light
    page.goto(address(built, "index.html"))
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_nothing_scrolls_sideways_on_a_telephone(built, page):
    page.set_viewport_size({"width": 390, "height": 844})
    for name in ("index.html", "01_first.html", "02_second.html", "search.html"):
        page.goto(address(built, name))
        assert page.evaluate(OVERFLOWING) == []


def test_links_lead_into_the_site_or_to_the_repository(built):
    html = (built / "01_first.html").read_text(encoding="utf-8")
    assert 'href="02_second.html"' in html and f'{colab.repository(ROOT)}/blob/main/README.md"' in html
    assert "50%|####" not in html


def test_photographs_stay_out(tmp_path):
    run = Run(tmp_path / "real")
    run.record(drawn=False)
    (run.path / "figures").mkdir()
    (run.path / "figures" / "public_figure.svg").touch()
    for name, kept in (("public", True), ("private", False)):
        page = pages.prepared(notebook("?", name), name, {name}, run, colab.UNSTAMPED)
        assert ("image/png" in json.dumps(page)) == kept and ("not published" in json.dumps(page)) != kept


def test_what_is_missing_is_said_in_a_sentence(tmp_path, monkeypatch):
    run = Run(tmp_path / "bare")
    page = pages.front_page(run, {"01_first": notebook("1 · First?", "01_first")})
    assert "has no metrics yet" in page and "`fer poster bare`" in page
    with pytest.raises(CourseError, match="fer run --run bare"):
        site.build_site(run)

    def absent(module):
        raise ImportError(module)

    monkeypatch.setattr(site, "import_module", absent)
    with pytest.raises(CourseError, match=r"fer_utils\[site\]"):
        site.build_site(run)


def test_a_site_that_fails_leaves_the_old_one(run, built, monkeypatch):
    def fail(*arguments):
        raise KeyboardInterrupt

    before = sorted(path.name for path in run.path.iterdir())
    monkeypatch.setattr(site, "_sphinx", fail)
    with pytest.raises(KeyboardInterrupt):
        site.build_site(run)
    assert (built / "index.html").exists() and sorted(path.name for path in run.path.iterdir()) == before


def test_every_saved_figure_of_the_course_has_alt_text():
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            missing = set(saved_figures(cell.source)) - set(ALT)
            assert not missing, f"{path.name} saves {missing}: write its alt text into fer_utils/figures/alt.py"
    assert all(20 < len(text) < 140 for text in ALT.values())

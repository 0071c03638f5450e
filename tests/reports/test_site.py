"""The site: what it says follows from the run, and it works from disk in a real browser with the network unplugged."""

import base64
import io
from pathlib import Path

import nbformat
import pytest
from browsing import chromium
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from fer_utils import CourseError
from fer_utils.runs import Run
from fer_utils.tools import colab
from fer_utils.tools.cli import main
from reports.site import build as site
from reports.site import pages

ROOT = Path(__file__).parents[2]
CLASS = "<script>alert(1)</script>"
ADDRESS = "https://github.com/somebody/fork"
BOXES = ".text_html, .pst-scrollable-table-container"
OVERFLOWING = f"""() => [...document.querySelectorAll('html, body *')]
    .filter(e => e.getBoundingClientRect().width && e.scrollWidth > e.clientWidth + 1 && !e.matches('{BOXES}')
                 && (e.tagName == 'HTML' || ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)))
    .map(e => e.tagName + ' ' + e.className + ' ' + e.textContent.slice(0, 60))"""


def picture(alt: str = "Nine grey bars.", photo: bool | None = False) -> nbformat.NotebookNode:
    """An output that shows a picture; `photo` None where its metadata does not say whether it is a photograph."""
    stream = io.BytesIO()
    Image.new("L", (900, 300), 200).save(stream, "PNG")
    content = {"image/png": base64.b64encode(stream.getvalue()).decode(), "text/plain": "<Figure>"}
    known = {"alt": alt} if photo is None else {"alt": alt, "photo": photo}
    return new_output("display_data", content, metadata={"image/png": known})


def notebook(title: str, name: str, following: str = "") -> nbformat.NotebookNode:
    wide = "<table class='dataframe'><tr>" + "".join(f"<th>column_{k}</th>" for k in range(9)) + "</tr></table>"
    outputs = [new_output("stream", name="stderr", text="\r 50%|####"), new_output("stream", text="word " * 40),
               picture(), new_output("display_data", {"text/html": wide, "text/plain": "table"})]
    cells = [
        new_markdown_cell(f"# {title}"),
        new_markdown_cell("95 % of 48 × 48 pixels: -1.2 points (-0.5 to 3), see notebook 05. `-1 %` 2017-18, a-1"),
        new_markdown_cell(colab.badge(ADDRESS, name), metadata={"tags": ["badge"]}),
        new_code_cell(colab.SETUP_CELL, metadata={"tags": ["setup"]}),
        new_markdown_cell("## A formula\n\nWith $\\hat p = k / n$:\n\n$$\\frac{1}{n} \\sum_{i=1}^n x_i^2$$\n\n"
                          "> **Tip** Look at `it`\n> twice."),
        new_code_cell(f'course_run.save_figure(draw({"x" * 140}), "{name}_figure")', outputs=outputs),
        new_markdown_cell(f"A zebra of {name}. {following} [README](../README.md#data) ![Far](https://example.org/a.png)"
                          " ![Six drawn faces](../reports/sample.png) ![Nothing](../figures/photos/faces.png)"),
    ]
    return new_notebook(cells=cells)


pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated. Check CHANGES for Sphinx")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """Two tiny executed notebooks, metrics, and a poster of one picture."""
    run = Run(tmp_path_factory.mktemp("site") / "reports" / "mini")
    run.record(drawn=True, source="sample", processor="<script>alert(2)</script>", training="TinyNet-1",
               counts={"Training": {"Happy": 1200}, "PublicTest": {"Happy": 345}})
    scores = {"accuracy": 0.87654, "accuracy_ci": [0.81234, 0.91234], "n": 345, "macro_f1": 0.85432, "seeds": [0, 1],
              "mean": 0.86111, "std": 0.01222, "scored_on": "test", "chosen_on": "validation",
              "per_class": {CLASS: {"n": 345, "recall": 0.90123, "recall_ci": [0.86, 0.93]}}}
    baselines = {"majority": {"class": CLASS, "accuracy": 0.44637, "accuracy_ci": [0.4, 0.5], "n": 345}}
    run.write_metrics("evaluation", {"TinyNet-1": scores, "baselines": baselines})
    run.write_metrics("training", {"TinyNet-1": {"seeds": [0, 1], "train_size": 1077, "val_size": 123, "mean": 0.84321,
                                                 "std": 0.00654, "seconds_per_epoch": 2.5}})
    (run.path / "notebooks").mkdir()
    for each in (("1 · First?", "01_first", "[On](02_second.ipynb)."), ("2 · Second?", "02_second")):
        nbformat.write(notebook(*each), run.path / "notebooks" / f"{each[1]}.ipynb")
    Image.new("RGB", (420, 297), "white").save(run.path / "poster.pdf")
    return run


@pytest.fixture(scope="module")
def built(run) -> Path:
    for module in ("myst_nb", "sphinx_book_theme", "typst"):
        pytest.importorskip(module, reason=f"{module} is missing: pip install -e '.[site,poster]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site.colab, "repository", lambda root: ADDRESS)
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
    pictures_on = {"index.html": 1, "01_first.html": 2, "02_second.html": 2, "all_results.html": 0, "teaching.html": 0}
    for name, n in pictures_on.items():
        page.goto(address(built, name), wait_until="load")
        pictures = page.locator("img").all()
        assert len(pictures) == n
        for each in pictures:
            assert len(each.get_attribute("alt")) > 9 and each.evaluate("e => e.complete && e.naturalWidth > 0")
        for link in page.locator("a[href$='.html'], a[href$='.pdf']").all():
            assert (built / link.get_attribute("href")).exists()


def test_the_front_page_states_the_metrics(built, page):
    page.goto(address(built, "index.html"))
    text = page.locator("article").inner_text()
    for number in ("0.8765 (0.8123 to 0.9123)", "0.8611 ± 0.0122", "0.8432 ± 0.0065", "123", "345",
                   "0.4464 (0.4000 to 0.5000)", "1,200 for training", "1,077 of the training images", "drawn faces"):
        assert number in text.replace("\xa0", " ")
    assert page.locator("a.poster img").evaluate("e => e.naturalWidth") > 1000
    page.get_by_text("All results of this run").click()
    assert "0.8543" in page.locator("article").inner_text()


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
    link = page.get_by_text("Open in Colab").get_attribute("href")
    assert link == colab.badge(ADDRESS, "02_second").split("(")[-1].rstrip(")")
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


def test_nothing_but_a_table_s_box_scrolls_sideways_on_a_telephone(built, page):
    page.set_viewport_size({"width": 390, "height": 844})
    for name in ("index.html", "01_first.html", "02_second.html", "teaching.html", "search.html"):
        page.goto(address(built, name))
        assert page.evaluate(OVERFLOWING) == []
    page.goto(address(built, "01_first.html"))
    assert page.locator(".text_html").evaluate("box => box.scrollWidth > box.clientWidth")
    assert {cell.bounding_box()["height"] < 30 for cell in page.locator("table.dataframe th").all()} == {True}  # a line


def test_a_figure_opens_as_large_as_it_was_drawn(built, page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address(built, "01_first.html"))
    figure = page.locator(".cell_output img")
    size = figure.bounding_box()
    assert size["width"] < 390 and size["width"] / size["height"] == pytest.approx(3, abs=0.05)
    figure.click()
    page.wait_for_url("**/*.png")
    assert page.locator("img").evaluate("e => e.naturalWidth") == 900


def test_numbers_stay_beside_their_units_and_have_a_minus_sign(built):
    html = (built / "01_first.html").read_text(encoding="utf-8")
    assert "95\xa0% of 48\xa0×\xa048\xa0pixels: −1.2\xa0points (−0.5\xa0to 3), see notebook\xa005" in html
    assert "<span class=\"pre\">-1</span> <span class=\"pre\">%</span>" in html and "2017-18, a-1" in html


def test_code_keeps_its_lines_on_a_wide_screen_and_printed_text_wraps(built, page):
    page.set_viewport_size({"width": 1280, "height": 844})
    page.goto(address(built, "01_first.html"))
    wider = "found => found.map(pre => pre.scrollWidth > pre.clientWidth)"
    assert page.locator(".cell_input pre").evaluate_all(wider)[-1]
    assert not any(page.locator(".cell_output .stream pre").evaluate_all(wider))


def test_links_lead_into_the_site_or_to_the_repository(built):
    html = (built / "01_first.html").read_text(encoding="utf-8")
    assert 'href="02_second.html"' in html and f'{ADDRESS}/blob/main/README.md#data"' in html
    teaching = (built / "teaching.html").read_text(encoding="utf-8")
    for place in ("reports/model-card.md", "LICENSE-TEXTS"):
        assert f'{ADDRESS}/blob/main/{place}"' in teaching
    assert "50%|####" not in html and "example.org" not in html and "Nothing" in html
    page = pages.prepared(notebook("?", "01_first"), "01_first", {"01_first"}, True, colab.UNSTAMPED)
    text = "".join(cell.source for cell in page.cells if cell.cell_type == "markdown")
    assert "colab" not in text and "OWNER" not in text and "README ![Far]" in text


def test_names_reach_no_page_as_markup(built):
    pages = {path.name: path.read_text(encoding="utf-8") for path in built.glob("*.html")}
    assert not any("<script>alert" in html for html in pages.values())
    assert all(f"&lt;script&gt;alert({k})&lt;/script&gt;" in pages["index.html"] for k in (1, 2))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages["all_results.html"]


def test_alt_text_is_the_figures_own(built):
    assert 'alt="Nine grey bars."' in (built / "01_first.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("drawn", "output", "public"),
    [(True, picture(photo=True), True), (True, picture(photo=None), True), (False, picture(photo=False), True),
     (False, picture(photo=True), False), (False, picture(photo=None), False),
     (False, new_output("display_data", {"image/svg+xml": "<svg/>"}), False),
     (False, new_output("display_data", {"text/html": '<img src="data:image/png;base64,AAAA">'}), False),
     (False, new_output("stream", text="no picture"), True)])
def test_photographs_stay_out(drawn, output, public):
    page = new_notebook(cells=[new_code_cell("show(faces)", outputs=[output])])
    shown = pages.prepared(page, "mine", {"mine"}, drawn, ADDRESS).cells[0].outputs
    assert (shown == [output]) == public
    assert public or shown[0].data == {"text/markdown": pages.UNPUBLISHED}


def test_pictures_of_the_clone_are_copied_but_for_photographs(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "ROOT", tmp_path / "clone")
    source = tmp_path / "source"
    source.mkdir()
    for name in ("clone/reports/x/figures/a.png", "clone/reports/x/figures/photos/b.png", "outside.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a picture")
    text = "![A](../reports/x/figures/a.png) ![B](../reports/x/figures/photos/b.png) ![C](../../outside.png)"
    assert pages.with_pictures(text, source) == "![A](reports-x-figures-a.png) B C"
    assert [path.name for path in source.iterdir()] == ["reports-x-figures-a.png"]


def test_nothing_of_a_run_is_imported(home):
    run = Run(home / "reports" / "own")
    (home / "my_net.py").write_text("raise SystemExit('imported')")
    run.record(training="TinyNet-1", evaluated="TinyNet-1")
    run.new_training("TinyNet-1").write_asked({"model": "my_net:TinyNet", "dropout": None, "recipe": {"epochs": 1}})
    assert "my\\_net:TinyNet with epochs 1" in pages.front_page(run, {})


def test_what_is_missing_is_said_in_a_sentence(tmp_path, monkeypatch):
    run = Run(tmp_path / "bare")
    page = pages.front_page(run, {"01_first": notebook("1 · First?", "01_first")})
    assert "has no metrics yet" in page and "`fer poster bare`" in page and "[1 · First?](<01_first.ipynb>)" in page
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
    monkeypatch.setattr(site, "sphinx", fail)
    with pytest.raises(KeyboardInterrupt):
        site.build_site(run)
    assert (built / "index.html").exists() and sorted(path.name for path in run.path.iterdir()) == before


def test_the_command_needs_a_clone(home, run, monkeypatch, capfd):
    (home / "notebooks").mkdir()
    (home / "notebooks" / "01_first.ipynb").touch()
    monkeypatch.setattr("fer_utils.support.home.clone", lambda: home)
    assert main(["site", "mini"]) == 1
    assert "needs it: run it in a clone" in capfd.readouterr().err
    monkeypatch.setattr("fer_utils.support.home.clone", lambda: ROOT)
    assert main(["site", "mini"]) == 1
    assert "The run mini has no executed notebooks: make them by `fer run --run mini`." in capfd.readouterr().err

"""Whatever a run's files hold as a fact or a name, no page makes HTML of it."""

import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from fer_utils import CourseError
from fer_utils.runs import Run
from reports import results
from reports.site import pages

NAMES_SHOWN = ("run", "metrics/beyond", "metrics/evaluation", "metrics/techniques", "metrics/time_to_accuracy")
COMMITTED = Path(__file__).parents[2] / "reports" / "fer2013"
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"


class Elements(HTMLParser):
    """The scripts and pictures of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        if tag in ("script", "img"):
            self.found.append(tag)


def changed(value) -> Iterator:
    """The JSON value with SCRIPT behind one of its texts or names, for each of these, at any depth."""
    if isinstance(value, str):
        yield value + SCRIPT
    for key, item in list(enumerate(value)) if isinstance(value, list) else list(getattr(value, "items", list)()):
        for new in changed(item):
            copied = value.copy()
            copied[key] = new
            yield copied
        if isinstance(key, str) and not re.fullmatch("[a-z0-9_]+", key):  # which is the course's own word
            yield {(name + SCRIPT if name == key else name): kept for name, kept in value.items()}


@pytest.mark.parametrize("name", [*NAMES_SHOWN, "metrics/speed", "metrics/training"])
def test_no_fact_and_no_name_becomes_html(home, name):
    run, shown, render = Run.open("mine"), 0, MarkdownIt("commonmark", {"html": True}).enable("table").render
    shutil.copytree(COMMITTED, run.path, ignore=shutil.ignore_patterns("figures", "predictions", "seed*", "*.pdf"))
    path = run.path / f"{name}.json"
    for content in changed(json.loads(path.read_text(encoding="utf-8"))):
        path.write_text(json.dumps(content), encoding="utf-8")
        try:
            page = render(results.report(run) + (pages.front_page(run, {}) if name == "run" else ""))
        except CourseError:  # the name of a training or of a figure that is looked for
            continue
        assert not Elements(page).found, page
        shown += "&lt;script&gt;" in page
    assert bool(shown) == (name in NAMES_SHOWN)

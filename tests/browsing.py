"""Headless Chromium for the tests that look at pages.

They are skipped with a reason where it is missing, or, with FER_BROWSER=required, fail.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@contextmanager
def chromium(*flags: str) -> Iterator:
    """A browser of playwright's on $CHROMIUM, or else the system's own Chromium, with further flags."""
    without = pytest.fail if os.environ.get("FER_BROWSER") == "required" else pytest.skip
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        without("playwright is missing: pip install -e '.[dev]'")
    found = [os.environ.get("CHROMIUM"), *map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))]
    path = next(filter(None, found), None)
    if path is None:
        without("there is no browser: apt-get install chromium, or set CHROMIUM to the path of one")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
        yield browser
        browser.close()

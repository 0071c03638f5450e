"""What `reports/verify.py` prints again: figures, tables, sentences and the poster, laid beside those of the run."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, get_close_matches
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt

from fer_utils import CourseError
from fer_utils.figures import use_style
from fer_utils.support.saved_figures import save_drawing
from reports import results
from reports.evidence import Compared, Evidence, Unknown
from reports.figures.build import FIGURES, Missing, draw

CLONE = Path(__file__).resolve().parents[1]


def figures(e: Evidence) -> Iterator[Compared | Unknown]:
    """Every figure that can be drawn again: its texts, and all of it where the same Matplotlib drew it."""
    use_style()
    stamp = "drawn faces" if e.run.drawn else ""
    for path in sorted(e.run.path.glob("figures/*.svg")):
        where, stored = f"figures/{path.name}", path.read_text(encoding="utf-8")
        if path.stem not in FIGURES:
            yield Unknown(where, "its notebook draws it from more than the run keeps")
            continue
        try:
            figure = draw(e, path.stem)
        except Missing as reason:
            yield Unknown(where, f"{reason}")
            continue
        with TemporaryDirectory() as folder:
            save_drawing(figure, Path(folder), path.stem, figure.alt, stamp if figure.data else "", ("svg",))
            again = Path(folder, path.name).read_text(encoding="utf-8")
        plt.close(figure)
        yield from drawn_alike(where, stored, again)


def drawn_alike(where: str, stored: str, again: str) -> Iterator[Compared | Unknown]:
    """The first difference between two SVGs, or their texts where they are by different versions of Matplotlib."""
    by = [re.search(r"Matplotlib v[\d.]+", svg) for svg in (stored, again)]
    if by[0] and by[0][0] == by[1][0]:
        yield first_difference(where, stored.splitlines(), again.splitlines())
    else:
        texts = [re.findall(r"<text.*?>(.*?)</text>", svg) for svg in (stored, again)]
        yield first_difference(f"{where}, its texts", *texts)
        yield Unknown(where, f"another Matplotlib drew it than {by[1][0]}: its texts alone are compared")


def first_difference(where: str, stored: Sequence[str], again: Sequence[str]) -> Compared:
    """The first pair of lines that differ, or of empty ones."""
    pairs = zip_longest(stored, again, fillvalue="")
    one, other = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
    return Compared(where, one, other, "drawn again")


def page(e: Evidence) -> Iterator[Compared]:
    """Every line of the run's own README.md."""
    path = e.run.path / "README.md"
    if path.is_file():
        stored, again = (text.splitlines() for text in (path.read_text(encoding="utf-8"), results.report(e.run)))
        for _, a, b, c, d in SequenceMatcher(None, stored, again, autojunk=False).get_opcodes():
            for i, (one, other) in enumerate(zip_longest(stored[a:b], again[c:d], fillvalue=""), a + 1):
                yield Compared(f"README.md, line {i}", one, other, "metrics/*.json")


def front(e: Evidence) -> Iterator[Compared]:
    """The lines of the course's README.md and model card that say what this run has found."""
    found = results.read(e.run)
    said = [*results.table(results.summary(found)).splitlines(), " ".join(results.statements(found))]
    files = {"README.md": said, "reports/model-card.md": results.table(results.card(found)).splitlines()}
    for name, lines in files.items():
        text, run = (CLONE / name).read_text(encoding="utf-8"), e.run.path
        if run.parent != CLONE / "reports" or f"{run.name}/README.md" not in text:
            continue
        there = text.splitlines()
        for line in lines:
            nearest = line if line in there else " ".join(get_close_matches(line, there, 1, 0.3))
            yield Compared(f"{name} of the course", nearest, line, "metrics/*.json")


def poster(e: Evidence) -> Iterator[Compared]:
    """The numbers in the texts of the poster, which is set again for it."""
    path = e.run.path / "poster.pdf"
    if not path.is_file():
        return
    try:
        import pypdf

        from reports.poster.build import set_poster

        pdf = set_poster(e.run)
    except (ImportError, CourseError) as error:
        raise Missing(f"the poster cannot be set again here: {error}") from error
    stored, again = (numbers(" ".join(one.extract_text() for one in pypdf.PdfReader(file).pages))
                     for file in (path, BytesIO(pdf)))
    yield from (Compared("poster.pdf", number, number, "set again") for number in (stored & again).elements())
    only = [" ".join(sorted(one.elements())) for one in (stored - again, again - stored)]
    yield Compared("poster.pdf, the numbers that only one of both prints", *only, "set again")


def numbers(text: str) -> Counter:
    """How often each number is printed."""
    return Counter(re.findall(r"\d[\d,.]*\d|\d", text))

"""The site's pages: a front page and a page of results, whose numbers `results` gives, and the notebooks."""

import os
import re
import shutil
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output

from fer_utils.runs import Run
from fer_utils.support.files import reading
from fer_utils.tools import colab
from reports import results
from reports.results import escaped

ROOT = Path(__file__).parents[2]
POSTER = ('<a class="poster" href="poster.pdf"><img src="poster.png" alt="The poster of this run, in small: '
          'its text is in the PDF."></a>\n\n<a href="poster.pdf">Open the poster as PDF</a>')
UNPUBLISHED = "*This picture may show photographs of the data set. They are not published: run the notebook to see it.*"


def write_pages(run: Run, source: Path, address: str) -> None:
    """Write the sources of all pages to the folder `source`: index.md, all_results.md, teaching.md and the notebooks.

    address: that of the repository, or `colab.UNSTAMPED`.
    """
    source.mkdir()
    paths = sorted(run.path.glob("notebooks/*.ipynb"))
    notebooks = {path.stem: read_notebook(path) for path in paths}
    (source / "index.md").write_text(front_page(run, notebooks), encoding="utf-8")
    (source / "all_results.md").write_text(results_page(run), encoding="utf-8")
    teaching = (ROOT / "reports" / "teaching.md").read_text(encoding="utf-8")
    (source / "teaching.md").write_text(with_links(teaching, set(notebooks), address, "reports"), encoding="utf-8")
    for name, notebook in notebooks.items():
        with reading(run.path / "notebooks" / f"{name}.ipynb"):
            page = prepared(notebook, name, set(notebooks), run.drawn, address)
            for cell in page.cells:
                if cell.cell_type == "markdown":
                    cell.source = with_pictures(cell.source, source)
            nbformat.write(page, source / f"{name}.ipynb")


def read_notebook(path: Path) -> NotebookNode:
    """The notebook in `path`; CourseError where it is none."""
    with reading(path):
        try:
            notebook = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
        except (AssertionError, nbformat.ValidationError) as error:  # the former for a version that is no number
            raise ValueError(str(error)) from error
        return notebook


def front_page(run: Run, notebooks: dict[str, NotebookNode]) -> str:
    """The front page as MyST Markdown; `notebooks` in their order, by name."""
    name, found = escaped(run.path.name), results.read(run)
    rows = results.summary(found)
    missing = f"The run {name} has no metrics yet: notebooks 04 and 05 write them."
    all_of_them = "In brackets are 95 % intervals. [All results of this run](all_results.md)"
    no_poster = f"There is none yet: `fer poster {run.path.name}` sets it."
    poster = POSTER if (run.path / "poster.pdf").exists() else no_poster
    with reading(run.path / "run.json"):
        seconds = {page: float(spent) for page, spent in found.run.get("seconds", {}).items()}
    course = [f"| [{escaped(title(notebook, page))}](<{page}.ipynb>) | {results.duration(seconds.get(page))} |"
              for page, notebook in notebooks.items()]
    return "\n\n".join([
        "# Facial expression classification in PyTorch",
        "A course in notebooks, from a folder of faces to a trained network and a result that others can trust. "
        f"These pages are one run of it, *{name}*. {escaped(results.images(found))}",
        "## Results", unbroken(results.table(rows)) if rows else missing, all_of_them if rows else "",
        "## The poster", poster,
        "## The notebooks", "\n".join(["| | time in this run |", "| :-- | --: |", *course]),
        "For teachers: [a plan of hours, hand-out and marking](teaching.md)",
        escaped(results.making(found)),
        "\n".join(["```{toctree}", ":hidden:", *notebooks, "all_results", "teaching", "```"])]) + "\n"


def results_page(run: Run) -> str:
    """Every table of the run as MyST Markdown."""
    found = results.read(run)
    said = escaped(" ".join(results.statements(found)))
    return "\n\n".join(["# All results", said, unbroken(results.tables(found))]) + "\n"


def unbroken(tables: str) -> str:
    """The tables with values and intervals that no line break parts."""
    return tables.replace(" ± ", "\xa0±\xa0").replace(" to ", "\xa0to\xa0")


def prepared(notebook: NotebookNode, name: str, pages: set[str], drawn: bool, address: str) -> NotebookNode:
    """The notebook as the site shows it: pictures with alt text, links that lead somewhere, no progress bar.

    A picture that may show a photograph is replaced by a sentence (see `is_public`).
    """
    if address == colab.UNSTAMPED:
        notebook.cells = [cell for cell in notebook.cells if "badge" not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        tags = cell.metadata.setdefault("tags", [])
        if "badge" in tags:
            link = colab.badge(address, name).rpartition("](")[2]
            cell.source = f"[Open in Colab]({link}{{.colab}}"
        elif cell.cell_type == "markdown":
            cell.source = with_links(with_boxes(cell.source), pages, address)
        elif cell.cell_type == "code":
            if "setup" in tags:
                tags.append("hide-input")
            outputs = [output for output in cell.outputs if not is_progress_bar(output)]
            cell.outputs = [output if is_public(output, drawn) else
                            new_output("display_data", {"text/markdown": UNPUBLISHED}) for output in outputs]
            said = " ".join(filter(None, map(alt_text, outputs)))
            cell.metadata["mystnb"] = {"image": {"alt": said or f"A picture of notebook {name}."}}
    return notebook


def alt_text(output: NotebookNode) -> str:
    """What a picture shows, as its figure says in the output's metadata."""
    return output.get("metadata", {}).get("image/png", {}).get("alt", "")


def is_public(output: NotebookNode, drawn: bool) -> bool:
    """Whether an output may be published: of a run on photographs, only a picture whose metadata says it shows none."""
    data, known = output.get("data", {}), output.get("metadata", {})
    pictures = [kind for kind in data if kind.startswith("image/")]
    unknown = any("data:image" in str(content) for content in data.values())
    return drawn or not unknown and all(known.get(kind, {}).get("photo") is False for kind in pictures)


def is_progress_bar(output: NotebookNode) -> bool:
    return output.get("name") == "stderr" and output.text.startswith("\r")


def title(notebook: NotebookNode, name: str) -> str:
    """The notebook's first heading, or else its name."""
    first = (line for cell in notebook.cells for line in cell.source.splitlines() if line.startswith("# "))
    return next(first, f"# {name}").removeprefix("# ")


def with_boxes(text: str) -> str:
    """Quotations that begin with **Tip** or **Caution** as the theme's boxes."""
    def box(match: re.Match) -> str:
        body = re.sub(r"^> ?", "", match[2], flags=re.MULTILINE).strip()
        return f"````{{{match[1].lower()}}}\n{body}\n````"

    return re.sub(r"^> \*\*(Tip|Caution)\*\*(.*(?:\n>.*)*)", box, text, flags=re.MULTILINE)


def with_links(text: str, pages: set[str], address: str, folder: str = "notebooks") -> str:
    """The relative links of a text in `folder`: to the site's pages, else to the repository, or bare text where that is
    unknown."""
    def link(match: re.Match) -> str:
        there = os.path.normpath(f"{folder}/{match[2]}").replace(os.sep, "/")
        if there.startswith("notebooks/") and there.removesuffix(".ipynb").split("/")[1] in pages:
            return f"[{match[1]}]({there.removeprefix('notebooks/')}{match[3] or ''})"
        return match[1] if address == colab.UNSTAMPED else f"[{match[1]}]({address}/blob/main/{there}{match[3] or ''})"

    return re.sub(r"(?<!!)\[([^\]]*)\]\((?!\w+:)([\w./-]*[./][\w./-]*)(#[^)]*)?\)", link, text)


def with_pictures(text: str, source: Path) -> str:
    """Pictures of the clone, copied into the folder `source`; any other, and one of photographs, as its description."""
    def picture(match: re.Match) -> str:
        path = Path(os.path.normpath(ROOT / "notebooks" / match[2]))
        if not path.is_file() or ROOT not in path.parents or "photos" in path.parts:
            return match[1]
        copied = "-".join(path.relative_to(ROOT).parts)
        shutil.copy(path, source / copied)
        return f"![{match[1]}]({copied})"

    return re.sub(r"!\[(.*?)\]\((.*?)\)", picture, text)

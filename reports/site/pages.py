"""The site's pages: a front page with what a run found, every number from its metrics, and the notebooks."""

import os
import re
from collections.abc import Iterator
from itertools import chain

from nbformat import NotebookNode
from nbformat.v4 import new_output

from fer_utils.tools import colab
from fer_utils.evaluation import wilson
from fer_utils.figures.alt import alt_text, saved_figures
from reports.poster.build import techniques
from fer_utils.runs import Run

TITLE = "Facial expression classification in PyTorch"
POSTER = ('<a class="poster" href="poster.pdf"><img src="poster.png" alt="The poster of this run, in small: '
          'its text is in the PDF."></a>\n\n<a href="poster.pdf">Open the poster as PDF</a>')
BASELINES = {"majority": "Always the most frequent class", "class_competition": "The class competition's baseline",
             "best_public_result": "The best public result on this task"}
UNPUBLISHED = "*This figure shows photographs of the data set. They are not published: run the notebook to see it.*"


def front_page(run: Run, notebooks: dict[str, NotebookNode]) -> str:
    """The front page as MyST Markdown; `notebooks` in their order, by name."""
    name = run.path.name
    rows = list(chain(_training(run), _evaluation(run), _techniques(run), _further(run)))
    table = ["| | n | seeds | result |", "| :-- | --: | --: | :-- |", *rows]
    missing = f"The run {name} has no metrics yet: notebooks 04 and 05 write them."
    poster = POSTER if (run.path / "poster.pdf").exists() else f"There is none yet: `fer poster {name}` sets it."
    seconds = run.read().get("seconds", {})
    course = [f"| [{_title(notebook, page)}]({page}.ipynb) | {_duration(seconds.get(page))} |"
              for page, notebook in notebooks.items()]
    return "\n\n".join([
        f"# {TITLE}",
        "A course in notebooks, from a folder of faces to a trained network and a result that others can trust. "
        f"These pages are one run of it, *{name}*, {_data(run)}.",
        "## Results", "\n".join(table) if rows else missing,
        "In brackets 95 % intervals (Wilson's); after ±, the standard deviation over the seeds." if rows else "",
        "## The poster", poster,
        "## The notebooks", "\n".join(["| | time in this run |", "| :-- | --: |", *course]), _made_by(run),
        "\n".join(["```{toctree}", ":hidden:", *notebooks, "```"])]) + "\n"


def prepared(notebook: NotebookNode, name: str, pages: set[str], run: Run, address: str) -> NotebookNode:
    """The notebook as the site shows it: figures with alt text, links that lead somewhere, no picture from elsewhere.

    On photographs (a run that is not drawn), a figure stays only if the run holds it among its public figures.
    """
    for cell in notebook.cells:
        tags = cell.metadata.setdefault("tags", [])
        if "badge" in tags:
            link = colab.badge(address, name).rpartition("](")[2]
            cell.source = f"[Open in Colab]({link}{{.colab}}"
        elif cell.cell_type == "markdown":
            cell.source = _with_links(_with_boxes(cell.source), pages, address)
        elif "setup" in tags:
            tags.append("hide-input")
        figures = saved_figures(cell.source)
        cell.metadata["mystnb"] = {"image": {"alt": alt_text(cell.source) or f"A picture of notebook {name}."}}
        public = run.drawn or figures and all((run.path / "figures" / f"{f}.svg").exists() for f in figures)
        for output in [*cell.get("outputs", [])]:
            if output.get("name") == "stderr" and output.text.startswith("\r"):  # a progress bar
                cell.outputs.remove(output)
            elif not public and any(kind.startswith("image/") for kind in output.get("data", {})):
                cell.outputs[cell.outputs.index(output)] = new_output("display_data", {"text/markdown": UNPUBLISHED})
    return notebook


def _row(what: str, n: int | None, seeds: int | str, result: str) -> str:
    return f"| {what} | {f'{n:,}' if n else '–'} | {seeds} | {result} |"


def _with_interval(value: float, ends: list[float] | None) -> str:
    return f"{value:.4f}" + (f" ({ends[0]:.4f} to {ends[1]:.4f})" if ends else "")


def _training(run: Run) -> Iterator[str]:
    for model, found in (run.read_metrics("training") or {}).items():
        n, seeds = found["val_size"], len(found["seeds"])
        single = _with_interval(found["mean"], wilson(round(found["mean"] * n), n))
        yield _row(f"**{model}**, best validation accuracy", n, seeds,
                   f"{found['mean']:.4f} ± {found['std']:.4f}" if seeds > 1 else single)
        if found.get("poster"):
            yield _row("the poster's best validation accuracy", None, 1, f"{found['poster']['best_val_acc']:.4f}")


def _evaluation(run: Run) -> Iterator[str]:
    models = run.read_metrics("evaluation") or {}
    for model in sorted(models.keys() - {"baselines"}):
        yield from _scores(model, models[model])
    for name, found in models.get("baselines", {}).items():
        yield _row(BASELINES.get(name, name), found.get("n"), "–",
                   _with_interval(found["accuracy"], found.get("accuracy_ci")))


def _scores(model: str, found: dict) -> Iterator[str]:
    seeds, n, part = len(found["seeds"]), found["n"], found["scored_on"]
    yield _row(f"**{model}**, {part} accuracy, the seed chosen on {found['chosen_on']}", n, 1,
               f"**{_with_interval(found['accuracy'], found['accuracy_ci'])}**")
    if seeds > 1:
        yield _row(f"{part} accuracy, every seed", n, seeds, f"{found['mean']:.4f} ± {found['std']:.4f}")
    if found.get("clean"):
        yield _row(f"{part} accuracy without leaked images", found["clean"]["n"], 1,
                   _with_interval(found["clean"]["accuracy"], found["clean"]["accuracy_ci"]))
    yield _row("macro-F1", n, 1, f"{found['macro_f1']:.4f}")
    for name, own in found["per_class"].items():
        yield _row(f"recall of {name}", own["n"], 1, _with_interval(own["recall"], own["recall_ci"]))


def _techniques(run: Run) -> Iterator[str]:
    for found in techniques(run.read_metrics("techniques")):
        ends = found["interval"]
        yield _row(f"{found['name']}: difference in accuracy", None, found["n"] or "–",
                   f"{found['difference']:+.4f}" + (f" ({ends[0]:+.4f} to {ends[1]:+.4f})" if ends else ""))


def _further(run: Run) -> Iterator[str]:
    """The networks and recipes of notebooks 07 and 08."""
    budget = (run.read_metrics("time_to_accuracy") or {}).get("budget")
    if budget:
        yield _row(f"**FastCNN**, {budget['scored_on']} accuracy after {budget['median_seconds']:.0f} s of training",
                   budget["per_seed"][0]["n"], budget["n"],
                   f"{budget['mean']:.4f}" + (f" ± {budget['std']:.4f}" if budget["n"] > 1 else ""))
    beyond = run.read_metrics("beyond") or {}
    for model, found in beyond.get("test", {}).items():
        if model != "PosterCNN":
            seeds = len(beyond["final"]["seeds"]) if model == "ensemble" else 1
            yield _row(f"**{model}**, test accuracy", found["n"], seeds,
                       _with_interval(found["accuracy"], found["accuracy_ci"]))


def _data(run: Run) -> str:
    known = run.read()
    counts = {usage: sum(classes.values()) for usage, classes in known.get("counts", {}).items()}
    training = counts.pop("Training", 0)
    kind = "drawn faces, whose scores say nothing about people" if known.get("drawn") else "photographs"
    return f"on {kind}: {training:,} to learn from and {sum(counts.values()):,} to be judged by"


def _made_by(run: Run) -> str:
    known = run.read()
    commit = (known.get("git_commit") or "")[:12]
    facts = [known.get("processor"), known.get("device"), known.get("precision"), commit and f"commit {commit}",
             f"torch {known.get('versions', {}).get('torch')}"]
    return "Computed on " + ", ".join(fact for fact in facts if fact) + "."


def _title(notebook: NotebookNode, name: str) -> str:
    first = (line for cell in notebook.cells for line in cell.source.splitlines() if line.startswith("# "))
    return next(first, f"# {name}").removeprefix("# ")


def _duration(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _with_boxes(text: str) -> str:
    """Quotations that begin with **Tip** or **Caution** as the theme's boxes."""
    def box(match: re.Match) -> str:
        body = re.sub(r"^> ?", "", match[2], flags=re.MULTILINE).strip()
        return f"````{{{match[1].lower()}}}\n{body}\n````"

    return re.sub(r"^> \*\*(Tip|Caution)\*\*(.*(?:\n>.*)*)", box, text, flags=re.MULTILINE)


def _with_links(text: str, pages: set[str], address: str) -> str:
    """Relative links to what the site does not hold, as links to the repository; pictures as their description."""
    def link(match: re.Match) -> str:
        there = os.path.normpath(f"notebooks/{match[1]}").replace(os.sep, "/")
        known = there.startswith("notebooks/") and there.removesuffix(".ipynb").split("/")[1] in pages
        return match[0] if known else f"]({address}/blob/main/{there}{match[2] or ''})"

    text = re.sub(r"!\[(.*?)\]\(.*?\)", r"\1", text)
    return re.sub(r"\]\((?!\w+:|#)([^)#\s]+)(#[^)]*)?\)", link, text)

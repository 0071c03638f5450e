"""The poster of a run, set by Typst from the template in this folder: `python reports/poster/build.py RUN`."""

import argparse
import json
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the clone: its own package, wherever this is called

from fer_utils import CourseError, brief, figures
from fer_utils.data import POSTER_CLASSES
from fer_utils.evaluation import COMPARISON, reliability, verdict, wilson
from fer_utils.runs import Run
from fer_utils.support.files import reading, replacing, temporary_folder
from fer_utils.support.published import HUMAN_ACCURACY, HUMAN_ACCURACY_HALF_WIDTH, PUBLISHED_COUNTS, poster_log
from fer_utils.support.saved_figures import alt_text
from fer_utils.tools.cli import ended
from fer_utils.tools.colab import UNSTAMPED, repository
from reports.figures.export import typst_compiler
from reports.results import Found, counting, read

TEMPLATE = Path(__file__).resolve().parent
CLONE = TEMPLATE.parents[1]
PAPERS = ("a0", "a1", "a2", "a3")
METRICS = ("data", "training", "evaluation", "techniques", "beyond")
TITLE = "Facial Expression Classification Using PyTorch"
RIVALS = {"class_competition": "the class competition’s baseline", "majority": "the majority class",
          "best_public_result": "the best public result"}
"""What an accuracy is compared with, the first that a run has in its headline."""


def make_poster(run: Run, paper: str = "a0", author: str | None = None, photos: bool = False,
                title: str | None = None) -> Path:
    """Write the run's `poster.pdf`, one landscape page, and return its path.

    paper: a0, a1, a2 or a3; author: the line under the title, by default the authors in CITATION.cff. With `photos` the
    file is `poster-photos.pdf`: it shows the run's own faces and must not be published. The same run and versions give
    the same bytes. Raises CourseError where there is no such run, where Typst is not installed, and where something
    does not fit, such as a long title.
    """
    if not (run.path / "run.json").is_file():
        raise CourseError(f"There is no run in {run.path}: make it by `fer run --run {run.path.name}`.")
    path = run.path / ("poster-photos.pdf" if photos else "poster.pdf")
    pdf = set_poster(run, paper, author, photos, title)
    with replacing(path) as temporary:
        temporary.write_bytes(pdf)
    return path


def set_poster(run: Run, paper: str = "a0", author: str | None = None, photos: bool = False,
               title: str | None = None) -> bytes:
    """The PDF that `make_poster` writes."""
    if paper not in PAPERS:
        raise CourseError(f"The paper {paper!r} is none of {', '.join(PAPERS)}: choose one of them.")
    texts = {"title": _line(title) or TITLE, "author": _line(author) or authors(), "paper": paper, "photos": photos}
    with temporary_folder() as folder:
        shutil.copytree(TEMPLATE, folder, dirs_exist_ok=True)
        try:
            facts = texts | collect(run) | {"figures": _figures(run, folder, photos), "address": _qr_code(folder)}
            Path(folder, "facts.json").write_text(json.dumps(facts), encoding="utf-8")
            compiler = typst_compiler(Path(folder, "poster.typ"))
            _check(json.loads(compiler.query("<fit>", field="value")))
            return compiler.compile(format="pdf")
        except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            if isinstance(error, CourseError):
                raise
            raise CourseError(f"The poster of {run.path.name} cannot be set ({brief(error)}): see whether this version "
                              "of the course wrote its run.json, and in metrics/ data.json, training.json, "
                              "evaluation.json, techniques.json and beyond.json.") from error


def collect(run: Run) -> dict:
    """What the template can say of a run: its metrics as they are (empty where missing), and what follows from them."""
    found = read(run)
    with reading(run.path / "run.json", *(run.path / "metrics" / f"{name}.json" for name in METRICS)):
        return _facts(run, found)


def _facts(run: Run, found: Found) -> dict:
    classes = found.run.get("classes", POSTER_CLASSES)
    colours = {name: getattr(figures, name.upper()) for name in ("ink", "grey", "pale", "ours", "poster")}
    return {
        "run": found.run | {"name": run.path.name},
        "classes": classes,
        "kind": _kind(run, classes),
        "asked": found.asked or None,
        "stopped": min(found.stopped.values(), default=None),
        "training": found.training | {"interval": _interval(found.training)} if found.training else None,
        "evaluation": found.scores | {"reliability": _reliability(run, found)} if found.scores else None,
        "rivals": rivals(found),
        "techniques": techniques(found),
        "beyond": {} if run.drawn else found.beyond.get("test", {}),  # on drawn faces a rehearsal
        "new_faces": [] if run.drawn else under_shifts(found),
        "data": run.read_metrics("data"),
        "poster_epochs": len(poster_log()),
        "people": [HUMAN_ACCURACY, HUMAN_ACCURACY_HALF_WIDTH],
        "colours": colours | {"classes": figures.class_colours(classes)},
    }


def rivals(found: Found) -> list[dict]:
    """How the accuracy stands to each baseline: name, accuracy, the words for it, and the gap where one is shown."""
    entries = []
    for key, name in RIVALS.items():
        if found.scores and key in found.baselines:
            theirs = found.baselines[key]["accuracy"]
            words = verdict(found.scores["accuracy_ci"], theirs, COMPARISON)
            gap = None if words == COMPARISON[-1] else abs(found.scores["accuracy"] - theirs)
            entries.append({"name": name, "accuracy": theirs, "words": words, "gap": gap})
    return entries


def techniques(found: Found) -> list[dict]:
    """What each technique adds: name, difference (a share), its interval or None, number of seeds, and the verdict."""
    return [{"name": name, "difference": one["difference"], "interval": one["difference_ci"], "n": one["n"],
             "words": verdict(one["difference_ci"])} for name, one in found.techniques.get("removed", {}).items()]


def under_shifts(found: Found) -> list[dict]:
    """Each network's accuracy on the test images as they are and its mean over all shifts, the lowest mean first."""
    networks = found.new_faces.get("networks", {}) if found.new_faces.get("scored_on") == "test" else {}
    rows = [{"name": name, "accuracy": one["accuracy"], "mean": one["mean"], "interval": one["mean_ci"]}
            for name, one in networks.items()]
    return sorted(rows, key=lambda row: row["mean"])


def authors() -> str:
    """The course's authors, as CITATION.cff names them."""
    people = yaml.safe_load((CLONE / "CITATION.cff").read_text(encoding="utf-8"))["authors"]
    parts = ("name", "given-names", "family-names")
    return ", ".join(" ".join(one[part] for part in parts if part in one) for one in people)


def _kind(run: Run, classes: list[str]) -> str:
    """drawn, fer2013 (by the published counts of these classes), or other."""
    counts = {usage: sum(number.values()) for usage, number in run.read().get("counts", {}).items()}
    published = PUBLISHED_COUNTS.reindex(classes).sum()
    training = counts.pop("Training", 0)
    real = (training, sum(counts.values())) == (published["Training"], published.drop("Training").sum())
    return "drawn" if run.drawn else "fer2013" if real else "other"


def _interval(training: dict) -> tuple[float, float]:
    """The 95 % interval of the first seed's best validation accuracy."""
    n = training["val_size"]
    return wilson(round(training["best_val_acc"][0] * n), n)


def _reliability(run: Run, found: Found) -> list[dict]:
    """The reliability diagram's bins with intervals, from the chosen seed's predictions; empty where there are none."""
    kept = run.read_predictions(counting(run), found.scores["chosen_seed"])
    if kept is None:
        return []
    labels, probabilities = kept
    bins = reliability(probabilities, labels)
    return [row._asdict() | {"ci": wilson(round(row.accuracy * row.n), row.n)} for row in bins.itertuples(index=False)]


def _figures(run: Run, folder: Path, photos: bool) -> dict[str, dict | None]:
    """Copy the figures into Typst's folder; by name the path there and the alt text, or None for one the run lacks.

    The run's own faces are shown where they are drawn or `photos` was asked for, and else the course's drawn ones.
    """
    own = run.path / "figures"
    faces = "evaluation_probabilities.svg"
    sources = {"architecture": own / "architecture.svg", "training_curves": own / "training_curves.svg",
               "faces": own / faces if run.drawn else own / "photos" / faces if photos else TEMPLATE / "faces.svg"}
    there = {name: source for name, source in sources.items() if source.is_file()}
    for name, source in there.items():
        shutil.copy(source, folder / f"{name}.svg")
    found = {}
    for name, source in there.items():
        with reading(source):
            ElementTree.parse(source)
            found[name] = {"path": f"{name}.svg", "alt": alt_text(source)}
    return dict.fromkeys(sources) | found


def _qr_code(folder: Path) -> str | None:
    """Draw the address of the repository as qr.svg in `folder` and return it; None where no address is stamped."""
    address = repository(CLONE)
    if address == UNSTAMPED:
        return None
    try:
        import segno
    except ImportError as error:
        raise CourseError("The poster's QR code needs segno: install it by `pip install segno`.") from error
    segno.make_qr(address).save(str(folder / "qr.svg"), border=0)
    return address


def _check(blocks: list[dict]) -> None:
    """Raise CourseError for the first block whose content needs more room (in millimetres on A0) than it has."""
    for block in blocks:
        if block["need"] > block["have"] + 0.1:
            advice = "give a shorter one" if block["name"] in ("title", "author") else "shorten the template there"
            raise CourseError(f"The poster's {block['name']} does not fit (needs {block['need']:.0f} mm of an A0, has "
                              f"{block['have']:.0f}): {advice}.")


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def main(arguments: list[str] | None = None) -> None:
    """Set the poster that the command line asks for, and say where it is."""
    parser = argparse.ArgumentParser(description="Set the poster of a run: reports/<run>/poster.pdf.")
    parser.add_argument("run", metavar="RUN", help="the run's name")
    parser.add_argument("--paper", default="a0", choices=PAPERS, help="its size (default: a0)")
    parser.add_argument("--author", metavar="LINE", help="who made it, in one line (default: CITATION.cff's authors)")
    parser.add_argument("--title", metavar="LINE", help="another title")
    parser.add_argument("--photos", action="store_true", help="with the run's own faces, as poster-photos.pdf")
    options = parser.parse_args(arguments)
    print(make_poster(Run.open(options.run), options.paper, options.author, options.photos, options.title))


if __name__ == "__main__":
    sys.exit(ended(main))

"""The poster: a run's metrics and figures, set by Typst from the template in reports/poster."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from fer_utils import CLASSES, CourseError, figures
from fer_utils.evaluation import reliability, wilson
from fer_utils.figures.alt import ALT
from fer_utils.models import build_model, count_parameters
from fer_utils.runs import Run
from fer_utils.support.files import replacing
from fer_utils.support.home import course_home
from fer_utils.support.published import HUMAN_ACCURACY, HUMAN_ACCURACY_HALF_WIDTH, POSTER_TEST, POSTER_TRAIN, poster_log
from fer_utils.tools.export import typst_compiler
from fer_utils.training import TrainConfig

PAPERS = ("a0", "a1", "a2", "a3")
TITLE = "Facial Expression Classification Using PyTorch"
METRICS = ("training", "evaluation", "techniques", "beyond", "data")
FIGURES = ("architecture", "training_curves", "evaluation_probabilities", "mean_faces")
MODEL = "PosterCNN"


def make_poster(run: Run, paper: str = "a0", author: str | None = None, photos: bool = False,
                title: str | None = None) -> Path:
    """Write the run's `poster.pdf`, one landscape page, and return its path.

    paper: a0, a1, a2 or a3; author: a line under the title. With `photos` the file is `poster-photos.pdf`: it shows the
    run's own faces and must not be published. The same run and versions give the same bytes. Raises CourseError where
    there is no such run, where Typst is not installed, and where something does not fit, such as a long title.
    """
    if not (run.path / "run.json").is_file():
        raise CourseError(f"There is no run in {run.path}: make it by `fer run --run {run.path.name}`.")
    if paper not in PAPERS:
        raise CourseError(f"The paper {paper!r} is none of {', '.join(PAPERS)}: choose one of them.")
    texts = {"title": _line(title) or TITLE, "author": _line(author), "paper": paper, "photos": photos}
    with TemporaryDirectory() as folder:
        shutil.copytree(template(), folder, dirs_exist_ok=True)
        try:
            facts = texts | {"figures": _figures(run, Path(folder), photos)} | collect(run)
            Path(folder, "facts.json").write_text(json.dumps(facts), encoding="utf-8")
            compiler = typst_compiler(Path(folder, "poster.typ"))
            _check(json.loads(compiler.query("<fit>", field="value")))
            pdf = compiler.compile(format="pdf")
        except (RuntimeError, KeyError, TypeError) as error:
            raise CourseError(f"The poster of the run {run.path.name} cannot be set ({error}): see whether this "
                              "version of the course wrote its metrics.") from error
    path = run.path / ("poster-photos.pdf" if photos else "poster.pdf")
    with replacing(path) as temporary:
        temporary.write_bytes(pdf)
    return path


def template() -> Path:
    """The folder of the poster's template: the course's home has it, or else the clone that the package runs from."""
    for home in (course_home(), Path(__file__).parents[2]):
        if (home / "reports" / "poster" / "poster.typ").is_file():
            return home / "reports" / "poster"
    raise CourseError(f"{course_home()} has no reports/poster/poster.typ: change to a clone of the course.")


def collect(run: Run) -> dict:
    """What the template can say of a run: its metrics as they are (None where missing), and what follows from them."""
    metrics = {name: run.read_metrics(name) for name in METRICS}
    training, evaluation = ((metrics[name] or {}).get(MODEL) for name in ("training", "evaluation"))
    chosen = run.read().get("parameters", {}).get("04_training", {})
    defaults = asdict(TrainConfig())
    return {
        "kind": _kind(run),
        "settings": {name: chosen.get(name, default) for name, default in defaults.items()},
        "settings_known": bool(chosen),
        "run": run.read() | {"name": run.path.name},
        "training": training and training | {"best_val_ci": _validation_intervals(training)},
        "evaluation": evaluation and evaluation | {"reliability": _reliability(run, evaluation)},
        "baselines": (metrics["evaluation"] or {}).get("baselines", {}),
        "techniques": techniques(metrics["techniques"]),
        "beyond": {} if run.drawn else (metrics["beyond"] or {}).get("test", {}),  # on drawn faces a rehearsal
        "data": metrics["data"],
        "classes": CLASSES,
        "parameters": count_parameters(build_model(MODEL)),
        "alt": {name: ALT[name] for name in FIGURES},
        "poster_epochs": len(poster_log()),
        "people": [HUMAN_ACCURACY, HUMAN_ACCURACY_HALF_WIDTH],
        "colours": {"classes": figures.CLASS_COLOURS, "ink": figures.INK, "grey": figures.GREY, "pale": figures.PALE,
                    "ours": figures.OURS, "poster": figures.POSTER},
    }


def techniques(metrics: dict | None) -> list[dict]:
    """The entries of metrics/techniques.json that hold a difference in accuracy: name, difference, interval or None, n.

    They may lie at any depth, by name; an entry has `difference` (a share) and, if known, `difference_ci` and `n`.
    """
    found = []
    for name, entry in (metrics or {}).items():
        if isinstance(entry, dict) and isinstance(entry.get("difference"), float | int):
            found.append({"name": name.replace("_", " "), "difference": entry["difference"],
                          "interval": entry.get("difference_ci"), "n": entry.get("n")})
        elif isinstance(entry, dict):
            found += techniques(entry)
    return found


def _kind(run: Run) -> str:
    """drawn, fer2013 (by its published counts), or other."""
    counts = {usage: sum(classes.values()) for usage, classes in run.read().get("counts", {}).items()}
    training = counts.pop("Training", 0)
    real = "fer2013" if (training, sum(counts.values())) == (POSTER_TRAIN, POSTER_TEST) else "other"
    return "drawn" if run.drawn else real


def _validation_intervals(training: dict) -> list[tuple[float, float]]:
    """The 95 % interval of each seed's best validation accuracy."""
    n = training["val_size"]
    return [wilson(round(accuracy * n), n) for accuracy in training["best_val_acc"]]


def _reliability(run: Run, evaluation: dict) -> list[dict]:
    """The reliability diagram's bins with intervals, from the chosen seed's predictions; empty where there are none."""
    path = run.path / "metrics" / "predictions" / f"{MODEL}-seed{evaluation.get('chosen_seed')}.csv"
    table = pd.read_csv(path) if path.is_file() else pd.DataFrame({"label": [-1]})
    if (table["label"] < 0).any():
        return []
    bins = reliability(table.filter(regex="^p_").to_numpy(), table["label"].to_numpy())
    return [row._asdict() | {"ci": wilson(round(row.accuracy * row.n), row.n)} for row in bins.itertuples(index=False)]


def _figures(run: Run, folder: Path, photos: bool) -> dict[str, str | None]:
    """Copy the figures into Typst's folder; by name the path there, or None for one that the run lacks.

    Single faces are shown where they are drawn or `photos` was asked for, and nowhere else.
    """
    found = {}
    for name in FIGURES:
        source = run.path / "figures" / f"{name}.svg"
        if name == "evaluation_probabilities" and not run.drawn:
            source = source.parent / "photos" / source.name
            if not photos:
                continue
        found[name] = source.name if source.is_file() else None
        if found[name]:
            shutil.copy(source, folder)
    return found


def _check(blocks: list[dict]) -> None:
    """Raise CourseError for the first block whose content needs more room (in millimetres on A0) than it has."""
    for block in blocks:
        if block["need"] > block["have"] + 0.1:
            advice = "give a shorter one" if block["name"] in ("title", "author") else "shorten the template there"
            raise CourseError(f"The poster's {block['name']} does not fit (needs {block['need']:.0f} mm of an A0, has "
                              f"{block['have']:.0f}): {advice}.")


def _line(text: str | None) -> str:
    return " ".join((text or "").split())

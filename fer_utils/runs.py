"""A run: the folder `reports/<name>/` that keeps what the notebooks find on one data set."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer_utils import CourseError
from fer_utils.data import Faces
from fer_utils.support.files import checked_name, locked, read_json, reading, remove_leftovers, write_json, write_text
from fer_utils.support.home import course_home
from fer_utils.support.provenance import environment
from fer_utils.support.run_tables import read_history, read_predictions

DEFAULT = "default"
"""The run of a reader who names none."""


@dataclass(frozen=True)
class Training:
    """The folder of one training: what was asked for, and for each seed its history and best weights.

    Take it from `Run.training`. It is named by what was asked for (see `lessons.training_name`), so that another
    recipe is another folder and nothing is overwritten.
    """

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    def asked(self) -> dict:
        """What recipe.json holds: all that was asked for, and for each seed the machine that trained it."""
        return read_json(self.path / "recipe.json") or {}

    def write_asked(self, asked: dict) -> None:
        """Merge `asked` into recipe.json, so that seeds trained at the same time each keep their machine there."""
        with locked(self.path):
            write_json(self.path / "recipe.json", _merged(self.asked(), asked))

    def seeds(self) -> list[int]:
        """The seeds under which it was trained, finished or not."""
        names = (re.fullmatch(r"seed(\d+)\.csv", path.name) for path in self.path.glob("seed*.csv"))
        return sorted(int(name[1]) for name in names if name)

    def history(self, seed: int) -> pd.DataFrame | None:
        """The epochs done under this seed, with the columns of `run_tables.HISTORY`; None where there are none.

        CourseError where the file is damaged, or another's.
        """
        return read_history(self.path / f"seed{int(seed)}.csv", seed)

    def write_history(self, seed: int, history: pd.DataFrame) -> None:
        write_text(self.path / f"seed{int(seed)}.csv", history.to_csv(index=False, lineterminator="\n"))

    def weights(self, seed: int) -> Path:
        """Where the best weights of this seed are kept."""
        return self.path / f"seed{int(seed)}.safetensors"

    def state(self, seed: int) -> Path:
        """Where, until it is finished, all is kept that the next epoch under this seed depends on."""
        return self.path / f"seed{int(seed)}.state.safetensors"


@dataclass(frozen=True)
class Run:
    """One run's folder; take it from `Run.open`. Every file in it is written whole or not at all."""

    path: Path

    @classmethod
    def open(cls, name: str) -> "Run":
        """The run `reports/<name>/` in the course's home; its folder is made on the first write.

        A name with slashes is a run inside a run's folder. CourseError where `name` cannot be a folder's.
        """
        if name.split("/")[0] in ("figures", "poster", "site", "sweep"):
            raise CourseError(f"reports/{name.split('/')[0]} is the course's own: give the run another name.")
        folders = (checked_name(part, "name of a run") for part in name.split("/"))
        return cls(course_home().joinpath("reports", *folders))

    @classmethod
    def start(cls, name: str, faces: Faces) -> "Run":
        """Open the run and have it take on the source, classes, counts and fingerprint of `faces`.

        The run "default" is named after its faces: default-sample, default-fer2013. Raises CourseError where the run
        already holds results on other faces.
        """
        run = cls._default(faces) if name == DEFAULT else cls.open(name)
        remove_leftovers(run.path)
        counts = {usage: classes.to_dict() for usage, classes in faces.counts().items()}
        run.record(source=Path(faces.source).name, fingerprint=faces.fingerprint, drawn=faces.drawn, counts=counts,
                   classes=list(faces.classes))
        return run

    @classmethod
    def _default(cls, faces: Faces) -> "Run":
        """The run that nobody named, of these faces: its name has their fingerprint where others took the short one."""
        source = "fer2013" if faces.are_posters else re.sub(r"[^A-Za-z0-9_-]+", "-", Path(faces.source).stem)
        run = cls.open(f"{DEFAULT}-{source}")
        others = run.read().get("fingerprint", faces.fingerprint) != faces.fingerprint
        return cls.open(f"{DEFAULT}-{source}-{faces.fingerprint[:6]}") if others else run

    @property
    def name(self) -> str:
        """What `open` takes: the folder's path inside reports/."""
        return self.path.relative_to(course_home() / "reports").as_posix()

    @property
    def drawn(self) -> bool:
        """Whether the run is on drawn faces, as its run.json says."""
        return self.read().get("drawn", False)

    def read(self) -> dict:
        """What run.json holds; empty for a new run."""
        return read_json(self.path / "run.json") or {}

    def record(self, **provenance) -> None:
        """Merge `provenance` into run.json, dictionaries key by key, and renew versions, processor, threads and commit.

        For example `run.record(seeds=[0, 1], device="CPU", precision="float32")`. Of an absolute path only the last
        part is kept: nobody else has this machine's folders.
        """
        with locked(self.path):
            remove_leftovers(self.path, ".run")
            known = self.read()
            old = known.get("fingerprint")
            if old is not None and provenance.get("fingerprint", old) != old:
                if any((self.path / part).exists() for part in ("figures", "metrics", "sweep", "trainings")):
                    raise CourseError(f"The run {self.path.name} holds results on other faces ({known.get('source')}): "
                                      f"give those of {provenance.get('source')} a run name of their own.")
                known = {}  # nothing came of those faces
            write_json(self.path / "run.json", _merged(known, {**environment(), **provenance}))

    def save_figure(self, fig, name: str) -> None:
        """Write a matplotlib figure to figures/<name>.svg and .png (300 dpi); a notebook shows it too.

        One that shows photographs of the data set goes to figures/photos/, which is never published: it says so itself
        by `fig.photo` (see `figures.shows`), or holds pictures where it says nothing. On drawn faces, figures of
        the data say so under their right corner.
        """
        from fer_utils.support.saved_figures import save_drawing, show_drawing

        alt, drawn = getattr(fig, "alt", name.replace("_", " ")), self.drawn
        photo = bool(getattr(fig, "photo", any(axes.images for axes in fig.axes))) and not drawn
        folder = self.path / "figures" / "photos" if photo else self.path / "figures"
        save_drawing(fig, folder, name, alt, "drawn faces" if drawn and getattr(fig, "data", True) else "")
        show_drawing(fig, alt, photo)

    def write_metrics(self, name: str, values: dict) -> None:
        """Replace metrics/<name>.json whole; numpy's values become plain ones, NaN raises CourseError."""
        write_json(self.path / "metrics" / f"{checked_name(name)}.json", values)

    def add_metrics(self, name: str, values: dict) -> None:
        """Put `values` into metrics/<name>.json beside what it holds under other keys, which others may add as well."""
        with locked(self.path):
            self.write_metrics(name, (self.read_metrics(name) or {}) | values)

    def read_metrics(self, name: str) -> dict | None:
        """What metrics/<name>.json holds, or None where nothing has written it."""
        return read_json(self.path / "metrics" / f"{checked_name(name)}.json")

    def training(self, name: str) -> Training:
        """The training of this name; CourseError where the run has none."""
        training = self.new_training(name)
        if not training.asked():
            there = ", ".join(path.name for path in self._trainings()) or "none: notebook 04 trains one"
            raise CourseError(f"The run {self.path.name} has no training {name!r}; it has {there[:250]}.")
        return training

    def new_training(self, name: str) -> Training:
        """The folder for a training of this name, there or not. A job of a sweep keeps it in the run that sweeps."""
        return Training(self._keeper() / "trainings" / checked_name(name, "name of a training"))

    def trainings(self) -> pd.DataFrame:
        """All trainings, a row for each seed, to compare them.

        Columns: training, model, dropout, loop, n_train, the recipe's fields (precision: the one computed in), seed,
        epochs_done, seconds of all of them, and of the kept epoch: epoch, train_loss, val_loss, val_acc.
        """
        rows = []
        for training in map(Training, self._trainings()):
            with reading(training.path / "recipe.json"):
                asked = training.asked()
                settings = {key: asked[key] for key in ("training", "model", "dropout", "loop")}
                settings |= {"n_train": asked["train"]["n"], **asked["recipe"], "precision": asked["precision"]}
                if any(isinstance(value, dict | list) for value in settings.values()):
                    raise ValueError("settings to compare by are plain values")
            for seed in training.seeds():
                history = training.history(seed)
                kept = history[history["saved"]].iloc[-1:].to_dict("records")
                best = {key: kept[0][key] for key in ("epoch", "train_loss", "val_loss", "val_acc")} if kept else {}
                rows.append(settings | {"seed": seed, "epochs_done": len(history), "seconds": history["seconds"].sum()}
                            | best)
        return pd.DataFrame(rows)

    def _keeper(self) -> Path:
        """The folder of the run that keeps the trainings: of a job of a sweep, the one that sweeps."""
        inside = [path for path in self.path.parents if course_home() / "reports" in path.parents]
        return next((path.parent for path in inside if path.name == "sweep"), self.path)

    def _trainings(self) -> list[Path]:
        return sorted(path.parent for path in self._keeper().glob("trainings/*/recipe.json"))

    def write_predictions(self, name: str, seed: int, faces: Faces, probabilities: np.ndarray) -> None:
        """Write metrics/predictions/<name>-seed<k>.csv for `faces`: probabilities (N, classes), float32 in full.

        Its index counts the images; the label is -1 where the source has none.
        """
        frame = pd.DataFrame(probabilities, columns=[f"p_{name.lower()}" for name in faces.classes])
        frame.insert(0, "label", faces.labels_or_unknown())
        text = frame.to_csv(index_label="index", float_format="%.9g", lineterminator="\n")
        write_text(self._predictions(name, seed), text)

    def read_predictions(self, name: str, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Labels, int64 (N,), and probabilities, float32 (N, classes), as `run_tables.read_predictions` checks them."""
        return read_predictions(self._predictions(name, seed))

    def write_test_images(self, test: Faces, clean: np.ndarray) -> None:
        """Write metrics/test_images.csv: each test image's label, usage, and whether it is `clean`, bool (N,)."""
        table = pd.DataFrame({"label": test.labels_or_unknown(), "usage": test.usage, "clean": clean})
        text = table.to_csv(index_label="index", lineterminator="\n")
        write_text(self.path / "metrics" / "test_images.csv", text)

    def shifted(self, name: str) -> Path:
        """Where `run_tables.write_shifted` keeps what a network names under shifts; spaces become hyphens."""
        return self.path / "metrics" / "shifts" / f"{checked_name(name.replace(' ', '-'))}.csv"

    def _predictions(self, name: str, seed: int) -> Path:
        return self.path / "metrics" / "predictions" / f"{checked_name(name)}-seed{int(seed)}.csv"


def _merged(old: dict, new: dict) -> dict:
    """`new` laid over `old`, dictionaries key by key."""
    merged = dict(old)
    for key, item in new.items():
        if isinstance(item, dict):
            known = old.get(key)
            item = _merged(known if isinstance(known, dict) else {}, item)
        merged[key] = Path(item).name if isinstance(item, str) and Path(item).is_absolute() else item
    return merged

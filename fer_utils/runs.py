"""A run: the folder `reports/<name>/` that keeps what the notebooks find on one data set."""

import json
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

from fer_utils import CLASSES, CourseError
from fer_utils.data import Faces
from fer_utils.support.files import checked_name, locked, read_json, replacing, writable, write_json, write_text
from fer_utils.support.home import course_home

SAVING = {"svg.hashsalt": "fer_utils", "svg.fonttype": "none", "pdf.fonttype": 42}
"""Text stays text, and the same figure gives the same bytes."""
UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}


@dataclass(frozen=True)
class Run:
    """One run's folder; take it from `Run.open`. Every file in it is written whole or not at all."""

    path: Path

    @classmethod
    def open(cls, name: str = "default", faces: Faces | None = None) -> "Run":
        """The run `reports/<name>/` in the course's home; its folder is made on the first write.

        A name with slashes is a run inside a run's folder. With `faces` the run takes on their source, counts and
        fingerprint. Raises CourseError where it already holds results on other faces, or `name` cannot be a folder's.
        """
        if name.split("/")[0] == "poster":
            raise CourseError("reports/poster holds the poster's template: give the run another name.")
        run = cls(course_home().joinpath("reports", *(checked_name(part, "name of a run") for part in name.split("/"))))
        if faces is not None:
            counts = {usage: classes.to_dict() for usage, classes in faces.counts().items()}
            run.record(source=Path(faces.source).name, fingerprint=faces.fingerprint, drawn=faces.drawn, counts=counts)
        return run

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
            known = self.read()
            old = known.get("fingerprint")
            if old is not None and provenance.get("fingerprint", old) != old:
                raise CourseError(f"The run {self.path.name} holds results on other faces ({known.get('source')}): "
                                  f"give those of {provenance.get('source')} a run name of their own.")
            write_json(self.path / "run.json", _merged(known, {**_environment(), **provenance}))

    @contextmanager
    def timed(self, name: str) -> Iterator[Callable[[], float]]:
        """Record the block's seconds under run.json's `seconds`, if it ends well; yields the running clock."""
        start = time.perf_counter()

        def clock() -> float:
            return time.perf_counter() - start

        yield clock
        self.record(seconds={name: round(clock(), 1)})

    def save_figure(self, fig, name: str, photo: bool = False) -> None:
        """Write a matplotlib figure to figures/<name>.svg, .pdf and .png (300 dpi).

        `photo=True`, for every figure that shows a photograph of the data set, writes to figures/photos/, which is
        never published. On drawn faces the figure says so, under its right corner.
        """
        import matplotlib

        folder = self.path / "figures" / "photos" if photo else self.path / "figures"
        with matplotlib.rc_context(SAVING):
            if self.drawn:
                _note(fig, "drawn faces")
            for form, undated in UNDATED.items():
                with replacing(folder / f"{checked_name(name)}.{form}") as temporary:
                    fig.savefig(temporary, dpi=300, bbox_inches="tight", metadata=undated)

    def write_metrics(self, name: str, values: dict) -> None:
        """Replace metrics/<name>.json whole; numpy's values become plain ones, NaN raises CourseError."""
        write_json(self.path / "metrics" / f"{checked_name(name)}.json", values)

    def read_metrics(self, name: str) -> dict | None:
        """What metrics/<name>.json holds, or None where nothing has written it."""
        return read_json(self.path / "metrics" / f"{checked_name(name)}.json")

    def write_history(self, history: pd.DataFrame) -> None:
        """Put rows (columns model, seed, epoch, ...) into history.csv, in the place of the same models' and seeds'."""
        with locked(self.path):
            old = self.read_history()
            if old is not None:
                key = ["model", "seed"]
                kept = old[~old.set_index(key).index.isin(history.set_index(key).index)]
                history = pd.concat([kept, history]) if len(kept) else history
            history = history.sort_values(["model", "seed", "epoch"])
            write_text(self.path / "history.csv", history.to_csv(index=False, lineterminator="\n"))

    def read_history(self) -> pd.DataFrame | None:
        """The rows of history.csv, or None where nothing has been trained."""
        path = self.path / "history.csv"
        return pd.read_csv(path) if path.exists() else None

    def checkpoint(self, model: str, seed: int) -> Path:
        """Where the weights of this model and seed belong; the folder is there."""
        folder = self.path / "checkpoints"
        with writable(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{checked_name(model)}-seed{int(seed)}.safetensors"

    def write_predictions(self, model: str, seed: int, labels: np.ndarray | None, probabilities: np.ndarray) -> None:
        """Write metrics/predictions/<model>-seed<k>.csv from labels (N,) and probabilities (N, 3), float32 in full.

        Its index counts the images of the test set; the label is -1 where the source has none.
        """
        frame = pd.DataFrame(probabilities, columns=[f"p_{name.lower()}" for name in CLASSES])
        frame.insert(0, "label", -1 if labels is None else labels)
        text = frame.to_csv(index_label="index", float_format="%.9g", lineterminator="\n")
        write_text(self.path / "metrics" / "predictions" / f"{checked_name(model)}-seed{int(seed)}.csv", text)


def git_commit(root: Path = Path(__file__).parents[1]) -> str | None:
    """The commit that the package runs from, with "-dirty" where its files differ from it; None where unknown."""
    if (root / ".git").exists():
        def git(*arguments: str) -> str:
            return subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True).stdout

        try:
            # What a run writes under reports/ is its result and makes the code no dirtier.
            changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!reports")
            return git("rev-parse", "HEAD").strip() + ("-dirty" if changed else "")
        except (OSError, subprocess.CalledProcessError):
            return None
    origin = metadata.distribution("fer_utils").read_text("direct_url.json") or "{}"
    return json.loads(origin).get("vcs_info", {}).get("commit_id")


def _environment() -> dict:
    names = [re.match(r"[\w.-]+", line)[0] for line in metadata.requires("fer_utils") if "extra ==" not in line]
    versions = {name: metadata.version(name) for name in names}
    known = {"versions": {"python": platform.python_version(), **versions}, "git_commit": git_commit(),
             "processor": _processor(), "system": platform.system()}
    # Torch is slow to import, and a notebook that has not done so has computed nothing with its threads.
    torch = sys.modules.get("torch")
    return known | ({"threads": torch.get_num_threads()} if torch else {})


def _processor() -> str:
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return platform.processor() or platform.machine()


def _merged(old: dict, new: dict) -> dict:
    """`new` laid over `old`, dictionaries key by key."""
    merged = dict(old)
    for key, item in new.items():
        if isinstance(item, dict):
            item = _merged(old.get(key) or {}, item)
        merged[key] = Path(item).name if isinstance(item, str) and Path(item).is_absolute() else item
    return merged


def _note(fig, text: str) -> None:
    """A small grey line under the right corner; constrained layout keeps it clear of everything else."""
    fig.supxlabel(text, x=0.995, ha="right", fontsize=7, color="0.5")

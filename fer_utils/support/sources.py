"""From what a reader names to arrays: which source is meant, where it lies, and whether the cache has it already."""

import hashlib
import os
from pathlib import Path

from fer_utils import brief
from fer_utils.support import hands, sample
from fer_utils.support.archives import DataError, shown
from fer_utils.support.cache import readers, signature, through_cache
from fer_utils.support.files import temporary_folder
from fer_utils.support.formats import read_source
from fer_utils.support.home import course_home
from fer_utils.support.schema import Raw

EMBEDDED = {"sample": "the embedded sample of drawn faces",
            "sketches": "the embedded sample of faces drawn by another hand"}
"""Sources that hold nothing but drawings, with what `load_faces` calls them."""
DRAWN = {"sample": {"n_train": 1500, "n_test": 500, "seed": 2013},
         "sketches": {"n_train": 600, "n_test": 600, "seed": 2026, "hand": hands.SKETCHER}}


def read_from(source: str, classes: tuple[str, ...], labels: str = "own") -> tuple[str, Raw]:
    """The source's name ("auto" resolved) and what it holds of `classes`, or of all where none are named."""
    name = _choose() if source == "auto" else source
    if labels not in ("own", "fer+"):
        raise DataError(f"there are no labels {labels[:50]!r}: give own or fer+.")
    if name in DRAWN:
        if labels != "own":
            raise DataError(f"{EMBEDDED[name]} has no votes of FER+: give labels=own, or a folder with fer2013.csv.")
        return name, _read_drawn(name, classes)
    return name, _read_path(_find(name), classes, labels)


def _choose() -> str:
    """What "auto" means here and now."""
    data = course_home() / "data"
    if os.environ.get("FER_DATA", "auto") not in ("", "auto"):
        return os.environ["FER_DATA"]
    return str(data) if data.is_dir() and any(not path.name.startswith(".") for path in data.iterdir()) else "sample"


def _find(name: str) -> Path:
    """The path that a reader means: in the current folder, else in the course's home, or what Kaggle's package got."""
    if name == "kaggle":
        try:
            import kagglehub

            return Path(kagglehub.dataset_download("msambare/fer2013"))
        except ImportError as error:
            raise DataError("source \"kaggle\" needs the package kagglehub: pip install kagglehub.") from error
        except Exception as error:  # its own and its HTTP library's
            raise DataError(f"Kaggle did not give msambare/fer2013 ({brief(error)}): try again, or take a copy of it."
                            ) from error
    path = Path(name).expanduser()
    path = path if os.path.exists(path) else course_home() / path
    if not os.path.exists(path):  # unlike path.exists(), this raises nothing for a name that cannot be
        raise DataError(f"there is no file or folder {shown(name)!r}: check it, or take sample, sketches or kaggle.")
    return path


def _read_path(path: Path, classes: tuple[str, ...], labels: str) -> Raw:
    place = hashlib.sha256("\n".join([str(path.resolve()), labels, *classes]).encode()).hexdigest()[:16]
    return through_cache(f"faces-{place}", signature(path), lambda: read_source(path, classes, labels))


def _read_drawn(source: str, classes: tuple[str, ...]) -> Raw:
    """The drawn faces, drawn again only where the parameters, the drawing code or the readers changed."""
    code = hashlib.sha256(b"".join(Path(part.__file__).read_bytes() for part in (sample, hands))).hexdigest()
    numbers = [str(DRAWN[source][name]) for name in ("n_train", "n_test", "seed")]
    name = "-".join([source, *numbers, code[:12]])

    def draw() -> Raw:
        with temporary_folder() as folder:
            sample.draw_sample(folder / name, **DRAWN[source])
            try:
                return read_source(folder / name, classes)
            except DataError as error:
                raise DataError(str(error).replace(str(folder / name), EMBEDDED[source])) from error

    return through_cache("-".join([name, *classes]), code + readers(), draw)

"""Faces: every published form of FER2013 under one schema, its audit, and the split into training and validation."""

import hashlib
import os
import tempfile
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from fer_utils import CLASSES
from fer_utils.support import sample
from fer_utils.support.cache import signature, through_cache
from fer_utils.support.files import writable
from fer_utils.support.formats import CODES, LABELS, OTHERS, SIDE, USAGES, DataError, Raw, read_source
from fer_utils.support.home import course_home

PUBLISHED = pd.DataFrame(
    {"Training": (3995, 7215, 4965), "PublicTest": (467, 895, 607), "PrivateTest": (491, 879, 626)}, index=CLASSES)
"""FER2013's images of the three classes as published; 16,175 and 1,969 + 1,996 are the poster's numbers too."""
SAMPLE = {"n_train": 1500, "n_test": 500, "seed": 2013}


@dataclass(frozen=True, eq=False, repr=False)
class Faces:
    """Labelled face images; item i of every array belongs to image i. Raises DataError where the arrays do not fit.

    images: uint8 (N, 48, 48), 0 black to 255 white; labels: int64 (N,), indices into `classes`, -1 where one is
    unknown, or None where all are; usage: str (N,), Training, PublicTest, PrivateTest, or Test where the source does
    not tell; names: str (N,), file name or row; source: where they came from; drawn: drawings, not photographs.
    """

    images: np.ndarray
    labels: np.ndarray | None
    usage: np.ndarray
    names: np.ndarray
    source: str = "memory"
    drawn: bool = False
    classes = CLASSES

    def __post_init__(self) -> None:
        n = len(self.images)
        if self.images.dtype != np.uint8 or self.images.shape != (n, SIDE, SIDE):
            raise DataError(f"images are {self.images.dtype} {self.images.shape}: give uint8 (N, {SIDE}, {SIDE}).")
        for name in ("labels", "usage", "names"):
            values = getattr(self, name)
            if values is not None and len(values) != n:
                raise DataError(f"there are {len(values)} {name} for {n} images: give one for each image.")

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        return f"Faces({len(self):,} images, {self.counts().sum().to_dict()}, source={self.source!r})"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of pixels, labels and usage, in hexadecimal: equal for equal data, wherever they came from."""
        digest = hashlib.sha256(np.ascontiguousarray(self.images))
        digest.update(b"unlabelled" if self.labels is None else self.labels.astype("<i8").tobytes())
        digest.update("\n".join(self.usage.tolist()).encode())
        return digest.hexdigest()

    def take(self, which: np.ndarray) -> "Faces":
        """The images that `which` picks: indices, or a mask of N truth values."""
        labels = None if self.labels is None else self.labels[which]
        if labels is not None and len(labels) and (labels == -1).all():
            labels = None
        return Faces(self.images[which], labels, self.usage[which], self.names[which], self.source, self.drawn)

    def join(self, other: "Faces") -> "Faces":
        """These faces and after them `other`, as one set under the source of these."""
        labels = [np.full(len(part), -1) if part.labels is None else part.labels for part in (self, other)]
        images, usage, names = (np.concatenate([getattr(part, name) for part in (self, other)])
                                for name in ("images", "usage", "names"))
        return Faces(images, np.concatenate(labels), usage, names, self.source, self.drawn)

    @property
    def train(self) -> "Faces":
        return self.take(self.usage == "Training")

    @property
    def test(self) -> "Faces":
        return self.take(self.usage != "Training")

    def counts(self) -> pd.DataFrame:
        """Number of images: a row for each class, and for others and unlabelled images, if any; a column a usage."""
        labels = np.full(len(self), -1) if self.labels is None else self.labels
        names = [*CLASSES, *map(str.capitalize, OTHERS), "unlabelled"]
        table = pd.crosstab(np.array(names)[labels], self.usage)
        rows = [*CLASSES, *(name for name in names[len(CLASSES):] if name in table.index)]
        columns = [usage for usage in USAGES if usage in self.usage]
        return table.reindex(index=rows, columns=columns, fill_value=0).rename_axis(index=None, columns=None)

    def without_leaks(self) -> "Faces":
        """The faces without second copies, without test images that are in training too, without blank images."""
        found = audit(self).indices
        keep = np.ones(len(self), bool)
        for flaw in ("copies_in_train", "copies_in_test", "twins_across", "blank"):
            keep[found[flaw]] = False
        return self.take(keep)


class Split(NamedTuple):
    """Three parts of one set of faces: learn from `train`, choose by `val`, report on `test`."""

    train: Faces
    val: Faces
    test: Faces


def split(faces: Faces, val_fraction: float = 0.30, seed: int = 0, group_duplicates: bool = False) -> Split:
    """Cut a validation part from the training images, with the same share of every class (rounded up: 4,853 of 16,175).

    `group_duplicates=True` keeps identical images on one side, so that no validation image was seen in training; sizes
    then vary (on FER2013 by at most 29, over 300 seeds). DataError where a fraction or a class is too small to be cut.
    """
    train = faces.train
    if train.labels is None:
        raise DataError(f"the training images of {faces.source} have no labels: a stratified split needs them.")
    group = identical(train.images) if group_duplicates else np.arange(len(train))
    groups, first = np.unique(group, return_index=True)
    try:
        _, val_groups = train_test_split(
            groups, test_size=float(val_fraction), stratify=train.labels[first], random_state=seed)
    except ValueError as error:
        raise DataError(f"cannot cut {len(train)} training images at val_fraction={val_fraction}: {error}") from error
    in_val = np.isin(group, val_groups)
    return Split(train.take(~in_val), train.take(in_val), faces.test)


@dataclass(frozen=True, eq=False)
class Audit:
    """How many images of a set are flawed, and which: `indices` holds them under the names of the counts."""

    copies_in_train: int  # beyond the first of each image
    copies_in_test: int
    twins_across: int  # test images that are in training too
    twins_same_label: int  # of these, the ones that have the same label there
    conflicting: int  # images of which a copy has another label
    blank: int  # one shade all over
    indices: dict[str, np.ndarray]
    usage: np.ndarray

    def table(self) -> pd.DataFrame:
        """The counts: a row for each flaw, a column for each usage and the total."""
        parts = [usage for usage in USAGES if usage in self.usage]
        rows = {name: [(self.usage[i] == part).sum() for part in parts] for name, i in self.indices.items()}
        return pd.DataFrame.from_dict(rows, orient="index", columns=parts).assign(total=lambda table: table.sum(axis=1))


def identical(images: np.ndarray) -> np.ndarray:
    """Number images (N, H, W) so that two get the same number, int64 (N,), exactly if all their pixels agree."""
    rows = np.ascontiguousarray(images).reshape(len(images), int(np.prod(images.shape[1:])))
    # Seen as one opaque value each, images are sorted and compared whole.
    return np.unique(rows.view(np.dtype((np.void, rows.shape[1]))).ravel(), return_inverse=True)[1].ravel()


def audit(faces: Faces) -> Audit:
    """Find identical images inside and across training and test, contradicting labels, and blank images."""
    image, train = identical(faces.images), faces.usage == "Training"
    label = np.full(len(faces), -1) if faces.labels is None else faces.labels
    known, meaning = label >= 0, len(CODES) * image + label  # `meaning` numbers the pairs of image and label
    copy = np.ones(len(faces), bool)
    copy[np.unique(2 * image + train, return_index=True)[1]] = False  # the first of an image in each part is no copy
    twin = ~train & np.isin(image, image[train])
    labels_of = np.bincount(np.unique(meaning[known]) // len(CODES), minlength=len(faces))
    flaws = {
        "copies_in_train": copy & train,
        "copies_in_test": copy & ~train,
        "twins_across": twin,
        "twins_same_label": twin & known & np.isin(meaning, meaning[train & known]),
        "conflicting": known & (labels_of[image] > 1),
        "blank": faces.images.max(axis=(1, 2)) == faces.images.min(axis=(1, 2)),
    }
    indices = {name: np.flatnonzero(mask) for name, mask in flaws.items()}
    return Audit(**{name: len(i) for name, i in indices.items()}, indices=indices, usage=faces.usage)


def load_faces(source: str | Path = "auto", verbose: bool = True) -> Faces:
    """Load the three classes from `source` and print what was taken.

    source: a path to any published form of FER2013 (see `formats`); "sample", the drawn faces; "kaggle", which alone
    uses the network; or "auto": $FER_DATA, else data/ in the course's home, else the sample. Raises DataError where the
    data are absent or damaged; warns where what should be FER2013 has other counts than the published ones.
    """
    name = _choose() if str(source) == "auto" else str(source)
    drawn = name == "sample"
    raw = _read_sample() if drawn else _read_path(_find(name))
    faces = Faces(*raw[:4], source=name, drawn=drawn)
    if verbose:
        print(f"Faces: {len(faces.train):,} for training and {len(faces.test):,} for testing, from "
              f"{'the embedded sample of drawn faces' if drawn else name}")
        if raw.converted:
            print(f"Converted to {SIDE}x{SIDE} pixels in grey: {raw.converted:,} images")
    if raw.claims_fer2013 and not drawn and not faces.counts().equals(PUBLISHED):
        table = pd.concat({"found": faces.counts(), "published": PUBLISHED}, axis=1)
        warnings.warn(f"{name} does not hold what FER2013 was published with:\n{table.to_string()}", stacklevel=2)
    return faces


def other_expressions(faces: Faces) -> Faces | None:
    """The training images of FER2013's other four expressions from where `faces` came: disgust 3 to surprise 6.

    None where there are none: in the drawn sample, and in the class competition's files.
    """
    if faces.drawn:
        return None
    others = Faces(*_read_path(_find(faces.source), OTHERS)[:4], source=faces.source).train
    return others if len(others) else None


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
            raise DataError(f"Kaggle did not give msambare/fer2013 ({error}): try again, or load a copy.") from error
    path = Path(name).expanduser()
    path = path if path.exists() else course_home() / path
    if not path.exists():
        raise DataError(f"there is no file or folder {name!r}: check the path, or take \"sample\" or \"kaggle\".")
    return path


def _read_path(path: Path, labels: dict[str, int] = LABELS) -> Raw:
    place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    name = f"{'faces' if labels is LABELS else 'others'}-{place}"
    return through_cache(name, signature(path), lambda: read_source(path, labels))


def _read_sample() -> Raw:
    """The drawn faces, drawn again only where the parameters or the drawing code changed."""
    code = hashlib.sha256(Path(sample.__file__).read_bytes()).hexdigest()
    name = "-".join(["sample", *map(str, SAMPLE.values()), code[:12]])

    def draw() -> Raw:
        with writable(Path("the folder of temporary files")), tempfile.TemporaryDirectory() as folder:
            sample.draw_sample(Path(folder) / name, **SAMPLE)
            return read_source(Path(folder) / name)

    return through_cache(name, code, draw)

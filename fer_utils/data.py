"""Faces: images and labels of any source under one schema, their audit, and the split into training and validation."""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fer_utils.support import checks
from fer_utils.support.archives import DataError
from fer_utils.support.images import SIDE
from fer_utils.support.published import PUBLISHED_COUNTS
from fer_utils.support.schema import USAGES, composed
from fer_utils.support.sources import EMBEDDED, read_from

POSTER_CLASSES = ("Angry", "Happy", "Neutral")
"""The poster's three classes, the default: Angry 0, Happy 1, Neutral 2."""


@dataclass(frozen=True, eq=False, repr=False)
class Faces:
    """Labelled face images; item i of every array belongs to image i. Raises DataError where the arrays do not fit.

    images: uint8 (N, 48, 48), 0 black to 255 white; labels: int64 (N,), indices into `classes`, -1 where one is
    unknown, or None where all are; usage: str (N,), Training, Validation, PublicTest, PrivateTest, or Test where the
    source does not tell; names: str (N,), file name or row; classes: the names that the labels stand for; source: where
    the faces came from; drawn: drawings, not photographs; seen: lines on what the reader recognised there.
    """

    images: np.ndarray
    labels: np.ndarray | None
    usage: np.ndarray
    names: np.ndarray
    classes: tuple[str, ...] = POSTER_CLASSES
    source: str = "memory"
    drawn: bool = False
    seen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.images)
        if self.images.dtype != np.uint8 or self.images.shape != (n, SIDE, SIDE):
            raise DataError(f"images are {self.images.dtype} {self.images.shape}: give uint8 (N, {SIDE}, {SIDE}).")
        for name in ("labels", "usage", "names"):
            values = getattr(self, name)
            if values is not None and len(values) != n:
                raise DataError(f"there are {len(values)} {name} for {n} images: give one for each image.")
        if unknown := set(self.usage.tolist()) - set(USAGES):
            raise DataError(f"usage has {', '.join(map(repr, sorted(unknown)))[:100]}: give {', '.join(USAGES)}.")
        if self.labels is not None and n and not -1 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise DataError(f"labels run from {self.labels.min()} to {self.labels.max()}: with {len(self.classes)} "
                            f"classes they are 0 to {len(self.classes) - 1}, or -1 where unknown.")

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
        if labels is not None and (labels == -1).all():  # so too where nothing is picked
            labels = None
        return replace(self, images=self.images[which], labels=labels, usage=self.usage[which], names=self.names[which])

    def join(self, other: "Faces") -> "Faces":
        """These faces and after them `other`, of the same classes, as one set under the source of these."""
        if self.classes != other.classes:
            raise DataError(f"faces of {', '.join(self.classes)[:100]} and of {', '.join(other.classes)[:100]} cannot "
                            "be joined: give both the same classes, by with_classes.")
        labels = [part.labels_or_unknown() for part in (self, other)]
        images, usage, names = (np.concatenate([getattr(part, name) for part in (self, other)])
                                for name in ("images", "usage", "names"))
        return replace(self, images=images, labels=np.concatenate(labels), usage=usage, names=names)

    def with_classes(self, classes: Sequence[str]) -> "Faces":
        """The faces of these classes, labels renumbered; those of other classes or without a label are left out."""
        missing = [name for name in classes if name not in self.classes]
        if missing:
            raise DataError(f"these faces have no class {', '.join(missing)[:100]}, only "
                            f"{', '.join(self.classes)[:200]}: choose among these.")
        number = {name: label for label, name in enumerate(classes)}
        labels = pd.Series(self.labels_or_unknown()).map({k: number.get(name) for k, name in enumerate(self.classes)})
        kept = labels.notna().to_numpy()
        return replace(self.take(kept), labels=labels[kept].to_numpy(np.int64, copy=True), classes=tuple(classes))

    def labels_or_unknown(self) -> np.ndarray:
        """The labels, int64 (N,), with -1 for each image where none is known."""
        return np.full(len(self), -1) if self.labels is None else self.labels

    @property
    def train(self) -> "Faces":
        return self.take(self.usage == "Training")

    @property
    def val(self) -> "Faces":
        """The validation part that the source itself has, if any."""
        return self.take(self.usage == "Validation")

    @property
    def test(self) -> "Faces":
        return self.take(self.is_test)

    @property
    def is_test(self) -> np.ndarray:
        """For each image, truth values (N,), whether it is kept for testing."""
        return ~np.isin(self.usage, ("Training", "Validation"))

    @property
    def are_posters(self) -> bool:
        """Whether these are the poster's data: FER2013's three classes, with the published counts."""
        return not self.drawn and self.classes == POSTER_CLASSES and self.counts().equals(
            PUBLISHED_COUNTS.loc[list(POSTER_CLASSES)])

    def counts(self) -> pd.DataFrame:
        """Number of images: a row for each class, and for unlabelled images, if any; a column for each usage."""
        names = pd.Series(self.labels_or_unknown()).map(dict(enumerate(self.classes))).fillna("unlabelled")
        table = pd.crosstab(names.to_numpy(), self.usage)
        rows = [*self.classes, "unlabelled"] if "unlabelled" in table.index else list(self.classes)
        columns = [usage for usage in USAGES if usage in self.usage]
        return table.reindex(index=rows, columns=columns, fill_value=0).rename_axis(index=None, columns=None)

    def is_clean(self) -> np.ndarray:
        """For each image, truth values (N,): no second copy, no test image that is in training too, and not blank."""
        leaks = audit(self)[["copies_in_train", "copies_in_test", "twins_across", "blank"]]
        return ~leaks.any(axis=1).to_numpy()

    def without_leaks(self) -> "Faces":
        """The images that are clean, see `is_clean`."""
        return self.take(self.is_clean())


class Split(NamedTuple):
    """Three parts of one set of faces: learn from `train`, choose by `val`, report on `test`."""

    train: Faces
    val: Faces
    test: Faces


def split(faces: Faces, val_fraction: float = 0.30, seed: int = 0, group_duplicates: bool = False) -> Split:
    """Cut a validation part from the training images, with the same share of every class (rounded up: 4,853 of 16,175).

    `group_duplicates=True` keeps identical images on one side, so that no validation image was seen in training; sizes
    then vary (on FER2013 by at most 29, over 300 seeds). Faces that have a validation part keep it: nothing is cut, and
    that is said. DataError where a fraction or a class is too small to be cut.
    """
    from sklearn.model_selection import train_test_split  # here, since it takes a second
    train = faces.train
    if len(faces.val):
        print(f"Validation: the {len(faces.val):,} images that {faces.source} has for it; none is cut from training.")
        return Split(train, faces.val, faces.test)
    if train.labels is None:
        raise DataError(f"the training images of {faces.source} have no labels: a stratified split needs them.")
    group = identical(train.images) if group_duplicates else np.arange(len(train))
    groups, first = np.unique(group, return_index=True)
    try:
        _, val_groups = train_test_split(
            groups, test_size=float(val_fraction), stratify=train.labels[first], random_state=checks.seed(seed))
    except ValueError as error:
        raise DataError(f"cannot cut {len(train)} training images at val_fraction={val_fraction}: {error}") from error
    in_val = np.isin(group, val_groups)
    return Split(train.take(~in_val), train.take(in_val), faces.test)


def identical(images: np.ndarray) -> np.ndarray:
    """Number images (N, H, W) so that two get the same number, int64 (N,), exactly if all their pixels agree."""
    # As bytes, all equally many, images are sorted and compared whole.
    return np.unique([image.tobytes() for image in images], return_inverse=True)[1]


def audit(faces: Faces) -> pd.DataFrame:
    """Which images are flawed: a row for each image, a column of truth values for each flaw.

    copies_in_train, copies_in_test: beyond the first of each image; twins_across: test images that are in training too;
    twins_same_label: of these, the ones that have the same label there; conflicting: images of which a copy has another
    label; blank: one shade all over. A validation part counts as training: what is chosen by it has seen it.
    """
    table = pd.DataFrame({"image": identical(faces.images), "label": faces.labels_or_unknown(),
                          "train": ~faces.is_test})
    known, pair = table["label"] >= 0, pd.MultiIndex.from_frame(table[["image", "label"]])
    copy = table.duplicated(["image", "train"])  # the first of an image in each part is no copy
    twin = ~table["train"] & table["image"].isin(table["image"][table["train"]])
    labels_of_image = table[known].groupby("image")["label"].nunique()
    return pd.DataFrame({
        "copies_in_train": copy & table["train"],
        "copies_in_test": copy & ~table["train"],
        "twins_across": twin,
        "twins_same_label": twin & known & pair.isin(pair[table["train"] & known]),
        "conflicting": known & (table["image"].map(labels_of_image) > 1),
        "blank": faces.images.max(axis=(1, 2)) == faces.images.min(axis=(1, 2)),
    })


def count_flaws(faces: Faces) -> pd.DataFrame:
    """How many images the audit finds: a row for each flaw, a column for each usage and the total."""
    flaws = audit(faces)
    counts = {usage: flaws[faces.usage == usage].sum() for usage in USAGES if usage in faces.usage}
    return pd.DataFrame(counts | {"total": flaws.sum()})


def load_faces(source: str | Path = "auto", classes: str | Sequence[str] = POSTER_CLASSES, verbose: bool = True,
               labels: str = "own") -> Faces:
    """Load the faces of `classes` from `source`, and print what was taken, changed and left out.

    source: a path to faces in any form that `support.formats` reads; "sample", the drawn faces; "sketches", those of
    another hand; "kaggle", which alone uses the network; or "auto": $FER_DATA, else data/ in the course's home, else
    the sample. classes: names that the source holds, as a sequence or as "Angry,Happy,Neutral"; or "all", in FER2013's
    order where they are FER2013's, else by the alphabet. labels: "own", or "fer+": the class with the most votes in
    FER+'s fer2013new.csv, beside fer2013.csv; images with a tie, or that most call unknown or no face, are left out.
    DataError where the data are absent or damaged or lack a class; warns where FER2013 has not its published counts.
    """
    name, raw = read_from(str(source), _class_names(classes), labels)
    drawn, found = name in EMBEDDED, raw.found
    faces = Faces(*raw[:4], tuple(found["classes"]), name, drawn, tuple(found["seen"]))
    if verbose:
        val = f", {len(faces.val):,} for validation" if len(faces.val) else ""
        codes = ", whose classes 0 to 6 are read as FER2013's codes, 0 Angry to 6 Neutral" if found["codes"] else ""
        print(f"Faces: {len(faces.train):,} for training{val} and {len(faces.test):,} for testing, from "
              f"{EMBEDDED.get(name, name)}{codes}", *found["said"], sep="\n")
    published = PUBLISHED_COUNTS.reindex(faces.classes).dropna()
    if found["claims_fer2013"] and not drawn and not faces.counts().equals(published):
        table = pd.concat({"found": faces.counts(), "published": published}, axis=1)
        warnings.warn(f"{name} does not hold what FER2013 was published with:\n{table.to_string()}", stacklevel=2)
    return faces


def _class_names(classes: str | Sequence[str]) -> tuple[str, ...]:
    """The names asked for; none for "all"."""
    if isinstance(classes, str):
        classes = [] if classes.strip().lower() == "all" else classes.split(",")
    names = tuple(map(composed, classes))
    if not all(names):
        raise DataError("classes has an empty name: give names such as Angry,Happy,Neutral, or all.")
    return names

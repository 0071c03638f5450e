"""Small faces that tests draw, and the files that hold them in each published form."""

import os
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_utils import training
from fer_utils.data import POSTER_CLASSES, DataError, Faces, load_faces
from fer_utils.support.schema import CODES


def make_rows(n: int = 42, seed: int = 0) -> list[tuple[int, str, np.ndarray]]:
    """(emotion code, usage, pixels), the seven classes and the usages mixed."""
    rng = np.random.default_rng(seed)
    usages = ("Training", "Training", "Training", "PublicTest", "PrivateTest")
    return [(i % 7, usages[i % 5], rng.integers(0, 256, (48, 48), np.uint8)) for i in range(n)]


def write_folder(folder: Path, rows, suffix: str = "png") -> Path:
    """Kaggle's layout, images numbered without leading zeros so that text order and natural order differ."""
    for i, (code, usage, pixels) in enumerate(rows):
        file = folder / ("train" if usage == "Training" else "test") / CODES[code] / f"{usage}_{i}.{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)
    return folder


def write_csv(path: Path, rows, header: str = "emotion,pixels,Usage", order=(0, 1, 2)) -> Path:
    text = np.array([str(value) for value in range(256)])
    with path.open("w") as file:
        print(header, file=file)
        for code, usage, pixels in rows:
            cells = (str(code), " ".join(text[pixels.ravel()].tolist()), usage)
            print(",".join(cells[i] for i in order), file=file)
    return path


def zip_of(folder: Path, path: Path, prefix: str = "", names=sorted) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in names(f for f in folder.rglob("*") if f.is_file()):
            archive.write(file, prefix + file.relative_to(folder).as_posix())
    return path


def write_competition(folder: Path, train, labels, test) -> Path:
    folder.mkdir()
    np.savetxt(folder / "train_data.csv", np.reshape(train, (len(train), -1)), "%d", ",")
    np.savetxt(folder / "train_target.csv", labels, "%d")
    np.savetxt(folder / "test_data.csv", np.reshape(test, (len(test), -1)), "%d", ",")
    return folder


def load(source, classes=POSTER_CLASSES) -> Faces:
    """Load small stand-ins, whose counts are rightly warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return load_faces(source, classes, verbose=False)


def shades(images, labels=None, usage="Training", **fields) -> Faces:
    """Faces of the given images (N, 48, 48), or of one shade each (N,)."""
    images = np.asarray(images, np.uint8)
    images = np.broadcast_to(images.reshape(len(images), -1, 1), (len(images), 48, 48)) if images.ndim == 1 else images
    usage = np.broadcast_to(np.asarray(usage), len(images)).copy()
    return Faces(np.array(images), labels, usage, np.arange(len(images)).astype(str), **fields)


def bands(n: int, seed: int = 0, classes=POSTER_CLASSES) -> Faces:
    """Faces that a network learns in seconds: each class has a bright band at another height."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 120, (n, 48, 48), dtype=np.uint8)
    labels = np.arange(n) % len(classes)
    height = 48 // len(classes)
    for image, label in zip(images, labels, strict=True):
        image[height * label : height * label + height] += 80
    return Faces(images, labels.astype(np.int64), np.full(n, "Training"), np.arange(n).astype(str), tuple(classes))


def stop_in_epoch(monkeypatch, n: int) -> None:
    """Press Ctrl-C in the middle of epoch n."""
    begun, train_epoch = [], training.train_epoch

    def stopped(*arguments):
        begun.append(1)
        if len(begun) == n:
            raise KeyboardInterrupt
        return train_epoch(*arguments)

    monkeypatch.setattr(training, "train_epoch", stopped)


def rounds(few: int, many: int):
    """A number of rounds: few in each run of the tests, many under `make torture`."""
    return pytest.mark.parametrize("rounds", [few, pytest.param(many, marks=pytest.mark.torture)])


def refused(source, *words: str, classes=POSTER_CLASSES) -> None:
    """`source` is refused with one sentence that holds all `words`, and nothing is added to the cache."""
    cache = Path(os.environ["FER_CACHE"])
    before = sorted(cache.glob("*"))
    with pytest.raises(DataError) as caught:
        load_faces(source, classes)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".") and len(sentence) <= 400, (len(sentence), sentence)
    for word in words:
        assert word in sentence, sentence
    assert sorted(cache.glob("*")) == before, sentence


def write_set(folder: Path, parts=("train", "test"), names=CODES, n: int = 2, suffix: str = "png", change=None) -> Path:
    """n images of each class in each part, all of different noise; `change` makes each into what is saved."""
    rng = np.random.default_rng(0)
    for part in parts:
        for name in names:
            (folder / part / name).mkdir(parents=True)
            for i in range(n):
                image = Image.fromarray(rng.integers(0, 256, (48, 48), np.uint8))
                (change(image) if change else image).save(folder / part / name / f"{i}.{suffix}")
    return folder


def tar_of(folder: Path, path: Path, **options) -> Path:
    """A tar of all that is in the folder, packed as its name says."""
    mode = {".gz": "w:gz", ".tgz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}.get(path.suffix, "w")
    with tarfile.open(path, mode, **options) as archive:
        for file in sorted(folder.rglob("*")):
            archive.add(file, file.relative_to(folder).as_posix(), recursive=False)
    return path


def counted(source, classes=POSTER_CLASSES) -> tuple[int, int, int]:
    """How many images there are to train on, to choose by and to test on."""
    faces = load(source, classes)
    return len(faces.train), len(faces.val), len(faces.test)

"""Small faces that tests draw, and the files that hold them in each published form."""

import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from fer_utils.data import Faces
from fer_utils.support.formats import CODES


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


def toy(images, labels=None, usage="Training") -> Faces:
    images = np.asarray(images, np.uint8)
    images = np.broadcast_to(images.reshape(len(images), -1, 1), (len(images), 48, 48)) if images.ndim == 1 else images
    usage = np.broadcast_to(np.asarray(usage), len(images)).copy()
    return Faces(np.array(images), labels, usage, np.arange(len(images)).astype(str))

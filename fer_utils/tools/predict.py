"""`fer predict`: the faces of photographs, named by the shipped weights or by a training of the reader's own."""

import io
import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from textwrap import shorten

import numpy as np
from PIL import Image

from fer_utils import CourseError, count
from fer_utils.photos import Network, answered, in_words, name_faces, shipped
from fer_utils.runs import Run, Training
from fer_utils.support.archives import Open, is_litter, open_file, printable, refuse, shown, walk
from fer_utils.support.detector import LEAST, LOOKED_AT, Box
from fer_utils.support.files import replacing, writable
from fer_utils.support.images import read_photo, suffixes

SHIPPED = "AttentionCNN-robust"
"""Of the shipped networks the one that is right most often under shifts of the picture (notebook 09)."""
NO_FACE = f"no face; the smallest looked for is a {LOOKED_AT // LEAST}th of the longer side, and {LEAST // 2} pixels"


def predict(paths: list[str], as_json: bool, out: str | None, training: str | None) -> int:
    """Name the faces in all photographs; returns 1 where any could not be read, which is said and passed over."""
    told = []
    if training is not None:
        from fer_utils.lessons import as_network  # here, since it brings along all that notebooks need
        network = as_network(*own(training))
    else:
        network = shipped(SHIPPED)
    if not as_json:
        print(f"{network.name}: {', '.join(network.classes)}; {how_sure(network)}")
    if out is not None:
        with writable(Path(out), "give another folder to --out"):
            Path(out).mkdir(parents=True, exist_ok=True)
    for name, open_photo in photographs(paths):
        try:
            photo, zoom = read_photo(open_photo, name)
            squares, images, probabilities = name_faces(network, photo)
            found = as_found(network, name, photo, zoom, squares, probabilities)
            if out is not None:
                found["picture"] = draw(network, name, Path(out), photo, squares, images, probabilities)
            told.append(found)
            if not as_json:
                print(*in_lines(network, found, probabilities), sep="\n", flush=True)
        except BrokenPipeError:  # not the photograph: nobody reads the lines
            raise
        except (CourseError, OSError) as error:
            sentence = str(error) if isinstance(error, CourseError) else f"{shown(name)}: {error.strerror}."
            told.append({"photo": name, "error": sentence})
            print(sentence, file=sys.stderr, flush=True)
    if as_json:
        about = {key: getattr(network, key) for key in ("name", "classes", "temperature", "threshold")}
        print(json.dumps({"network": about, "photos": told}, indent=2))
    return int(any("error" in one for one in told))


def how_sure(network: Network) -> str:
    """What stands behind its confidence."""
    if not network.threshold:
        return "not calibrated (notebook 05 does it), and every face gets an answer"
    return f"no answer under {network.threshold:.2f}; confidence calibrated at temperature {network.temperature:.2f}"


def own(text: str) -> tuple[Run, Training]:
    """A run and its training, from RUN, or RUN/NAME for another than notebook 04's; CourseError where there is none."""
    run, name = Run.open(text), ""
    if not run.read() and "/" in text:
        above, _, name = text.rpartition("/")
        run = Run.open(above)
    known = run.read()
    if not known:
        raise CourseError(f"There is no run {shown(text)}: give a run, or RUN/NAME with the name of its training.")
    name = name or known.get("training", "")
    if not name:
        raise CourseError(f"The run {run.name} has no training of notebook 04: train one there, or give RUN/NAME.")
    return run, run.training(name)


def photographs(paths: list[str]) -> Iterator[tuple[str, Open]]:
    """Each photograph by its name, with what opens it; of a folder all pictures in it, at any depth, in order.

    Other files in a folder are counted on stderr.
    """
    for path in paths:
        if not os.path.isdir(path):
            yield printable(path), partial(open_file, path)
            continue
        try:
            every = {name: found for name, found in walk(Path(path)) if not is_litter(name)}
        except OSError as error:
            yield path, partial(refuse, f"{shown(path)} cannot be listed ({error.strerror}): name its photographs, or "
                                        "leave out what cannot be read.")
            continue
        files = {name: found for name, found in every.items() if Path(name).suffix.lower() in suffixes()}
        others = sorted(map(printable, every.keys() - files))
        if others:
            names = shorten(", ".join(others), 80, placeholder=" ...")
            print(f"{shown(path)}: not read, {count(len(others), 'file')} of other types ({names}): save photographs "
                  "among them as JPEG or PNG.", file=sys.stderr)
        if not files:
            yield path, partial(refuse, f"{shown(path)} holds no pictures: name photographs, or a folder that does.")
        for name in sorted(files):
            yield printable(str(Path(path, name))), files[name]


def as_found(network: Network, name: str, photo: Image.Image, zoom: float, squares: list[Box],
             probabilities: np.ndarray) -> dict:
    """One photograph's faces as JSON can hold them; lengths are pixels of the file, turned upright."""
    faces = [{"box": [round(zoom * length) for length in square], "answer": answered(network, shares),
              "confidence": float(shares.max()),
              "probabilities": dict(zip(network.classes, shares.tolist(), strict=True))}
             for square, shares in zip(squares, probabilities, strict=True)]
    return {"photo": name, "width": round(zoom * photo.width), "height": round(zoom * photo.height), "faces": faces}


def in_lines(network: Network, found: dict, probabilities: np.ndarray) -> Iterator[str]:
    """What is printed of one photograph."""
    if not found["faces"]:
        yield f"{found['photo']}: {NO_FACE}"
    else:
        yield f"{found['photo']}: {len(found['faces'])} found"
    for face, shares in zip(found["faces"], probabilities, strict=True):
        x, y, side = face["box"]
        all_shares = ", ".join(f"{name} {share:.2f}" for name, share in face["probabilities"].items())
        yield f"  {in_words(network, shares)}: {all_shares}; {side} pixels wide at {x}, {y}"


def draw(network: Network, name: str, out: Path, *shown_faces) -> str:
    """Write the photograph with its boxes and bars into the folder `out`, beside what is there; returns where."""
    stem, number = Path(name).name[-60:], 1
    while (path := out / f"{stem}-{number}.png").exists():
        number += 1
    with replacing(path) as temporary:
        temporary.write_bytes(picture(network, *shown_faces))
    return str(path)


def picture(network: Network, photo: Image.Image, squares: list[Box], images: np.ndarray,
            probabilities: np.ndarray) -> bytes:
    """The photograph with its boxes and bars, as a PNG."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from fer_utils.figures import use_style
    from fer_utils.figures.new_faces import named_faces

    use_style()
    titles, png = [in_words(network, shares) for shares in probabilities], io.BytesIO()
    figure = named_faces(photo, squares, images, probabilities, titles, network.classes)
    figure.savefig(png, dpi=150)
    plt.close(figure)
    return png.getvalue()

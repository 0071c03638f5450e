"""Faces in a photograph: found, cut as FER2013 was, prepared as training images were, and named.

They are found by OpenCV's cascade (Viola & Jones 2001), as FER2013's were. It knows faces seen from the front.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image
from torch import Tensor, nn

from fer_utils import CourseError
from fer_utils.data import POSTER_CLASSES
from fer_utils.evaluation import apply_temperature, predict
from fer_utils.support.detector import Box, find_faces
from fer_utils.support.files import read_json
from fer_utils.support.images import SIDE, converted
from fer_utils.training import to_tensor
from fer_utils.weights import WEIGHTS, pretrained

MARGIN = 1.04
"""FER2013's images are so much wider than the detector's boxes in them: the median, half of them are 0.98 to 1.12
(`margins`, on 400 training images, with a box in 90 % of them)."""


class Network(NamedTuple):
    """A trained network and what its answers need: classes, temperature, and the confidence from which it answers.

    The temperature is 1 where none was fitted, and the threshold 0 where none was set. With `flip`, the answer is the
    mean of those on a face and on its mirror image.
    """

    name: str
    model: nn.Module
    classes: Sequence[str]
    temperature: float = 1.0
    threshold: float = 0.0
    flip: bool = False


def shipped(name: str) -> Network:
    """A network that comes with the package, as its card says that it answers; CourseError for an unknown name."""
    model, card = pretrained(name), read_json(WEIGHTS / f"{name}.json")
    settings = {key: card[key] for key in ("temperature", "threshold", "flip") if key in card}
    return Network(f"{name} on FER2013", model, POSTER_CLASSES, **settings)


def with_margin(box: Box, photo: Image.Image) -> Box:
    """The square to cut around a detector's box: MARGIN times as wide, and moved to lie within the photograph."""
    side = min(round(MARGIN * box.side), *photo.size)
    grown = (side - box.side) // 2
    return Box(min(max(0, box.x - grown), photo.width - side), min(max(0, box.y - grown), photo.height - side), side)


def cut(photo: Image.Image, square: Box) -> np.ndarray:
    """One face, uint8 (48, 48): the square, made grey and small by the function that makes training images so."""
    return converted(photo.crop((square.x, square.y, square.x + square.side, square.y + square.side)))[0]


def checked(images: np.ndarray) -> np.ndarray:
    """The faces, uint8 (N, 48, 48), in one block of memory.

    CourseError for what no training has seen: numbers that were scaled before, colours, other sizes.
    """
    images = np.ascontiguousarray(images)
    if images.dtype != np.uint8 or images.shape != (len(images), SIDE, SIDE):
        raise CourseError(f"These faces are {images.dtype} {images.shape}, which no training has seen: give uint8 "
                          f"(N, {SIDE}, {SIDE}), grey levels from 0 to 255 that nothing has scaled.")
    return images


def prepare(images: np.ndarray) -> Tensor:
    """Faces as a network wants them, float32 (N, 1, 48, 48) in [0, 1], from uint8 (N, 48, 48); see `checked`."""
    return to_tensor(checked(images))


def answer(network: Network, images: np.ndarray) -> np.ndarray:
    """Calibrated class probabilities, float64 (N, classes), of faces, uint8 (N, 48, 48)."""
    return apply_temperature(predict(network.model, checked(images), flip=network.flip), network.temperature)


def name_faces(network: Network, photo: Image.Image) -> tuple[list[Box], np.ndarray, np.ndarray]:
    """Every face found in a photograph: squares, images uint8 (n, 48, 48), calibrated probabilities (n, classes)."""
    squares = [with_margin(box, photo) for box in find_faces(photo)]
    images = np.array([cut(photo, square) for square in squares], np.uint8).reshape(-1, SIDE, SIDE)
    return squares, images, answer(network, images) if squares else np.zeros((0, len(network.classes)))


def answered(network: Network, probabilities: np.ndarray) -> str | None:
    """The class that is named for one face, from its probabilities (classes,); None under the threshold."""
    return network.classes[int(probabilities.argmax())] if probabilities.max() >= network.threshold else None


def in_words(network: Network, probabilities: np.ndarray) -> str:
    """The answer for one face: the class and its confidence, or "no answer" and what there is of it."""
    best, confidence = network.classes[int(probabilities.argmax())], probabilities.max()
    if answered(network, probabilities):
        return f"{best} {confidence:.2f}"
    return f"no answer ({best} {confidence:.2f})"


def margins(images: np.ndarray) -> np.ndarray:
    """How much wider than the largest box that the detector finds in them are images that were cut before.

    images: uint8 (N, 48, 48). Returns float (found,), the image's side as a multiple of the box's. Around each image
    its edge is continued, since a box may reach beyond it.
    """
    found = []
    for image in images:
        boxes = find_faces(Image.fromarray(np.pad(image, SIDE // 4, mode="edge")))
        if boxes:
            found.append(SIDE / max(box.side for box in boxes))
    return np.array(found)

"""Where faces are in a photograph, by OpenCV's cascade, which looks at a reduced copy."""

import math
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from fer_utils import CourseError

CASCADE = "haarcascade_frontalface_alt2.xml"
LOOKED_AT = 960
"""Pixels of the longer side of the copy in which faces are looked for; a smaller photograph is doubled at most."""
LEAST = 20
"""Pixels of the smallest face in that copy: one in 48 of the longer side, or 10 pixels of a small photograph."""
TURNS = (0, 15, -15)
"""Degrees by which the copy is turned, one after the other, since the cascade knows upright faces only."""


class Box(NamedTuple):
    """A square in a photograph: its left and upper end, and its side, in pixels."""

    x: int
    y: int
    side: int


@cache
def detector() -> cv2.CascadeClassifier:
    """OpenCV's cascade for faces; it takes a while to read. CourseError where OpenCV is too new to have it."""
    if int(cv2.__version__.split(".")[0]) > 4:
        raise CourseError(f"OpenCV {cv2.__version__} finds no faces by cascades: install an older one, by "
                          "`pip install 'opencv-python-headless>=4.8,<5'`.")
    return cv2.CascadeClassifier(cv2.data.haarcascades + CASCADE)


def find_faces(photo: Image.Image) -> list[Box]:
    """The detector's boxes in a photograph, those further left first."""
    zoom = min(2.0, LOOKED_AT / max(photo.size))
    size = [max(1, round(zoom * side)) for side in photo.size]
    grey, found = photo.convert("L").resize(size, Image.Resampling.BILINEAR), []
    for degrees in TURNS:
        turned = np.asarray(grey.rotate(degrees, Image.Resampling.BILINEAR))
        for left, top, side, _ in detector().detectMultiScale(turned, 1.1, 3, minSize=(LEAST, LEAST)):
            x, y = turned_back(left + side / 2 - size[0] / 2, top + side / 2 - size[1] / 2, degrees)
            corner = x + size[0] / 2 - side / 2, y + size[1] / 2 - side / 2
            box = Box(*(round(float(length) / zoom) for length in (*corner, side)))
            if not any(same_face(box, other) for other in found):
                found.append(box)
    return sorted(found)


def turned_back(x: float, y: float, degrees: float) -> tuple[float, float]:
    """Where a point, as seen from the centre, was before the photograph was turned counter-clockwise."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return x * cos - y * sin, x * sin + y * cos


def same_face(a: Box, b: Box) -> bool:
    """Whether the centre of one box lies within the other."""
    across, down = (abs(start - other + (a.side - b.side) / 2) for start, other in ((a.x, b.x), (a.y, b.y)))
    return max(across, down) < max(a.side, b.side) / 2

"""A drawn picture with faces at known places: photographs are rehearsed on it, and the detector is measured by it."""

import numpy as np
from PIL import Image

Place = tuple[int, int, int]
"""Left, top and side, in pixels."""


def draw_scene(faces: np.ndarray, sides: list[int], tilts: list[float], rng: np.random.Generator,
               size: tuple[int, int] = (1600, 1200)) -> tuple[Image.Image, list[Place | None]]:
    """Paste faces, uint8 (n, 48, 48), enlarged to `sides` and turned by `tilts` (degrees, counter-clockwise).

    Returns the picture, of a grey and noisy wall, `size` pixels wide and high, and the place of each face. No two of
    them overlap; a face for which there is no room has the place None.
    """
    wall = np.linspace(90, 170, size[0]) + rng.normal(0, 4, size[::-1])
    picture, places = Image.fromarray(wall.clip(0, 255).astype(np.uint8)), []
    for face, side, tilt in zip(faces, sides, tilts, strict=True):
        place = _room(side, size, [one for one in places if one], rng)
        places.append(place)
        if place:
            turned = Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC).rotate(
                tilt, Image.Resampling.BICUBIC)
            whole = Image.new("L", (side, side), 255).rotate(tilt)
            picture.paste(turned, place[:2], whole)
    return picture, places


def _room(side: int, size: tuple[int, int], taken: list[Place], rng: np.random.Generator) -> Place | None:
    """A place where a face of this side meets no other; None where a hundred tries find none."""
    for _ in range(100):
        left, top = (int(rng.integers(0, length - side + 1)) for length in size)
        apart = [left + side <= x or x + wide <= left or top + side <= y or y + wide <= top for x, y, wide in taken]
        if all(apart):
            return left, top, side
    return None

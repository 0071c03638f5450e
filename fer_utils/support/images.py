"""One image file, of any format that Pillow reads, as 48x48 grey pixels, and what had to be changed for it."""

import io
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from fer_utils import brief
from fer_utils.support.listing import DataError, Open, shown

SIDE = 48
MOST_BYTES, MOST_PIXELS = 24_000_000, 50_000_000
"""What one image file may be."""
NOT_READ = {"EPS", "WMF", "MPEG", "BUFR", "GRIB", "HDF5"}
"""Formats for which Pillow starts another program, or has only a stub."""
IN_GREY = f"Converted to {SIDE}x{SIDE} pixels in grey"


class Deep(NamedTuple):
    """Grey levels of more than eight bits, float32 (48, 48), and the greatest before the image was made smaller."""

    levels: np.ndarray
    top: float
    whole: bool


@cache
def formats() -> tuple[str, ...]:
    """The formats that are read, the usual ones first."""
    Image.init()
    return tuple(sorted(Image.OPEN.keys() - NOT_READ, key=lambda name: (name not in ("JPEG", "PNG"), name)))


@cache
def suffixes() -> frozenset[str]:
    """The endings of their files' names, as .png."""
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in formats())


def read_image(open_file: Open, where: str) -> tuple[np.ndarray | Deep, list[str]]:
    """The image as uint8 (48, 48), or Deep, and what was changed. DataError, which says where, if it is no image."""
    data = io.BytesIO()
    with open_file() as stream:
        while data.tell() <= MOST_BYTES and (block := stream.read(1 << 20)):
            data.write(block)
    if data.tell() > MOST_BYTES:
        raise DataError(f"{shown(where)} is larger than {MOST_BYTES // 1_000_000} MB: no image of a face is.")
    try:
        with Image.open(data, formats=formats()) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"its {image.width:,} x {image.height:,} pixels are too many")
            image.load()
            plain = image.info.keys().isdisjoint(("exif", "transparency"))
            if plain and image.mode == "L" and image.size == (SIDE, SIDE):
                return np.asarray(image), []
            return _converted(image)
    except Exception as error:  # each of Pillow's decoders has its own
        unknown = isinstance(error, UnidentifiedImageError)  # whose words hold an address in memory
        why = "of no format that Pillow knows" if unknown else brief(error)
        raise DataError(f"{shown(where)} is no whole image ({why}): replace it, or take it out.") from error


def _converted(image: Image.Image) -> tuple[np.ndarray | Deep, list[str]]:
    """Turned upright, cropped to a square at its centre, grey, 48x48."""
    changed = ["Taken as their first frame"] if getattr(image, "is_animated", False) else []
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        changed.append("Turned upright, as their EXIF data say")
        image = ImageOps.exif_transpose(image)
    if image.width != image.height:
        changed.append("Cropped to a square at the centre")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if image.mode.startswith("I") or image.mode == "F":
        levels = np.asarray(image, np.float32)
        if not np.isfinite(levels).all() or levels.min() < 0:
            raise ValueError("grey levels below 0, or not finite")
        small = np.asarray(Image.fromarray(levels).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        return Deep(small, float(levels.max()), image.mode != "F"), changed
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema()[0] < 255:
            changed.append("Laid over grey where transparent")
            image = Image.alpha_composite(Image.new("RGBA", image.size, (128, 128, 128, 255)), image)
    if image.mode != "L" or image.size != (SIDE, SIDE):
        changed.append(IN_GREY)
        image = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(image), changed


def to_bytes(deep: Iterable[Deep], where: str) -> tuple[list[np.ndarray], Counter]:
    """Deep images of one set as uint8 (48, 48), all by the same scale, and what was done, with the number of images.

    Whole numbers: by 16 bits, or by as many as the greatest level needs where these are fewer than 15 or more than 16.
    Floats: by 1, or, where the greatest is above 1, by 255. DataError where floats are above 255.
    """
    deep, tops = list(deep), {}
    for whole in {image.whole for image in deep}:
        top = max(image.top for image in deep if image.whole == whole)
        bits = int(top).bit_length()
        tops[whole] = 2 ** (16 if bits == 15 else max(bits, 1)) - 1 if whole else 1 if top <= 1 else 255
        if top > tops[whole]:
            raise DataError(f"{shown(where)} has images with float grey levels up to {top:g}: scale them to 0 to 1.")
    said = Counter(f"Scaled to 0 to 255 from grey levels 0 to {tops[image.whole]:,}" for image in deep)
    return [np.round(image.levels * (255 / tops[image.whole])).clip(0, 255).astype(np.uint8) for image in deep], said

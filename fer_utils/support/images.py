"""One image file, of any format that Pillow reads, as 48x48 grey pixels, and what had to be changed for it."""

import io
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from fer_utils import brief
from fer_utils.support.archives import DataError, Open, shown

SIDE = 48
MOST_BYTES, MOST_PIXELS = 24_000_000, 50_000_000
"""What one image file of a data set may be."""
PHOTO_BYTES, PHOTO_PIXELS = 100_000_000, 80_000_000
"""What one photograph may be."""
PHOTO_SIDE = 1920
"""Pixels of a photograph's longer side that are enough: it is made smaller, by a whole factor, while it keeps these."""
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
    with _opened(open_file, where, MOST_BYTES, MOST_PIXELS) as image:
        image.load()
        plain = image.info.keys().isdisjoint(("exif", "transparency"))
        if plain and image.mode == "L" and image.size == (SIDE, SIDE):
            return np.asarray(image), []
        return converted(image)


def read_photo(open_file: Open, where: str) -> tuple[Image.Image, float]:
    """A photograph of any size, upright, in 8 bits, grey or colour; and how many of its file's pixels one is wide.

    DataError as for `read_image`, and for a GIF. Of the pictures in a phone's JPEG the first is the photograph.
    """
    with _opened(open_file, where, PHOTO_BYTES, PHOTO_PIXELS) as image:
        several = getattr(image, "is_animated", False) and image.format != "MPO"
        if image.format == "GIF" or several:
            what = "is a GIF" if image.format == "GIF" else "moves or holds several pictures"
            raise DataError(f"{shown(where)} {what}: give one photograph, such as a JPEG or a PNG.")
        longer = max(image.size)
        image.draft(None, (PHOTO_SIDE, PHOTO_SIDE))  # a JPEG is made smaller while it is read
        image.load()
        orientation, deep, whole = image.getexif().get(ExifTags.Base.Orientation, 1), _is_deep(image), image.mode != "F"
        image, top = _reduced(image, max(1, max(image.size) // PHOTO_SIDE))
        image.getexif()[ExifTags.Base.Orientation] = orientation
        image = ImageOps.exif_transpose(image)
        if deep:
            image = Image.fromarray(to_bytes([Deep(np.asarray(image), top, whole)], where)[0][0])
        return _over_grey(image) if image.mode == "RGBA" else image, longer / max(image.size)


def _reduced(image: Image.Image, factor: int) -> tuple[Image.Image, float]:
    """An image smaller by a whole factor, strip by strip, which saves memory; and the greatest level of a deep one."""
    strips, top = [], 0.0
    for start in range(0, image.height, 256 * factor):
        strip = image.crop((0, start, image.width, min(start + 256 * factor, image.height)))
        if _is_deep(strip):
            strip, highest, _ = _in_float(strip)
            top = max(top, highest)
        elif strip.mode != "L" or strip.has_transparency_data:
            strip = strip.convert("RGBA" if strip.has_transparency_data else "RGB")
        strips.append(np.asarray(strip.reduce(factor)))
    return Image.fromarray(np.concatenate(strips)), top


@contextmanager
def _opened(open_file: Open, where: str, most_bytes: int, most_pixels: int) -> Iterator[Image.Image]:
    """Yield the image, not yet decoded; whatever goes wrong with it is a DataError that says where."""
    data = io.BytesIO()
    with open_file() as stream:
        while data.tell() <= most_bytes and (block := stream.read(1 << 20)):
            data.write(block)
    if data.tell() > most_bytes:
        raise DataError(f"{shown(where)} is larger than {most_bytes // 1_000_000} MB: give a smaller copy of it.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # which is refused below
            image = Image.open(data, formats=formats())
        with image:
            if image.width * image.height > most_pixels:
                raise ValueError(f"its {image.width:,} x {image.height:,} pixels are too many")
            yield image
    except DataError:
        raise
    except Exception as error:  # each of Pillow's decoders has its own
        unknown = isinstance(error, UnidentifiedImageError)  # whose words hold an address in memory
        why = "of no format that Pillow knows" if unknown else brief(error)
        advice = "save it as a JPEG or a PNG" if unknown else "replace it"
        raise DataError(f"{shown(where)} is no whole image ({why}): {advice}, or take it out.") from error


def converted(image: Image.Image) -> tuple[np.ndarray | Deep, list[str]]:
    """A decoded image turned upright, cropped to a square at its centre, grey, 48x48; and what was changed for it."""
    changed = ["Taken as their first frame"] if getattr(image, "is_animated", False) else []
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        changed.append("Turned upright, as their EXIF data say")
        image = ImageOps.exif_transpose(image)
    if image.width != image.height:
        changed.append("Cropped to a square at the centre")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if _is_deep(image):
        levels, top, whole = _in_float(image)
        return Deep(np.asarray(levels.resize((SIDE, SIDE), Image.Resampling.BILINEAR)), top, whole), changed
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema()[0] < 255:
            changed.append("Laid over grey where transparent")
            image = _over_grey(image)
    if image.mode != "L" or image.size != (SIDE, SIDE):
        changed.append(IN_GREY)
        image = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(image), changed


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I") or image.mode == "F"


def _in_float(image: Image.Image) -> tuple[Image.Image, float, bool]:
    """A deep image in floats, its greatest level, and whether its levels were whole numbers."""
    levels = np.asarray(image, np.float32)
    if not np.isfinite(levels).all() or levels.min() < 0:
        raise ValueError("grey levels below 0, or not finite")
    return Image.fromarray(levels), float(levels.max()), image.mode != "F"


def _over_grey(image: Image.Image) -> Image.Image:
    """An RGBA image in RGB, with grey where it is transparent."""
    return Image.alpha_composite(Image.new("RGBA", image.size, (128, 128, 128, 255)), image).convert("RGB")


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

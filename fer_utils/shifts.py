"""What new data does to an image: shifts of a face, each in three severities (after Hendrycks & Dietterich 2019).

They are made for faces that are cut as FER2013's are: the eyes near row 19, the mouth near row 37. The strengths are
this course's own, chosen by eye.
"""

import io
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import Tensor

from fer_utils import CourseError
from fer_utils.augment import affine
from fer_utils.evaluation import mean_interval, share

SEVERITIES = (1, 2, 3)
EYES = ((16, 19), (32, 19))
"""Column and row of the eyes, in pixels."""


def add_light(images: np.ndarray, levels: float, rng: np.random.Generator) -> np.ndarray:
    """Add grey levels, negative ones to darken: what was nearly white, or nearly black, becomes so."""
    return images + levels


def less_contrast(images: np.ndarray, kept: float, rng: np.random.Generator) -> np.ndarray:
    """Keep a share of each pixel's distance from its image's mean."""
    mean = images.mean(axis=(1, 2), keepdims=True)
    return mean + kept * (images - mean)


def noise(images: np.ndarray, levels: float, rng: np.random.Generator) -> np.ndarray:
    """Add to each pixel a number of its own, with this standard deviation in grey levels."""
    return images + rng.normal(0, levels, images.shape)


def blur(images: np.ndarray, pixels: float, rng: np.random.Generator) -> np.ndarray:
    """Blur by a Gaussian with this standard deviation in pixels."""
    return gaussian_filter(images, sigma=(0, pixels, pixels), mode="nearest")


def lower_resolution(images: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Make each image so many pixels wide and high, and then as large as before."""
    x = torch.as_tensor(images)[:, None]
    small = F.interpolate(x, size=(side, side), mode="bilinear", antialias=True)
    return F.interpolate(small, size=images.shape[1:], mode="bilinear")[:, 0].numpy()


def jpeg(images: np.ndarray, quality: int, rng: np.random.Generator) -> np.ndarray:
    """Save each image as a JPEG of this quality, 0 to 100, and read it again."""
    def saved(image: np.ndarray) -> np.ndarray:
        file = io.BytesIO()
        Image.fromarray(image.astype(np.uint8)).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file))

    return np.stack([saved(image) for image in images])


def moved(images: np.ndarray, degrees: float | np.ndarray = 0, scale: float = 1,
          shift: float | np.ndarray = 0) -> np.ndarray:
    """Turn (counter-clockwise), enlarge and move each image; where it ends, its edge is continued."""
    n, side = len(images), images.shape[1]
    wide = torch.as_tensor(np.pad(images, ((0, 0), (side, side), (side, side)), mode="edge"))[:, None]

    def for_each(value: float | np.ndarray, *shape: int) -> Tensor:
        return torch.as_tensor(np.broadcast_to(value, shape).astype(np.float32))

    turned = affine(wide, for_each(degrees, n), for_each(scale, n), for_each(shift, n, 2), "bilinear")
    return turned[:, 0, side : 2 * side, side : 2 * side].numpy()


def zoomed(images: np.ndarray, times: float, rng: np.random.Generator) -> np.ndarray:
    """The face so many times as large as it should be: cut off at the edges; below 1, what is around it is made up."""
    return moved(images, scale=times)


def off_centre(images: np.ndarray, pixels: float, rng: np.random.Generator) -> np.ndarray:
    """Each face moved by so many pixels, in a direction of its own."""
    angle = rng.uniform(0, 2 * np.pi, len(images))
    return moved(images, shift=pixels * np.stack([np.cos(angle), np.sin(angle)], axis=1))


def tilt(images: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """Each face turned by so many degrees, to a side of its own."""
    return moved(images, degrees=degrees * rng.choice([-1, 1], len(images)))


def hand(images: np.ndarray, pixels: float, rng: np.random.Generator) -> np.ndarray:
    """Four fingers of the face's own grey on one side of the mouth, reaching so many pixels in from the edge."""
    rows, columns = np.mgrid[: images.shape[1], : images.shape[2]]
    left = rng.random((len(images), 1, 1)) < 0.5
    from_edge = np.where(left, columns, images.shape[2] - 1 - columns)
    finger = (rows >= 28) & (rows < 44) & (from_edge < pixels)
    gap = (rows - 28) % 4 == 3
    skin = np.median(images[:, 14:40, 14:34], axis=(1, 2))[:, None, None]
    return np.where(finger, np.where(gap, 0.6 * skin, 0.95 * skin), images)


def glasses(images: np.ndarray, darkness: float, rng: np.random.Generator) -> np.ndarray:
    """Round glasses whose lenses take away this share of the light."""
    rows, columns = np.mgrid[: images.shape[1], : images.shape[2]]
    lenses, bridge = np.zeros(images.shape[1:], bool), (rows == EYES[0][1]) & (abs(columns - 24) < 4)
    for column, row in EYES:
        lenses |= (columns - column) ** 2 + (rows - row) ** 2 <= 5.5**2
    return np.where(bridge, 30.0, np.where(lenses, images * (1 - darkness), images))


def hair(images: np.ndarray, pixels: float, rng: np.random.Generator) -> np.ndarray:
    """Dark strands that hang from the upper edge, so many pixels long or up to five longer."""
    ends = pixels + rng.integers(0, 6, (len(images), 1, images.shape[2]))
    strands = np.arange(images.shape[1])[None, :, None] < ends
    return np.where(strands, rng.uniform(15, 55, (len(images), 1, images.shape[2])), images)


SHIFTS = {
    "brighter": (add_light, (30, 60, 90)),  # grey levels
    "darker": (add_light, (-30, -60, -90)),  # grey levels
    "less contrast": (less_contrast, (0.7, 0.45, 0.25)),  # share kept
    "noise": (noise, (8, 16, 32)),  # grey levels
    "blur": (blur, (0.8, 1.3, 2.0)),  # pixels
    "lower resolution": (lower_resolution, (30, 22, 15)),  # pixels
    "JPEG": (jpeg, (40, 20, 8)),  # quality
    "crop too wide": (zoomed, (1 / 1.15, 1 / 1.3, 1 / 1.5)),  # times
    "crop too tight": (zoomed, (1.1, 1.2, 1.35)),  # times
    "crop off centre": (off_centre, (3, 6, 9)),  # pixels
    "tilt": (tilt, (10, 20, 30)),  # degrees
    "hand": (hand, (12, 18, 24)),  # pixels
    "glasses": (glasses, (0.3, 0.6, 0.9)),  # share of the light
    "hair": (hair, (6, 10, 14)),  # pixels
}
"""By name, a function of images, a strength and chance, and its strength at each severity."""


def shifted(images: np.ndarray, name: str, severity: int, seed: int = 0) -> np.ndarray:
    """Images, uint8 (N, 48, 48), under the shift of this name in SHIFTS at severity 1, 2 or 3; the same for one seed.

    CourseError for another name or severity.
    """
    if name not in SHIFTS or severity not in SEVERITIES:
        raise CourseError(f"There is no shift {name!r} of severity {severity!r}: choose from {', '.join(SHIFTS)}, and "
                          "from 1, 2 and 3.")
    function, strengths = SHIFTS[name]
    found = function(images.astype(np.float32), strengths[severity - 1], np.random.default_rng(seed))
    return np.rint(found).clip(0, 255).astype(np.uint8)


def every_shift(images: np.ndarray, seed: int = 0) -> dict[tuple[str, int], np.ndarray]:
    """Images, uint8 (N, 48, 48), as they are (severity 0) and under every shift, by its name and severity."""
    made = {(name, severity): shifted(images, name, severity, seed) for name in SHIFTS for severity in SEVERITIES}
    return {("as it is", 0): images, **made}


def under_shifts(answer: Callable[[np.ndarray], np.ndarray],
                 images: dict[tuple[str, int], np.ndarray]) -> tuple[pd.DataFrame, pd.Series]:
    """What a network says of images as they are and under every shift.

    answer: from uint8 (N, 48, 48) to probabilities (N, classes); images: what `every_shift` returned. Returns the class
    named, int64, with a row for each shift and severity and a column for each image, and the mean of the highest
    probability in each row.
    """
    named, confidence = {}, {}
    for row, these in images.items():
        probabilities = answer(these)
        named[row] = probabilities.argmax(axis=1)
        confidence[row] = float(probabilities.max(axis=1).mean())
    rows = pd.MultiIndex.from_tuples(named, names=["shift", "severity"])
    return pd.DataFrame(np.stack([*named.values()]), index=rows), pd.Series(confidence.values(), index=rows)


def shift_scores(named: pd.DataFrame, labels: np.ndarray) -> dict:
    """Scores of what `under_shifts` returned: of the images as they are, of each shift and severity, and over all.

    labels: int64 (N,). The interval of the mean over all shifts is a t interval over images, of which each has a share
    of shifts under which it is named rightly: the shifts of one image are not independent.
    """
    hits = named == labels
    clean, under = hits.xs("as it is").to_numpy()[0], hits.drop("as it is", level="shift")
    each = under.mean(axis=0)
    by_shift = {name: [share(row) for row in under.xs(name).to_numpy()] for name in under.index.unique("shift")}
    return {**share(clean), "mean": float(each.mean()), "mean_ci": mean_interval(each), "by_shift": by_shift}


def paired_means(named_a: pd.DataFrame, named_b: pd.DataFrame, labels: np.ndarray) -> dict:
    """How much higher the mean over shifts of b is than a's on the same images: difference and t interval over them."""
    a, b = ((named.drop("as it is", level="shift") == labels).mean(axis=0) for named in (named_a, named_b))
    return {"n": len(labels), "difference": float((b - a).mean()), "difference_ci": mean_interval(b - a)}

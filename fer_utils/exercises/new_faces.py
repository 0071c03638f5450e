"""Checks of the exercises to notebook 09."""

import numpy as np
import torch
from PIL import Image

from fer_utils.evaluation import mean_interval, wilson
from fer_utils.exercises import ask, passed, see, see_array, see_number, see_tensor, shown
from fer_utils.photos import cut, prepare
from fer_utils.support.detector import Box


def darker(function) -> None:
    """Images of eight grey levels, 0 and 255 among them: made a little darker, much darker, black, and left alone."""
    greys = [0, 10, 29, 30, 31, 128, 236, 255]
    for levels, wanted in ((30, [0, 0, 0, 0, 1, 98, 206, 225]), (90, [0, 0, 0, 0, 0, 38, 146, 165]), (0, greys),
                           (255, [0] * 8)):
        images = np.resize(np.array(greys, np.uint8), (2, 48, 48))
        before, wanted = images.copy(), np.resize(wanted, images.shape)
        case = f"images of the grey levels {greys} and {levels} levels to take away"
        got = ask(function, images, levels, case=case, wanted="darker images, uint8 (2, 48, 48)")
        see(isinstance(got, np.ndarray), case, f"{shown(got)} came", "an array")
        see(np.array_equal(images, before), case, "the images that went in were changed", "new ones")
        see(got.shape == images.shape, case, f"shape {got.shape} came", f"shape {images.shape}")
        around = (before.astype(int) - levels) % 256
        wrapped = np.argwhere((got == around) & (around != wanted))
        if len(wrapped):
            place = tuple(wrapped[0])
            see(False, case, f"grey level {before[place]} became {around[place]}", "0; uint8 has no numbers below 0 "
                "and goes on at 255, so take away in another type, limit, and come back to uint8")
        see_array(got, wanted, case, 0, ", so many levels less for each pixel, and black (0) where that is below 0")
        see(got.dtype == np.uint8, case, f"dtype {got.dtype} came", "uint8, as the images had")
    passed("Darker: as many levels less everywhere, down to black, and still uint8.")


def square_around(function) -> None:
    """Boxes in the middle, at each edge, in a corner, half outside, and in photographs smaller than the square."""
    middle, moved, whole = "as far to each side", "moved to lie within", "no larger than the photograph's shorter side"
    wide, narrow = (640, 480), (100, 300)
    for box, size, margin, wanted, why in (
        ((200, 150, 100), wide, 1.04, (198, 148, 104), middle), ((200, 150, 45), wide, 1.04, (199, 149, 47), middle),
        ((200, 150, 100), wide, 1.0, (200, 150, 100), "the box"), ((4, 150, 100), wide, 1.2, (0, 140, 120), moved),
        ((200, 3, 100), wide, 1.2, (190, 0, 120), moved), ((540, 150, 100), wide, 1.2, (520, 140, 120), moved),
        ((200, 375, 100), wide, 1.2, (190, 360, 120), moved), ((538, 380, 100), wide, 1.2, (520, 360, 120), moved),
        ((-8, 120, 90), wide, 1.2, (0, 111, 108), moved), ((100, 0, 470), wide, 1.2, (95, 0, 480), whole),
        ((6, 50, 90), narrow, 1.3, (0, 45, 100), whole), ((-10, 100, 120), narrow, 1.0, (0, 110, 100), whole),
    ):
        case = f"the box {box} in a photograph of {size[0]} x {size[1]} pixels and a margin of {margin}"
        got = ask(function, box, size, margin, case=case, wanted="three numbers: left, top and side")
        see_array(got, wanted, case, 0, f", for left, top and side are {wanted}: {why}")
    passed("A square around the box: right in the middle, at all edges and where there is little room.")


def mean_over_shifts(function) -> None:
    """Images that are named rightly under a known number of shifts: a few, and many, of which some shifts are hard."""
    rng = np.random.default_rng(4)
    few, many = np.array([3, 1, 2, 0, 3, 2, 1, 3]), rng.integers(2, 13, 80)
    ordered = np.arange(12)[:, None] < many  # the first shifts are the easiest ones
    for case, hits, right in (
        (f"4 shifts and 8 images, right under {few.tolist()} of them", np.arange(4)[:, None] < few, few),
        ("12 shifts and 80 images, some harder than others", rng.permuted(ordered, axis=0), many),
        ("12 shifts and 80 images, with some shifts hard for all", ordered, many),
    ):
        wanted = mean_interval(right / len(hits))
        got = ask(function, hits.copy(), case=case, wanted="three numbers: mean, low and high")
        see(isinstance(got, tuple | list | np.ndarray) and len(got) == 3, case, f"{shown(got)} came",
            "three numbers: mean, low and high")
        see_number(got[0], right.mean() / len(hits), f"the mean, {case}", {right.mean(): "a number of shifts"})
        ways = {"all hits, as if they were independent": mean_interval(hits.ravel().astype(float)),
                "all hits, as if they were independent (Wilson's)": wilson(hits.sum(), hits.size),
                "shifts, of which there are a few that somebody chose": mean_interval(hits.mean(axis=1))}
        for end, place in (("lower", 0), ("upper", 1)):
            hints = {ends[place]: f"that of an interval over {way}" for way, ends in ways.items()}
            see_number(got[1 + place], wanted[place], f"the {end} end, {case}", hints)
    passed("The mean over shifts: its interval counts images, each once.")


def _photograph(mode: str, size: tuple[int, int], square: tuple[int, int, int]) -> Image.Image:
    """White, with a square that grows brighter downwards and to the right under a fine chequered pattern."""
    left, top, side = square
    rows, columns = np.mgrid[:side, :side]
    levels = np.full(size[::-1], 255.0)
    pattern = np.where((rows // 3 + columns // 3) % 2 == 0, 30, -30)
    levels[top : top + side, left : left + side] = 60 + (80 * rows + 40 * columns) / side + pattern
    if mode != "L":
        levels = np.where(levels[..., None] == 255, 255, levels[..., None] * [0.4, 1, 0.4])
    return Image.fromarray(levels.astype(np.uint8)).convert(mode)


def prepared(function) -> None:
    """Photographs in grey, in colour and with alpha; squares that become smaller, larger, and stay as they are."""
    for mode, size, square in (("L", (320, 240), (40, 30, 192)), ("RGB", (320, 240), (100, 60, 48)),
                               ("RGBA", (400, 300), (130, 170, 120)), ("RGB", (90, 120), (40, 70, 24))):
        photo = _photograph(mode, size, square)
        wanted = prepare(np.stack([cut(photo, Box(*square))]))
        case = f"a photograph of mode {mode}, {size[0]} x {size[1]} pixels, and the square {square}"
        got = ask(function, photo, square, case=case, wanted="a float32 tensor of shape (1, 1, 48, 48) from 0 to 1")
        see_tensor(got, (1, 1, 48, 48), torch.float32, case, ": one image, one channel in grey, rows, columns")
        top = got.max().item()
        see(top <= 1, case, f"a pixel of {top:.4g} came", "0 to 1, so the bytes divided by 255")
        see(top > 1 / 255, case, f"no pixel above {top:.2g} came, as after two divisions by 255",
            f"pixels up to {wanted.max().item():.2f}")
        see(top < 0.95, case, "white came", "none of it, for all that lies outside the square is white: cut first")
        see(_fine(got) < _fine(wanted) + 0.02, case, f"neighbours that differ by {_fine(got):.2f} on the average came",
            f"{_fine(wanted):.2f}: each of the 48 x 48 pixels is a mean of all that it stands for, in Pillow's resize")
        see_array(got, wanted, case, 2 / 255, ", the square alone, in Pillow's grey, made 48 x 48 by BILINEAR")
    passed("The way of the training images: cut, grey, small, and divided by 255 once.")


def _fine(image: torch.Tensor) -> float:
    """How much a pixel differs from its right neighbour, on the average."""
    return image.diff(dim=-1).abs().mean().item()

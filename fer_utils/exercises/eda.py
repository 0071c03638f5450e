"""Checks of the exercises to notebook 01."""

import numpy as np

from fer_utils.exercises import ask, passed, see_array, see_indices, see_number


def majority_accuracy(function) -> None:
    """Label lists whose most frequent class in training is not always the one in test."""
    own, count = "the share of the test's own most frequent class", "a count, not a share"
    first = {0.4: own, 3 / 8: "its share in training", 1: count, 0.2: "the share of the rarest class in training",
             0.3: "the share of the largest label, not of the most frequent one"}
    cases = [([1, 1, 1, 0, 2, 2, 3, 3], [1, 2, 2, 2, 2, 0, 0, 3, 3, 3], 0.1, first),
             ([2, 2, 2, 0], [2, 0, 1, 2, 0], 0.4, {0.75: "its share in training", 2: count}),
             ([1, 1, 0], [2, 0, 0, 0], 0.0, {0.75: own})]
    for train, test, wanted, hints in cases:
        case = f"training labels {train} and test labels {test}"
        got = ask(function, np.array(train), np.array(test), case=case, wanted="one number from 0 to 1")
        see_number(got, wanted, case, hints)
    passed(f"The fool's score: right for {len(cases)} pairs of training and test labels.")


def brightness_spread(function) -> None:
    """Grey images of one shade, where mean and spread are known, and halves that a pixel's spread would notice."""
    flat = np.array([10, 30, 100, 100, 0, 40, 80], np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
    halves = np.zeros((4, 48, 48), np.uint8)
    halves[:, :24] = np.array([100, 100, 200, 200])[:, None, None]
    cases = [("seven images of one shade each: 10, 30; 100, 100; 0, 40, 80", flat, [0, 0, 1, 1, 2, 2, 2],
              [10, 0, np.sqrt(3200 / 3)]),
             ("four images whose upper half has 100, 100, 200, 200 and whose lower half is black", halves, [0, 0, 1, 0],
              [np.sqrt(2500 / 4.5), 0])]
    for case, images, labels, wanted in cases:
        got = ask(function, images, np.array(labels), len(wanted), case=case, wanted=f"{len(wanted)} numbers")
        see_array(got, wanted, f"{case}, labels {labels}", 1e-3,
                  ", the standard deviation over the images of a class of their mean brightness")
    passed("Light by class: right for images of one shade and for half-black ones.")


def squares(function) -> None:
    """Images of striped squares, whose means are known, at several sizes that divide 48."""
    rng = np.random.default_rng(5)
    for side in (6, 12, 24, 48):
        shades = rng.integers(10, 246, (3, side, side))
        images = shades.repeat(48 // side, axis=1).repeat(48 // side, axis=2)
        if side < 48:
            images = images + np.tile([10, -10], 24)  # stripes, which a mean does not see
        images = images.astype(np.uint8)
        case = f"3 images, each of {side} x {side} striped squares"
        got = ask(function, images, side, case=case, wanted=f"the mean of each square, shape (3, {side * side})")
        see_array(got, shades.reshape(3, -1), case, 1e-6, ", the mean of each square, row by row from the upper left")
    passed("Sharper squares: right for 6, 12, 24 and 48 squares a side.")


def mirrored(function) -> None:
    """Random images among which mirror images, images that are their own mirror image, and others are planted."""
    rng = np.random.default_rng(6)
    images = rng.integers(0, 256, (8, 48, 48), np.uint8)
    images[5] = images[1][:, ::-1]  # a mirror image
    images[6] = np.minimum(images[6], images[6][:, ::-1])  # its own mirror image
    images[7] = images[2][::-1]  # upside down
    halves = rng.integers(0, 256, (4, 48, 24), np.uint8)
    symmetric = np.concatenate([halves, halves[:, :, ::-1]], axis=2)
    cases = [("8 images, of which 5 mirrors 1, 6 is its own mirror image and 7 is 2 upside down", images, [1, 5, 6]),
             ("5 images, none of which mirrors another", rng.integers(0, 256, (5, 48, 48), np.uint8), []),
             ("4 images that are each their own mirror image", symmetric, [0, 1, 2, 3])]
    for case, given, wanted in cases:
        got = ask(function, given, case=case, wanted="the indices of those whose mirror image is there")
        see_indices(got, wanted, case)
    passed("Twins in the mirror: all planted ones found, and no other.")

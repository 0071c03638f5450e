"""Checks of the exercises to notebook 02."""

from dataclasses import replace

import numpy as np
import torch

from fer_utils.data import Faces, load_faces, split
from fer_utils.exercises import ask, passed, see, see_array, see_indices, see_tensor


def to_tensor(function) -> None:
    """Images of known bytes, 0 and 255 among them."""
    images = np.full((2, 48, 48), 51, np.uint8)
    images[0, 0, :3], images[1, 5, 7] = (0, 255, 102), 204
    case = "uint8 images of shape (2, 48, 48)"
    got = ask(function, images, case=case, wanted="a float32 tensor of shape (2, 1, 48, 48) from 0 to 1")
    see_tensor(got, (2, 1, 48, 48), torch.float32, case, ": images, channel, rows, columns")
    for place, byte in {(0, 0, 0, 1): 255, (0, 0, 0, 0): 0, (0, 0, 0, 2): 102, (1, 0, 5, 7): 204}.items():
        see_array(got[place], byte / 255, f"the byte {byte} at row {place[2]}, column {place[3]}", 1e-6)
    passed("From bytes to a tensor: shape, dtype and range are what a network takes.")


def random_flip(function) -> None:
    """Batches of which every image is told apart, at several probabilities."""
    x = torch.rand(400, 1, 6, 8, generator=torch.Generator().manual_seed(3))
    wide = torch.rand(3, 2, 5, 7)
    for p, given in ((0.0, x), (1.0, x), (0.5, x), (0.2, x), (1.0, wide), (1.0, (255 * x).byte())):
        case = f"a {given.dtype} batch of shape {tuple(given.shape)} and p={p}"
        before = given.clone()
        generator = torch.Generator().manual_seed(1)
        got = ask(function, given, p, generator=generator, case=case, wanted="the flipped batch")
        see_tensor(got, given.shape, given.dtype, case)
        see(torch.equal(given, before), case, "the batch that went in was changed itself", "a new tensor")
        same, flipped = (torch.eq(got, one).flatten(1).all(1) for one in (given, given.flip(-1)))
        neither = (~(same | flipped)).nonzero().ravel().tolist()
        see(not neither, case, f"{len(neither)} images are neither as they were nor mirrored left to right",
            "each image one or the other, at its own place in the batch")
        share = flipped.float().mean().item()
        see(p in (0, 1) or share not in (0, 1), case, f"{share:.0%} of the images were mirrored",
            f"about {p:.0%}: each image is mirrored or not by a number of its own, not the batch by one")
        see(abs(share - p) <= (0.0 if p in (0, 1) else 0.12), case, f"{share:.0%} of the images were mirrored",
            f"about {p:.0%}" if 0 < p < 1 else f"exactly {p:.0%}")
    one, again = (function(x, 0.5, generator=torch.Generator().manual_seed(7)) for _ in range(2))
    see(torch.equal(one, again), "two calls with generators of the same seed", "two different batches came",
        "the same one twice: draw from the generator that is given")
    passed("random_flip: every image decides for itself, with probability p.")


def leaking_split(seed: int = 0) -> tuple[Faces, Faces]:
    """A training and a validation part of the drawn sample; somebody mirrored all images, and split after that."""
    train = split(load_faces("sample", verbose=False)).train
    twice = train.join(replace(train, images=train.images[:, :, ::-1]))
    order = np.random.default_rng(seed).permutation(len(twice))
    n_val = 3 * len(twice) // 10
    return twice.take(order[n_val:]), twice.take(order[:n_val])


def leaked(function) -> None:
    """Random images among which copies, mirror images, near copies and copies within validation are planted."""
    rng = np.random.default_rng(9)
    train, val = rng.integers(0, 256, (30, 48, 48), np.uint8), rng.integers(0, 256, (12, 48, 48), np.uint8)
    clean = val.copy()
    val[2], val[11] = train[17], train[4]  # copies
    val[5] = train[4][:, ::-1]  # a mirror image
    val[7] = train[8][::-1]  # upside down: nobody's augmentation
    val[8] = np.where(train[3] < 255, train[3] + 1, 254)  # every pixel differs by one level: another image
    val[9] = val[1]  # twice in validation, but not in training
    val[10] = rng.permutation(train[6].ravel()).reshape(48, 48)  # the same pixels in another order
    planted = "12 validation images: 2 and 11 are copies of training images, 5 is the mirror image of one, 7 is one " \
              "upside down, 8 differs from one in every pixel, 9 is a copy of 1, 10 has the pixels of one in disorder"
    for case, given, wanted in ((planted, val, [2, 5, 11]), ("12 validation images, none of them leaked", clean, []),
                                ("3 validation images that are mirror images of training images 0, 1, 2",
                                 train[:3, :, ::-1], [0, 1, 2])):
        got = ask(function, train, given, case=case, wanted="the indices of the leaked validation images")
        see_indices(got, wanted, case)
    passed("The leak: copies and mirror images found, and nothing else.")


def random_shift(function) -> None:
    """An image with its own address in every pixel, from which a shift is read off."""
    n, side = 300, 48
    place = torch.arange(side, dtype=torch.float32)
    x = torch.stack([place.view(-1, 1).expand(side, side), place.view(1, -1).expand(side, side)]) + 100
    x = x.expand(n, -1, -1, -1)
    for pixels in (3.0, 6.0):
        case = f"{n} images of 48 x 48 and pixels={pixels:g}"
        got = ask(function, x, pixels, generator=torch.Generator().manual_seed(2), case=case, wanted="shifted images")
        see_tensor(got, x.shape, torch.float32, case)
        down, right = (124 - got[:, k, 24, 24] for k in (0, 1))  # the address that has come to the centre
        for name, moved in (("down", down), ("to the right", right)):
            see(moved.std().item() > 0.1, case, f"all images moved {moved[0].item():.2f} pixels {name}",
                "a shift of its own for each image and each direction")
            largest = moved.abs().max().item()
            see(0.9 * pixels <= largest <= pixels + 0.6, case, f"the largest shift {name} was {largest:.2f} pixels",
                f"just under {pixels:g}; the grid runs from -1 to 1, so a pixel of 48 is 2/48 of it")
            see(abs(moved.mean().item()) < 0.3 * pixels, case, f"the mean shift {name} was {moved.mean():.2f} pixels",
                "about 0: as often one way as the other")
        see(abs(np.corrcoef(down, right)[0, 1]) < 0.5, case, "every shift down came with the same shift to the right",
            "one drawn independently of the other")
        edge = int((down > 1).nonzero()[0])
        see(got[edge, 0, 0].max().item() == 0, case, f"image {edge}, moved {down[edge].item():.1f} pixels down, has "
            f"{got[edge, 0, 0].max().item():.0f} in its first row", "black (0) where nothing comes in from outside")
    passed("random_shift: evenly up to the given pixels, each image its own way, black from outside.")

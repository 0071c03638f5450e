"""Checks of the exercises to notebook 11."""

from collections.abc import Sequence
from math import comb

import numpy as np
import torch

from fer_utils.exercises import ask, passed, see, see_array, see_number, see_tensor, shown


def taught_targets(function) -> None:
    """Three teachers: sure of another class, undecided, and sure of the label; shares from all to none.

    No face has the last class, which a count of the classes by the labels would miss.
    """
    labels, said = torch.tensor([0, 1, 1]), torch.tensor([[0.1, 0.8, 0.1], [0.4, 0.2, 0.4], [0.0625, 0.875, 0.0625]])
    logits = said.log() + 2  # softmax does not see what is added to all
    for taught, wanted in ((0.8, [[0.28, 0.64, 0.08], [0.32, 0.36, 0.32], [0.05, 0.9, 0.05]]),
                           (0.5, [[0.55, 0.4, 0.05], [0.2, 0.6, 0.2], [0.03125, 0.9375, 0.03125]]),
                           (0.0, [[1, 0, 0], [0, 1, 0], [0, 1, 0]]), (1.0, said.tolist())):
        case = f"the labels {labels.tolist()}, a teacher's logits for three classes, and taught={taught:g}"
        got = ask(function, labels, logits.clone(), taught, case=case, wanted="targets, float32 (3, 3)")
        see_tensor(got, (3, 3), torch.float32, case, ", a column for each class that the teacher knows")
        sums = got.sum(1)
        see((sums - 1).abs().max().item() < 1e-4, case, f"rows came that add up to {sums[0]:.3g}, {sums[1]:.3g} and "
            f"{sums[2]:.3g}", "1 each: a teacher's logits become probabilities by softmax, over the classes")
        see_array(got, wanted, case, 1e-4, ", `taught` times the teacher's answer plus (1 - `taught`) times the label")
    passed("What the student is to answer: the teacher's share and the label's, and they add up to 1.")


def asked_about(function) -> None:
    """Seven classes and some of them, in their order and in another one, and a face that is hardly any of them."""
    seven = np.array([[0.40, 0.10, 0.10, 0.20, 0.05, 0.05, 0.10], [0.02, 0.90, 0.02, 0.01, 0.02, 0.02, 0.01]])
    for kept, wanted in (([0, 3, 6], [[4 / 7, 2 / 7, 1 / 7], [1 / 2, 1 / 4, 1 / 4]]),
                         ([6, 0, 3], [[1 / 7, 4 / 7, 2 / 7], [1 / 4, 1 / 2, 1 / 4]]),
                         ([2, 1], [[1 / 2, 1 / 2], [1 / 46, 45 / 46]])):
        case = f"two faces, seven classes and kept={kept}"
        got = ask(function, seven.copy(), list(kept), case=case, wanted=f"probabilities, (2, {len(kept)})")
        as_they_were = np.shape(got) == np.shape(wanted) and np.allclose(got, seven[:, kept])
        hint = ", so that each row adds up to 1" if as_they_were else ", in the order of `kept`, and their ratios kept"
        see_array(got, wanted, case, 1e-6, hint)
    passed("Three classes of seven: what remains adds up to 1, and keeps its order and its ratios.")


def pasted(function) -> None:
    """Squares inside a face, over each edge and a corner, over all of it, and beside it; a target that is mixed."""
    face, other = np.full((48, 48), 50, np.uint8), (100 + np.arange(48 * 48).reshape(48, 48) % 150).astype(np.uint8)
    happy, angry, both = ([0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.0, 0.5])
    rows, columns = np.indices(face.shape)
    for (top, left, side), target, other_target, wanted in (
        ((12, 12, 24), happy, angry, [0.25, 0.75, 0]), ((-12, 12, 24), happy, angry, [0.125, 0.875, 0]),
        ((12, -6, 24), happy, angry, [0.1875, 0.8125, 0]), ((36, 30, 24), happy, both, [0.046875, 0.90625, 0.046875]),
        ((0, 0, 48), happy, angry, angry), ((-6, -6, 60), both, happy, happy), ((60, 0, 10), both, angry, both),
        ((0, -20, 10), happy, angry, happy),
    ):
        case = f"a square with top {top}, left {left} and side {side}, and the targets {target} and {other_target}"
        given = face.copy(), other.copy()
        got = ask(function, *given, np.array(target), np.array(other_target), (top, left, side), case=case,
                  wanted="the mixed image and its target")
        see(isinstance(got, tuple | list) and len(got) == 2, case, f"{shown(got)} came", "an image and a target")
        see(np.array_equal(given, (face, other)), case, "an image that went in was changed", "a new one")
        see(np.asarray(got[0]).dtype == np.uint8, f"the image, {case}", f"{shown(got[0])} of dtype "
            f"{np.asarray(got[0]).dtype} came", "uint8, as the faces have")
        inside = (rows >= top) & (rows < top + side) & (columns >= left) & (columns < left + side)
        see_array(got[0], np.where(inside, other, face), f"the image, {case}", 0, ", the other face in the square only")
        hint = "" if inside.sum() == side * side else ", by the part of the square that lies in the image"
        see_array(got[1], wanted, f"the target, {case}", 1e-6, hint)
    passed("A piece of another face: the label follows the picture, at the edges too.")


def best_of(function) -> None:
    """A few seeds, some of them equal, and every number of seeds that one may pick the best of."""
    for accuracies in ([0.8, 0.9, 0.82], [0.78, 0.81, 0.79, 0.81, 0.8], [0.5]):
        for k in range(1, len(accuracies) + 1):
            case = f"the accuracies {accuracies} and the best of {k}"
            got = ask(function, list(accuracies), k, case=case, wanted="one number")
            see_number(got, _expected(accuracies, k), case, {
                _expected_with_repeats(accuracies, k): "the mean where a seed may be drawn more than once",
                max(accuracies[:k]): "the best of those that come first", float(np.mean(accuracies)): "their mean",
                max(accuracies): "the best of all of them"})
    passed("The luck of the best seed: the mean of the highest, over all choices.")


def _expected(accuracies: Sequence[float], k: int) -> float:
    """The mean of the highest of k of them: the one with i below it is the highest of comb(i, k - 1) choices."""
    choices = [comb(below, k - 1) for below in range(len(accuracies))]
    return float(np.average(np.sort(accuracies), weights=choices))


def _expected_with_repeats(accuracies: Sequence[float], k: int) -> float:
    """The mean of the highest of k draws, each from all of them."""
    up_to = (np.arange(len(accuracies) + 1) / len(accuracies)) ** k
    return float(np.average(np.sort(accuracies), weights=np.diff(up_to)))

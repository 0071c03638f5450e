"""Checks of the exercises to notebook 05."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import binom
from torch import Tensor

from fer_utils.evaluation import expected_calibration_error, wilson
from fer_utils.exercises import ask, passed, see, see_array, see_number


def answered_by_class(function) -> None:
    """Faces whose confidence lies above, on and below the threshold, named rightly and wrongly."""
    probabilities = np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.75, 0.0, 0.25],
                              [0.1, 0.1, 0.8], [0.05, 0.05, 0.9], [0.4, 0.35, 0.25]])
    labels = np.array([0, 0, 1, 1, 1, 2, 2, 0])
    for threshold, wanted in ((0.7, [1 / 3, 2 / 3, 1]), (0.75, [1 / 3, 2 / 3, 1]), (0.95, [0, 0, 0]), (0.0, [1, 1, 1])):
        case = f"8 faces of labels {labels.tolist()} and a threshold of {threshold}"
        got = ask(function, probabilities, labels, threshold, case=case, wanted="a share for each of three classes")
        see_array(got, wanted, case, 1e-9, ", of the faces with this label those whose highest probability is at least "
                  "the threshold, whether rightly named or not")
    passed("Who is met with silence: the share answered of each label, at four thresholds.")


def calibration_error(function) -> None:
    """Few faces with known bins, and many random ones."""
    sure = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.45, 0.55]])
    labels = np.array([0, 0, 1, 1])
    opposite = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    rng = np.random.default_rng(8)
    many = rng.dirichlet([1, 1, 1], 200)
    cases = [("3 faces of confidence 1, one of them wrong, and one of 0.55, right", sure, labels, 10,
              (3 * (1 / 3) + 0.45) / 4), ("2 faces of confidence 0.9, one wrong, 2 of confidence 0.6, right", opposite,
                                          np.array([0, 1, 0, 0]), 5, 0.4)]
    cases += [("200 random faces of 3 classes", many, rng.integers(0, 3, 200), bins, None) for bins in (5, 15)]
    no_bin = "what is left where a confidence of 1 is in no bin"
    of_first = {0.1125: no_bin, 0.45: no_bin,
                (1 / 3 + 0.45) / 2: "the mean gap of the bins, not weighted by their faces"}
    for case, probabilities, truth, bins, known in cases:
        wanted = expected_calibration_error(probabilities, truth, bins)
        assert known is None or abs(wanted - known) < 1e-9
        confidence = probabilities.max(1)
        whole = abs(confidence.mean() - (probabilities.argmax(1) == truth).mean())
        hints = of_first | {whole: "the gap between mean confidence and accuracy, in which bins cancel each other"}
        got = ask(function, probabilities, truth, bins, case=f"{case}, {bins} bins", wanted="one number")
        see_number(got, wanted, f"{case}, {bins} bins", hints)
    passed("The calibration error: bins weighted by their faces, a confidence of 1 included.")


def honest(function) -> None:
    """How often an interval holds the true share, against the exact probability."""

    def textbook(correct: int, n: int) -> tuple[float, float]:
        half = 1.96 * np.sqrt(correct / n * (1 - correct / n) / n)
        return correct / n - half, correct / n + half

    for name, interval, p, n in (("Wilson's interval", wilson, 0.98, 20), ("the textbook's", textbook, 0.98, 20),
                                 ("the textbook's", textbook, 0.5, 50), ("Wilson's interval", wilson, 0.7, 40)):
        holds = [low <= p <= high for low, high in (interval(k, n) for k in range(n + 1))]
        wanted = float(binom.pmf(np.flatnonzero(holds), n, p).sum())
        case = f"{name}, a true accuracy of {p} and {n} images"
        got = ask(function, interval, p, n, case=case, wanted="the share of the draws, one number from 0 to 1")
        see_number(got, round(wanted, 3), case, {1 - wanted: "the share that does not hold it"}, 0.02)
    passed("Is the interval honest? The shares are the exact ones, to two hundredths.")


def best_temperature(function) -> None:
    """Logits of known over-confidence, of too little confidence, and of none to repair."""
    generator = torch.Generator().manual_seed(12)
    for case, factor in (("a network that is three times too sure", 3.0), ("one that is too modest by half", 0.5),
                         ("one that is right about its confidence", 1.0)):
        honest_logits = 2 * torch.randn(3000, 3, generator=generator)
        labels = torch.multinomial(honest_logits.softmax(1), 1, generator=generator).ravel()
        logits = factor * honest_logits
        case = f"3,000 faces of {case}"
        got = ask(function, logits, labels, case=case, wanted="the temperature, one number")
        see_number(got, factor, case, {1 / factor: "the number to multiply the logits by"} if factor != 1 else {},
                   0.1 * factor)
        lost, least = (_loss(logits / t, labels) for t in (float(got), factor))
        see(lost < least + 2e-3, case, f"the loss is {lost:.4f} at {float(got):.3f}", f"{least:.4f} or less")
    passed("Repair an over-confident model: the temperature is found, above 1 and below.")


def _loss(logits: Tensor, labels: Tensor) -> float:
    return F.cross_entropy(logits, labels).item()

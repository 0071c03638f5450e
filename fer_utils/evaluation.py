"""How good a model is, and how sure one can be of that number."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy  # each of its parts is read where it is first asked
import torch
from torch import nn

from fer_utils import CourseError
from fer_utils.augment import views
from fer_utils.data import Faces
from fer_utils.training import to_tensor

CLASS_COMPETITION_BASELINE = 0.76696
"""Accuracy on the 3,965 test images that the class competition asked its students to beat."""
BEST_PUBLIC_RESULT = 0.82244
"""The highest accuracy on the same 3,965 test images that has been made public."""
EFFECT = ("helped", "harmed", "not shown")
"""The words of `verdict` on a difference."""
COMPARISON = ("beats", "misses", "is not distinguishable from")
"""The words of `verdict` on an accuracy beside someone else's, as the verb of a sentence."""


@torch.no_grad()
def predict(model: nn.Module, images: np.ndarray, batch_size: int = 64, flip: bool = False, moved: int = 0
            ) -> np.ndarray:
    """Class probabilities, float32 (N, classes), of uint8 images (N, 48, 48): the softmax of the model's logits.

    With `flip` and `moved` the mean of the probabilities over the `views` of each image.
    """
    model.eval()
    device = next(model.parameters()).device
    probabilities = []
    for part in torch.as_tensor(images).split(batch_size):
        x = to_tensor(part).to(device)
        answers = [model(view).softmax(1) for view in views(x, flip, moved)]
        probabilities.append((sum(answers) / len(answers)).cpu())
    return torch.cat(probabilities).numpy()


def wilson(correct: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of the share correct/n at `level` confidence (Wilson 1927, JASA 22).

    Unlike share ± 1.96 standard errors, it stays within [0, 1] and holds its level at small n. CourseError for n = 0.
    """
    if n == 0:
        raise CourseError("There is no image to score in this part: leave the part out, or give data that has some.")
    interval = scipy.stats.binomtest(int(correct), int(n)).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def share(hits: np.ndarray) -> dict:
    """n, the share of True in `hits` (bool, (n,)) and its Wilson interval."""
    low, high = wilson(hits.sum(), len(hits))
    return {"n": len(hits), "accuracy": float(hits.mean()), "accuracy_ci": [low, high]}


def mcnemar(hits_a: np.ndarray, hits_b: np.ndarray) -> dict:
    """Model b against model a on the same images; hits: bool (N,), True where the model is right.

    Returns n, only_a and only_b (images that one of them alone names rightly), difference (accuracy of b minus a's),
    difference_ci (95 %, Bonett & Price 2012, J. Educ. Behav. Stat. 37, 479) and p_value: the exact test of McNemar
    (1947), to which only_b of only_a + only_b is a fair coin's. CourseError where the lengths differ or are 0.
    """
    a, b = np.asarray(hits_a, bool), np.asarray(hits_b, bool)
    if len(a) != len(b) or len(a) == 0:
        raise CourseError(f"Models are compared on the same images: give one hit for each, not {len(a)}, {len(b)}.")
    n, only_a, only_b = len(a), int((a & ~b).sum()), int((b & ~a).sum())
    share_a, share_b = (only_a + 1) / (n + 2), (only_b + 1) / (n + 2)
    middle = share_b - share_a
    ends = middle + scipy.stats.norm.ppf([0.025, 0.975]) * np.sqrt((share_a + share_b - middle**2) / (n + 2))
    p_value = float(scipy.stats.binomtest(only_b, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return {"n": n, "only_a": only_a, "only_b": only_b, "difference": (only_b - only_a) / n,
            "difference_ci": ends.clip(-1, 1).tolist(), "p_value": p_value}


def paired_seeds(a: list[float], b: list[float]) -> dict:
    """Accuracies of recipe b against a's under the same n seeds: n, difference (mean of b - a), its 95 % t interval.

    difference_ci is None for n = 1, which knows no spread. CourseError where the lengths differ or are 0.
    """
    if len(a) != len(b) or len(a) == 0:
        raise CourseError(f"Recipes are compared under the same seeds: give as many of each, not {len(a)}, {len(b)}.")
    gaps = np.subtract(b, a)
    return {"n": len(a), "difference": float(gaps.mean()), "difference_ci": mean_interval(gaps)}


def _bins(confidence: np.ndarray, bins: int) -> np.ndarray:
    return np.minimum((confidence * bins).astype(int), bins - 1)


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> pd.DataFrame:
    """One row for each of `bins` equal steps of confidence that holds an image: confidence, accuracy, n.

    probabilities: (N, classes); labels: int (N,). Confidence is the highest of an image's probabilities, and the row of
    bin k (the index) averages over the images whose confidence is in [k / bins, (k + 1) / bins).
    """
    confidence, hit = probabilities.max(1), probabilities.argmax(1) == labels
    table = pd.DataFrame({"bin": _bins(confidence, bins), "confidence": confidence.astype(float), "accuracy": hit})
    return table.groupby("bin").agg(confidence=("confidence", "mean"), accuracy=("accuracy", "mean"), n=("bin", "size"))


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over the bins, weighted by n (Guo et al. 2017, equation 3)."""
    table = reliability(probabilities, labels, bins)
    return float(((table["confidence"] - table["accuracy"]).abs() * table["n"]).sum() / table["n"].sum())


def calibrated_ece(probabilities: np.ndarray, bins: int = 15, draws: int = 1000, seed: int = 0) -> dict:
    """The calibration error that a perfectly calibrated model with these confidences and this n would show.

    Whether an image is named rightly is drawn `draws` times with its confidence as the chance. Returns mean, and high:
    the 95 % quantile, above which a measured error is more than chance.
    """
    rng, confidence = np.random.default_rng(seed), probabilities.max(1)
    step, n, errors = _bins(confidence, bins), len(confidence), []
    for _ in range(draws):
        named_right = rng.random(n) < confidence
        gaps = np.bincount(step, weights=confidence - named_right)
        errors.append(np.abs(gaps).sum() / n)
    return {"mean": float(np.mean(errors)), "high": float(np.quantile(errors, 0.95))}


def brier(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Squared error summed over the classes, mean over the images: 0 best, 2 worst (Brier 1950)."""
    return float(((probabilities.astype(float) - np.eye(probabilities.shape[1])[labels]) ** 2).sum(1).mean())


def calibration(probabilities: np.ndarray, labels: np.ndarray, clean: np.ndarray | None = None) -> dict:
    """n, ece, ece_if_calibrated (see `calibrated_ece`), brier; and the same of the images in `clean` under that key."""
    scores = {"n": len(labels), "ece": expected_calibration_error(probabilities, labels),
              "ece_if_calibrated": calibrated_ece(probabilities), "brier": brier(probabilities, labels)}
    return scores if clean is None else scores | {"clean": calibration(probabilities[clean], labels[clean])}


def _log(probabilities: np.ndarray) -> np.ndarray:
    # Logits up to a constant in each row. A probability of 0 counts as the smallest normal float32.
    return np.log(np.clip(probabilities.astype(float), np.finfo(np.float32).tiny, None))


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature in [0.05, 20] that makes the labels likeliest (Guo et al. 2017, section 4.2). Fit on validation.

    probabilities: (N, classes); labels: int (N,). Above 1 the model was too sure of itself, below 1 too modest.
    """
    logits, rows = _log(probabilities), np.arange(len(labels))
    found = scipy.optimize.minimize_scalar(
        lambda log_t: -scipy.special.log_softmax(logits / np.exp(log_t), axis=1)[rows, labels].mean(),
        bounds=np.log([0.05, 20]), method="bounded")
    return float(np.exp(found.x))


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(logits / temperature), float64 (N, classes), of probabilities: other confidences, the same answers."""
    return torch.as_tensor(_log(probabilities) / temperature).softmax(1).numpy()


def risk_coverage(probabilities: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Coverage (share answered) and risk (share wrong of these) of answering only from a confidence on, the index.

    One row for each confidence that occurs, highest first, so images of equal confidence are answered together or not
    at all (El-Yaniv & Wiener 2010, JMLR 11).
    """
    table = pd.DataFrame({"confidence": probabilities.max(1), "wrong": probabilities.argmax(1) != labels})
    both = table.groupby("confidence")["wrong"].agg(["size", "sum"]).sort_index(ascending=False).cumsum()
    return pd.DataFrame({"coverage": both["size"] / len(labels), "risk": both["sum"] / both["size"]})


def answered(probabilities: np.ndarray, labels: np.ndarray, threshold: float) -> dict:
    """Coverage, and the `share` named rightly, of answering only from a confidence of `threshold` on."""
    told = probabilities.max(1) >= threshold
    hits = probabilities[told].argmax(1) == labels[told]
    return {"coverage": float(told.mean()), **(share(hits) if told.any() else {"n": 0})}


def clean_part(faces: Faces) -> np.ndarray:
    """Which of `faces.test` are no copy of a training image or of another test image: bool, one for each of them."""
    return faces.is_clean()[faces.is_test]


def evaluate(test: Faces, probabilities: np.ndarray, clean: np.ndarray | None = None) -> dict:
    """Every score of the course for labelled images and their predicted probabilities (N, classes).

    clean: bool (N,), True where an image is free of leaks (see `clean_part`). Returns a dict for `Run.write_metrics`:
    n, accuracy with its 95 % Wilson interval, macro_f1, per_class, confusion (rows: label), ece, brier, and accuracy on
    the public, private and clean part where the images have them. CourseError where an image has no label.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support  # here, since it takes a second
    if len(test) == 0 or (test.labels_or_unknown() < 0).any():
        raise CourseError("There are no images here, or images without a label, so there is nothing to compare: score "
                          "the validation part, or take the images that have one.")
    predicted, labels = probabilities.argmax(1), test.labels
    hits = predicted == labels
    indices = list(range(len(test.classes)))
    precision, _, f1, _ = precision_recall_fscore_support(labels, predicted, labels=indices, zero_division=0)
    per_class = {}
    for k in np.unique(labels):
        own = share(hits[labels == k])
        per_class[test.classes[k]] = {"n": own["n"], "recall": own["accuracy"], "recall_ci": own["accuracy_ci"]}
        per_class[test.classes[k]] |= {"precision": float(precision[k]), "f1": float(f1[k])}
    parts = {"public": test.usage == "PublicTest", "private": test.usage == "PrivateTest", "clean": clean}
    return {
        **share(hits),
        "macro_f1": float(np.mean(f1[np.union1d(labels, predicted)])),  # over classes that occur
        "per_class": per_class,
        "confusion": confusion_matrix(labels, predicted, labels=indices).tolist(),
        "ece": expected_calibration_error(probabilities, labels),
        "brier": brier(probabilities, labels),
        **{name: share(hits[part]) for name, part in parts.items() if part is not None and part.any()},
    }


def over_seeds(accuracies: list[float]) -> dict:
    """accuracy_per_seed, mean, std (n - 1 in its divisor) and mean_ci (95 % t); the last two None for one training."""
    spread = float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else None
    return {"accuracy_per_seed": list(accuracies), "mean": float(np.mean(accuracies)), "std": spread,
            "mean_ci": mean_interval(accuracies)}


def mean_interval(values: Sequence[float]) -> list[float] | None:
    """The 95 % t interval of the mean of independent values; None for a single one, which knows no spread."""
    if len(values) < 2:
        return None
    return (np.mean(values) + scipy.stats.t.ppf([0.025, 0.975], len(values) - 1) * scipy.stats.sem(values)).tolist()


def verdict(interval: Sequence[float] | None, reference: float = 0.0, words: Sequence[str] = EFFECT) -> str:
    """What a 95 % interval shows: the first of `words` where all of it lies above `reference`, the second where below.

    Else the third, and so where there is none (None), as after a single pair of seeds.
    """
    above, below, open_question = words
    if interval is None:
        return open_question
    low, high = interval
    if low > reference:
        return above
    return below if high < reference else open_question


def baselines(train: Faces, test: Faces, published: bool = True) -> dict:
    """What a score has to beat: always naming the most frequent training class and, if `published`, two known numbers.

    The published ones are accuracies on FER2013's 3,965 test images of three classes; beside others they mean nothing.
    """
    majority = int(np.bincount(train.labels[train.labels >= 0]).argmax())
    always = np.zeros((len(test), len(test.classes)))
    always[:, majority] = 1
    scores = evaluate(test, always)  # as any model is scored
    own = {name: scores[name] for name in ("n", "accuracy", "accuracy_ci", "macro_f1")}
    known = {"class_competition": CLASS_COMPETITION_BASELINE, "best_public_result": BEST_PUBLIC_RESULT}
    beside = {name: {"n": 3965, "accuracy": value} for name, value in known.items()} if published else {}
    return {"majority": {"class": test.classes[majority], **own}} | beside

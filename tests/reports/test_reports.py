"""The committed numbers of the real run are what its committed predictions say."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from fer_utils.data import POSTER_CLASSES
from fer_utils.evaluation import wilson
from fer_utils.runs import Run
from reports.results import counting

RUN = Run(Path(__file__).parents[2] / "reports" / "fer2013")


@pytest.fixture(scope="module")
def scores() -> dict:
    return RUN.read_metrics("evaluation")[counting(RUN)]


def predictions(seed: int) -> tuple[np.ndarray, np.ndarray]:
    table = pd.read_csv(RUN.path / "metrics" / "predictions" / f"{counting(RUN)}-seed{seed}.csv", index_col="index")
    assert table.index.tolist() == list(range(len(table)))
    return table["label"].to_numpy(), table[[f"p_{name.lower()}" for name in POSTER_CLASSES]].to_numpy(np.float32)


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Guo et al. 2017, equation 3, written out."""
    confidence, hit = probabilities.max(1), probabilities.argmax(1) == labels
    total = 0.0
    for k in range(bins):
        inside = (confidence >= k / bins) & ((confidence < (k + 1) / bins) | (k == bins - 1))
        if inside.any():
            total += abs(hit[inside].mean() - confidence[inside].mean()) * inside.sum()
    return total / len(labels)


def test_the_chosen_models_scores(scores):
    labels, probabilities = predictions(scores["chosen_seed"])
    predicted = probabilities.argmax(1)
    assert scores["n"] == len(labels) == 3965 and scores["chosen_on"] == "validation"
    assert scores["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert scores["accuracy_ci"] == pytest.approx(wilson((labels == predicted).sum(), len(labels)))
    assert scores["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert scores["confusion"] == confusion_matrix(labels, predicted).tolist()
    assert scores["ece"] == pytest.approx(calibration_error(probabilities, labels), abs=1e-6)
    for k, name in enumerate(POSTER_CLASSES):
        assert scores["per_class"][name]["recall"] == pytest.approx((predicted[labels == k] == k).mean())


def test_the_scores_of_its_probabilities(scores):
    labels, probabilities = predictions(scores["chosen_seed"])
    logits = np.log(np.maximum(probabilities.astype(float), np.finfo(np.float32).tiny)) / scores["temperature"]
    tempered = np.exp(logits - logits.max(1, keepdims=True))
    tempered /= tempered.sum(1, keepdims=True)
    for name, shown in {"uncalibrated": probabilities, "calibrated": tempered}.items():
        assert scores[name]["n"] == len(labels)
        assert scores[name]["ece"] == pytest.approx(calibration_error(shown, labels), abs=1e-6)
        assert scores[name]["brier"] == pytest.approx(((shown - np.eye(3)[labels]) ** 2).sum(1).mean(), abs=1e-6)
    assert scores["uncalibrated"]["ece"] == scores["ece"] and scores["uncalibrated"]["brier"] == scores["brier"]
    told, selective = tempered.max(1) >= scores["selective"]["threshold"] - 1e-12, scores["selective"]
    assert selective["n"] == told.sum() and selective["coverage"] == pytest.approx(told.mean())
    assert selective["accuracy"] == pytest.approx((tempered.argmax(1) == labels)[told].mean())


def test_every_seed_and_the_choice_among_them(scores):
    accuracies = [float((p.argmax(1) == labels).mean()) for labels, p in map(predictions, scores["seeds"])]
    assert scores["accuracy_per_seed"] == pytest.approx(accuracies)
    assert scores["mean"] == pytest.approx(np.mean(accuracies))
    assert scores["std"] == (pytest.approx(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else None)
    assert scores["chosen_seed"] == scores["seeds"][int(np.argmax(scores["val_acc_per_seed"]))]


def test_the_majority_class_is_the_most_frequent_one(scores):
    labels, _ = predictions(scores["chosen_seed"])
    baselines = RUN.read_metrics("evaluation")["baselines"]
    always = POSTER_CLASSES.index(baselines["majority"]["class"])
    assert baselines["majority"]["accuracy"] == pytest.approx((labels == always).mean())
    assert baselines["majority"]["accuracy"] == pytest.approx(0.447, abs=0.0005)
    assert baselines["class_competition"]["accuracy"] == 0.76696

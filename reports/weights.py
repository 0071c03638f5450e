"""The weights that come with the package, and their cards, written from a training of a run.

`python reports/weights.py RUN TRAINING NAME [--data PATH]`. Whether mirror images help, the temperature and the
threshold are chosen on the validation images, where the training kept some apart; then the test images are read, once.
"""

import argparse
import copy
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script finds only its own folder

from fer_utils import CourseError  # noqa: E402
from fer_utils.data import Faces, load_faces, split  # noqa: E402
from fer_utils.evaluation import (  # noqa: E402
    apply_temperature,
    clean_part,
    evaluate,
    fit_temperature,
    predict,
    risk_coverage,
)
from fer_utils.lessons import load_trained  # noqa: E402
from fer_utils.runs import Run  # noqa: E402
from fer_utils.support.checkpoints import save_weights  # noqa: E402
from fer_utils.support.files import write_json  # noqa: E402
from fer_utils.support.provenance import git_commit  # noqa: E402
from fer_utils.tools.cli import ended  # noqa: E402
from fer_utils.training import Result  # noqa: E402
from fer_utils.weights import WEIGHTS  # noqa: E402

ALLOWED_RISK = 0.05
"""The threshold is the lowest confidence from which at most this share of the validation images is named wrongly."""


def export(run: Run, training: str, name: str, faces: Faces, seed: int = 0, folder: Path = WEIGHTS) -> Path:
    """Write <name>.safetensors, float16, and <name>.json, its card, from this seed of a training on these faces.

    CourseError where the training is not there, or learnt from other images.
    """
    kept = run.training(training)
    asked, result = kept.asked(), load_trained(kept, seed, "cpu")
    parts = split(faces, seed=kept.seeds()[0])  # the first seed is the split's, too
    learnt = faces.train if asked["val"] is None else parts.train
    if asked["train"]["fingerprint"] != learnt.fingerprint:
        raise CourseError(f"{training} did not learn from these images of {faces.source}: give those of its run.")
    chosen = chosen_on(parts.val, result) if asked["val"] else {"flip": False}
    scores = evaluate(faces.test, predict(result.model, faces.test.images, flip=chosen["flip"]), clean_part(faces))
    recipe = {**asked["recipe"], "model": asked["model"], "dropout": asked["dropout"], "classes": asked["classes"],
              "seed": seed}
    card = {
        "model": asked["model"], "recipe": recipe, "seed": seed, "epoch": int(result.best["epoch"]), **chosen,
        "precision": asked["precision"], "data": faces.fingerprint,
        "trained_on": f"{len(learnt):,} of {len(faces.train):,} training images",
        "n": scores["n"], "accuracy": scores["accuracy"], "accuracy_ci": scores["accuracy_ci"],
        "accuracy_without_leaks": scores["clean"]["accuracy"], "git_commit": git_commit()}
    path = folder / f"{name}.safetensors"
    save_weights(path, copy.deepcopy(result.model).half(), {"recipe": recipe, "data": faces.fingerprint})
    write_json(path.with_suffix(".json"), card)
    return path


def chosen_on(val: Faces, result: Result) -> dict:
    """What the card says of the answers: flip, val_acc, temperature and threshold, chosen on validation images."""
    answers = {flip: predict(result.model, val.images, flip=flip) for flip in (False, True)}
    accuracy = {flip: float((named.argmax(1) == val.labels).mean()) for flip, named in answers.items()}
    flip = accuracy[True] > accuracy[False]
    temperature = fit_temperature(answers[flip], val.labels)
    risks = risk_coverage(apply_temperature(answers[flip], temperature), val.labels)["risk"]
    threshold = risks.index[risks <= ALLOWED_RISK].min()
    return {"flip": flip, "val_acc": accuracy[flip], "temperature": temperature, "allowed_risk": ALLOWED_RISK,
            "threshold": 1.0 if np.isnan(threshold) else float(threshold),  # 1.0: as good as no answer
            "chosen_on": "validation (the epoch, the mirror image, temperature and threshold)"}


def main(arguments: list[str] | None = None) -> None:
    """Write the weights that the command line names, and say where they are."""
    parser = argparse.ArgumentParser(description="Write a training's weights into the package, with their card.")
    parser.add_argument("run", metavar="RUN", help="the run's name")
    parser.add_argument("training", metavar="TRAINING", help="the name of its training")
    parser.add_argument("name", metavar="NAME", help="the name of the weights, as AttentionCNN-robust")
    parser.add_argument("--data", default="auto", metavar="PATH", help="the faces that it learnt from")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the training (default: 0)")
    parser.add_argument("--folder", type=Path, default=WEIGHTS, metavar="DIR", help="where they go (the package)")
    options = parser.parse_args(arguments)
    run = Run.open(options.run)
    faces = load_faces(options.data, run.training(options.training).asked()["classes"])
    print(export(run, options.training, options.name, faces, options.seed, options.folder))


if __name__ == "__main__":
    sys.exit(ended(main))

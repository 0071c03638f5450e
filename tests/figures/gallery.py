"""Every figure of the course, drawn from small made-up data with any number of classes."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
from PIL import Image

from fer_utils import evaluation as scores
from fer_utils.figures import (
    beyond,
    eda,
    evaluation,
    further,
    model,
    new_faces,
    preprocessing,
    speed,
    techniques,
    training,
)
from fer_utils.shifts import SHIFTS
from fer_utils.support.published import poster_log

CLASSES = {
    2: ("smile", "frown"),
    3: ("Angry", "Happy", "Neutral"),
    5: ("bored", "confused", "delighted", "frustrated", "surprised"),
    7: ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral"),
}


def made_up_faces(n: int, size: int = 420) -> SimpleNamespace:
    """Faces of `n` classes: a bright spot that wanders with the class, in noise."""
    rng, labels = np.random.default_rng(0), np.arange(size, dtype=np.int64) % n
    rows, columns = np.mgrid[:48, :48]
    spot = 120 * np.exp(-((rows - 34) ** 2 + (columns - 12 - 4 * labels[:, None, None]) ** 2) / 60)
    oval = 60 * (((rows - 24) / 22) ** 2 + ((columns - 24) / 17) ** 2 < 1)
    images = (spot + oval + rng.integers(0, 70, (size, 48, 48))).astype(np.uint8)
    return SimpleNamespace(images=images, labels=labels, classes=CLASSES[n])


def made_up_counts(n: int) -> pd.DataFrame:
    """FER2013's order of magnitude, one class rare, and some images without a label."""
    sizes = [3995, 436, 4097, 7215, 4830, 3171, 4965][:n]
    parts = {"Training": sizes, "PublicTest": [k // 8 for k in sizes], "PrivateTest": [k // 7 for k in sizes]}
    return pd.DataFrame(parts, index=CLASSES[n])


def made_up_answers(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of a network that is often right and too sure of itself."""
    rng, labels = np.random.default_rng(1), np.arange(420) % n
    logits = 2 * rng.normal(size=(420, n)) + 3 * np.eye(n)[labels]
    odds = np.exp(logits)
    return labels, odds / odds.sum(axis=1, keepdims=True)


def made_up_metrics(n: int) -> dict:
    """What `evaluate` returns, with the accuracy of five seeds."""
    labels, probabilities = made_up_answers(n)
    predicted = probabilities.argmax(axis=1)
    hits = predicted == labels
    recalls = {name: scores.share(hits[labels == k]) for k, name in enumerate(CLASSES[n])}
    per_class = {name: {"n": one["n"], "recall": one["accuracy"], "recall_ci": one["accuracy_ci"]}
                 for name, one in recalls.items()}
    confusion = np.zeros((n, n), int)
    np.add.at(confusion, (labels, predicted), 11)
    parts = {"public": scores.share(hits[:200]), "private": scores.share(hits[200:]), "clean": scores.share(hits[10:])}
    seeds = (hits.mean() + np.array([-0.01, -0.004, 0, 0.003, 0.012])).tolist()
    return {**scores.share(hits), "per_class": per_class, "confusion": confusion.tolist(), **parts,
            "accuracy_per_seed": seeds}


def made_up_history(seeds: int, epochs: int = 20) -> pd.DataFrame:
    """The columns of `training.HISTORY` that figures read."""
    rng, rows = np.random.default_rng(seeds), []
    for seed in range(seeds):
        for epoch in range(1, epochs + 1):
            noise = rng.normal(0, 0.01, 3)
            rows.append((seed, epoch, 0.35 + 0.7 / epoch + noise[0], 0.5 + 0.4 / epoch + noise[1],
                         0.8 - 0.3 / epoch + noise[2], epoch in (1, epochs), 19.5))
    return pd.DataFrame(rows, columns=["seed", "epoch", "train_loss", "val_loss", "val_acc", "saved", "seconds"])


def made_up_layers() -> pd.DataFrame:
    rows = [("Conv2d", "32 x 48 x 48", 320, 663_552), ("BatchNorm2d", "32 x 48 x 48", 64, 0),
            ("Conv2d", "64 x 24 x 24", 18_496, 10_616_832), ("BatchNorm2d", "64 x 24 x 24", 128, 0),
            ("Conv2d", "128 x 12 x 12", 73_856, 10_616_832), ("BatchNorm2d", "128 x 12 x 12", 256, 0),
            ("Linear", "256", 1_179_904, 1_179_648), ("Linear", "3", 771, 768)]
    return pd.DataFrame(rows, columns=["layer", "output shape", "parameters", "multiply-adds"])


def made_up_steps() -> pd.DataFrame:
    rates = np.array([569, 594, 680, 807, 1397, 1477, 1545])
    names = ["reference, 2 workers", "images in memory", "freed memory kept", "channels last", "bfloat16",
             "fused Adam", "limit"]
    table = pd.DataFrame({"step": names, "images_per_s": rates, "low": rates - 60, "high": rates + 40})
    table["seconds"] = 1000 / table["images_per_s"]
    return table.assign(saved=-table["seconds"].diff(), peak_mb=700.0)


def made_up_ladder() -> pd.DataFrame:
    names = ["flip and rotation", "+ shift and scale", "+ averaged weights", "+ stronger augmentation",
             "+ seven expressions again", "+ mirror at test time"]
    accuracy = np.array([0.780, 0.769, 0.782, 0.829, 0.827, 0.837])
    kept = [True, False, True, True, False, True]
    return pd.DataFrame({"step": names, "accuracy": accuracy, "low": accuracy - 0.012, "high": accuracy + 0.012,
                         "kept": kept})


def floor(n: int):
    rows = {f"always {CLASSES[n][-1]}": (0.446, 0.438, 0.454), "mean brightness": (0.449, 0.441, 0.457),
            "12 × 12 squares": (0.56, 0.55, 0.57)}
    return eda.accuracy_floor(pd.DataFrame(rows, index=["accuracy", "low", "high"]).T, 0.7923)


def captions(n: int, count: int = 16) -> list[str]:
    return [f"label {CLASSES[n][i % n]}\nguess {CLASSES[n][(i + 1) % n]}" for i in range(count)]


def tempered(n: int):
    labels, probabilities = made_up_answers(n)
    variants = {"as trained": probabilities, "with its temperature": scores.apply_temperature(probabilities, 2)}
    luck = {"mean": 0.014, "high": 0.021}
    checks = {name: {"ece": ece, "ece_if_calibrated": luck, "clean": {"ece": ece + 0.003, "ece_if_calibrated": luck}}
              for name, ece in zip(variants, (0.054, 0.010), strict=True)}
    return evaluation.temperature({name: scores.reliability(p, labels) for name, p in variants.items()}, checks)


def there_too():
    labels, probabilities = made_up_answers(3)
    luck, names = {"mean": 0.014, "high": 0.021}, ("at home", "there")
    checks = {name: {"ece": ece, "ece_if_calibrated": luck} for name, ece in zip(names, (0.02, 0.13), strict=True)}
    return new_faces.calibration_there({name: scores.reliability(probabilities, labels) for name in names}, checks)


def silent(n: int, groups: int):
    labels, probabilities = made_up_answers(n)
    hits, told = probabilities.argmax(axis=1) == labels, probabilities.max(axis=1) > 0.8
    own = {"coverage": told.mean(), **scores.share(hits[told])}
    names = ["all test images", "without leaked images"][:groups]
    curves = {name: scores.risk_coverage(probabilities[7 * i:], labels[7 * i:]) for i, name in enumerate(names)}
    return evaluation.silence(curves, dict.fromkeys(names, own), 0.05)


def bars(function, n: int, count: int):
    faces, (labels, probabilities) = made_up_faces(n), made_up_answers(n)
    titles = [f"labelled {CLASSES[n][k]}" for k in labels[:count]]
    return function(faces.images[:count], probabilities[:count], titles, CLASSES[n])


def in_a_photograph(n: int, count: int = 3):
    faces, (labels, probabilities) = made_up_faces(n), made_up_answers(n)
    squares = [(30 + 60 * i, 40 + 20 * (i % 3), 48) for i in range(count)]
    titles = [f"no answer ({CLASSES[n][k]} 0.51)" for k in labels[:count]]
    return new_faces.named_faces(Image.new("L", (640, 480), 90), squares, faces.images[:count], probabilities[:count],
                                 titles, CLASSES[n])


def evidence(n: int):
    faces, maps = made_up_faces(n), np.random.default_rng(0).random((6, 48, 48))
    return evaluation.saliency(faces.images[:6], {"trained": maps, "untrained": maps},
                               [CLASSES[n][k] for k in faces.labels[:6]])


def technique(n: int, ends):
    return {"gaps": [0.040, 0.025, 0.022][:n], "difference": 0.029, "difference_ci": ends, "n": n}


def grid(seeds: int):
    rows = [(rate, size, 0.7 + 10 * rate + size / 1e4 + seed / 100) for rate in (0.0003, 0.001, 0.003)
            for size in (32, 64, 128) for seed in range(seeds)]
    return techniques.learning_grid(pd.DataFrame(rows, columns=["learning_rate", "batch_size", "val_acc"]))


def gates(n: int):
    rng = np.random.default_rng(0)

    def block(channels: int) -> pd.DataFrame:
        common = rng.random((channels, 1))
        return pd.DataFrame((common + rng.normal(0, 0.02, (channels, n))).clip(0, 1), columns=CLASSES[n])

    return beyond.channel_weights({"Block 1": block(32), "Block 4": block(64), "Block 7": block(256)})


def networks():
    accuracies = {"PosterCNN": [0.752, 0.744, 0.745], "PosterCNN, equal work": [0.798, 0.792, 0.793],
                  "ResidualCNN": [0.762, 0.769, 0.764], "AttentionCNN": [0.768, 0.775, 0.769]}
    work = dict(zip(accuracies, (92, 277, 272, 272), strict=True))
    pairs = [("PosterCNN", "ResidualCNN"), ("PosterCNN, equal work", "ResidualCNN"), ("ResidualCNN", "AttentionCNN")]
    return beyond.compared(accuracies, work, {f"{b} over\n{a}": scores.paired_seeds(accuracies[a], accuracies[b])
                                              for a, b in pairs})


def sprints():
    rows = [("sprint", 6, 15.0, 0.77), ("sprint", 6, 16.0, 0.765), ("fast", 12, 38.0, 0.79), ("fast", 12, 40.0, 0.8),
            ("sprint with AdamW", 3, 20.0, 0.76), ("sprint with AdamW", 6, 30.0, 0.79)]
    points = pd.DataFrame(rows, columns=["recipe", "epochs", "seconds", "accuracy"])
    targets = {"class competition's baseline": 0.76696, "the poster's best": 0.7923}
    return speed.time_to_accuracy(points, targets, made_up_history(2))


def left_out():
    parts = ["flip at test time", "one-cycle schedule", "weight averaging", "label smoothing"]
    return speed.ablations(pd.DataFrame([
        {"part": part, "differences": [-0.01, -0.02, 0.003], "difference": -0.009, "low": -0.037, "high": 0.02}
        for part in parts]))


def shifted_scores(level: float) -> dict:
    def one(accuracy: float) -> dict:
        return {"accuracy": accuracy, "accuracy_ci": [accuracy - 0.02, accuracy + 0.02], "n": 1000}

    by_shift = {name: [one(level - k * row / 60) for k in (1, 2, 3)] for row, name in enumerate(SHIFTS)}
    return {**one(level), "mean": level - 0.1, "mean_ci": [level - 0.11, level - 0.09], "by_shift": by_shift}


def sure_under_shifts() -> dict[str, list[float]]:
    return {"as it is": [0.79], **{name: [0.78, 0.75, 0.72] for name in SHIFTS}}


def profiled():
    times = pd.Series([154.3, 78.1, 57.5, 88.1, 23.2, 21.7, 15.3, 16, 27.8], index=[*speed.KINDS, "the rest"])
    return speed.profile(times, 2)


def sizes():
    every = np.arange(100, 8001)
    return preprocessing.size_argument(every, every * 19 // 10_000, 4853, np.array([1618, 3235, 4853, 6470]))


def rows_of_noise(names: list[str], columns: int) -> dict[str, np.ndarray]:
    images = np.random.default_rng(0).integers(0, 256, (len(names), columns, 48, 48), dtype=np.uint8)
    return dict(zip(names, images, strict=True))


def final():
    score = {"accuracy": 0.858, "accuracy_ci": [0.847, 0.869], "n": 3965}
    score["clean"] = score | {"accuracy": 0.853}
    lower = score | {"accuracy": 0.779, "accuracy_ci": [0.765, 0.791]}
    return beyond.final_scores({"PosterCNN": lower, "AttentionCNN": score, "ensemble": score},
                               {"best public result": 0.82244})


def curves(seeds: int):
    return techniques.side_by_side({name: made_up_history(seeds) for name in (
        "the poster's recipe", "no augmentation", "no batch normalisation", "no dropout")})


BASELINES = {"majority": {"accuracy": 0.447}, "class_competition": {"accuracy": 0.76696},
             "best_public_result": {"accuracy": 0.82244}}
ANGLES = np.random.default_rng(0).uniform(-10, 10, (2, 200))

OF_CLASSES = {
    "new_faces_confusion": lambda n: new_faces.there_and_at_home(
        {title: np.array(made_up_metrics(n)["confusion"]) for title in ("at home", "there")}, CLASSES[n]),
    "class_counts": lambda n: eda.class_counts(made_up_counts(n)),
    "faces_by_class": lambda n: eda.faces_by_class(made_up_faces(n)),
    "mean_faces": lambda n: eda.mean_faces(made_up_faces(n)),
    "pixel_distributions": lambda n: eda.pixel_distributions(made_up_faces(n)),
    "surprising_labels": lambda n: eda.surprising_labels(made_up_faces(n).images[:16], captions(n)),
    "mixed_faces": lambda n: further.mixed(
        made_up_faces(n).images[:6], (0.6 * np.eye(n) + 0.4 * np.roll(np.eye(n), 1, 0))[np.arange(6) % n], CLASSES[n]),
    "stratification": lambda n: preprocessing.stratification(
        np.random.default_rng(0).normal(size=(50, n)), np.zeros(n), CLASSES[n]),
    "dropout_logits": lambda n: model.dropout_logits(
        {name: np.random.default_rng(k).normal(k, 1, 400) for k, name in enumerate(CLASSES[n])}),
    "evaluation_scores": lambda n: evaluation.scores(made_up_metrics(n), BASELINES),
    "evaluation_classes": lambda n: evaluation.classes(made_up_metrics(n)),
    "evaluation_calibration": lambda n: evaluation.calibration(
        scores.reliability(made_up_answers(n)[1], made_up_answers(n)[0]), 0.054),
    "evaluation_mistakes": lambda n: evaluation.mistakes(
        made_up_faces(n).images, (made_up_answers(n)[0] + 1) % n, made_up_answers(n)[1], CLASSES[n]),
    "evaluation_probabilities": lambda n: bars(evaluation.probability_bars, n, 6),
    "evaluation_no_faces": lambda n: bars(evaluation.no_faces, n, 3),
    "evaluation_saliency": evidence,
    "named_faces": in_a_photograph,
    "channel_weights": gates,
}
OTHERS = {
    "evaluation_silence": lambda: silent(3, 2),
    "evaluation_temperature": lambda: tempered(3),
    "accuracy_floor": lambda: floor(3),
    "architecture": lambda: model.architecture(7),
    "one_batch": lambda: model.overfit_curve([1.2 / step for step in range(1, 41)], 7),
    "conflicting_labels": lambda: eda.conflicting_labels(made_up_faces(3).images[:6], captions(3, 6)),
    "conflicting_labels, none": lambda: eda.conflicting_labels(np.empty((0, 48, 48)), [], "No image has two labels."),
    "scaling": lambda: preprocessing.scaling(made_up_faces(3).images[0]),
    "size_of_validation": sizes,
    "flip_and_rotation": lambda: preprocessing.flip_and_rotation(
        rows_of_noise(["as it is", "mirrored"], 5), ["-10°", "-5°", "0°", "5°", "10°"]),
    "one_face_many_times": lambda: preprocessing.one_face_many_times(
        rows_of_noise(["1 to 10", "11 to 20", "21 to 30"], 10)),
    "batch_trap": lambda: preprocessing.batch_trap(rows_of_noise(["original", "torchvision", "this course"], 8)),
    "same_distribution": lambda: preprocessing.same_distribution(
        dict(zip(["torchvision", "batched"], ANGLES, strict=True)),
        {"torchvision": made_up_faces(3).images[0], "batched": made_up_faces(3).images[1]}, 10),
    "activation_functions": model.activation_functions,
    "parameters_and_work": lambda: model.parameters_and_work(made_up_layers()),
    "batch_norm": lambda: model.batch_norm(
        {name: np.random.default_rng(k).normal(k, 1, (32, 4, 8, 8)) for k, name in enumerate(
            ["after convolution", "after ReLU", "after batch norm"])}),
    "first_filters": lambda: model.first_filters(
        np.random.default_rng(0).normal(size=(8, 1, 3, 3)), np.random.default_rng(0).random((8, 48, 48)),
        made_up_faces(3).images[0]),
    "compared_curves": lambda: training.compared_curves(
        {f"fer2013: PosterCNN-{k}a2b3c4d": made_up_history(1 + k % 2) for k in range(5)}),
    "training_curves": lambda: training.training_curves(made_up_history(5), poster_log()),
    "training_curves, one seed": lambda: training.training_curves(made_up_history(1, 2)),
    "best_accuracies": lambda: training.best_accuracies(
        pd.DataFrame({"seed": range(5), "val_acc": [0.786, 0.787, 0.780, 0.787, 0.794]}), 4853, 0.7923),
    "best_accuracies, one seed": lambda: training.best_accuracies(
        pd.DataFrame({"seed": [0], "val_acc": [0.786]}), 450),
    "loss_difference": lambda: training.loss_difference(made_up_history(5), poster_log()),
    "evaluation_silence, one group": lambda: silent(3, 1),
    "techniques_curves": lambda: curves(3),
    "techniques_curves, one seed": lambda: curves(1),
    "techniques_differences": lambda: techniques.differences(
        {"augmentation": technique(3, [0.005, 0.052]), "batch normalisation": technique(3, [-0.007, 0.069]),
         "dropout": technique(1, None)}),
    "techniques_grid": lambda: grid(2),
    "techniques_grid, one seed": lambda: grid(1),
    "residual_block": beyond.residual_block,
    "attention_compared": networks,
    "beyond_ladder": lambda: beyond.ladder(made_up_ladder()),
    "beyond_scores": final,
    "further_tried": lambda: further.tried({name: technique(1, [0.001, 0.009]) for name in (
        "pieces of other faces", "taught by the reference", "twice as long", "wider")}),
    "speed_steps": lambda: speed.waterfall(made_up_steps()),
    "speed_profile": profiled,
    "time_to_accuracy": sprints,
    "fixed_budget": lambda: speed.fixed_budget(
        {0: 0.837, 1: 0.833, 2: 0.832, 3: 0.834, 4: 0.831}, 3965, [0.830, 0.836], 0.82244),
    "ablations": left_out,
    "named_faces, none": lambda: in_a_photograph(3, 0),
    "named_faces, many": lambda: in_a_photograph(3, 10),
    "new_faces_under_shifts": lambda: new_faces.under_shifts(shifted_scores(0.789), sure_under_shifts()),
    "new_faces_networks": lambda: new_faces.networks_under_shifts(
        {name: shifted_scores(level) for name, level in (
            ("PosterCNN", 0.79), ("FastCNN as it is", 0.8), ("FastCNN both", 0.81), ("AttentionCNN", 0.86),
            ("AttentionCNN-robust", 0.84))}),
    "new_faces_bought": lambda: new_faces.bought(
        {title: {name: technique(3, [0.005, 0.052]) for name in ("light and sharpness", "standardised", "both")}
         for title in ("On the images as they are", "Mean over all shifts")}),
    "new_faces_calibration": there_too,
    "new_faces_learnt": lambda: new_faces.learnt_there(
        {"the last layer": [0.6, 0.62, 0.63], "all layers": [0.7, 0.75, 0.76], "a fresh start": [0.4, 0.5, 0.5]}, 0.61),
    "shifts_of_a_face": lambda: new_faces.shifts_of_a_face(
        made_up_faces(3).images[0], {name: made_up_faces(3).images[:3] for name in SHIFTS}),
}
EVERY = OTHERS | {
    f"{name}, {n} classes": lambda draw=draw, n=n: draw(n) for name, draw in OF_CLASSES.items() for n in (2, 5, 7)}

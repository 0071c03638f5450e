"""The figures of a run drawn again from what it keeps: metrics, histories, predictions and shipped weights.

`python reports/figures/build.py RUN`, or `fer figures RUN`, writes them into reports/<RUN>/figures/.
"""

import argparse
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_utils import CourseError, brief
from fer_utils.data import Faces, load_faces, split
from fer_utils.evaluation import apply_temperature, clean_part, predict, reliability, risk_coverage
from fer_utils.figures import beyond, eda, evaluation, further, model, new_faces, speed, techniques, training, use_style
from fer_utils.models import build_model, layer_table
from fer_utils.runs import Run
from fer_utils.support.files import read_json
from fer_utils.support.published import poster_log
from fer_utils.support.schema import USAGES
from fer_utils.tools.cli import ended
from fer_utils.weights import WEIGHTS, pretrained

METRICS = ("data", "training", "evaluation", "techniques", "beyond", "speed", "time_to_accuracy", "new_faces",
           "further", "peak")


class Missing(LookupError):
    """What a figure needs and the run does not keep."""


class Kept:
    """What a run keeps: raises Missing, or KeyError for a metric, where a figure asks for more than that.

    data: where the faces are, as for `load_faces`; they are taken where they are the run's.
    """

    def __init__(self, run: Run, data: str = "auto"):
        self.data = data
        self.run, self.known = run, run.read()
        self.metrics = {name: run.read_metrics(name) or {} for name in METRICS}

    def chosen(self, name: str, key: str) -> tuple[str, dict]:
        """Name and entry of the training that run.json calls `key`, or of the only one in metrics/<name>.json."""
        entries = {training: entry for training, entry in self.metrics[name].items() if training != "baselines"}
        training = self.known.get(key) or (list(entries)[0] if len(entries) == 1 else "an entry of its training")
        return training, entries[training]

    @property
    def trained(self) -> dict:
        return self.chosen("training", "training")[1]

    @property
    def evaluated(self) -> dict:
        return self.chosen("evaluation", "evaluated")[1]

    @property
    def classes(self) -> list[str]:
        return self.known.get("classes") or list(self.evaluated["per_class"])

    @property
    def poster_best(self) -> float | None:
        """The poster's best accuracy, where the run is on the poster's data."""
        return self.trained.get("poster", {}).get("best_val_acc")

    @property
    def history(self) -> pd.DataFrame:
        name, found = self.chosen("training", "training")
        try:
            return pd.concat([self.run.training(name).history(seed) for seed in found["seeds"]])
        except (CourseError, ValueError) as error:
            raise Missing("the run does not keep the histories of its trainings") from error

    @property
    def answers(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels and probabilities of the test images."""
        name, found = self.chosen("evaluation", "evaluated")
        kept = self.run.read_predictions(name, found["chosen_seed"])
        if kept is None:
            raise Missing(f"metrics/predictions/{name}-seed{found['chosen_seed']}.csv does not hold the images that it "
                          "was scored on")
        return kept

    @property
    def clean(self) -> np.ndarray:
        """Which test images are free of leaks, bool (N,)."""
        path = self.run.path / "metrics" / "test_images.csv"
        return pd.read_csv(path)["clean"].to_numpy() if path.is_file() else clean_part(self.faces)

    @cached_property
    def faces(self) -> Faces:
        with suppress(CourseError):
            faces = load_faces(self.data, self.classes, verbose=False)
            if faces.fingerprint == self.known["fingerprint"]:
                return faces
        raise Missing(f"the run's faces are not at hand: let FER_DATA name {self.known['source']}")


def redraw(run: Run, log: Callable[[str], None] = print) -> None:
    """Draw every figure again that the run's folder allows, and say of each that it was, or why it was not.

    Raises CourseError where there is no such run.
    """
    if not run.read():
        raise CourseError(f"There is no run {run.path.name}: make it by `fer run --run {run.path.name}`.")
    use_style()
    kept = Kept(run)
    for name in FIGURES:
        try:
            figure = draw(kept, name)
            run.save_figure(figure, name)
            plt.close(figure)
            log(f"{name}: drawn")
        except Missing as reason:
            log(f"{name}: left as it is, since {reason}")
    others = {path.stem for path in run.path.glob("figures/*.svg")} - FIGURES.keys()
    log(f"Left to their notebooks: {', '.join(sorted(others)) or 'none'}")


def draw(kept: Kept, name: str) -> Figure:
    """Draw the figure of this name in FIGURES; raises Missing with the reason where the run keeps too little for it."""
    try:
        return FIGURES[name](kept)
    except KeyError as missing:
        raise Missing(f"the run's metrics do not hold {missing}") from missing
    except (CourseError, Missing):
        raise
    except (ArithmeticError, AttributeError, IndexError, TypeError, ValueError) as error:
        files = ", ".join(path.name for path in sorted(kept.run.path.glob("metrics/*.json")))
        raise Missing(f"run.json or one of {files} is damaged there ({brief(error)})") from error


def class_counts(kept: Kept) -> Figure:
    counts = pd.DataFrame(kept.known["counts"])
    return eda.class_counts(counts.reindex(kept.classes)[[usage for usage in USAGES if usage in counts]])


def accuracy_floor(kept: Kept) -> Figure:
    found = pd.DataFrame(kept.metrics["data"]["floor"]).T
    found["low"], found["high"] = zip(*found["accuracy_ci"], strict=True)
    return eda.accuracy_floor(found, kept.poster_best)


def training_curves(kept: Kept) -> Figure:
    return training.training_curves(kept.history, poster_log() if kept.poster_best else None)


def best_accuracies(kept: Kept) -> Figure:
    best = pd.DataFrame({"seed": kept.trained["seeds"], "val_acc": kept.trained["best_val_acc"]})
    return training.best_accuracies(best, kept.trained["val_size"], kept.poster_best)


def loss_difference(kept: Kept) -> Figure:
    if not kept.poster_best:
        raise Missing("the poster says nothing of these data")
    return training.loss_difference(kept.history, poster_log())


def scores(kept: Kept) -> Figure:
    baselines = kept.metrics["evaluation"]["baselines"]
    return evaluation.scores(kept.evaluated, baselines, f"{kept.evaluated['scored_on']} images")


def calibration(kept: Kept) -> Figure:
    labels, probabilities = kept.answers
    return evaluation.calibration(reliability(probabilities, labels), kept.evaluated["ece"])


def temperature(kept: Kept) -> Figure:
    labels, probabilities = kept.answers
    tempered, found = apply_temperature(probabilities, kept.evaluated["temperature"]), kept.evaluated
    tables = {"as trained": reliability(probabilities, labels), "with its temperature": reliability(tempered, labels)}
    return evaluation.temperature(tables, dict(zip(tables, (found["uncalibrated"], found["calibrated"]), strict=True)))


def silence(kept: Kept) -> Figure:
    labels, probabilities = kept.answers
    tempered, own = apply_temperature(probabilities, kept.evaluated["temperature"]), kept.evaluated["selective"]
    curves, answered = {"all test images": risk_coverage(tempered, labels)}, {"all test images": own}
    if "clean" in own:
        curves["without leaked images"] = risk_coverage(tempered[kept.clean], labels[kept.clean])
        answered["without leaked images"] = own["clean"]
    return evaluation.silence(curves, answered, own["allowed_risk"])


def attention_compared(kept: Kept) -> Figure:
    found, paired = pd.DataFrame(kept.metrics["beyond"]["compared"]).T, kept.metrics["beyond"]["paired"]
    found = found.sort_values(["multiply_adds", "epochs"])
    order = list(found.index)
    pairs = sorted(paired, key=lambda pair: [order.index(name) for name in pair.split(" over ")])
    return beyond.compared(found["val_acc_per_seed"].to_dict(), found["multiply_adds"] * found["epochs"] / 1e6,
                           {pair.replace(" over ", " over\n"): paired[pair] for pair in pairs})


def beyond_scores(kept: Kept) -> Figure:
    found = kept.metrics["beyond"]["test"]
    test = {name: found[name] for name in ("PosterCNN", "AttentionCNN", "ensemble") if name in found}
    public = kept.metrics["evaluation"]["baselines"].get("best_public_result")
    return beyond.final_scores(test, {"best public result": public["accuracy"]} if public else {})


def further_tried(kept: Kept) -> Figure:
    return further.tried({name: one["paired"] for name, one in kept.metrics["further"]["tried"].items()})


def further_scores(kept: Kept) -> Figure:
    public = kept.metrics["evaluation"].get("baselines", {}).get("best_public_result")
    return beyond.final_scores(kept.metrics["further"]["test"],
                               {"best public result": public["accuracy"]} if public else {})


def channel_weights(kept: Kept) -> Figure:
    """The gates of the shipped network, on at most 200 validation images of each class."""
    if read_json(WEIGHTS / "AttentionCNN.json")["data"] != kept.known["fingerprint"]:
        raise Missing("the shipped AttentionCNN has learnt from other faces")
    val, network, found = split(kept.faces).val, pretrained("AttentionCNN"), []
    gates = [layer.scale_activation for layer in network.modules() if hasattr(layer, "scale_activation")]
    for gate in gates:
        gate.register_forward_hook(lambda gate, inputs, weights: found.append(weights.flatten(1).mean(0).numpy()))
    for k in range(len(val.classes)):
        predict(network, val.images[val.labels == k][:200], batch_size=200)
    of_block = {block: found[block - 1 :: len(gates)] for block in (1, 4, 7)}  # a weight for each channel, by class
    return beyond.channel_weights({f"Block {block}": pd.DataFrame(dict(zip(val.classes, means, strict=True)))
                                   for block, means in of_block.items()})


def speed_steps(kept: Kept) -> Figure:
    rates = pd.DataFrame({step["step"]: step["repeats"] for step in kept.metrics["speed"]["steps"]})
    table = rates.agg(["median", "min", "max"]).T.set_axis(["images_per_s", "low", "high"], axis=1)
    table["seconds"] = 1000 / table["images_per_s"]
    return speed.waterfall(table.assign(saved=-table["seconds"].diff()).reset_index(names="step"))


def speed_profile(kept: Kept) -> Figure:
    times = pd.Series(kept.metrics["speed"]["profile_ms"])[[*speed.KINDS, "the rest"]]
    return speed.profile(times, kept.metrics["speed"].get("profile_batches", 10))  # 10 before the number was kept


def fixed_budget(kept: Kept) -> Figure:
    found = kept.metrics["time_to_accuracy"]["budget"]
    return speed.fixed_budget(dict(zip(found["seeds"], found["accuracy_per_seed"], strict=True)),
                              found["per_seed"][0]["n"], found["mean_ci"], found["best_public_result"])


def ablations(kept: Kept) -> Figure:
    found = pd.DataFrame(kept.metrics["time_to_accuracy"]["ablations"]["without"])
    return speed.ablations(found.astype({"low": float, "high": float}))  # None where one seed gives no interval


def under_shifts(kept: Kept) -> Figure:
    found = kept.metrics["new_faces"]
    return new_faces.under_shifts(found["on_validation"], found["confidence"])


def bought(kept: Kept) -> Figure:
    found, names = kept.metrics["new_faces"]["bought"], ("light and sharpness", "standardised", "both")
    titles = ("On the images as they are", "Mean over all shifts")
    return new_faces.bought({title: {name: found[title][name] for name in names} for title in titles})


def learnt_there(kept: Kept) -> Figure:
    found = kept.metrics["new_faces"]["other"]
    ways = ("the last layer", "all layers", "a fresh start")
    return new_faces.learnt_there({way: found["learnt"][way] for way in ways}, found["accuracy"])


def there_and_at_home(kept: Kept) -> Figure:
    found = {"at home": kept.evaluated, "there": kept.metrics["new_faces"]["other"]}
    return new_faces.there_and_at_home({name: np.array(one["confusion"]) for name, one in found.items()}, kept.classes)


def calibration_there(kept: Kept) -> Figure:
    found = kept.metrics["new_faces"]["other"]
    tables = {name: pd.DataFrame(table) for name, table in found["reliability"].items()}
    return new_faces.calibration_there(tables, found["calibration"])


def needs_histories(kept: Kept) -> Figure:
    raise Missing("the metrics do not hold the histories that it shows")


FIGURES: dict[str, Callable[[Kept], Figure]] = {
    "class_counts": class_counts,
    "mean_faces": lambda kept: eda.mean_faces(kept.faces.train),
    "pixel_distributions": lambda kept: eda.pixel_distributions(kept.faces.train),
    "accuracy_floor": accuracy_floor,
    "architecture": lambda kept: model.architecture(len(kept.classes)),
    "parameters_and_work": lambda kept: model.parameters_and_work(
        layer_table(build_model("PosterCNN", len(kept.classes)))),
    "activation_functions": lambda kept: model.activation_functions(),
    "training_curves": training_curves,
    "best_accuracies": best_accuracies,
    "loss_difference": loss_difference,
    "evaluation_scores": scores,
    "evaluation_classes": lambda kept: evaluation.classes(kept.evaluated, kept.classes),
    "evaluation_calibration": calibration,
    "evaluation_temperature": temperature,
    "evaluation_silence": silence,
    "techniques_curves": needs_histories,
    "techniques_differences": lambda kept: techniques.differences(kept.metrics["techniques"]["removed"]),
    "techniques_grid": lambda kept: techniques.learning_grid(pd.DataFrame(kept.metrics["techniques"]["grid"])),
    "residual_block": lambda kept: beyond.residual_block(),
    "channel_weights": channel_weights,
    "attention_compared": attention_compared,
    "beyond_ladder": lambda kept: beyond.ladder(pd.DataFrame(kept.metrics["beyond"]["ladder"])),
    "beyond_scores": beyond_scores,
    "speed_steps": speed_steps,
    "speed_profile": speed_profile,
    "time_to_accuracy": needs_histories,
    "fixed_budget": fixed_budget,
    "ablations": ablations,
    "new_faces_under_shifts": under_shifts,
    "new_faces_bought": bought,
    "new_faces_networks": lambda kept: new_faces.networks_under_shifts(kept.metrics["new_faces"]["networks"]),
    "new_faces_confusion": there_and_at_home,
    "new_faces_calibration": calibration_there,
    "new_faces_learnt": learnt_there,
    "further_tried": further_tried,
    "further_scores": further_scores,
}


def main(arguments: list[str] | None = None) -> None:
    """Draw the figures that the command line asks for."""
    parser = argparse.ArgumentParser(description="Draw a run's figures again, as far as it allows.")
    parser.add_argument("run", metavar="RUN", help="the run's name")
    options = parser.parse_args(arguments)
    redraw(Run.open(options.run))


if __name__ == "__main__":
    sys.exit(ended(main))

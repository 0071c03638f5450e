"""What `reports/verify.py` computes again from what a run keeps: a function for each kind of evidence.

A check yields a Compared for each value that it computed again, with the function that computed it first, and an
Unknown for what it cannot; where it can do nothing at all it raises Missing.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from fer_utils.evaluation import (
    answered,
    apply_temperature,
    baselines,
    calibration,
    evaluate,
    mcnemar,
    over_seeds,
    paired_seeds,
    share,
    wilson,
)
from fer_utils.lessons import training_name
from fer_utils.models import MODELS, build_model, count_parameters, dropout_of, layer_table
from fer_utils.recipes import RECIPES, NamedRecipe
from fer_utils.runs import Run
from fer_utils.shifts import paired_means, shift_scores
from fer_utils.speed import reference_loop
from fer_utils.support.published import poster_log
from fer_utils.support.run_tables import read_shifted
from fer_utils.training import Recipe
from reports.evidence import Compared, Evidence, Unknown, compare


def test_images(e: Evidence) -> Iterator[Compared]:
    """The labels in every file of predictions, and the counts in run.json."""
    labels, source = e.test.labels_or_unknown().tolist(), "metrics/test_images.csv"
    for path in sorted(e.run.path.glob("metrics/predictions/*.csv")):
        stored, where = pd.read_csv(path)["label"].tolist(), f"metrics/predictions/{path.name}"
        yield Compared(f"{where}/number of images", len(stored), len(labels), source)
        pairs = enumerate(zip(stored, labels, strict=False))
        yield from (Compared(f"{where}/label of image {i}", a, b, source) for i, (a, b) in pairs if a != b)
    yield from compare(source, "run.json/counts", e.known["counts"], e.test.counts().to_dict())


def evaluation(e: Evidence) -> Iterator[Compared | Unknown]:
    """The scores of notebook 05."""
    labels = e.test.labels
    for name, stored in e.scored().items():
        yield Compared(f"evaluation/{name}/scored_on", stored["scored_on"], "test", "the labels of its predictions")
        answers = [e.predictions(name, seed) for seed in stored["seeds"]]
        chosen = answers[stored["seeds"].index(stored["chosen_seed"])]
        tempered, threshold = apply_temperature(chosen, stored["temperature"]), stored["selective"]["threshold"]
        again = evaluate(e.test, chosen, e.clean)
        again["uncalibrated"] = calibration(chosen, labels, e.clean)
        again["calibrated"] = calibration(tempered, labels, e.clean)
        again["selective"] = answered(tempered, labels, threshold)
        again["selective"]["clean"] = answered(tempered[e.clean], labels[e.clean], threshold)
        source = f"metrics/predictions/{name}-seed{stored['chosen_seed']}.csv"
        yield from compare(source, f"evaluation/{name}", stored, again)
        accuracies = [float((one.argmax(1) == labels).mean()) for one in answers]
        source = f"metrics/predictions/{name}-seed*.csv"
        yield from compare(source, f"evaluation/{name}", stored, over_seeds(accuracies))
        yield Unknown(f"evaluation/{name}/temperature", "fitted on validation images, whose predictions are not kept")
        yield Unknown(f"evaluation/{name}/*threshold", "set on validation images, whose predictions are not kept")


def beside_them(e: Evidence) -> Iterator[Compared]:
    """The baselines of notebook 05."""
    stored = e.metrics["evaluation"].get("baselines")
    if stored and e.scored():
        again = baselines(e.train, e.test, published=e.train.join(e.test).are_posters)
        yield from compare("the labels and their counts", "evaluation/baselines", stored, again)


def final_networks(e: Evidence) -> Iterator[Compared | Unknown]:
    """The test scores of notebook 07."""
    beyond = e.metrics["beyond"]
    if not beyond.get("test"):
        return
    seeds, poster, answers = beyond["final"]["seeds"], beyond["poster_training"], {}
    clean = e.clean_of_all if beyond["final"]["seven_expressions"] else e.clean
    if e.run.read_predictions(poster, beyond["poster_seed"]):
        answers["PosterCNN"] = e.predictions(poster, beyond["poster_seed"])
    else:
        for where in ("beyond/test/PosterCNN/*", "beyond/against_PosterCNN/*"):
            yield Unknown(where, "notebook 07 trained this PosterCNN itself and kept no predictions of it")
    answers["AttentionCNN"] = e.predictions("AttentionCNN", seeds[0])
    if "ensemble" in beyond["test"]:
        answers["ensemble"] = e.predictions("AttentionCNN-ensemble", seeds[0])
        yield of_members(f"AttentionCNN-ensemble-seed{seeds[0]}", answers["ensemble"],
                         [e.predictions("AttentionCNN", seed) for seed in seeds])
    for name, one in answers.items():
        again = evaluate(e.test, one, clean)
        yield from compare(f"predictions of {name}", f"beyond/test/{name}", beyond["test"].get(name), again)
    right = {name: one.argmax(1) == e.test.labels for name, one in answers.items()}
    for name in beyond["against_PosterCNN"] if "PosterCNN" in right else ():
        again = rivals(right["PosterCNN"], right[name], clean)
        yield from compare(f"predictions of {name} and PosterCNN", f"beyond/against_PosterCNN/{name}",
                           beyond["against_PosterCNN"][name], again)


def further(e: Evidence) -> Iterator[Compared | Unknown]:
    """The test scores of notebook 11, and those on all expressions, which lie in a run inside this one."""
    found = e.metrics["further"]
    if not found.get("test"):
        return
    seeds, clean, source = found["seeds"], e.clean, "metrics/predictions/further-*.csv"
    trained = {name: len(one["accuracy_per_seed"]) for name, one in found["over_seeds"].items()}
    seeds_of = {name: seeds[: trained.get(name, 1)] for name in found["test"]}
    answers = {name: [e.predictions(f"further-{name}", seed) for seed in own] for name, own in seeds_of.items()}
    yield of_members(f"further-together-seed{seeds[0]}", answers["together"][0],
                     [one for name in found["members"] for one in answers[name]])
    if found["all_expressions"]:
        inside = Evidence(Run(e.run.path / "all"), e.data)
        yield from on_all_expressions(inside, found, seeds_of)
        clean = inside.clean[np.isin(inside.test.labels, [inside.classes.index(name) for name in e.classes])]
    for name, stored in found["test"].items():
        yield from compare(source, f"further/test/{name}", stored, evaluate(e.test, answers[name][0], clean))
    right = {name: [one.argmax(1) == e.test.labels for one in of_seeds] for name, of_seeds in answers.items()}
    for name, stored in found["over_seeds"].items():
        again = over_seeds([float(one.mean()) for one in right[name]])
        yield from compare(source, f"further/over_seeds/{name}", stored, again)
    for name, stored in found["against"].items():
        again = rivals(right[found["rival"]][0], right[name][0], clean)
        yield from compare(source, f"further/against/{name}", stored, again)
    yield from counted_shifts(e, "further/shifts", found["shifts"], "further-")


def on_all_expressions(inside: Evidence, found: dict, seeds_of: dict[str, list[int]]) -> Iterator[Compared]:
    """The scores of notebook 11's networks on every expression, in the run inside the run."""
    labels, usage, source = inside.test.labels, inside.test.usage, "all/metrics/predictions"
    right = {}
    for network, stored in found["all_expressions"].items():
        answers = [inside.predictions(f"further-{network}", seed) for seed in seeds_of[network]]
        right[network], together = ([one.argmax(1) == labels for one in answers],
                                    np.mean(answers, axis=0).argmax(1) == labels)
        again = {part: share(right[network][0][usage == part]) | {"together": share(together[usage == part])}
                 | over_seeds([float(one[usage == part].mean()) for one in right[network]]) for part in stored}
        yield from compare(source, f"further/all_expressions/{network}", stored, again)
    private = usage == "PrivateTest" if "PrivateTest" in usage else np.ones(len(usage), bool)
    again = {name: share(right["WideCNN"][0][private & (labels == k)]) for k, name in enumerate(inside.classes)}
    yield from compare(source, "further/recall_of_all", found["recall_of_all"], again)


def of_members(name: str, together: np.ndarray, members: list[np.ndarray]) -> Compared:
    """How far the answers of an ensemble are from the mean of its members'."""
    return Compared(f"metrics/predictions/{name}.csv/farthest from its members' mean",
                    float(np.abs(np.mean(members, axis=0) - together).max()), 0.0, "predictions of its members", 1e-6)


def rivals(a: np.ndarray, b: np.ndarray, clean: np.ndarray) -> dict:
    """Network b against a, by which images they name rightly, on all of them and on those without leaks."""
    return {"all": mcnemar(a, b), "clean": mcnemar(a[clean], b[clean])}


def fixed_budget(e: Evidence) -> Iterator[Compared]:
    """The test scores of notebook 08."""
    stored = e.metrics["time_to_accuracy"].get("budget") or {}
    if stored.get("scored_on") != "test":
        return
    scores = [evaluate(e.test, e.predictions("FastCNN", seed), e.clean) for seed in stored["seeds"]]
    clean = over_seeds([one["clean"]["accuracy"] for one in scores])
    again = over_seeds([one["accuracy"] for one in scores]) | {
        "n": len(scores), "clean": clean | {"n": len(scores), "images": scores[0]["clean"]["n"]},
        "per_seed": [{key: one[key] for key in ("n", "accuracy", "accuracy_ci", "clean")} for one in scores]}
    yield from compare("metrics/predictions/FastCNN-seed*.csv", "time_to_accuracy/budget", stored, again)


def under_shifts(e: Evidence) -> Iterator[Compared | Unknown]:
    """The scores of notebook 09 under shifts, from the classes that each network named."""
    stored = e.metrics["new_faces"]
    yield Unknown("new_faces/other/*", "the other collection is no part of the run")
    if stored.get("scored_on") != "test":
        return
    yield from counted_shifts(e, "new_faces", stored)


def counted_shifts(e: Evidence, where: str, stored: dict, prefix: str = "") -> Iterator[Compared]:
    """The scores under shifts, counted again from the classes that each network named there."""
    named = {name: read_shifted(e.run.shifted(prefix + name)) for name in stored["networks"]}
    for name, one in stored["networks"].items():
        labels, said = named[name]
        source = f"metrics/shifts/{e.run.shifted(prefix + name).name}"
        yield from compare("metrics/test_images.csv", f"{source}/labels", labels.tolist(),
                           e.test.labels[: len(labels)].tolist())
        yield from compare(source, f"{where}/networks/{name}", one, shift_scores(said, labels))
    for name, one in stored["against"].items():
        again = paired_means(named[stored["reference"]][1], named[name][1], named[name][0])
        yield from compare("metrics/shifts/*.csv", f"{where}/against/{name}", one, again)


def histories(e: Evidence) -> Iterator[Compared | Unknown]:
    """What notebook 04 says of each training, and 05 of its validation scores."""
    for name, stored in e.metrics["training"].items():
        kept = [e.run.new_training(name).history(seed) for seed in stored["seeds"]]
        if any(history is None for history in kept):
            yield Unknown(f"training/{name}/*", f"the run keeps no histories in trainings/{name}")
            yield Unknown(f"evaluation/{name}/val_acc_per_seed/*", f"the run keeps no histories in trainings/{name}")
            continue
        asked, history = e.run.training(name).asked(), pd.concat(kept)
        best = pd.DataFrame([one[one["saved"]].iloc[-1] for one in kept])
        reached = over_seeds(best["val_acc"].tolist())
        source = f"trainings/{name}/seed*.csv"
        yield from compare(source, f"training/{name}", stored, {
            "seeds": best["seed"].tolist(), "best_val_acc": best["val_acc"].tolist(),
            "best_epoch": best["epoch"].tolist(), "mean": reached["mean"], "std": reached["std"],
            "final_train_loss": history.groupby("seed")["train_loss"].last().tolist(),
            "seconds_per_epoch": history["seconds"].median()})
        yield from compare(source, f"training/{name}", stored, beside_the_poster(stored, history, reached))
        yield from compare(f"trainings/{name}/recipe.json", f"training/{name}", stored, {
            "train_size": asked["train"]["n"], "val_size": asked["val"]["n"], "epochs": asked["recipe"]["epochs"],
            "model": asked["model"], "recipe": asked["recipe"]})
        scores = e.metrics["evaluation"].get(name)
        if scores:
            accuracies = [one[one["saved"]]["val_acc"].iloc[-1] for one in kept]
            yield from compare(source, f"evaluation/{name}", scores, {
                "val_acc_per_seed": accuracies, "chosen_seed": stored["seeds"][int(np.argmax(accuracies))]})


def beside_the_poster(stored: dict, history: pd.DataFrame, reached: dict) -> dict:
    """What notebook 04 says of a training beside the poster's; empty where the poster is not about these data."""
    if "poster" not in stored:
        return {}
    poster = poster_log()
    gap = history.groupby("epoch")["train_loss"].mean() - poster.set_index("epoch")["train_loss"]
    again = {"best_val_acc": poster["val_acc"].max(), "largest_train_loss_gap": gap.abs().max()}
    if reached["std"]:
        again["distance_in_std"] = (poster["val_acc"].max() - reached["mean"]) / reached["std"]
    return {"poster": again}


def best_of(e: Evidence, asked: NamedRecipe, loop: str = "course") -> dict[int, float]:
    """The best validation accuracy under each seed of the training that was asked so; empty where it is not kept."""
    dropout = dropout_of(build_model(asked.model, dropout=asked.dropout))
    wanted = {"model": asked.model, "dropout": dropout, "recipe": asdict(asked.recipe), "loop": loop}
    for training in e.trainings():
        kept = training.asked()
        if kept["val"] and wanted.items() <= kept.items():
            histories = {seed: training.history(seed) for seed in training.seeds()}
            return {seed: float(one[one["saved"]]["val_acc"].iloc[-1]) for seed, one in histories.items()}
    return {}


def of_techniques(e: Evidence) -> Iterator[Compared]:
    """Validation scores of notebook 06, from the histories of its trainings."""
    stored = e.metrics["techniques"]
    whole = RECIPES["poster"]._replace(recipe=Recipe(epochs=stored.get("epochs", 20)))
    still = replace(whole.recipe, flip=False, degrees=0.0)
    without = {"augmentation": whole._replace(recipe=still), "dropout": whole._replace(dropout=0.0),
               "batch normalisation": whole._replace(model="PosterCNN-no-batch-norm")}
    for name, one in stored.get("removed", {}).items():
        for key, asked in (("accuracy_with", whole), ("accuracy_without", without[name])):
            best = best_of(e, asked)
            if best:
                again = {key: [best.get(seed) for seed in one["seeds"]]}
                yield from compare("trainings/*/seed*.csv", f"techniques/removed/{name}", one, again)
    for i, one in enumerate(stored.get("grid", [])):
        recipe = replace(whole.recipe, batch_size=one["batch_size"], learning_rate=one["learning_rate"])
        best = best_of(e, whole._replace(recipe=recipe))
        if best:
            again = {"val_acc": best.get(one["seed"])}
            yield from compare("trainings/*/seed*.csv", f"techniques/grid/{i}", one, again)


VARIANTS = {"as it is": ("", 0.0), "light and sharpness": ("", 1.0), "standardised": ("-standardised", 0.0),
            "both": ("-standardised", 1.0)}
"""The ways in which notebook 09 trains FastCNN: what its name ends in, and the recipe's photometric strength."""


def of_networks(e: Evidence) -> Iterator[Compared]:
    """Validation scores of notebooks 07 to 09, from the histories of those trainings that have chosen an epoch."""
    beyond, source = e.metrics["beyond"], "trainings/*/seed*.csv"
    precision = e.known.get("parameters", {}).get("07_beyond_the_poster", {}).get("precision", "auto")
    for name, one in beyond.get("compared", {}).items():
        recipe = replace(RECIPES["attention"].recipe, epochs=one["epochs"], erase=0.0, precision=precision)
        model = name.removesuffix(", equal work")
        best = best_of(e, RECIPES["attention"]._replace(model=model, recipe=recipe))
        if best:
            again = {"val_acc_per_seed": [best.get(seed) for seed in beyond["seeds"]]}
            yield from compare(source, f"beyond/compared/{name}", one, again)
    shifted = e.metrics["new_faces"]
    for name, accuracies in shifted.get("clean_per_seed", {}).items():
        standardised, photometric = VARIANTS[name]
        recipe = replace(RECIPES["fast"].recipe, epochs=shifted["epochs"], photometric=photometric)
        best = best_of(e, RECIPES["fast"]._replace(model=f"FastCNN{standardised}", recipe=recipe))
        if best:
            again = {name: [best.get(seed) for seed in shifted["seeds"]]}
            yield from compare(source, "new_faces/clean_per_seed", {name: accuracies}, again)
    slow = e.metrics["time_to_accuracy"].get("reference")
    if slow:
        recipe = replace(RECIPES["poster"].recipe, epochs=slow["epochs"], precision="float32")
        loop = reference_loop(workers=0).name
        best = list(best_of(e, RECIPES["poster"]._replace(recipe=recipe), loop).values())
        if best:
            yield from compare(source, "time_to_accuracy/reference", slow, {"val_acc_per_seed": best})


class Printed(NamedTuple):
    """In the place of the faces that a training had: their fingerprint is all that names it."""

    fingerprint: str


def recipes(e: Evidence) -> Iterator[Compared | Unknown]:
    """The name of each training, which is a hash of what was asked, and the size of its network."""
    for training in e.trainings():
        asked, where = training.asked(), f"trainings/{training.name}/recipe.json"
        if asked["model"] not in MODELS:
            yield Unknown(where, f"{asked['model']} is a network of a reader's own, and no file of a run is executed")
            continue
        model = build_model(asked["model"], len(asked["classes"]), asked["dropout"])
        train, val = (Printed(asked[part]["fingerprint"]) if asked[part] else None for part in ("train", "val"))
        name = training_name(model, train, val, Recipe(**asked["recipe"]), asked["precision"], asked["loop"],
                             asked.get("teacher"))
        again = {"name": name, "training": name, "parameters": count_parameters(model)}
        yield from compare("what recipe.json asks for", where, asked | {"name": training.name}, again)


def networks(e: Evidence) -> Iterator[Compared]:
    """The sizes of the networks that notebook 07 compares."""
    for name, stored in e.metrics["beyond"].get("compared", {}).items():
        model = build_model(name.removesuffix(", equal work"), len(e.classes))
        work = float(layer_table(model)["multiply-adds"].sum())
        again = {"parameters": count_parameters(model), "multiply_adds": work}
        yield from compare("the network", f"beyond/compared/{name}", stored, again)


def counted(paired: dict) -> dict:
    """McNemar's numbers from the counts of images that one of the two names rightly alone."""
    image = np.arange(paired["n"])  # the first ones are named rightly by a alone, the last ones by b alone
    again = mcnemar(image < paired["only_a"], image >= paired["n"] - paired["only_b"])
    return {key: again[key] for key in ("n", "difference", "difference_ci", "p_value")}


def pairs(e: Evidence) -> Iterator[Compared]:
    """Differences and intervals of notebooks 06, 07, 09 and 11, from the accuracies and counts that they compare."""
    shifted = e.metrics["new_faces"]
    for title, entries in shifted.get("bought", {}).items():
        values = shifted["clean_per_seed" if "as they are" in title else "under_shifts_per_seed"]
        for name, stored in entries.items():
            again = paired_seeds(values["as it is"], values[name])
            yield from compare("the accuracies beside it", f"new_faces/bought/{title}/{name}", stored, again)
    for name, stored in e.metrics["techniques"].get("removed", {}).items():
        a, b = stored["accuracy_without"], stored["accuracy_with"]
        again = paired_seeds(a, b) | {"gaps": np.subtract(b, a).tolist()}
        yield from compare("the accuracies beside it", f"techniques/removed/{name}", stored, again)
    for group in ("tried", "for_long"):
        for name, stored in e.metrics["further"].get(group, {}).items():
            again = counted(stored["paired"])
            yield from compare("the counts beside it", f"further/{group}/{name}/paired", stored["paired"], again)
    beyond = e.metrics["beyond"]
    for name, stored in beyond.get("paired", {}).items():
        b, a = (beyond["compared"][one]["val_acc_per_seed"] for one in name.split(" over "))
        yield from compare("the accuracies beside it", f"beyond/paired/{name}", stored, paired_seeds(a, b))
    for i, step in enumerate(beyond.get("ladder", [])):
        n = beyond["n_val"]
        low, high = wilson(round(step["accuracy"] * n), n)
        yield from compare("the accuracy beside it", f"beyond/ladder/{i}", step, {"low": low, "high": high})
        if step["paired"]:
            yield from compare("the counts beside it", f"beyond/ladder/{i}/paired", step["paired"],
                               counted(step["paired"]))


def speed(e: Evidence) -> Iterator[Compared]:
    """Medians and ratios of notebook 08, from the measurements beside them."""
    stored = e.metrics["speed"]
    if not stored:
        return
    rates = {one["step"]: np.array(one["repeats"]) for one in stored["steps"]}
    medians = {step: float(np.median(rate)) for step, rate in rates.items()}
    reference, course = stored["steps"][0]["step"], stored["steps"][-2]["step"]
    again = {"steps": [{"images_per_s": median} for median in medians.values()],
             "both_references": {reference: rates[reference].tolist()},
             "by_round": {f"course_over_{name}": (rates[course] / rates[step]).tolist()
                          for name, step in (("reference", reference), ("limit", "limit"))}}
    for name, step in (("reference", reference), ("limit", "limit"), ("course", course)):
        again[f"{name}_images_per_s"] = medians[step]
        again[f"course_over_{name}"] = medians[course] / medians[step]
    del again["course_over_course"]
    yield from compare("the measurements beside it", "speed", stored, again)
    layers = pd.DataFrame(e.metrics["peak"].get("layers", []))
    if len(layers):
        seconds = {name: (layers["work"] / layers[name]).sum() for name in ("product", "reached")}
        again = {"gflops": {name: layers["work"].sum() / total for name, total in seconds.items()},
                 "images_per_s": {name: RECIPES["poster"].recipe.batch_size / total for name, total in seconds.items()}}
        yield from compare("the measurements beside it", "peak", e.metrics["peak"], again)


def time_to_accuracy(e: Evidence) -> Iterator[Compared]:
    """Medians, ratios and differences of notebook 08, from the trainings beside them."""
    timed = e.metrics["time_to_accuracy"]
    again = {group: {name: of_sprints(one) for name, one in timed.get(group, {}).items()}
             for group in ("targets", "adamw")}
    if timed.get("budget"):
        again["budget"] = {"median_seconds": float(np.median(timed["budget"]["seconds_per_seed"]))}
    slow, whole = timed.get("reference"), timed.get("ablations") or {}
    if slow:
        median = float(np.median(slow["seconds_per_seed"]))
        again["reference"] = {"accuracy": float(np.mean(slow["val_acc_per_seed"])), "median_seconds": median,
                              "ratio": median / slow["sprint"]["median_seconds"],
                              "n": len(slow["seconds_per_seed"]), "sprint": of_sprints(slow["sprint"])}
    without = []
    for accuracies in (one["accuracy_per_seed"] for one in whole.get("without", [])):
        found = paired_seeds(whole["whole"], accuracies)
        low, high = found["difference_ci"] or (None, None)
        without.append({"difference": found["difference"], "low": low, "high": high,
                        "differences": np.subtract(accuracies, whole["whole"]).tolist()})
    again["ablations"] = {"without": without}
    yield from compare("the trainings beside it", "time_to_accuracy", timed, again)


def of_sprints(stored: dict) -> dict:
    """What follows from the accuracies and seconds of trainings that aim at one target."""
    accuracies, seconds = stored["accuracy_per_seed"], stored["seconds_per_seed"]
    return {"n": len(accuracies), "median_accuracy": float(np.median(accuracies)),
            "median_seconds": float(np.median(seconds)), "reached": sum(one >= stored["target"] for one in accuracies)}

"""A run's metrics as rows of tables, for README.md, the site, the tests, and the run's own README.md.

`python reports/results.py RUN` writes reports/<RUN>/README.md. Every number comes from the run's metrics/ and run.json.
The course's own README.md repeats the rows of `summary`; a test compares them.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from functools import wraps
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fer_utils import CourseError, count
from fer_utils.evaluation import COMPARISON, EFFECT, verdict, wilson
from fer_utils.runs import Run
from fer_utils.support.files import reading, write_text
from fer_utils.support.published import HUMAN_ACCURACY, HUMAN_ACCURACY_HALF_WIDTH
from fer_utils.support.sources import EMBEDDED
from fer_utils.tools.cli import ended

AGAINST = ("better", "worse", "not distinguishable")
"""The words of `verdict` on one network's difference from another."""
NOTE = ("After ± stands the standard deviation over the seeds, in brackets the 95 % interval: Wilson's for a share of "
        "images, the t interval for a mean over pairs of seeds, or over images for a mean over shifts, Bonett and "
        "Price's for two networks on the same test.")


class Row(NamedTuple):
    """One line of a table, in plain text; n counts images, `others` is what somebody else has reached."""

    what: str
    n: int | None
    result: str
    others: str = "–"


def reads(*names: str):
    """Say which files a function of `Found` depends on: a sentence names them where one is damaged."""

    def decorate(function):
        @wraps(function)
        def checked(found: "Found"):
            with reading(*(found.path / name for name in names)):
                made = function(found)
                for row in made or ():
                    if isinstance(row, Row):
                        format(row.n or 0, ",")  # raises where it is no number
                return made

        return checked

    return decorate


class Section(NamedTuple):
    """A table with its title and a sentence that says what it shows."""

    title: str
    about: str
    rows: list[Row]


class Found(NamedTuple):
    """What a run has found, empty where it has not.

    path: the run's folder; run: run.json; trainings: all by name. Of the training that counts are `asked` (its
    recipe.json), `stopped` (epochs done by seed, where there are fewer than asked), `training` (metrics of notebook
    04) and `scores` (of 05).
    """

    path: Path
    run: dict
    asked: dict
    stopped: dict
    trainings: dict
    training: dict
    scores: dict
    baselines: dict
    floor: dict
    techniques: dict
    beyond: dict
    speed: dict
    timed: dict
    new_faces: dict
    further: dict
    peak: dict


def counting(run: Run) -> str | None:
    """The name of the training that counts: the one that notebook 05 evaluated, else 04 made last; None without any."""
    known = run.read()
    return known.get("evaluated") or known.get("training") or next(iter(run.read_metrics("training") or {}), None)


def read(run: Run) -> Found:
    """The run's metrics, of whichever notebooks have written theirs."""
    names = ("data", "training", "evaluation", "techniques", "beyond", "speed", "time_to_accuracy",
             "new_faces", "further", "peak")
    data, training, evaluation, *later = (run.read_metrics(name) or {} for name in names)
    baselines = evaluation.pop("baselines", {})
    with reading(run.path / "run.json", run.path / "metrics" / "training.json"):
        name = counting(run)
        kept = run.new_training(name) if name else None
    asked = kept.asked() if kept else {}
    epochs = {seed: len(kept.history(seed)) for seed in kept.seeds()} if asked else {}
    with reading(run.path / "trainings" / str(name) / "recipe.json"):
        stopped = {seed: done for seed, done in epochs.items() if done < asked["recipe"]["epochs"]}
    return Found(run.path, run.read(), asked, stopped, training, training.get(name, {}), evaluation.get(name, {}),
                 baselines, data.get("floor", {}), *later)


def summary(found: Found) -> list[Row]:
    """At most seven rows for a first page: the run beside the poster, the baselines, the best public result, people."""
    rehearsed = found.run.get("drawn")  # on drawn faces notebooks 07 to 11 train for an epoch or two
    deepest = (further_networks(found) or final_networks(found))[-1:]
    further = [] if rehearsed else [*fast(found), *deepest, *holding_out(found)]
    first, over_seeds = [*best_validation(found), *test_accuracy(found)[:1]], test_accuracy(found)[1:]
    rest = [*majority(found), *further, *people(found)]
    return [*first, *(over_seeds if len(rest) < 5 else []), *rest]


def sections(found: Found) -> list[Section]:
    """All tables in the order of the notebooks, but for those without rows."""
    made = [
        Section("Without a network", "What guessing by one simple rule reaches on training images (notebook 01).",
                floor(found)),
        Section("Accuracy", "What the network reaches (notebooks 04 and 05).",
                [*best_validation(found), *test_accuracy(found), *in_detail(found), *majority(found),
                 *published(found), *people(found)]),
        Section("All trainings", "Best validation accuracy of each training of this run (notebook 04).",
                trainings(found)),
        Section("Class by class", "The share of each class's images that is named right (notebook 05).",
                recalls(found)),
        Section("Confidence", "How far the probabilities can be believed (notebook 05).", confidence(found)),
        Section("What each technique adds", "Best validation accuracy, with the technique minus without (notebook 06).",
                techniques(found)),
        Section("Batch size and learning rate", "Best validation accuracy, mean and each seed (notebook 06).",
                grid(found)),
        Section("Deeper networks, and attention", "Best validation accuracy, one network minus the other "
                "(notebook 07).", networks(found)),
        Section("Step by step to the final network", "Validation accuracy after each added technique, and what it "
                "added under the first seed (notebook 07).", ladder(found)),
        Section("The final network", "Test images (notebook 07).",
                [*final_networks(found), *against_poster_cnn(found)]),
        Section("Speed", "Medians, in seconds of training (notebook 08).",
                [*throughput(found), *machine(found), *time_to_accuracy(found), *fast(found), *ablations(found)]),
        Section("New faces", "The same test images under 14 shifts of the picture, each in three severities; what an "
                "augmentation adds on validation images; and another collection (notebook 09).",
                [*under_shifts(found), *bought(found), *elsewhere(found)]),
        Section("Further", "Validation accuracy of one training each, against the reference beside it; test images, "
                "from the views of a face that were best on validation, and from one under shifts; and all expressions "
                "(notebook 11).",
                [*tried(found), *further_networks(found), *against_rival(found), *all_expressions(found),
                 *further_under_shifts(found)]),
    ]
    return [section for section in made if section.rows]


@reads("metrics/training.json")
def best_validation(found: Found) -> list[Row]:
    training = found.training
    if not training:
        return []
    poster = training.get("poster")
    others = f"{poster['best_val_acc']}, the poster's one training" if poster else "–"
    return [Row(f"best validation accuracy, {count(len(training['seeds']), 'seed')}", training["val_size"],
                reached(training), others)]


@reads("metrics/training.json")
def trainings(found: Found) -> list[Row]:
    if len(found.trainings) < 2:
        return []
    return [Row(f"{name}, {count(one['epochs'], 'epoch')}, {count(len(one['seeds']), 'seed')}", one["val_size"],
                reached(one)) for name, one in found.trainings.items()]


@reads("metrics/evaluation.json")
def test_accuracy(found: Found) -> list[Row]:
    scores = found.scores
    if not scores:
        return []
    part, n, seeds = scores["scored_on"], scores["n"], len(scores["seeds"])
    base = found.baselines.get("class_competition")
    others = f"{base['accuracy']}, the class competition's baseline" if base else "–"
    rows = [Row(f"{part} accuracy, the seed chosen on {scores['chosen_on']}", n, score(scores), others)]
    return rows + ([Row(f"{part} accuracy, {count(seeds, 'seed')}", n, spread(scores))] if seeds > 1 else [])


@reads("metrics/evaluation.json")
def in_detail(found: Found) -> list[Row]:
    scores = found.scores
    parts = {"clean": "without leaked images", "public": "on the public part", "private": "on the private part"}
    rows = [Row(f"the chosen seed {what}", scores[part]["n"], score(scores[part]))
            for part, what in parts.items() if part in scores]
    return rows + ([Row("macro-F1 of the chosen seed", scores["n"], f"{scores['macro_f1']:.4f}")] if scores else [])


@reads("metrics/evaluation.json")
def majority(found: Found) -> list[Row]:
    always = found.baselines.get("majority")
    return [Row(f"always {always['class']}, the most frequent class", always["n"], score(always))] if always else []


@reads("metrics/evaluation.json")
def published(found: Found) -> list[Row]:
    names = {"class_competition": "the class competition's baseline",
             "best_public_result": "the best public result on these images"}
    return [Row(what, found.baselines[name]["n"], "–", str(found.baselines[name]["accuracy"]))
            for name, what in names.items() if name in found.baselines]


@reads("metrics/evaluation.json")
def people(found: Found) -> list[Row]:
    if "best_public_result" not in found.baselines:  # these are not FER2013's test images
        return []
    return [Row("people, on FER2013's seven classes", None, "–", f"{HUMAN_ACCURACY} ± {HUMAN_ACCURACY_HALF_WIDTH}")]


@reads("metrics/data.json")
def floor(found: Found) -> list[Row]:
    return [Row(rule, guess["n"], score(guess)) for rule, guess in found.floor.items()]


@reads("metrics/evaluation.json")
def recalls(found: Found) -> list[Row]:
    return [Row(name, own["n"], share(own["recall"], own["recall_ci"]))
            for name, own in found.scores.get("per_class", {}).items()]


@reads("metrics/evaluation.json")
def confidence(found: Found) -> list[Row]:
    scores = found.scores
    if "calibrated" not in scores:
        return []
    n, cured, told = scores["n"], scores["calibrated"], scores["selective"]
    wrong = f", {percent(1 - told['accuracy'], 1)} of these wrongly" if told.get("accuracy") is not None else ""
    return [
        Row("expected calibration error, as trained", n, f"{scores['ece']:.3f}"),
        Row(f"the same at temperature {scores['temperature']:.2f}, fitted on validation", n, f"{cured['ece']:.3f}"),
        Row("what a perfectly calibrated network would show", n, f"{cured['ece_if_calibrated']['mean']:.3f}"),
        Row(f"answered, where validation sets the threshold for {percent(told['allowed_risk'])} errors", n,
            percent(told["coverage"]) + wrong),
    ]


def card(found: Found) -> list[Row]:
    """What the model card says of the training that was evaluated."""
    of_classes = [row._replace(what=f"recall of {row.what}") for row in recalls(found)]
    return [*test_accuracy(found), *in_detail(found), *of_classes, *confidence(found)]


@reads("metrics/techniques.json", "metrics/training.json")
def techniques(found: Found) -> list[Row]:
    n = found.training.get("val_size")
    return [Row(f"{name}, {count(one['n'], 'pair')} of seeds", n, effect(one))
            for name, one in found.techniques.get("removed", {}).items()]


@reads("metrics/techniques.json", "metrics/training.json")
def grid(found: Found) -> list[Row]:
    trainings = pd.DataFrame(found.techniques.get("grid", []))
    if trainings.empty:
        return []
    return [Row(f"batch size {size}, learning rate {rate:g}", found.training.get("val_size"),
                f"{reached.mean():.4f} (seeds: {', '.join(f'{one:.4f}' for one in reached)})")
            for (size, rate), reached in trainings.groupby(["batch_size", "learning_rate"])["val_acc"]]


@reads("metrics/beyond.json")
def networks(found: Found) -> list[Row]:
    rows = []
    for pair, one in found.beyond.get("paired", {}).items():
        epochs = found.beyond["compared"][pair.split(" over ")[0]]["epochs"]
        rows.append(Row(f"{pair}, {count(epochs, 'epoch')}, {count(one['n'], 'pair')} of seeds", found.beyond["n_val"],
                        effect(one, AGAINST)))
    return rows


@reads("metrics/beyond.json")
def ladder(found: Found) -> list[Row]:
    rows = []
    for step in found.beyond.get("ladder", []):
        epochs = f"{count(step['epochs'], 'epoch')}, " if "epochs" in step else ""
        result = share(step["accuracy"], [step["low"], step["high"]])
        result += f"; {effect(step['paired'])}" if step["paired"] else ""
        rows.append(Row(f"{step['step']} ({epochs}{count(found.beyond['ladder_seeds'], 'seed')})",
                        found.beyond["n_val"], result + ("" if step["kept"] else ", taken back")))
    return rows


@reads("metrics/beyond.json")
def final_networks(found: Found) -> list[Row]:
    scores, final = found.beyond.get("test", {}), found.beyond.get("final", {})
    names = [name for name in scores if name not in ("PosterCNN", "ensemble")]
    rows = [Row(f"test accuracy, {name}, one training of {duration(final['seconds'][0])}", scores[name]["n"],
                score(scores[name])) for name in names]
    if "ensemble" in scores:
        rows.append(Row(f"test accuracy, the mean of {len(final['seeds'])} trainings of {names[0]}",
                        scores["ensemble"]["n"], score(scores["ensemble"])))
    return rows


@reads("metrics/beyond.json")
def against_poster_cnn(found: Found) -> list[Row]:
    against = found.beyond.get("against_PosterCNN")
    if not against:
        return []
    poster = f"PosterCNN ({found.beyond['test']['PosterCNN']['accuracy']:.4f})"
    parts = {"all": "on the same images", "clean": "on those without leaks"}
    return [Row(f"{name} over {poster}, {parts[part]}", one["n"], effect(one, AGAINST))
            for name, compared in against.items() for part, one in compared.items()]


@reads("metrics/speed.json", "metrics/training.json")
def throughput(found: Found) -> list[Row]:
    speed = found.speed
    if not speed:
        return []
    ours, pil, limit = (speed[f"{name}_images_per_s"] for name in ("course", "reference", "limit"))
    rows = [Row("the course's loop against a DataLoader of PIL images", None,
                f"{ours / pil:.2f} times as fast ({ours:,.0f} and {pil:,.0f} images/s)"),
            Row("the course's loop against images augmented beforehand", None, f"{ours / limit:.2f} times as fast")]
    narrow = speed.get("bfloat16_minus_float32")
    return rows + ([Row(f"best validation accuracy, bfloat16 minus float32, {count(narrow['n'], 'pair')} of seeds",
                        found.training.get("val_size"), effect(narrow))] if narrow else [])


@reads("metrics/peak.json")
def machine(found: Found) -> list[Row]:
    if not found.peak:
        return []
    products, loop = found.peak["images_per_s"]["product"], found.peak["course_images_per_s"]
    return [Row("the course's loop against the processor's own matrix products of the same shapes", None,
                f"{loop / products:.2f} of the speed ({loop:,.0f} and {products:,.0f} images/s)")]


@reads("metrics/time_to_accuracy.json", "metrics/training.json")
def time_to_accuracy(found: Found) -> list[Row]:
    n, timed = found.training.get("val_size"), found.timed
    rows = [Row(f"validation accuracy {one['target']}, {name}: {recipe(one)}", n,
                f"{one['median_seconds']:.0f} s, reached by {one['reached']} of {count(one['n'], 'seed')}")
            for group in ("targets", "adamw") for name, one in timed.get(group, {}).items()]
    slow = timed.get("reference")
    if slow:
        quick = slow["sprint"]
        rows.append(Row(f"the PIL loop and the poster's recipe up to their best epoch, {count(slow['n'], 'seed')}", n,
                        f"{slow['accuracy']:.4f} in {slow['median_seconds']:.0f} s"))
        rows.append(Row(f"{recipe(quick)} beside them, {count(quick['n'], 'seed')}", n,
                        f"{quick['median_accuracy']:.4f} in {quick['median_seconds']:.0f} s, "
                        f"{slow['ratio']:.1f} times as fast"))
    return rows


@reads("metrics/time_to_accuracy.json", "metrics/evaluation.json")
def fast(found: Found) -> list[Row]:
    budget = found.timed.get("budget")
    if not budget:
        return []
    best = found.baselines.get("best_public_result")
    return [Row(f"{budget['scored_on']} accuracy, recipe “fast-muon” on all {budget['trained_on']:,} training images, "
                f"{budget['median_seconds']:.0f} s, {count(budget['n'], 'seed')}", budget["per_seed"][0]["n"],
                spread(budget), f"{best['accuracy']}, the best public result" if best else "–")]


@reads("metrics/time_to_accuracy.json", "metrics/training.json")
def ablations(found: Found) -> list[Row]:
    whole = found.timed.get("ablations") or {}
    rows = []
    for part in whole.get("without", []):
        ends = None if part["low"] is None else [part["low"], part["high"]]
        rows.append(Row(f"{recipe(whole)}, without {part['part']}, {count(whole['n'], 'pair')} of seeds",
                        found.training.get("val_size"),
                        effect({"difference": part["difference"], "difference_ci": ends})))
    return rows


@reads("metrics/new_faces.json")
def under_shifts(found: Found) -> list[Row]:
    rows, part = [], found.new_faces.get("scored_on")
    for name, one in found.new_faces.get("networks", {}).items():
        rows += [Row(f"{part} accuracy, {name}", one["n"], score(one)),
                 Row(f"the same, mean over all shifts, {name}", one["n"], share(one["mean"], one["mean_ci"]))]
    reference = found.new_faces.get("reference")
    return rows + [Row(f"mean over all shifts, {name} over {reference}", one["n"], effect(one, AGAINST))
                   for name, one in found.new_faces.get("against", {}).items()]


@reads("metrics/new_faces.json")
def holding_out(found: Found) -> list[Row]:
    """The network with the highest mean over shifts, beside the one that the others are compared with."""
    networks, reference = found.new_faces.get("networks", {}), found.new_faces.get("reference")
    if not networks:
        return []
    best = max(networks, key=lambda name: networks[name]["mean"])
    one, other = networks[best], networks[reference]
    what = f"{found.new_faces['scored_on']} accuracy, mean over {len(one['by_shift'])} shifts of the picture, {best}"
    return [Row(what, one["n"], share(one["mean"], one["mean_ci"]), f"{other['mean']:.4f}, {reference}")]


@reads("metrics/new_faces.json", "metrics/training.json")
def bought(found: Found) -> list[Row]:
    sizes = {"On the images as they are": found.training.get("val_size")}  # the others are of a part of these
    return [Row(f"FastCNN, {name}, {title[0].lower()}{title[1:]}, {count(one['n'], 'pair')} of seeds",
                sizes.get(title, found.new_faces["n_val"]), effect(one))
            for title, entries in found.new_faces.get("bought", {}).items() for name, one in entries.items()]


@reads("metrics/new_faces.json")
def elsewhere(found: Found) -> list[Row]:
    other = found.new_faces.get("other")
    if not other:
        return []
    network = found.new_faces["network"]
    recalls = [Row(f"its recall of {name} there", one["n"], share(one["recall"], one["recall_ci"]))
               for name, one in other["per_class"].items()]
    drawn = ", drawn faces" if other["source"] in EMBEDDED else ""
    what = f"accuracy of {network} on another collection, {other['source']}{drawn}"
    return [Row(what, other["n"], score(other)), *recalls]


@reads("metrics/further.json")
def tried(found: Found) -> list[Row]:
    n, first = found.further.get("n_val"), found.further.get("reference")
    if not first:
        return []
    rows = [Row(f"the reference, AttentionCNN, {count(first['epochs'], 'epoch')}", n, score(first))]
    rows += [Row(f"{name}, {count(one['epochs'], 'epoch')}", n, f"{score(one)}; {effect(one['paired'])}")
             for name, one in found.further["tried"].items()]
    for name, one in found.further["for_long"].items():
        gain = "" if name == "no CutMix" else f"; {effect(one['paired'])} over no CutMix"
        rows.append(Row(f"all expressions, {name}, {count(one['epochs'], 'epoch')}", n, score(one) + gain))
    return rows


@reads("metrics/further.json")
def further_networks(found: Found) -> list[Row]:
    finals = found.further.get("finals", {})
    rows = []
    for name, one in found.further.get("test", {}).items():
        if name in finals:
            seeds, made = found.further["over_seeds"][name], finals[name]
            trained = f"a training of {duration(made['seconds'])} on {made['trained_on']}"
            rows.append(Row(f"test accuracy, {name}, the first seed, {trained}", one["n"], score(one)))
            if len(seeds["accuracy_per_seed"]) > 1:
                rows.append(Row(f"test accuracy, {name}, {seeds_of(seeds)}", one["n"], spread(seeds)))
    if "together" in found.further.get("test", {}):
        networks = sum(len(found.further["over_seeds"][name]["accuracy_per_seed"]) if name in finals else 1
                       for name in found.further["members"])
        one = found.further["test"]["together"]
        rows.append(Row(f"test accuracy, together, the mean of {count(networks, 'network')}", one["n"], score(one)))
    return rows


def seeds_of(trainings: dict) -> str:
    return count(len(trainings["accuracy_per_seed"]), "seed")


@reads("metrics/further.json")
def against_rival(found: Found) -> list[Row]:
    compared = {name: one["all"] for name, one in found.further.get("against", {}).items()}
    return [Row(f"{name} over {found.further['rival']}, on the same images", one["n"], effect(one, AGAINST))
            for name, one in compared.items()]


@reads("metrics/further.json")
def all_expressions(found: Found) -> list[Row]:
    rows = []
    for name, usages in found.further.get("all_expressions", {}).items():
        for usage, one in usages.items():
            told = {"the first seed": score(one)}
            if len(one["accuracy_per_seed"]) > 1:
                told |= {seeds_of(one): spread(one), "together": score(one["together"])}
            rows += [Row(f"accuracy on all expressions, {name}, {which}, {usage}", one["n"], result)
                     for which, result in told.items()]
    return rows


@reads("metrics/further.json")
def further_under_shifts(found: Found) -> list[Row]:
    shifts = found.further.get("shifts") or {}
    rows = [Row(f"mean accuracy of {name} under 42 shifts", one["n"], share(one["mean"], one["mean_ci"]))
            for name, one in shifts.get("networks", {}).items()]
    return rows + [Row(f"{name} over {shifts['reference']} there", one["n"], effect(one, AGAINST))
                   for name, one in shifts.get("against", {}).items()]


def share(value: float, ends: Sequence[float]) -> str:
    """A share of images with its interval: 0.7786 (0.7654 to 0.7912)."""
    return f"{value:.4f} ({ends[0]:.4f} to {ends[1]:.4f})"


def score(scores: dict) -> str:
    return share(scores["accuracy"], scores["accuracy_ci"])


def spread(trainings: dict) -> str:
    """The mean over the seeds, with its standard deviation where there are several."""
    return f"{trainings['mean']:.4f}" + (f" ± {trainings['std']:.4f}" if trainings["std"] is not None else "")


def reached(training: dict) -> str:
    """The best validation accuracy: mean and standard deviation of several seeds, or one seed's with its interval."""
    n, mean = training["val_size"], training["mean"]
    return spread(training) if training["std"] is not None else share(mean, wilson(round(mean * n), n))


def effect(found: dict, words: Sequence[str] = EFFECT) -> str:
    """A difference in percentage points, its interval, and what that shows: +0.9 points (+0.3 to +1.6), helped."""
    ends = found["difference_ci"]
    interval = f" ({100 * ends[0]:+.1f} to {100 * ends[1]:+.1f})" if ends else ""
    return f"{100 * found['difference']:+.1f} points{interval}, {verdict(ends, words=words)}"


def recipe(found: dict) -> str:
    return f"recipe “{found['recipe']}”, {count(found['epochs'], 'epoch')}"


def percent(value: float, digits: int = 0) -> str:
    return f"{100 * value:.{digits}f} %"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


@reads("metrics/training.json", "metrics/evaluation.json", "metrics/time_to_accuracy.json")
def statements(found: Found) -> list[str]:
    """What follows from the numbers, one sentence each."""
    said, poster, base = [], found.training.get("poster") or {}, found.baselines
    if "distance_in_std" in poster:
        side = "above" if poster["distance_in_std"] > 0 else "below"
        said.append(f"The poster's best validation accuracy lies {abs(poster['distance_in_std']):.1f} standard "
                    f"deviations {side} the mean of {len(found.training['seeds'])} seeds.")
    if poster:
        said.append(f"The training loss is never further than {poster['largest_train_loss_gap']:.3f} from the "
                    "poster's.")
    if "class_competition" in base and found.scores:
        word = verdict(found.scores["accuracy_ci"], base["class_competition"]["accuracy"], COMPARISON)
        said.append(f"The test accuracy of the chosen seed {word} the class competition's baseline.")
    budget = found.timed.get("budget")
    if "best_public_result" in base and budget:
        word = verdict(budget["mean_ci"], base["best_public_result"]["accuracy"], COMPARISON)
        said.append(f"The mean accuracy of the recipe “fast-muon” {word} the best public result.")
    return said


@reads("run.json", "metrics/training.json")
def images(found: Found) -> str:
    """Which images the run is on, in sentences."""
    counts = {usage: sum(by_class.values()) for usage, by_class in found.run.get("counts", {}).items()}
    training, val = counts.pop("Training", 0), counts.pop("Validation", 0)
    kind = "drawn faces, whose scores say nothing about people" if found.run.get("drawn") else "photographs"
    own = f", {val:,} for validation" if val else ""
    said = f"The images are {kind}: {training:,} for training{own} and {sum(counts.values()):,} for testing."
    if found.training:
        said += (f" {found.training['train_size']:,} of the training images are learnt from, "
                 f"{found.training['val_size']:,} choose the best epoch.")
    return said


@reads("run.json", "metrics/training.json", "trainings/*/recipe.json")
def making(found: Found) -> str:
    """By which recipe and on what the run was computed, in sentences."""
    run, said = found.run, ""
    if found.asked:
        settings = {"dropout": found.asked["dropout"], **found.asked["recipe"]}
        used = [f"{name.replace('_', ' ')} {value}" for name, value in settings.items() if value]  # 0 switches one off
        said = f"{found.asked['model']} with {', '.join(used)}. "
    for seed, done in found.stopped.items():
        said += f"Seed {seed} was stopped after {done} of {found.asked['recipe']['epochs']} epochs. "
    facts = [run.get("processor"), run.get("device"), run.get("precision")]
    if found.training:
        facts.append(f"{found.training['seconds_per_epoch']:.0f} s an epoch")
    facts.append(f"torch {run.get('versions', {}).get('torch')}")
    return said + f"Computed on {', '.join(fact for fact in facts if fact)}."


def escaped(text: str) -> str:
    """Plain text as Markdown that shows just this text: no mark-up, no HTML, one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~&!^@])", r"\\\1", " ".join(str(text).split()))


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table; the column of others where they have reached something."""
    columns = [[escaped(row.what) for row in rows], [f"{row.n:,}" if row.n else "–" for row in rows],
               [escaped(row.result) for row in rows], [escaped(row.others) for row in rows]]
    heads, rules = ["", "n", "result", "others"], [":--", "--:", ":--", ":--"]
    shown = 4 if any(row.others != "–" for row in rows) else 3
    lines = [heads[:shown], rules[:shown], *zip(*columns[:shown], strict=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tables(found: Found) -> str:
    """Every section as Markdown, and what the marks in it mean."""
    parts = [f"## {section.title}\n\n{section.about}\n\n{table(section.rows)}" for section in sections(found)]
    return "\n\n".join([*parts, NOTE])


def report(run: Run) -> str:
    """The run's README.md."""
    found = read(run)
    parts = [f"# Results of the run {escaped(run.path.name)}",
             f"Made by `python reports/results.py {run.path.name}` from [run.json](run.json) and [metrics](metrics).",
             escaped(f"{images(found)} {making(found)}"), escaped(" ".join(statements(found))), tables(found)]
    return "\n\n".join(part for part in parts if part) + "\n"


def write_report(name: str) -> Path:
    """Write reports/<name>/README.md and return its path; CourseError where the run has no metrics."""
    run = Run.open(name)
    if not any(run.path.glob("metrics/*.json")):
        raise CourseError(f"The run {name} has no metrics: make them by `fer run --run {name}`.")
    write_text(run.path / "README.md", report(run))
    return run.path / "README.md"


def main(arguments: list[str] | None = None) -> None:
    """Write the tables of the run that the command line names, and say where they are."""
    parser = argparse.ArgumentParser(description="Write a run's results as tables: reports/<run>/README.md.")
    parser.add_argument("run", metavar="RUN", help="the run's name")
    print(write_report(parser.parse_args(arguments).run))


if __name__ == "__main__":
    sys.exit(ended(main))

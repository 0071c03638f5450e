"""What the notebooks share: code shown from where it runs, claims that are checked, a training done once for all."""

import hashlib
import inspect
import json
import math
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from typing import NamedTuple

import numpy as np
from IPython.display import Markdown, display
from torch import nn

from fer_utils import CourseError, count
from fer_utils.data import DataError, Faces, Split
from fer_utils.figures.training import watching
from fer_utils.models import build_model, count_parameters, describe, dropout_of
from fer_utils.photos import Network
from fer_utils.recipes import RECIPES, NamedRecipe
from fer_utils.runs import Run, Training
from fer_utils.support import checks
from fer_utils.support.checkpoints import digest, load_weights, read_metadata, read_state, save_state, save_training
from fer_utils.support.devices import choose_device, choose_precision, describe_device
from fer_utils.support.files import locked, read_json, reading, remove_leftovers
from fer_utils.support.home import clone
from fer_utils.support.run_tables import belong
from fer_utils.support.saved_figures import show_saved
from fer_utils.support.shown_source import imports_for, scrolling
from fer_utils.training import Recipe, Result, fit


def show_source(thing) -> Markdown:
    """The source of a function or class of the course below the imports that it needs: what is read is what runs, in
    the course and where it is pasted."""
    source = textwrap.dedent(inspect.getsource(thing)).rstrip()
    return Markdown(scrolling("\n".join([*imports_for(source, thing), "\n", source]).lstrip()))


def ok(claim: str, holds: bool, number: object, required: bool = True) -> None:
    """Print a claim with a tick and the number that shows it; AssertionError with both where it does not hold.

    A claim about data or a training that may be the reader's own is not required: a cross takes the tick's place.
    """
    if required and not holds:
        raise AssertionError(f"{claim}: {number}")
    print("✓" if holds else "✗", f"{claim}: {number}")


@contextmanager
def results_to_show(name: str, found: dict, rehearsal: bool) -> Iterator[dict]:
    """What was found here, or in a rehearsal what metrics/<name>.json of the course's own run on FER2013 holds: nothing
    where it is missing in the clone, CourseError where it is damaged, or not as the block expects it."""
    if rehearsal:
        path, advice = clone() / "reports" / "fer2013" / "metrics" / f"{name}.json", "bring it back by git restore"
        with reading(path, advice=advice):
            shown = read_json(path, advice) or {}
            if shown:
                print("On FER2013:")
            yield shown
    else:
        yield found


def show_committed(name: str) -> None:
    """Show a figure of the course's own run on FER2013, or say that it is missing in the clone."""
    drawing = clone() / "reports" / "fer2013" / "figures" / f"{name}.png"
    if drawing.exists():
        display(Markdown("On FER2013, by the course's own run:"))
        show_saved(drawing)
    else:
        print(f"FER2013's figure is missing here: reports/fer2013/figures/{name}.png of the course's clone.")


FEWEST = 8
"""Training images of a class: fewer cannot be split, and the rest cut into five for cross-validation."""


def check_learnable(faces: Faces) -> None:
    """Raise DataError unless there are two classes or more, each with FEWEST labelled training images."""
    labels = faces.train.labels_or_unknown()
    sizes = np.bincount(labels[labels >= 0], minlength=len(faces.classes))
    few = [f"{n} of {name}" for name, n in zip(faces.classes, sizes, strict=True) if n < FEWEST]
    if few:
        raise DataError(f"{faces.source} has too few labelled training images to learn from ({', '.join(few)[:150]}): "
                        f"give at least {FEWEST} of each class, in a part called train, or leave these classes out by "
                        "the parameter classes.")
    if len(sizes) < 2:
        raise DataError(f"{faces.classes[0]} is the only class: a network tells classes apart, so give two or more.")


class Loop(NamedTuple):
    """A training loop by its name; `fit` has the arguments of `training.fit`."""

    name: str
    fit: Callable[..., Result]


COURSE = Loop("course", fit)


def training_name(model: nn.Module, train: Faces, val: Faces | None, recipe: Recipe, precision: str,
                  loop: str = "course", teacher: str | None = None, dropout: float | None = None) -> str:
    """The name of what is asked for, as PosterCNN-1a2b3c4d: equal for trainings that differ in nothing but the seed.

    Its digits are a hash of the network, the loop, what the recipe changes from its defaults, the precision that is
    computed in, the fingerprints of the images to learn from and to choose by, and of a teacher's weights. The dropout
    is in there with the network's layers, or, where no layer has one, as it was given.
    """
    asked = {"network": describe(model), "loop": loop, "recipe": recipe.changes() | {"precision": precision},
             "train": train.fingerprint, "val": val.fingerprint if val else "none"}
    if teacher:
        asked["teacher"] = teacher
    if dropout is not None and dropout_of(model) is None:
        asked["dropout"] = dropout
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    return f"{type(model).__name__}-{digest[:8]}"


def trained(run: Run, parts: Split, asked: NamedRecipe, seed: int = 0, device: str = "auto",
            log: Callable[[str], None] = print, loop: Loop = COURSE, teacher: nn.Module | None = None) -> Result:
    """Train as asked on `parts`, or take it from the run's folder where just that was trained before.

    Its folder keeps, after every epoch (on a GPU every ten seconds), the history, the best weights, and what the next
    epoch depends on: a training that was stopped by hand can be evaluated, and one that was cut in any way goes on.
    Where another process is training the same, this one waits for it.
    """
    seed, unit = checks.seed(seed), choose_device(device)
    model = build_model(asked.model, len(parts.train.classes), asked.dropout, seed)
    precision, dropout = choose_precision(asked.recipe.precision, unit), dropout_of(model, asked.dropout)
    taught_by = digest(teacher) if teacher else None
    name = training_name(model, parts.train, parts.val, asked.recipe, precision, loop.name, taught_by, dropout)
    training = run.new_training(name)
    description = {
        "training": name, "model": asked.model, "dropout": dropout, "classes": parts.train.classes,
        "loop": loop.name, "recipe": asdict(asked.recipe), "precision": precision,
        "parameters": count_parameters(model), "teacher": taught_by,
        "train": {"n": len(parts.train), "fingerprint": parts.train.fingerprint},
        "val": {"n": len(parts.val), "fingerprint": parts.val.fingerprint} if parts.val else None,
        "trained_on": {str(seed): describe_device(unit)}}

    def wait() -> None:
        log(f"{name}, seed {seed}: another process is training it, and this one waits for it.")

    with nullcontext() if is_finished(training, seed) else locked(training.path, f".seed{seed}.lock", wait):
        if is_finished(training, seed):  # maybe meanwhile
            training.state(seed).unlink(missing_ok=True)  # where a kill came between the last weights and this
            log(f"{name}, seed {seed}: trained before in this run, as asked here; read from there.")
            return load_trained(training, seed, device)
        remove_leftovers(training.path)
        training.write_asked(description)
        if teacher:
            loop = Loop(loop.name, partial(loop.fit, teacher=teacher))
        run.record(device=describe_device(unit), precision=precision)
        return _train(training, model, parts, asked.recipe, seed, device, loop, log)


def _train(training: Training, model: nn.Module, parts: Split, recipe: Recipe, seed: int, device: str,
           loop: Loop, log: Callable[[str], None]) -> Result:
    """Train, or go on where an earlier process ended; keep what there is after each epoch, on a GPU at most every ten
    seconds."""
    asked = {"training": training.name, "seed": seed}
    state, kept_at, kept_epoch = read_state(training.state(seed), asked), -math.inf, 0
    what = f"going on after epoch {len(state['rows'])} of" if state else "training now,"
    log(f"{training.name}, seed {seed}: {what} {count(recipe.epochs, 'epoch')} on {len(parts.train):,} images.")

    def keep(result: Result) -> None:
        nonlocal kept_at, kept_epoch
        watch(result)
        if result.trainer.device.type == "cpu" or time.monotonic() > kept_at + 10:
            save_state(training.state(seed), result.trainer, asked)
            best = result.history["epoch"][result.history["saved"]].max()  # NaN, above nothing, where none is saved yet
            save_training(training, seed, result, new_weights=best > kept_epoch)
            kept_at, kept_epoch = time.monotonic(), max(kept_epoch, best)

    with watching(f"{training.name}, seed {seed}", recipe.epochs) as watch:
        result = loop.fit(model, parts.train, parts.val, recipe, seed, device, keep, log, state)
    save_training(training, seed, result)
    if len(result.history) == recipe.epochs:
        training.state(seed).unlink(missing_ok=True)
    return Result(result.model, result.history, recipe, training.name)


def is_finished(training: Training, seed: int) -> bool:
    """Whether this seed was trained to the last epoch of its recipe, and its weights are there."""
    try:
        history, note = training.history(seed), read_metadata(training.weights(seed))
        return bool(training.asked()) and belong(history, note, training.name) and note["finished"] == len(history)
    except CourseError:
        return False


def load_trained(training: Training, seed: int, device: str = "auto") -> Result:
    """The network, history and recipe that a training keeps for this seed, finished or stopped by hand.

    Raises CourseError where there are none, and where its weights are not those of its history.
    """
    with reading(training.path / "recipe.json"):
        asked = training.asked()
        model = build_model(asked["model"], len(asked["classes"]), asked["dropout"])
        recipe = Recipe(**asked["recipe"])
    note, history = load_weights(training.weights(seed), model), training.history(seed)
    if not belong(history, note, training.name):
        raise CourseError(f"The weights of {training.name}, seed {seed}, do not belong to its history seed{seed}.csv: "
                          "train it again as it was asked for, in notebook 04, which goes on where it can.")
    return Result(model.eval().to(choose_device(device)), history, recipe, training.name)


def training_to_judge(run: Run, parts: Split, name: str = "", seed: int = 0, device: str = "auto") -> Training:
    """The training of this name, else the one that notebook 04 made last; where there is none, the poster's recipe.

    Raises CourseError where its epoch was chosen by other images than those of `parts`, or by none.
    """
    name = name or run.read().get("training") or ""
    if not name:
        print("This run has no training yet: the poster's recipe is trained here, as notebook 04 does.")
        name = trained(run, parts, RECIPES["poster"], seed, device).training
        run.record(training=name, seeds=[seed])
    training = run.training(name)
    with reading(training.path / "recipe.json"):
        chosen_by = (training.asked()["val"] or {}).get("fingerprint")
    if chosen_by is None:
        raise CourseError(f"{name} was trained without validation images, by which seed and temperature are chosen: "
                          "name another training, or train one with notebook 04.")
    if chosen_by != parts.val.fingerprint:
        raise CourseError(f"{name} was trained on another split of these faces: give the seed that notebook 04 had.")
    return training


def as_network(run: Run, kept: Training, device: str = "cpu") -> Network:
    """A training as it answers photographs: under the seed that notebook 05 chose, with its temperature and threshold.

    Where 05 has not judged it, the seed with the highest validation accuracy, or the first, without calibration.
    """
    with reading(run.path / "metrics" / "evaluation.json"):
        scores = (run.read_metrics("evaluation") or {}).get(kept.name)
        if scores:
            seed, temperature = scores["chosen_seed"], scores["temperature"]
            threshold = scores["selective"]["threshold"]
        else:
            seed = max(kept.seeds(), key=lambda one: kept.history(one)["val_acc"].max(), default=0)
            temperature, threshold = 1.0, 0.0
    model = load_trained(kept, seed, device).model
    return Network(f"{run.name}/{kept.name}, seed {seed}", model, kept.asked()["classes"], temperature, threshold)


def training_seconds(results: Sequence[Result]) -> float:
    """Seconds of these trainings, each counted once."""
    seconds = {(one.training, one.history["seed"].iloc[0]): one.history["seconds"].sum() for one in results}
    return float(sum(seconds.values()))

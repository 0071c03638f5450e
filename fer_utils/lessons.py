"""What the notebooks share: code shown from where it runs, claims that are checked, a training done once for all."""

import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import NamedTuple

from IPython.display import Markdown

from fer_utils import CourseError
from fer_utils.data import Split
from fer_utils.models import build_model, count_parameters, dropout_of
from fer_utils.recipes import RECIPES, NamedRecipe
from fer_utils.runs import Run, Training
from fer_utils.support.checkpoints import load_weights, read_metadata, save_weights
from fer_utils.support.devices import choose_device, choose_precision, describe_device
from fer_utils.support.drawings import show_saved
from fer_utils.support.home import clone
from fer_utils.training import Recipe, Result, fit, training_name


def show_source(thing) -> Markdown:
    """The source of a function or class of the course, as the notebook's own text: what is read is what runs."""
    return Markdown(f"```python\n{textwrap.dedent(inspect.getsource(thing)).rstrip()}\n```")


def ok(claim: str, holds: bool, number: object, required: bool = True) -> None:
    """Print a claim with a tick and the number that shows it; AssertionError with both where it does not hold.

    A claim about data or a training that may be the reader's own is not required: a cross takes the tick's place.
    """
    if required and not holds:
        raise AssertionError(f"{claim}: {number}")
    print("✓" if holds else "✗", f"{claim}: {number}")


def committed(name: str) -> dict:
    """What metrics/<name>.json of the course's own run on FER2013 holds; empty where it is missing in the clone."""
    return Run(clone() / "reports" / "fer2013").read_metrics(name) or {}


def show_committed(name: str) -> None:
    """Show a figure of the course's own run on FER2013, or say that it is missing in the clone."""
    drawing = clone() / "reports" / "fer2013" / "figures" / f"{name}.png"
    if drawing.exists():
        show_saved(drawing)
    else:
        print(f"FER2013's figure is missing here: reports/fer2013/figures/{name}.png of the course's clone.")


class Loop(NamedTuple):
    """A training loop by its name; `fit` has the arguments of `training.fit`."""

    name: str
    fit: Callable[..., Result]


COURSE = Loop("course", fit)


def trained(run: Run, parts: Split, asked: NamedRecipe, seed: int = 0, device: str = "auto",
            log: Callable[[str], None] = print, loop: Loop = COURSE) -> Result:
    """Train as asked on `parts`, or take it from the run's folder where just that was trained before.

    Its folder keeps the best weights and the history after every epoch, so that a training which was stopped by hand
    can be evaluated too.
    """
    model = build_model(asked.model, len(parts.train.classes), asked.dropout, seed)
    precision = choose_precision(asked.recipe.precision, choose_device(device))
    name = training_name(model, parts.train, parts.val, asked.recipe, precision, loop.name)
    training = run.new_training(name)
    if is_finished(training, seed):
        log(f"{name}, seed {seed}: trained before in this run, as asked here; read from there.")
        return load_trained(training, seed, device)
    log(f"{name}, seed {seed}: training now, {asked.recipe.epochs} epochs on {len(parts.train):,} images.")
    training.write_asked({
        "training": name, "model": asked.model, "dropout": dropout_of(model), "classes": parts.train.classes,
        "loop": loop.name, "recipe": asdict(asked.recipe), "precision": precision,
        "parameters": count_parameters(model),
        "train": {"n": len(parts.train), "fingerprint": parts.train.fingerprint},
        "val": {"n": len(parts.val), "fingerprint": parts.val.fingerprint} if parts.val else None})

    def keep(result: Result) -> None:
        if result.history["saved"].iloc[-1]:
            save_weights(training.weights(seed), result.model, {"training": name, "epoch": len(result.history)})
        training.write_history(seed, result.history)

    result = loop.fit(model, parts.train, parts.val, asked.recipe, seed, device, keep, log)
    run.record(device=describe_device(choose_device(device)), precision=precision)
    return Result(result.model, result.history, asked.recipe, name)


def is_finished(training: Training, seed: int) -> bool:
    """Whether this seed was trained to the last epoch of its recipe, and its best weights are there."""
    history, asked = training.history(seed), training.asked()
    if history is None or not asked or len(history) != asked["recipe"]["epochs"]:
        return False
    try:
        kept = read_metadata(training.weights(seed)).get("epoch")
    except CourseError:
        return False
    return kept == history["epoch"][history["saved"]].max()


def load_trained(training: Training, seed: int, device: str = "auto") -> Result:
    """The network, history and recipe that a training keeps for this seed, finished or stopped by hand."""
    asked = training.asked()
    model = build_model(asked["model"], len(asked["classes"]), asked["dropout"])
    load_weights(training.weights(seed), model)
    model = model.eval().to(choose_device(device))
    return Result(model, training.history(seed), Recipe(**asked["recipe"]), training.name)


def training_to_judge(run: Run, parts: Split, name: str = "", seed: int = 0, device: str = "auto") -> Training:
    """The training of this name, else the one that notebook 04 made last; where there is none, the poster's recipe.

    Raises CourseError where its epoch was chosen by other images than those of `parts`, or by none.
    """
    name = name or run.read().get("training", "")
    if not name:
        print("This run has no training yet: the poster's recipe is trained here, as notebook 04 does.")
        name = trained(run, parts, RECIPES["poster"], seed, device).training
        run.record(training=name, seeds=[seed])
    training = run.training(name)
    asked = training.asked()
    if asked["val"] is None:
        raise CourseError(f"{name} was trained without validation images, by which seed and temperature are chosen: "
                          "name another training, or train one with notebook 04.")
    if asked["val"]["fingerprint"] != parts.val.fingerprint:
        raise CourseError(f"{name} was trained on another split of these faces: give the seed that notebook 04 had.")
    return training


def training_seconds(results: Sequence[Result]) -> float:
    """Seconds of these trainings, each counted once."""
    seconds = {(one.training, one.history["seed"].iloc[0]): one.history["seconds"].sum() for one in results}
    return float(sum(seconds.values()))

"""What `reports/verify.py` computes again where the faces are at hand: their counts, and predictions from weights."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import pandas as pd
from torch import nn

from fer_utils.data import count_flaws, split
from fer_utils.evaluation import clean_part, predict, share
from fer_utils.lessons import load_trained
from fer_utils.models import MODELS, Restricted
from fer_utils.recipes import RECIPES
from fer_utils.runs import Training
from fer_utils.support.files import read_json
from fer_utils.weights import WEIGHTS, pretrained
from reports.evidence import Compared, Evidence, Unknown, compare

FLOAT32, FLOAT16 = 1e-3, 0.02
"""How far a probability may be off that weights give again: a run's own, and the package's, which are halved."""


def package(e: Evidence) -> Iterator[Compared]:
    """The fingerprint of the poster's data, which the cards of the package's weights name too."""
    if e.train.join(e.test).are_posters:
        for card in sorted(WEIGHTS.glob("*.json")):
            yield Compared("run.json/fingerprint", e.known["fingerprint"], read_json(card)["data"], card.name)


def data(e: Evidence) -> Iterator[Compared | Unknown]:
    """Fingerprint, counts and audit of the data that --data names."""
    faces = e.given
    yield Compared("run.json/fingerprint", e.known["fingerprint"], faces.fingerprint, "the data")
    faces = e.faces
    yield from compare("the data", "run.json/counts", e.known["counts"], faces.counts().to_dict())
    clean = faces.without_leaks()
    again = {"audit": count_flaws(faces).to_dict(orient="index"),
             "clean": {"train": len(clean.train), "test": len(clean.test)}}
    if e.metrics["data"]:
        majority = np.bincount(clean.train.labels).argmax()
        yield Unknown("data/floor/*", "a rule that notebook 01 fits, which is not fitted again")
        again["floor"] = {f"always {faces.classes[majority]}": share(clean.train.labels == majority)}
        yield from compare("the data", "data", e.metrics["data"], again)
    path = e.run.path / "metrics" / "test_images.csv"
    if path.is_file():
        again = {"label": faces.test.labels.tolist(), "usage": faces.test.usage.tolist(),
                 "clean": clean_part(faces).tolist()}
        yield from compare("the data", "metrics/test_images.csv", pd.read_csv(path).to_dict("list"), again)
    yield from learnt_from(e)


def learnt_from(e: Evidence) -> Iterator[Compared | Unknown]:
    """The images that each training learnt from and chose by."""
    parts = split(e.faces, seed=e.known.get("parameters", {}).get("04_training", {}).get("seed", 0))
    learnt = {one.fingerprint: one for one in (e.faces.train, parts.train)}
    for training in e.trainings():
        asked, where = training.asked(), f"trainings/{training.name}/recipe.json"
        if training.name in e.metrics["training"]:
            again = {part: {"n": len(faces), "fingerprint": faces.fingerprint}
                     for part, faces in (("train", parts.train), ("val", parts.val))}
            yield from compare("the data and their split", where, asked, again)
        elif asked["train"]["fingerprint"] not in learnt:
            yield Unknown(f"{where}/train", "it has learnt from other images than those of notebook 04")


class Predicted(NamedTuple):
    """A file of predictions and what made it: network and recipe, `way`, how `predict` was asked, `kept` if the run has
    the folder of its training, and what the package would call these weights, if not by the network's name."""

    name: str
    seed: int
    way: dict
    model: str
    recipe: dict
    kept: Training | None
    other_name: str = ""

    @property
    def shipped(self) -> str:
        return self.other_name or self.model


def predicted(e: Evidence) -> Iterator[Predicted]:
    """Every file of predictions of single networks, by notebooks 05, 07, 08 and 11."""
    for name, entry in e.scored().items():
        training = e.run.new_training(name)
        asked = training.asked()
        if asked:
            yield from (Predicted(name, seed, {}, asked["model"], asked["recipe"], training)
                        for seed in entry["seeds"])
    final, budget = e.metrics["beyond"].get("final"), e.metrics["time_to_accuracy"].get("budget")
    if final and e.metrics["beyond"]["test"]:
        kept = trained_so(e, "AttentionCNN", final["recipe"], final["train_size"])
        yield from (Predicted("AttentionCNN", seed, {"flip": final["flip"]}, "AttentionCNN", final["recipe"], kept)
                    for seed in final["seeds"])
    if budget:
        recipe = asdict(RECIPES["fast-muon"].recipe) | {"epochs": budget["epochs"]}
        kept = trained_so(e, "FastCNN", recipe, budget["trained_on"])
        yield from (Predicted("FastCNN", seed, {"flip": True}, "FastCNN", recipe, kept) for seed in budget["seeds"])
    further = e.metrics["further"]
    for name, one in further.get("finals", {}).items() if further.get("test") else ():
        model = one["recipe"]["model"]
        for seed in further["seeds"][: len(further["over_seeds"][name]["accuracy_per_seed"])]:
            kept = trained_so(e, model, one["recipe"], one["train_size"], seed)
            yield Predicted(f"further-{name}", seed, further["way"], model, one["recipe"], kept, name)


def trained_so(e: Evidence, model: str, recipe: dict, n: int, seed: int | None = None) -> Training | None:
    """The run's training of this network by this recipe on n images, with none to choose by; None where not kept.

    Of several, which differ in their teachers, it is the one that knows this seed.
    """
    for training in e.trainings():
        asked = training.asked()
        if asked["model"] == model and asked["val"] is None and asked["train"]["n"] == n:
            if same_recipe(asked["recipe"], recipe) and (seed is None or seed in training.seeds()):
                return training
    return None


def same_recipe(one: dict, other: dict) -> bool:
    """Whether two recipes agree in the settings that both name, but for the precision asked for."""
    return all(one[key] == other[key] for key in (one.keys() & other.keys()) - {"precision", "device", "seed"})


def weights(e: Evidence) -> Iterator[Compared | Unknown]:
    """The probability that differs most where the kept weights predict the test images again, in each file."""
    for one in predicted(e):
        where, name = f"metrics/predictions/{one.name}-seed{one.seed}.csv", f"{one.shipped}.safetensors"
        if one.model not in MODELS:
            yield Unknown(where, f"{one.model} is a network of a reader's own, and no file of a run is executed")
        elif one.kept and one.kept.weights(one.seed).is_file():
            network, classes = load_trained(one.kept, one.seed).model, one.kept.asked()["classes"]
            network = network if classes == e.classes else Restricted(network, [classes.index(c) for c in e.classes])
            yield farthest(e, one, network, where, f"{one.kept.name}/seed{one.seed}.safetensors", FLOAT32)
        elif in_package(e, one):
            yield farthest(e, one, pretrained(one.shipped), where, f"the package's {name}", FLOAT16)
        else:
            yield Unknown(f"{where}, from weights", "these weights are not kept")


def in_package(e: Evidence, one: Predicted) -> bool:
    """Whether the package has the weights of this training."""
    card = read_json(WEIGHTS / f"{one.shipped}.json") or {"data": ""}
    return (card["data"] == e.known["fingerprint"] and card["seed"] == one.seed
            and same_recipe(card["recipe"], one.recipe))


def farthest(e: Evidence, one: Predicted, network: nn.Module, where: str, source: str, tolerance: float) -> Compared:
    """Of all probabilities the one that is farthest from what the network gives."""
    stored, again = e.predictions(one.name, one.seed), predict(network, e.faces.test.images, **one.way)
    image, k = np.unravel_index(np.abs(stored - again).argmax(), stored.shape)
    return Compared(f"{where}/image {image}, {e.classes[k]}", float(stored[image, k]), float(again[image, k]), source,
                    tolerance)

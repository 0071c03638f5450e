"""What the course trained on FER2013: a float16 safetensors file for each network, and its card."""

import copy
from pathlib import Path

from torch import nn

from fer_utils import CourseError
from fer_utils.data import POSTER_CLASSES
from fer_utils.models import build_model
from fer_utils.support.checkpoints import load_weights, read_metadata, save_weights
from fer_utils.support.files import write_json

WEIGHTS = Path(__file__).parent
CARD = ("data", "recipe", "seed", "accuracy", "n", "accuracy_ci", "git_commit")
"""What a card says at least: fingerprint of the data, settings of the training, score on the test images, code."""


def export_weights(name: str, model: nn.Module, card: dict, folder: Path = WEIGHTS) -> Path:
    """Write a trained network as <name>.safetensors, in float16, with its card beside it: half the size, same answers.

    card: at least the keys CARD; `recipe` holds model, dropout and the fields of Recipe. CourseError where one lacks.
    """
    missing = [key for key in CARD if key not in card]
    if missing:
        raise CourseError(f"The card of {name} lacks {', '.join(missing)}: weights are worth nothing without.")
    path = Path(folder) / f"{name}.safetensors"
    save_weights(path, copy.deepcopy(model).half(), {"recipe": card["recipe"], "data": card["data"]})
    write_json(path.with_suffix(".json"), {"model": type(model).__name__, **card})
    return path


def pretrained(name: str, folder: Path = WEIGHTS) -> nn.Module:
    """A network with the weights that the course trained on FER2013, float32 and ready to predict.

    For photographs and for reading; drawn faces are another task. CourseError where there are none of this name.
    """
    path = Path(folder) / f"{name}.safetensors"
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in Path(folder).glob("*.safetensors"))) or "none"
        raise CourseError(f"The course has no trained weights of {name!r} (it has: {there}): choose one, or train it.")
    recipe = read_metadata(path)["recipe"]
    model = build_model(recipe["model"], len(recipe.get("classes", POSTER_CLASSES)), recipe["dropout"])
    load_weights(path, model)
    return model.eval()

"""What the course trained on FER2013: a float16 safetensors file for each network, and its card."""

from pathlib import Path

from torch import nn

from fer_utils import CourseError
from fer_utils.data import POSTER_CLASSES
from fer_utils.models import build_model
from fer_utils.support.checkpoints import load_weights, read_metadata

WEIGHTS = Path(__file__).parent


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

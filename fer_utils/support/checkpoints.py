"""Weights on disk: safetensors with a note beside the numbers, and no pickle, which could run a stranger's code."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from fer_utils import CourseError
from fer_utils.support.files import replacing


def save_weights(path: Path, model: nn.Module, metadata: dict) -> None:
    """Write the weights as safetensors, whole or not at all.

    metadata: anything JSON can hold; the architecture's name is added. Safetensors holds numbers only, so a file
    from a stranger cannot run code, as a pickle can.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(save(tensors, {"course": json.dumps({"architecture": type(model).__name__, **metadata})}))


def read_metadata(path: Path) -> dict:
    """What was written beside the weights in `path`. Raises CourseError where that is no safetensors file."""
    path = Path(path)
    if not path.is_file():
        raise CourseError(f"There are no weights at {path}: train the model first (notebook 04).")
    try:
        with safe_open(path, "pt") as file:
            return json.loads((file.metadata() or {}).get("course", "{}"))
    except SafetensorError as error:
        raise CourseError(
            f"{path} is not a safetensors file ({error}); pickles (.pt, .pth) are refused because reading one can run "
            "code: write the weights with fer_utils.models.save_weights."
        ) from error


def load_weights(path: Path, model: nn.Module) -> dict:
    """Read weights into `model` and return their metadata.

    Raises CourseError for a missing file, a file that is no safetensors, and weights of another architecture; the model
    is unchanged then.
    """
    metadata = read_metadata(path)
    with safe_open(Path(path), "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if {name: tuple(tensor.shape) for name, tensor in tensors.items()} != wanted:
        raise CourseError(
            f"{path} holds the weights of {metadata.get('architecture', 'another network')}, which do not fit "
            f"{type(model).__name__}: build that model with build_model, with the options it was trained with."
        )
    model.load_state_dict(tensors)
    return metadata

"""Weights on disk: safetensors with a note beside the numbers, and no pickle, which could run a stranger's code."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from fer_utils import CourseError, brief
from fer_utils.support.files import replacing
from fer_utils.support.own_network import in_channels_last
from fer_utils.support.run_tables import rows_hash


def save_weights(path: Path, model: nn.Module, metadata: dict) -> None:
    """Write the weights as safetensors, whole or not at all.

    metadata: anything JSON can hold; the architecture's name is added.
    """
    _write(Path(path), dict(model.state_dict()), {"architecture": type(model).__name__, **metadata})


def read_metadata(path: Path) -> dict:
    """What was written beside the weights in `path`. Raises CourseError where that is no safetensors file."""
    return _read(Path(path))[1]


def load_weights(path: Path, model: nn.Module) -> dict:
    """Read weights into `model` and return their metadata.

    They lie as in training, the channels of a pixel together where the network can take that: on a processor it then
    answers half as fast again. Raises CourseError for a missing file, one that is no safetensors, and weights of
    another architecture; the model is unchanged then.
    """
    tensors, metadata = _read(Path(path))
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if {name: tuple(tensor.shape) for name, tensor in tensors.items()} != wanted:
        kept = metadata.get("architecture", "another network")
        raise CourseError(f"{path} holds the weights of {kept}, which do not fit {type(model).__name__}: build that "
                          "model with build_model, with the options it was trained with.")
    model.load_state_dict(tensors)
    in_channels_last(model)
    return metadata


def _write(path: Path, tensors: dict[str, Tensor], note: dict) -> None:
    """Write tensors and what JSON can hold; their checksum is written too."""
    tensors = {name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
               for name, tensor in tensors.items()}  # cloned, since a network may have the same weights in two places
    metadata = {"course": json.dumps(note), "sha256": _checksum(tensors)}
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, metadata))


def _read(path: Path) -> tuple[dict[str, Tensor], dict]:
    """Tensors and note of a file, CourseError where it is missing, damaged or no safetensors."""
    if not path.is_file():
        raise CourseError(f"There are no weights at {path}: train the model first (notebook 04).")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        note = json.loads(metadata.get("course", "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        raise CourseError(f"{path} is not a safetensors file ({brief(error)}); pickles (.pt, .pth) are refused because "
                          "reading one can run code: write the weights with save_weights.") from error
    if not isinstance(note, dict) or "sha256" in metadata and metadata["sha256"] != _checksum(tensors):
        raise CourseError(f"{path} is damaged: its numbers are not those that were written. Delete it and train again.")
    return tensors, note


def digest(model: nn.Module) -> str:
    """A checksum of the network's weights: equal weights, equal digest."""
    return _checksum({name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()})


def _checksum(tensors: dict[str, Tensor]) -> str:
    return hashlib.sha256(save(tensors)).hexdigest()


def save_training(training, seed: int, result, new_weights: bool = True) -> None:
    """Write a `training.Result` into its folder, a `runs.Training`: the history, and then the weights.

    These say to which rows of the history they belong, and of how many it consists when the training is finished.
    """
    training.write_history(seed, result.history)
    if new_weights:
        done, epoch = len(result.history), int(result.best["epoch"])
        save_weights(training.weights(seed), result.model, {
            "training": training.name, "epoch": epoch, "rows": rows_hash(result.history, epoch),
            "finished": done if done == result.recipe.epochs else None})


PARTS = ("model", "average", "kept", "optimizer", "schedule")
"""What PyTorch itself can save of a `training.Trainer`."""


def save_state(path: Path, trainer, asked: dict) -> None:
    """Write all that the next epoch of `trainer` depends on, and what was asked for, as JSON can hold it.

    Beside PARTS these are the history, the best accuracy, and the states of the generators: the training's own, and
    PyTorch's, from which dropout comes.
    """
    parts = {name: getattr(trainer, name).state_dict() for name in PARTS if getattr(trainer, name) is not None}
    own, tensors = trainer.generator, {}
    random = [own.get_state(), torch.get_rng_state()]
    if own.device.type != "cpu":
        random.append(torch.get_device_module(own.device).get_rng_state())
    state = {"parts": parts, "rows": trainer.rows, "best": trainer.best, "random": random}
    _write(path, tensors, {"asked": asked, "state": _plain(state, tensors)})


def read_state(path: Path, asked: dict) -> dict | None:
    """The state in `path`, for `restore`; None where there is none of what was `asked`, or a damaged one."""
    try:
        tensors, note = _read(path)
        return _whole(note["state"], tensors) if note["asked"] == asked else None
    except (CourseError, LookupError, TypeError):
        return None


def restore(trainer, state: dict) -> None:
    """Have `trainer` go on from `state`: on the same processor and threads, every number is as it would have been.

    Raises CourseError for the state of another training.
    """
    try:
        for name in PARTS:
            if getattr(trainer, name) is not None:
                getattr(trainer, name).load_state_dict(state["parts"][name])
        for weight, moments in trainer.optimizer.state.items():
            # The optimizer goes through both side by side, so they must lie in memory in the same order.
            alike = {name: value for name, value in moments.items() if value.shape == weight.shape}
            moments.update({name: torch.empty_like(weight).copy_(value) for name, value in alike.items()})
        trainer.rows, trainer.best = [tuple(row) for row in state["rows"]], state["best"]
        own, (ours, pytorchs, *gpus) = trainer.generator, state["random"]
        own.set_state(ours)
        torch.set_rng_state(pytorchs)
        if own.device.type != "cpu":
            torch.get_device_module(own.device).set_rng_state(*gpus)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise CourseError(f"What is kept of this training does not fit it ({brief(error)}): delete its file "
                          "seed*.state.safetensors to begin anew.") from error


def _plain(value: Any, tensors: dict[str, Tensor]) -> Any:
    """`value` as JSON can hold it: tensors go to `tensors`, dictionaries become pairs, whose keys keep their types."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, dict):
        return {"pairs": [[key, _plain(item, tensors)] for key, item in value.items()]}
    return [_plain(item, tensors) for item in value] if isinstance(value, list | tuple) else value


def _whole(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The way back from `_plain`."""
    if isinstance(value, list):
        return [_whole(item, tensors) for item in value]
    if isinstance(value, dict) and "tensor" in value:
        return tensors[value["tensor"]]
    return {key: _whole(item, tensors) for key, item in value["pairs"]} if isinstance(value, dict) else value

"""A reader's own network, loaded from a file of the reader's by its name, and tried on two images."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from fer_utils import CourseError, brief
from fer_utils.support.home import course_home


def own_network(name: str, known: Sequence[str] = ()) -> Callable:
    """The class TinyNet of my_net.py, for the name "my_net:TinyNet".

    The file is looked for in the current folder, in those of the notebooks, then in the course's home, nowhere else:
    a run of a stranger that names a module cannot load another one. It is read again at each call. Raises CourseError
    where there is none; `known` are the names to choose from instead.
    """
    module, _, wanted = name.partition(":")
    folders = (Path.cwd(), course_home() / "work", course_home() / "notebooks", course_home())
    path = next((path for folder in folders if os.path.isfile(path := folder / f"{module}.py")), None)
    if not (module.isidentifier() and wanted.isidentifier() and path):
        raise CourseError(f"There is no model {name[:80]!r}: choose one of {', '.join(known)}, or name your own class "
                          "as my_net:TinyNet, with my_net.py in the current folder or in the course's home.")
    loaded = sys.modules[f"reader_{module}"] = ModuleType(f"reader_{module}")  # `inspect` looks there for sources
    loaded.__file__ = str(path)
    try:
        # No import, whose cache overlooks a second edit within a second.
        exec(compile(path.read_bytes(), path, "exec"), vars(loaded))
        return getattr(loaded, wanted)
    except (Exception, SystemExit) as error:
        raise CourseError(f"{path.name} does not give {wanted} ({brief(error)}): fix it first.") from error


@torch.no_grad()
def check_outputs(model: nn.Module, faces, device: torch.device) -> None:
    """Raise CourseError unless the network turns two images (2, 1, 48, 48) into a float logit for each class."""
    name, wanted, weights = type(model).__name__, (2, len(faces.classes)), list(model.state_dict())
    try:
        logits = model.eval()(torch.zeros(2, 1, *faces.images.shape[1:], device=device))
    except Exception as error:
        raise CourseError(f"{name} cannot take images of shape (2, 1, 48, 48): {brief(error)}.") from error
    if not isinstance(logits, torch.Tensor) or not logits.is_floating_point():
        raise CourseError(f"{name} gives {getattr(logits, 'dtype', type(logits).__name__)} for two images: its forward "
                          f"must return one tensor of floats, the logits {wanted}.")
    if tuple(logits.shape) != wanted:
        raise CourseError(f"{name} gives {tuple(logits.shape)} for two images, where {wanted} is needed: a logit for "
                          f"each of the {len(faces.classes)} classes ({', '.join(faces.classes)[:150]}). Build it for "
                          "them.")
    if list(model.state_dict()) != weights:
        raise CourseError(f"{name} makes layers while it answers, so their weights cannot be kept: make them in its "
                          "__init__, by a lazy layer such as nn.LazyLinear where their size is not known there.")


@torch.no_grad()
def in_channels_last(model: nn.Module) -> nn.Module:
    """The network with all channels of a pixel beside each other in its weights, and so in what its layers hand on.

    Convolutions are faster that way. A network that cannot take it, as one with `view` between its layers, stays as it
    was.
    """
    training, device = model.training, next(model.parameters()).device
    try:
        model.to(memory_format=torch.channels_last).eval()(torch.zeros(2, 1, 48, 48, device=device))
    except Exception:
        model.to(memory_format=torch.contiguous_format)
    return model.train(training)

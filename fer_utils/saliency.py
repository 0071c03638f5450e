"""Where a network looked: what an image's places contribute to a class."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fer_utils import CourseError
from fer_utils.training import to_tensor


def grad_cam(model: nn.Module, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Where in an image the evidence for a class lies: Grad-CAM (Selvaraju et al. 2017, equations 1 and 2).

    The maps are those of the last layer whose output still has places (more than one row and column). Each map is
    weighted by the mean gradient of the class's logit with respect to it; what speaks against the class counts as none.
    images: uint8 (N, 48, 48); classes: int (N,), the class asked about. Returns float32 (N, 48, 48), each image scaled
    to [0, 1]; all zeros where nothing speaks for the class. CourseError where no layer of the network has places.
    """
    seen: list[Tensor] = []

    def note(layer: nn.Module, inputs, output) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[2:]) > 1:
            seen.append(output)

    model.eval()
    hooks = [layer.register_forward_hook(note) for layer in model.modules()]
    # Asked for the gradient of the images, PyTorch follows it through layers that are frozen, too.
    logits = model(to_tensor(images).to(next(model.parameters()).device).requires_grad_())
    for hook in hooks:
        hook.remove()
    if not seen:
        raise CourseError(f"{type(model).__name__} has no layer that keeps the places of an image: Grad-CAM needs one.")
    maps = seen[-1]
    asked = logits.gather(1, torch.as_tensor(classes, device=logits.device)[:, None]).sum()
    (gradient,) = torch.autograd.grad(asked, maps)
    evidence = (gradient.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True).relu()
    evidence = F.interpolate(evidence, images.shape[1:], mode="bilinear")[:, 0].detach().cpu().numpy()
    return evidence / np.maximum(evidence.max(axis=(1, 2), keepdims=True), 1e-12)

"""Augmentation on whole batches, with a decision of its own for every image.

torchvision's `RandomHorizontalFlip` and `RandomRotation` draw one number per call: given a batch, they turn all images
alike. These functions draw one number per image and then move the whole batch at once. Same distribution, fewer calls.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


def random_flip(images: Tensor, p: float = 0.5, generator: torch.Generator | None = None) -> Tensor:
    """Mirror each image left to right with probability `p`.

    images: (N, C, H, W), any dtype. Returns a tensor of the same shape and dtype.
    """
    flip = torch.rand(len(images), generator=generator) < p
    return torch.where(flip.to(images.device).view(-1, 1, 1, 1), images.flip(-1), images)


def rotate(images: Tensor, degrees: Tensor, interpolation: str = "nearest") -> Tensor:
    """Turn image i by `degrees[i]` about its centre, counter-clockwise; what comes in from outside is black.

    images: float (N, C, H, W); degrees: float (N,). For one angle the result is torchvision's
    `transforms.functional.rotate`, pixel by pixel.
    """
    n, _, height, width = images.shape
    angle = torch.deg2rad(degrees)
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    # affine_grid counts both axes from -1 to 1, so a turn has to know how much longer one side is than the other.
    theta = torch.stack([cos, -sin * height / width, zero, sin * width / height, cos, zero], dim=1).view(n, 2, 3)
    grid = F.affine_grid(theta.to(images), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode=interpolation, padding_mode="zeros", align_corners=False)


def random_rotation(
    images: Tensor, degrees: float = 10.0, interpolation: str = "nearest", generator: torch.Generator | None = None
) -> Tensor:
    """Turn each image by an angle drawn evenly from [-degrees, degrees]. Shapes and dtypes as in `rotate`."""
    angles = (2 * torch.rand(len(images), generator=generator) - 1) * degrees
    return rotate(images, angles.to(images.device), interpolation)


@dataclass(frozen=True)
class Augment:
    """The poster's augmentation: random horizontal flip, then random rotation within ±`degrees`.

    The poster does not state the interpolation; "nearest" is torchvision's default.
    """

    flip: bool = True
    degrees: float = 10.0
    interpolation: str = "nearest"

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """images: float (N, C, H, W) in [0, 1]. Returns the same shape."""
        if self.flip:
            images = random_flip(images, generator=generator)
        if not math.isclose(self.degrees, 0):
            images = random_rotation(images, self.degrees, self.interpolation, generator)
        return images

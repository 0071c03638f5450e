"""Augmentation on whole batches, with a decision of its own for every image.

torchvision's `RandomHorizontalFlip` and `RandomRotation` draw one number per call: given a batch, they turn all images
alike. These functions draw one number per image and then move the whole batch at once. Same distribution, fewer calls.

To add one, give `Augment` a field, and `training.Recipe` a field of the same name.
"""

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor


def random_flip(images: Tensor, p: float = 0.5, generator: torch.Generator | None = None) -> Tensor:
    """Mirror each image left to right with probability `p`.

    images: (N, C, H, W), any dtype. Returns a tensor of the same shape and dtype.
    """
    flip = torch.rand(len(images), generator=generator, device=images.device) < p
    return torch.where(flip.view(-1, 1, 1, 1), images.flip(-1), images)


def affine(images: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor, interpolation: str = "nearest") -> Tensor:
    """Turn, enlarge and move image i about its centre; what comes in from outside is black.

    images: float (N, C, H, W); degrees: float (N,), counter-clockwise; scale: float (N,), above 1 enlarges; shift:
    float (N, 2), to the right and down, in pixels. A pixel of the result looks where it comes *from*: backwards. The
    grid counts both axes from -1 to 1, so a turn has to know how much longer one side is than the other.
    """
    n, _, height, width = images.shape
    angle, ratio = torch.deg2rad(degrees), height / width
    cos, sin = angle.cos() / scale, angle.sin() / scale
    x, y = -2 * shift[:, 0] / width, -2 * shift[:, 1] / height
    rows = [cos, -sin * ratio, cos * x - sin * ratio * y, sin / ratio, cos, sin / ratio * x + cos * y]
    grid = F.affine_grid(torch.stack(rows, dim=1).view(n, 2, 3).to(images), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode=interpolation, padding_mode="zeros", align_corners=False)


def rotate(images: Tensor, degrees: Tensor, interpolation: str = "nearest") -> Tensor:
    """Turn image i by `degrees[i]` about its centre, counter-clockwise; what comes in from outside is black.

    images: float (N, C, H, W); degrees: float (N,). For one angle the result is torchvision's
    `transforms.functional.rotate`, pixel by pixel.
    """
    unchanged = torch.ones_like(degrees)
    return affine(images, degrees, scale=unchanged, shift=images.new_zeros(len(images), 2), interpolation=interpolation)


def random_rotation(
    images: Tensor, degrees: float = 10.0, interpolation: str = "nearest", generator: torch.Generator | None = None
) -> Tensor:
    """Turn each image by an angle drawn evenly from [-degrees, degrees]. Shapes and dtypes as in `rotate`."""
    angles = (2 * torch.rand(len(images), generator=generator, device=images.device) - 1) * degrees
    return rotate(images, angles, interpolation)


def uniform(images: Tensor, *shape: int, generator: torch.Generator | None = None) -> Tensor:
    """Numbers drawn evenly from 0 to 1 for each image: float (N,), or with a shape (N, *shape)."""
    return torch.rand(len(images), *shape, generator=generator, device=images.device)


def stretch(images: Tensor, side: int, share: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Which of the `side` rows or columns of each image lie in a stretch of this share of them, placed at random.

    share: float (N, 1), 0 to 1. Returns bool (N, side).
    """
    length = share * side
    start = uniform(images, 1, generator=generator) * (side - length)
    place = torch.arange(side, device=images.device) + 0.5
    return (place >= start) & (place < start + length)


def random_erasing(images: Tensor, p: float = 0.5, generator: torch.Generator | None = None) -> Tensor:
    """Blacken, with probability `p`, a rectangle of each image with sides of 1/6 to 1/3 of its own (Zhong et al. 2017).

    images: (N, C, H, W). Returns a new tensor of the same shape and dtype.
    """
    height, width = images.shape[2:]
    chosen = uniform(images, 1, generator=generator) < p
    rows = stretch(images, height, (1 + uniform(images, 1, generator=generator)) / 6, generator)
    columns = stretch(images, width, (1 + uniform(images, 1, generator=generator)) / 6, generator)
    return images.masked_fill(chosen[:, :, None, None] & rows[:, None, :, None] & columns[:, None, None, :], 0)


def cutmix(images: Tensor, targets: Tensor, p: float = 0.5, generator: torch.Generator | None = None
           ) -> tuple[Tensor, Tensor]:
    """Paste, with probability `p`, a rectangle of another image of the batch into each one, and mix the targets as much
    (Yun et al. 2019): where a quarter of a happy face is an angry one's, the answer is 3/4 Happy and 1/4 Angry.

    images: (N, H, W), any dtype; targets: float (N, classes), each row of sum 1. Returns both, of the same shapes.
    """
    height, width = images.shape[1:]
    other = torch.randperm(len(images), generator=generator, device=images.device)
    chosen = uniform(images, 1, generator=generator) < p
    share = uniform(images, 1, generator=generator).sqrt()  # of the rows and of the columns: any area is as likely
    rows, columns = (stretch(images, side, share, generator) for side in (height, width))
    pasted = (chosen & rows)[:, :, None] & columns[:, None, :]
    part = pasted.float().mean(dim=(1, 2))[:, None]
    return torch.where(pasted, images[other], images), (1 - part) * targets + part * targets[other]


def relight(images: Tensor, gamma: Tensor, contrast: Tensor, blur: Tensor, noise: Tensor) -> Tensor:
    """Change the light and the sharpness of image i: what a camera does and a face does not.

    images: float (N, 1, H, W) in [0, 1], and so is the result. gamma: float (N,), the power of each grey level, above 1
    darkens; contrast: float (N,), times the distance from the image's mean; blur: float (N,), standard deviation of a
    Gaussian in pixels; noise: float (N, 1, H, W), added to each pixel.
    """
    wide = (-1, 1, 1, 1)
    images = images ** gamma.view(wide)
    mean = images.mean(dim=(2, 3), keepdim=True)
    images = mean + contrast.view(wide) * (images - mean)
    # Along one axis a blur is a matrix: its row i weighs all pixels by their distance from pixel i.
    rows, columns = (torch.arange(side, device=images.device) for side in images.shape[2:])
    down, across = (
        (-((place[:, None] - place) ** 2) / (2 * blur.clamp(min=0.1).view(wide) ** 2)).softmax(dim=-1)
        for place in (rows, columns))
    return (down @ images @ across.transpose(2, 3) + noise).clamp(0, 1)


def random_relight(images: Tensor, strength: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    """Give each image a light and a sharpness of its own; at strength 1, gamma and contrast between a half and twice,
    a blur of up to 2 pixels and noise of up to 0.12, where little is more frequent than much."""
    gamma, contrast = (2 ** (strength * (2 * uniform(images, generator=generator) - 1)) for _ in range(2))
    blur = 2 * strength * uniform(images, generator=generator) ** 2
    noise = 0.12 * strength * uniform(images, 1, 1, 1, generator=generator) ** 2
    grain = torch.randn(images.shape, generator=generator, device=images.device)
    return relight(images, gamma, contrast, blur, noise * grain)


def views(x: Tensor, flip: bool, moved: int) -> list[Tensor]:
    """What a network is asked about at test time: the images, float (N, C, H, W), the same moved by so many pixels to
    each side, up and down, and with `flip` the mirror image of each of these."""
    places = [(0, 0), (moved, 0), (-moved, 0), (0, moved), (0, -moved)] if moved else [(0, 0)]
    seen = [F.pad(x, (right, -right, down, -down)) for right, down in places]
    return seen + [view.flip(-1) for view in seen] if flip else seen


@dataclass(frozen=True)
class Augment:
    """The poster's augmentation: random horizontal flip, then random rotation within ±`degrees`.

    The poster does not state the interpolation; "nearest" is torchvision's default. Beyond the poster, each off at 0:
    `shift`, at most so many pixels along each axis; `scale`, at most so much larger or smaller; `erase`, the
    probability of a black rectangle; `photometric`, the strength of `random_relight`.
    """

    flip: bool = True
    degrees: float = 10.0
    interpolation: str = "nearest"
    shift: float = 0.0
    scale: float = 0.0
    erase: float = 0.0
    photometric: float = 0.0

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """images: float (N, C, H, W) in [0, 1]. Returns the same shape."""
        if self.flip:
            images = random_flip(images, generator=generator)
        if self.shift or self.scale:
            degrees = (2 * uniform(images, generator=generator) - 1) * self.degrees
            scale = 1 + (2 * uniform(images, generator=generator) - 1) * self.scale
            shift = (2 * uniform(images, 2, generator=generator) - 1) * self.shift
            images = affine(images, degrees, scale, shift, self.interpolation)
        elif self.degrees:
            images = random_rotation(images, self.degrees, self.interpolation, generator)
        if self.photometric:
            images = random_relight(images, self.photometric, generator)
        if self.erase:
            images = random_erasing(images, self.erase, generator)
        return images


def make_augment(recipe) -> Augment:
    """The augmentation that a `training.Recipe` asks for: its fields have the names of those of `Augment`."""
    return Augment(**{field.name: getattr(recipe, field.name) for field in fields(Augment)})

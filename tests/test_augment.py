import pytest
import torch
from scipy import stats
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as reference

from fer_utils.augment import Augment, random_flip, random_rotation, rotate


@pytest.fixture
def images():
    return torch.rand(64, 1, 48, 48, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("interpolation, tolerance", [("nearest", 0), ("bilinear", 1e-4)])
def test_one_angle_gives_torchvisions_pixels(images, interpolation, tolerance):
    angles = torch.linspace(-180, 180, len(images))
    ours = rotate(images, angles, interpolation)
    mode = InterpolationMode(interpolation)
    theirs = [reference.rotate(x, a.item(), mode) for x, a in zip(images, angles, strict=True)]
    assert (ours - torch.stack(theirs)).abs().max() <= tolerance


def test_images_that_are_not_square_turn_like_torchvisions():
    images = torch.rand(3, 1, 40, 56)
    ours = rotate(images, torch.tensor([-9.0, 4.0, 30.0]))
    theirs = [reference.rotate(x, a) for x, a in zip(images, (-9.0, 4.0, 30.0), strict=True)]
    assert (ours != torch.stack(theirs)).float().mean() < 0.002


def test_every_image_has_its_own_coin(images):
    flipped = random_flip(images, generator=torch.Generator().manual_seed(0))
    mirrored = (flipped == images.flip(-1)).flatten(1).all(1)
    untouched = (flipped == images).flatten(1).all(1)
    assert (mirrored ^ untouched).all()
    assert 15 < mirrored.sum() < 49


def test_flip_probability_is_p():
    many = torch.arange(2.0).expand(20_000, 1, 1, 2)
    share = (random_flip(many, p=0.3, generator=torch.Generator().manual_seed(0))[:, 0, 0, 0] == 1).float().mean()
    assert abs(share - 0.3) < 0.015


def test_angles_are_even_within_the_bounds():
    # A bright pixel on the rim moves by the angle, so the angle can be read back from where it went.
    images = torch.zeros(4000, 1, 201, 201)
    images[:, :, 99:102, 190:193] = 1
    turned = random_rotation(images, 10, generator=torch.Generator().manual_seed(0))[:, 0]
    rows, columns = torch.meshgrid(torch.arange(201.0), torch.arange(201.0), indexing="ij")
    mass = turned.sum((1, 2))
    y, x = ((turned * grid).sum((1, 2)) / mass - 100 for grid in (rows, columns))
    angles = torch.rad2deg(torch.atan2(-y, x)).numpy()
    assert abs(angles).max() < 10.4
    assert stats.kstest(angles, stats.uniform(-10, 20).cdf).statistic < 0.03


def test_nothing_asked_changes_nothing(images):
    assert Augment(flip=False, degrees=0)(images) is images


def test_the_same_generator_gives_the_same_batch(images):
    first, second = (Augment()(images, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, Augment()(images, torch.Generator().manual_seed(8)))

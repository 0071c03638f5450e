import pytest
import torch
from scipy import stats
from scipy.ndimage import gaussian_filter
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as reference

from fer_utils.augment import (
    Augment,
    affine,
    cutmix,
    random_erasing,
    random_flip,
    random_relight,
    random_rotation,
    relight,
    rotate,
    views,
)


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


@pytest.mark.parametrize("interpolation, tolerance", [("nearest", 0), ("bilinear", 2e-4)])
def test_one_move_gives_torchvisions_pixels(images, interpolation, tolerance):
    degrees = torch.linspace(-30, 30, len(images))
    scale = torch.linspace(0.8, 1.25, len(images))
    shift = torch.stack([torch.linspace(-6, 6, len(images)), torch.linspace(5, -4, len(images))], 1)
    ours = affine(images, degrees, scale, shift, interpolation)
    mode = InterpolationMode(interpolation)
    theirs = torch.stack([  # its angle is clockwise
        reference.affine(x, -d.item(), s.tolist(), z.item(), [0.0], mode)
        for x, d, z, s in zip(images, degrees, scale, shift, strict=True)])
    # Where a place falls on the border between two pixels, rounding may take either.
    assert ((ours - theirs).abs() > tolerance).float().mean() < 0.002


def test_a_shift_moves_right_and_down_and_black_comes_in():
    images = torch.rand(2, 1, 48, 40) + 0.5
    moved = affine(images, torch.zeros(2), torch.ones(2), torch.tensor([[3.0, 0.0], [0.0, -5.0]]))
    assert torch.equal(moved[0, :, :, 3:], images[0, :, :, :-3]) and moved[0, :, :, :3].max() == 0
    assert torch.equal(moved[1, :, :-5], images[1, :, 5:]) and moved[1, :, -5:].max() == 0


def test_a_smaller_face_has_black_around_it():
    small = affine(torch.ones(1, 1, 48, 48), torch.zeros(1), torch.tensor([0.5]), torch.zeros(1, 2))[0, 0]
    assert small.sum() == 24 * 24 and small[12:36, 12:36].min() == 1
    large = affine(torch.ones(1, 1, 48, 48), torch.zeros(1), torch.tensor([1.5]), torch.zeros(1, 2))
    assert large.min() == 1


def test_shift_and_scale_stay_within_their_bounds():
    images = torch.zeros(2000, 1, 49, 49)
    images[:, :, 24, 24] = 1
    moved = Augment(flip=False, degrees=0, shift=4)(images, torch.Generator().manual_seed(0))[:, 0]
    rows, columns = (moved.amax(axis).argmax(1) - 24 for axis in (2, 1))
    for place in (rows, columns):
        assert place.abs().max() == 4 and abs(place.float().mean()) < 0.2
    assert abs(torch.corrcoef(torch.stack([rows, columns]).float())[0, 1]) < 0.1
    sizes = Augment(flip=False, degrees=0, scale=0.2)(torch.ones(2000, 1, 48, 48), torch.Generator().manual_seed(0))
    sides = sizes.sum((1, 2, 3)).sqrt()
    assert 0.79 * 48 < sides.min() < 0.83 * 48 and 0.4 < (sides == 48).float().mean() < 0.6


def test_erasing_blackens_one_rectangle_in_every_second_image():
    images = torch.ones(4000, 1, 48, 48)
    erased = random_erasing(images, 0.5, torch.Generator().manual_seed(0))[:, 0] == 0
    hit = erased.flatten(1).any(1)
    assert abs(hit.float().mean() - 0.5) < 0.03 and images.min() == 1
    rows, columns = erased[hit].any(2).sum(1), erased[hit].any(1).sum(1)
    assert torch.equal(rows * columns, erased[hit].sum((1, 2)))  # a full rectangle
    for side in (rows, columns):
        assert 7 <= side.min() and side.max() <= 17 and abs(side.float().mean() - 12) < 0.3
    covered = erased.float().mean(0)
    assert covered[0].max() < covered[24].max() and (covered > 0).float().mean() > 0.98


def test_no_image_is_erased_at_zero(images):
    assert torch.equal(random_erasing(images, 0.0), images)


def test_the_stronger_set_is_repeatable_and_keeps_shape(images):
    strong = Augment(shift=4, scale=0.15, erase=0.5, interpolation="bilinear")
    first, second = (strong(images, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first, second) and first.shape == images.shape and 0 <= first.min() and first.max() <= 1


def test_cutmix_pastes_a_rectangle_of_another_image_and_mixes_the_labels_as_much():
    images = torch.arange(4000, dtype=torch.float64).view(-1, 1, 1).repeat(1, 12, 12)  # each has its own number
    labels = torch.eye(2)[torch.arange(4000) % 2]
    pasted, targets = cutmix(images, labels, 0.5, torch.Generator().manual_seed(0))
    foreign = pasted != images
    hit = foreign.flatten(1).any(1)
    assert 0.4 < hit.float().mean() < 0.5  # a rectangle may be smaller than a pixel
    rows, columns = foreign[hit].any(2).sum(1), foreign[hit].any(1).sum(1)
    assert torch.equal(rows * columns, foreign[hit].sum((1, 2)))  # a full rectangle
    areas = foreign[hit].double().mean((1, 2))
    assert 0.45 < areas.mean() < 0.6 and areas.max() > 0.95
    other = pasted.amax((1, 2)).where(pasted.amax((1, 2)) != images[:, 0, 0], pasted.amin((1, 2))).long()
    expected = torch.lerp(labels, labels[other], foreign.float().mean((1, 2))[:, None])
    torch.testing.assert_close(targets, expected)
    assert torch.equal(targets[~hit], labels[~hit])
    same, unchanged = cutmix(images, labels, 0.0, torch.Generator().manual_seed(0))
    assert torch.equal(same, images) and torch.equal(unchanged, labels)


def test_views_are_the_image_its_neighbours_and_their_mirror_images():
    image = torch.arange(1.0, 10).view(1, 1, 3, 3)
    assert [view.tolist() for view in views(image, False, 0)] == [image.tolist()]
    here, right, left, down, up = views(image, False, 1)
    assert right[0, 0].tolist() == [[0, 1, 2], [0, 4, 5], [0, 7, 8]]
    assert left[0, 0].tolist() == [[2, 3, 0], [5, 6, 0], [8, 9, 0]]
    assert down[0, 0].tolist() == [[0, 0, 0], [1, 2, 3], [4, 5, 6]]
    assert up[0, 0].tolist() == [[4, 5, 6], [7, 8, 9], [0, 0, 0]]
    both = views(image, True, 1)
    assert len(both) == 10 and torch.equal(both[6], right.flip(-1)) and torch.equal(both[0], here)


def relit(images, gamma=1.0, contrast=1.0, blur=0.0, noise=0.0):
    numbers = (torch.full((len(images),), value) for value in (gamma, contrast, blur))
    return relight(images, *numbers, torch.full_like(images, noise))


def test_light_and_sharpness_are_what_their_numbers_say(images):
    assert torch.allclose(relit(images), images, atol=1e-6)
    assert torch.allclose(relit(images, gamma=2.0), images**2, atol=1e-6)
    mean = images.mean((1, 2, 3), keepdim=True)
    assert torch.allclose(relit(images, contrast=0.5), (images + mean) / 2, atol=1e-6)
    assert torch.allclose(relit(images, noise=0.1), (images + 0.1).clamp(max=1), atol=1e-6)
    theirs = gaussian_filter(images.numpy(), (0, 0, 1.5, 1.5), truncate=10)
    inside = (slice(None), slice(None), slice(8, 40), slice(8, 40))  # at the edges the two continue differently
    assert abs(relit(images, blur=1.5).numpy() - theirs)[inside].max() < 1e-4
    even = torch.full((2, 1, 48, 48), 0.3)
    assert torch.allclose(relit(even, contrast=2.0, blur=2.0), even, atol=1e-5)


def test_every_image_has_a_light_of_its_own_within_the_strength(images):
    same = images[:1].repeat(500, 1, 1, 1)
    relit_by_chance = random_relight(same, 1.0, torch.Generator().manual_seed(0))
    assert len(relit_by_chance.flatten(1).unique(dim=0)) == 500
    assert 0 <= relit_by_chance.min() and relit_by_chance.max() <= 1
    changes = [(random_relight(same, s, torch.Generator().manual_seed(0)) - same).abs().mean() for s in (0.1, 0.5, 1.0)]
    assert changes[0] < changes[1] < changes[2]
    again = Augment(flip=False, degrees=0, photometric=1.0)(same, torch.Generator().manual_seed(0))
    assert torch.equal(again, relit_by_chance)

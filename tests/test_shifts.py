"""Each shift does to a face what its name says, and more of it at a higher severity."""

import numpy as np
import pytest
from scipy.ndimage import center_of_mass

from fer_utils import CourseError
from fer_utils.shifts import EYES, SHIFTS, every_shift, paired_means, shift_scores, shifted, under_shifts
from fer_utils.support.sample import draw_face


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([draw_face(k % 3, rng) for k in range(60)])


@pytest.fixture(scope="module")
def spots() -> np.ndarray:
    """A soft grey spot in the middle of a black picture, twenty times."""
    rows, columns = np.mgrid[:48, :48] - 23.5
    return np.repeat((150 * np.exp(-(rows**2 + columns**2) / 72)).astype(np.uint8)[None], 20, axis=0)


def amount(images: np.ndarray) -> float:
    """How much the pixels of an image differ from those at their right."""
    return float(np.abs(np.diff(images.astype(float), axis=2)).mean())


def width(images: np.ndarray) -> float:
    """The spot's standard deviation in pixels, across."""
    profile = images.astype(float).sum(axis=(0, 1))
    middle = np.average(np.arange(48), weights=profile)
    return float(np.sqrt(np.average((np.arange(48) - middle) ** 2, weights=profile)))


@pytest.mark.parametrize("name", SHIFTS)
def test_a_higher_severity_changes_a_face_more(name, faces):
    changes = [np.abs(shifted(faces, name, severity).astype(int) - faces).mean() for severity in (1, 2, 3)]
    print(name, np.round(changes, 1))
    assert 0.5 < changes[0] < changes[1] < changes[2]


@pytest.mark.parametrize("name", SHIFTS)
def test_images_stay_images_and_chance_is_the_seeds(name, faces):
    before = faces.copy()
    one, again = (shifted(faces, name, 2, seed=4) for _ in range(2))
    assert one.dtype == np.uint8 and one.shape == faces.shape and np.array_equal(one, again)
    assert np.array_equal(faces, before)


@pytest.mark.parametrize("name", ["noise", "crop off centre", "tilt", "hand", "hair"])
def test_each_image_has_its_own_chance(name, faces):
    same = shifted(np.repeat(faces[:1], 20, axis=0), name, 3)
    assert len(np.unique(same, axis=0)) > 1
    assert not np.array_equal(same, shifted(np.repeat(faces[:1], 20, axis=0), name, 3, seed=1))


def test_light_adds_and_takes_levels_and_ends_at_black_and_white():
    image = np.full((1, 48, 48), 120, np.uint8)
    image[0, 0, :2] = 250, 5
    light, dark = shifted(image, "brighter", 2)[0], shifted(image, "darker", 2)[0]
    assert (light[5, 5], light[0, 0], light[0, 1]) == (180, 255, 65)
    assert (dark[5, 5], dark[0, 0], dark[0, 1]) == (60, 190, 0)


def test_contrast_shrinks_about_the_mean_of_each_image(faces):
    for severity, kept in ((1, 0.7), (2, 0.45), (3, 0.25)):
        flat = shifted(faces, "less contrast", severity)
        assert flat.mean(axis=(1, 2)) == pytest.approx(faces.mean(axis=(1, 2)), abs=0.5)
        assert flat.std(axis=(1, 2)) == pytest.approx(kept * faces.std(axis=(1, 2)), rel=0.03)


def test_noise_has_its_levels():
    grey = np.full((40, 48, 48), 128, np.uint8)
    for severity, levels in ((1, 8), (2, 16), (3, 32)):
        assert shifted(grey, "noise", severity).std() == pytest.approx(levels, rel=0.02)


@pytest.mark.parametrize("name", ["blur", "lower resolution"])
def test_fine_lines_vanish_and_the_light_stays(name, faces):
    found = [shifted(faces, name, severity) for severity in (1, 2, 3)]
    lines = [amount(images) for images in (faces, *found)]
    assert lines == sorted(lines, reverse=True) and lines[3] < 0.75 * lines[0]
    assert all(abs(images.mean() - faces.mean()) < 1 for images in found)


def test_a_jpeg_has_blocks_of_eight_pixels(faces):
    steps = np.abs(np.diff(shifted(faces, "JPEG", 3).astype(float), axis=2)).mean(axis=(0, 1))
    assert steps[7::8].mean() > 1.3 * np.delete(steps, np.arange(7, 47, 8)).mean()


def test_the_crop_makes_the_face_smaller_or_larger(spots):
    before = width(spots)
    for severity, wide, tight in ((1, 1.15, 1.1), (2, 1.3, 1.2), (3, 1.5, 1.35)):
        assert width(shifted(spots, "crop too wide", severity)) == pytest.approx(before / wide, rel=0.03)
        assert width(shifted(spots, "crop too tight", severity)) == pytest.approx(before * tight, rel=0.05)


def test_off_centre_is_so_many_pixels_in_every_direction(spots):
    moves = np.array([center_of_mass(image) for image in shifted(spots, "crop off centre", 2)]) - 23.5
    assert np.hypot(*moves.T) == pytest.approx(6, abs=0.4)
    assert (moves.min(axis=0) < -3).all() and (moves.max(axis=0) > 3).all()


def test_a_tilt_turns_to_both_sides():
    line = np.zeros((20, 48, 48), np.uint8)
    line[:, 22:26, 8:40] = 200
    angles = []
    for image in shifted(line, "tilt", 3):
        rows, columns = np.nonzero(image > 100)
        angles.append(np.degrees(np.arctan(np.polyfit(columns, rows, 1)[0])))
    assert np.abs(angles) == pytest.approx(30, abs=1.5) and min(angles) < 0 < max(angles)


def test_glasses_darken_the_eyes_alone():
    grey = np.full((1, 48, 48), 150, np.uint8)
    for severity, kept in ((1, 105), (2, 60), (3, 15)):
        found = shifted(grey, "glasses", severity)[0]
        assert [found[row, column] for column, row in EYES] == [kept, kept]
        assert (found[30:] == 150).all() and (found[:12] == 150).all()


def test_a_hand_covers_one_side_of_the_mouth_and_hair_the_forehead(faces):
    for severity, reach in ((1, 12), (2, 18), (3, 24)):
        changed = shifted(faces, "hand", severity) != faces
        left, right = changed[:, 28:44, :reach].mean(axis=(1, 2)), changed[:, 28:44, -reach:].mean(axis=(1, 2))
        assert not changed[:, :28].any() and not changed[:, 44:].any()
        assert (np.maximum(left, right) > 0.8).all() and (left > right).any() and (right > left).any()
    for severity, length in ((1, 6), (2, 10), (3, 14)):
        found = shifted(faces, "hair", severity)
        assert found[:, :length].max() <= 55 and np.array_equal(found[:, length + 5 :], faces[:, length + 5 :])


@pytest.mark.parametrize(("name", "severity"), [("rain", 1), ("noise", 0), ("noise", 4), ("noise", "2")])
def test_another_name_or_severity_is_said(name, severity, faces):
    with pytest.raises(CourseError, match="There is no shift .* choose from brighter, ") as caught:
        shifted(faces, name, severity)
    assert len(str(caught.value)) < 400


def brightness(images: np.ndarray) -> np.ndarray:
    """A classifier of two classes by the mean grey level: bright ones are of class 1."""
    bright = 1 / (1 + np.exp((127 - images.mean(axis=(1, 2))) / 10))
    return np.stack([1 - bright, bright], axis=1)


def test_what_is_named_under_shifts_is_counted_by_shift_and_over_all(faces):
    named, confidence = under_shifts(brightness, every_shift(faces))
    assert named.shape == (1 + 3 * len(SHIFTS), len(faces)) and list(named.index) == list(confidence.index)
    labels = brightness(faces).argmax(1)  # so that nothing is wrong before the light changes
    scores = shift_scores(named, labels)
    assert scores["accuracy"] == 1 and scores["n"] == len(faces) and list(scores["by_shift"]) == list(SHIFTS)
    brighter = [one["accuracy"] for one in scores["by_shift"]["brighter"]]
    by_hand = (brightness(shifted(faces, "brighter", 3)).argmax(1) == labels).mean()
    assert brighter[2] == by_hand < 1 and brighter == sorted(brighter, reverse=True)
    every = [one["accuracy"] for rows in scores["by_shift"].values() for one in rows]
    assert scores["mean"] == pytest.approx(np.mean(every))
    assert scores["mean_ci"][0] < scores["mean"] < scores["mean_ci"][1]
    assert confidence["as it is", 0] == pytest.approx(brightness(faces).max(1).mean())


def test_two_networks_are_compared_over_the_same_shifted_images(faces):
    named, _ = under_shifts(brightness, every_shift(faces))
    labels = brightness(faces).argmax(1)
    always = named * 0
    apart, means = paired_means(always, named, labels), [shift_scores(one, labels)["mean"] for one in (always, named)]
    assert apart["difference"] == pytest.approx(means[1] - means[0])
    assert apart["difference_ci"][0] < apart["difference"] < apart["difference_ci"][1] and apart["n"] == len(faces)
    assert paired_means(named, named, labels)["difference_ci"] == [0, 0]

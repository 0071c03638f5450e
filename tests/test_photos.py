"""Faces in photographs: how many are found, and that they are cut and prepared as training images were."""

import json

import numpy as np
import pytest
from making import rounds
from PIL import Image

from fer_utils import CourseError
from fer_utils.data import POSTER_CLASSES, load_faces
from fer_utils.photos import MARGIN, Network, answer, cut, in_words, margins, name_faces, prepare, shipped, with_margin
from fer_utils.runs import Run
from fer_utils.support.detector import Box, detector, find_faces, turned_back
from fer_utils.support.home import clone
from fer_utils.support.sample import draw_face
from fer_utils.support.scene import draw_scene
from fer_utils.training import to_tensor
from fer_utils.weights import WEIGHTS, pretrained


def overlap(a, b) -> float:
    """The area that two squares share, as a share of what they cover together."""
    across, down = (min(a[k] + a[2], b[k] + b[2]) - max(a[k], b[k]) for k in (0, 1))
    both = max(0, across) * max(0, down)
    return both / (a[2] ** 2 + b[2] ** 2 - both)


@rounds(few=6, many=100)
def test_faces_of_many_sizes_and_tilts_are_found_and_named_as_their_crops_are(rounds):
    rng, network, found, false = np.random.default_rng(0), shipped("PosterCNN"), [], 0
    crops, cuts, labels = [], [], []
    for _ in range(rounds):
        kinds = rng.integers(0, 3, 5)
        faces = np.stack([draw_face(int(kind), rng) for kind in kinds])
        sides = np.exp(rng.uniform(np.log(40), np.log(600), 5)).astype(int).tolist()
        scene, places = draw_scene(faces, sides, rng.uniform(-20, 20, 5).tolist(), rng)
        squares, images, _ = name_faces(network, scene)
        matched = set()
        for face, place, kind in zip(faces, places, kinds, strict=True):
            shared = [overlap(place, square) if place else 0 for square in squares]
            best = int(np.argmax(shared)) if shared else -1
            found += [best >= 0 and shared[best] > 0.5] if place else []
            if place and found[-1]:
                matched.add(best)
                crops.append(face)
                cuts.append(images[best])
                labels.append(kind)
        false += len(squares) - len(matched)
    right = [float((answer(network, np.stack(images)).argmax(1) == labels).mean()) for images in (crops, cuts)]
    print(f"{len(found)} faces in {rounds} pictures: recall {np.mean(found):.3f}, {false} false boxes; accuracy on the "
          f"crops as drawn {right[0]:.3f}, after detection {right[1]:.3f}")
    luck = 3 * np.sqrt(0.908 * 0.092 / len(found))  # of 499 faces 0.908 were found, with 6 false boxes
    assert np.mean(found) > 0.908 - luck and false <= max(2, 0.1 * rounds) and right[1] > right[0] - 0.15


def test_a_wall_has_no_face():
    rng = np.random.default_rng(0)
    scene, places = draw_scene(np.empty((0, 48, 48), np.uint8), [], [], rng, size=(640, 480))
    assert places == [] and find_faces(scene) == []
    squares, images, probabilities = name_faces(Network("", None, POSTER_CLASSES), scene)  # no network is asked
    assert squares == [] and images.shape == (0, 48, 48) and probabilities.shape == (0, 3)


def test_an_opencv_without_cascades_is_said(monkeypatch):
    monkeypatch.setattr("cv2.__version__", "5.0.0")
    detector.cache_clear()
    with pytest.raises(CourseError, match="OpenCV 5.0.0 finds no faces by cascades: install an older one"):
        find_faces(Image.new("L", (100, 100)))


def test_a_face_of_48_pixels_comes_out_unchanged():
    face = draw_face(1, np.random.default_rng(5))
    scene, [place] = draw_scene(face[None], [48], [0], np.random.default_rng(0), size=(300, 200))
    for photo in (scene, scene.convert("RGB")):
        assert np.array_equal(cut(photo, Box(*place)), face)


@pytest.mark.parametrize("box", [Box(0, 0, 100), Box(250, 150, 50), Box(-8, 120, 90), Box(60, 20, 400), Box(7, 9, 1)])
def test_a_square_lies_within_the_photograph(box):
    photo = Image.new("L", (300, 200))
    x, y, side = with_margin(box, photo)
    assert 0 <= x and 0 <= y and x + side <= 300 and y + side <= 200
    assert side == min(round(MARGIN * box.side), 200)


def test_a_square_is_centred_on_its_box():
    assert with_margin(Box(100, 80, 50), Image.new("L", (300, 200))) == (99, 79, 52)


@pytest.mark.parametrize("degrees", [0, 15, -15, 90])
def test_a_point_is_found_where_it_was_before_the_turn(degrees):
    picture = np.zeros((201, 201), np.uint8)
    picture[60:63, 130:133] = 255
    turned = np.asarray(Image.fromarray(picture).rotate(degrees, Image.Resampling.BILINEAR)).astype(float)
    y, x = (float((turned.sum(axis) * np.arange(201)).sum() / turned.sum()) - 100 for axis in (1, 0))
    assert turned_back(x, y, degrees) == pytest.approx((31, -39), abs=0.3)


@pytest.mark.parametrize(("images", "word"), [
    (np.random.default_rng(0).random((2, 48, 48), np.float32), "float32 (2, 48, 48)"),
    (np.zeros((48, 48, 3), np.uint8), "uint8 (48, 48, 3)"), (np.zeros((1, 3, 48, 48), np.uint8), "(1, 3, 48, 48)"),
    (np.zeros((2, 64, 64), np.uint8), "(2, 64, 64)"), (np.zeros((48, 48), np.uint8), "uint8 (48, 48)"),
    (np.zeros((2, 48, 48), np.int64), "int64")])
def test_what_no_training_has_seen_is_refused(images, word):
    with pytest.raises(CourseError, match="which no training has seen: give uint8") as caught:
        prepare(images)
    assert word in str(caught.value) and len(str(caught.value)) < 400 and "\n" not in str(caught.value)


def test_faces_are_prepared_as_training_images_are():
    faces = np.stack([draw_face(k, np.random.default_rng(k)) for k in range(3)])
    assert prepare(faces).equal(to_tensor(faces)) and prepare(faces).max() <= 1


def test_under_the_threshold_there_is_no_answer():
    network = Network("", None, ("bored", "keen"), threshold=0.7)
    assert in_words(network, np.array([0.25, 0.75])) == "keen 0.75"
    assert in_words(network, np.array([0.65, 0.35])) == "no answer (bored 0.65)"


def test_the_mirrored_face_counts_and_the_temperature_cools():
    face, model = draw_face(0, np.random.default_rng(2))[None], pretrained("PosterCNN")
    plain, warm, both = (answer(Network("", model, POSTER_CLASSES, temperature, 0, flip), face)[0]
                         for temperature, flip in ((1, False), (3, False), (1, True)))
    mirrored = answer(Network("", model, POSTER_CLASSES), face[:, :, ::-1])[0]
    assert both == pytest.approx((plain + mirrored) / 2, abs=1e-6)
    assert warm.argmax() == plain.argmax() and warm.max() < plain.max()


def test_the_cards_temperature_is_the_committed_runs():
    card = json.loads((WEIGHTS / "PosterCNN.json").read_text())
    [found] = [one for one in Run(clone() / "reports" / "fer2013").read_metrics("evaluation").values()
               if one.get("model") == "PosterCNN"]
    assert found["chosen_seed"] == card["seed"] and found["accuracy"] == card["accuracy"]
    assert (card["temperature"], card["threshold"]) == (found["temperature"], found["selective"]["threshold"])


def test_the_margin_is_fer2013s(fer2013_zip):
    images = load_faces(fer2013_zip, verbose=False).train.images
    some = images[np.random.default_rng(0).permutation(len(images))[:200]]
    found = margins(some)
    low, middle, high = np.quantile(found, [0.25, 0.5, 0.75])
    print(f"margin {middle:.3f}, half of them {low:.3f} to {high:.3f}; a box in {len(found)} of 200")
    assert middle == pytest.approx(MARGIN, abs=0.02)
    assert low == pytest.approx(0.98, abs=0.03) and high == pytest.approx(1.12, abs=0.04)
    every = [find_faces(Image.fromarray(np.pad(image, 12, mode="edge"))) for image in some]
    largest = [max(boxes, key=lambda box: box.side) for boxes in every if boxes]
    centres = np.array([(box.x + box.side / 2, box.y + box.side / 2) for box in largest])
    apart = np.abs(np.median(centres, axis=0) - (12 + 24)).max()
    assert apart < 0.02 * 48  # so that a square is centred on its box

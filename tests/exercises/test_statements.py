"""What the exercises say that a reader will see is what their cells print, or what the committed run holds."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from answering import answers, read
from PIL import Image

from fer_utils.augment import cutmix
from fer_utils.data import audit, load_faces
from fer_utils.evaluation import apply_temperature
from fer_utils.exercises import training
from fer_utils.models import Restricted
from fer_utils.photos import MARGIN, cut, prepare, with_margin
from fer_utils.runs import Run
from fer_utils.support.detector import Box
from reports import results

RUN = Run(Path(__file__).parents[2] / "reports" / "fer2013")


def said(name: str) -> str:
    texts = [cell.source for cell in read("solutions", name).cells if cell.cell_type == "markdown"]
    return " ".join(" ".join(texts).split())


def printed(name: str, start: str) -> str:
    """The stored output of the cell that begins so."""
    cell, = [cell for cell in read("solutions", name).cells if cell.source.startswith(start)]
    return "".join(output.get("text") or output.data["text/plain"] for output in cell.outputs)


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", text)]


def test_what_the_drawn_faces_show():
    assert "The classes differ by about two grey levels" in said("01_eda")
    assert round(np.ptp(numbers(printed("01_eda", "print(np.round(brightness_spread")))) == 2
    rows = [numbers(line)[2:] for line in printed("01_eda", "guesser").splitlines()]
    new, known = np.array(rows).T
    assert "Sharper is better here" in said("01_eda") and (np.diff(new) > 0).all()
    assert "the lead on the images that they learnt from grows" in said("01_eda") and (np.diff(known - new) > 0).all()
    assert "the drawn faces have none" in said("01_eda")
    assert printed("01_eda", 'print(f"{len(mirrored').startswith("0 of")


def test_what_the_leak_is_worth():
    text = said("02_preprocessing")
    whole, n = numbers(printed("02_preprocessing", "def names_of_most_similar"))
    seen, n_seen, new, n_new = numbers(printed("02_preprocessing", "seen ="))
    assert "does surprisingly well" in text and whole > 0.7 and n == n_seen + n_new
    assert "Its memory is perfect" in text and seen == 1
    assert "worse than naming the most frequent class, which gives 0.447" in text and new < 0.447


def test_what_theory_says():
    _, unpadded, _, padded = numbers(printed("03_model", "first_dense"))
    assert "less than half of its parameters" in said("03_model") and unpadded < padded / 2
    first, _, last = numbers(printed("03_model", "loss_gradient").removeprefix("tensor"))
    assert "nearly 1 for the class that is named and nearly -1 for the label's" in said("03_model")
    assert first > 0.9 and last < -0.9
    errors = [numbers(line)[1] for line in printed("05_evaluation", "rng =").splitlines()]
    assert "The model is perfect and its error grows" in said("05_evaluation") and (np.diff(errors) > 0).all()
    assert "happens two times in three" in said("05_evaluation") and abs(0.98**20 - 2 / 3) < 0.01
    wilson, textbook = numbers(printed("05_evaluation", "def textbook"))[:2]
    assert wilson > 0.9 and textbook < 0.4
    best, = re.findall(r"better by ([\d.]+) points", said("06_techniques"))
    b, a = numbers(printed("06_techniques", "recipe_a"))
    assert abs(100 * (b - a) - float(best)) < 1e-6
    assert "not shown" in printed("06_techniques", "gap, low, high")


def test_the_bar_of_the_network_is_the_one_that_is_named():
    text = said("04_training")
    assert f"more than {training.BAR} of them" in text
    assert f"{training.STEPS} steps of {training.BATCH} drawn" in text
    assert "The most frequent class alone gives 0.447" in text
    reached, = re.findall(r"accuracy ([\d.]+) after", printed("04_training", "check.own_network"))
    assert float(reached) > training.BAR + 0.05


def test_what_new_faces_show():
    text = said("09_new_faces")
    plain, limited = (numbers(line.partition(":")[2]) for line in printed("09_new_faces", "greys").splitlines())
    assert "the darkest places have become the brightest" in text and limited == [0, 0, 0, 0, 10, 20]
    assert min(plain[:3]) > max(plain[3:])
    (mean, low, high), (again, narrow, end) = (
        numbers(line.partition("hits:" if "hits" in line else "images:")[2])
        for line in printed("09_new_faces", "rng =").splitlines())
    assert "The mean is the same" in text and mean == again
    assert "less than a third as wide" in text and 0.25 < (end - narrow) / (high - low) < 1 / 3
    grey, skipped = (numbers(line) for line in printed("09_new_faces", "lines =").splitlines())
    assert "Every fifth pixel is black or white" in text and skipped == [0, 1] and 0.4 < grey[0] < grey[1] < 0.6


def test_the_course_cuts_and_prepares_as_the_exercises_do():
    text, solved = said("09_new_faces"), answers("solutions", "09_new_faces")
    assert f"`photos.with_margin`, which gives the same squares as yours with a margin of {MARGIN}" in text
    assert "`photos.cut` and `photos.prepare` do what you have written" in text
    rng = np.random.default_rng(0)
    for _ in range(50):
        (width, height, side), (left, top) = rng.integers(50, 300, 3).tolist(), rng.integers(-20, 200, 2).tolist()
        box = (left, top, side)
        photo = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
        square = solved["square_around"](box, photo.size, MARGIN)
        assert square == with_margin(Box(*box), photo)
        assert torch.equal(solved["prepared"](photo, square), prepare(np.stack([cut(photo, Box(*square))])))


def test_what_a_teacher_and_the_best_of_many_seeds_give():
    _, against = printed("11_further", "label =").splitlines()
    assert np.argmax(numbers(against.partition(":")[2])) == 2
    assert "The second student is to answer class 2, against the label" in said("11_further")
    same, seven, three = (numbers(line) for line in printed("11_further", "logits =").splitlines())
    assert "It is the same." in said("11_further") and same == [0]
    assert "With four classes ruled out, each of the others gets more" in said("11_further")
    assert min(np.subtract(three, seven)) > 0
    cell, = [cell.source for cell in read("solutions", "11_further").cells if cell.source.startswith("three =")]
    of_seeds = RUN.read_metrics("further")["over_seeds"]["WideCNN"]["accuracy_per_seed"]
    assert f"three = {[round(accuracy, 4) for accuracy in of_seeds]}" in cell
    gains = [numbers(line)[-1] for line in printed("11_further", "three =").splitlines()[1:]]
    assert "the number rises with every further try" in said("11_further")
    assert gains[0] == 0 and min(np.diff(gains)) > 0


def test_the_course_mixes_and_restricts_as_the_exercises_do():
    solved, rng = answers("solutions", "11_further"), np.random.default_rng(0)
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    restricted = Restricted(torch.nn.Identity(), [0, 3, 6])(logits).softmax(1)
    assert np.allclose(solved["asked_about"](logits.softmax(1).numpy(), [0, 3, 6]), restricted, atol=1e-6)
    pair = rng.integers(0, 256, (2, 48, 48)).astype(np.uint8)
    targets, generator = torch.eye(2), torch.Generator().manual_seed(1)
    assert "`augment.cutmix` places each rectangle so that it lies within the image" in said("11_further")
    for _ in range(20):
        images, mixed = cutmix(torch.as_tensor(pair), targets, p=1.0, generator=generator)
        rows, columns = np.nonzero(images[0].numpy() != pair[0])
        if len(rows):
            height, width = (int(np.ptp(place)) + 1 for place in (rows, columns))
            assert abs(mixed[0, 1].item() - height * width / 2304) < 1e-6
    square = (int(rng.integers(-5, 30)), int(rng.integers(-5, 30)), 24)
    image, target = solved["pasted"](*pair, *targets.numpy(), square)
    assert abs(target[1] - (image != pair[0]).mean()) < 0.02


def test_what_fer2013_shows(fer2013_zip):
    spent = RUN.read_metrics("speed")["profile_ms"]
    share = {step: round(100 * seconds / sum(spent.values())) for step, seconds in spent.items()}
    assert f"optimizer takes {share['optimizer']} % of the time and pooling {share['pooling']} %" in said("08_speed")
    faces = load_faces(fer2013_zip, verbose=False)
    assert "FER2013 has ten, and these are its blank images" in said("01_eda")
    mirrored = answers("solutions", "01_eda")["mirrored"](faces.images)
    assert len(mirrored) == 10 and set(mirrored) == set(np.flatnonzero(audit(faces)["blank"]))
    scores = results.read(RUN).scores
    labels, probabilities = RUN.read_predictions(results.counting(RUN), scores["chosen_seed"])
    angry, happy, neutral = answers("solutions", "05_evaluation")["answered_by_class"](
        apply_temperature(probabilities, scores["temperature"]), np.asarray(pd.Series(labels)),
        scores["selective"]["threshold"])
    assert "happy faces are answered twice as often" in said("05_evaluation") and happy > 1.8 * max(angry, neutral)

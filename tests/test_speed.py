import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from fer_utils import CourseError, speed
from fer_utils.data import Faces, Split
from fer_utils.figures.speed import grouped
from fer_utils.lessons import COURSE, is_finished, load_trained, trained
from fer_utils.models import build_model, layer_table
from fer_utils.recipes import NamedRecipe
from fer_utils.runs import Run
from fer_utils.support.checkpoints import read_metadata
from fer_utils.support.processes import median_seconds
from fer_utils.training import HISTORY, Recipe, fit

RECIPE = Recipe(batch_size=16, epochs=2, precision="float32")
ASKED = NamedRecipe("PosterCNN", 0.5, RECIPE)
CPU = torch.device("cpu")


def drawn(n: int) -> Faces:
    rng = np.random.default_rng(0)
    labels = np.arange(n, dtype=np.int64) % 3
    images = (rng.integers(0, 80, (n, 48, 48)) + 80 * labels[:, None, None]).astype(np.uint8)
    return Faces(images, labels, np.full(n, "Training"), np.arange(n).astype(str), source="test", drawn=True)


@pytest.fixture(scope="module")
def faces():
    return drawn(40)


@pytest.fixture(scope="module")
def parts(faces):
    return Split(faces, faces.take(np.arange(12)), faces)


def test_the_reference_feeds_every_image_once_in_a_new_order(faces):
    first, second = (list(speed.reference_loader(faces, RECIPE, 0, CPU)) for _ in range(2))
    assert [tuple(x.shape) for x, _ in first] == [(16, 1, 48, 48), (16, 1, 48, 48), (8, 1, 48, 48)]
    assert all(0 <= x.min() and x.max() <= 1 for x, _ in first)
    labels = [torch.cat([y for _, y in passed]) for passed in (first, second)]
    assert not torch.equal(*labels)
    assert torch.equal(*(some.sort().values for some in labels))


@pytest.mark.parametrize("step", ["reference, 0 workers", *speed.STEPS])
def test_every_step_trains(faces, step):
    torch.manual_seed(0)
    epoch = speed.variant(step, faces, ASKED, CPU)
    losses = [float(epoch()) for _ in range(5)]
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < losses[0] / 2


def test_the_last_step_is_what_fit_does(faces):
    model = build_model("PosterCNN", dropout=0.5)
    losses = fit(model, faces, None, RECIPE, device="cpu", log=lambda line: None).history["train_loss"]
    torch.manual_seed(0)  # as fit does, for dropout
    epoch = speed.variant("fused Adam", faces, ASKED, CPU)
    assert [float(epoch()), float(epoch())] == losses.tolist()


def test_a_step_that_changes_nothing_here_is_left_out():
    assert "bfloat16" not in speed.ladder(RECIPE, CPU)
    assert "bfloat16" in speed.ladder(replace(RECIPE, precision="bfloat16"), CPU)
    assert "freed memory kept" not in speed.ladder(RECIPE, torch.device("cuda"))
    assert speed.ladder(RECIPE, CPU)[-2:] == ["fused Adam", "limit"]
    assert speed.ladder(replace(RECIPE, precision="bfloat16"), torch.device("cuda"))[-2:] == ["recorded", "limit"]


@pytest.mark.filterwarnings("error:The given NumPy array is not writable")
@pytest.mark.parametrize("step", ["reference, 0 workers", "fused Adam"])
def test_a_step_asks_for_a_logit_for_each_class(faces, step):
    five = replace(faces, labels=faces.labels + 2, classes=("Fear", "Sad", "Angry", "Happy", "Neutral"))
    happy_and_neutral = five.with_classes(["Neutral", "Happy"])
    assert math.isfinite(speed.variant(step, five, ASKED, CPU)())
    assert math.isfinite(speed.variant(step, happy_and_neutral, ASKED, CPU)())


def test_the_steps_take_turns_in_processes_of_their_own(faces):
    steps = ["reference, 0 workers", "fused Adam"]
    times = speed.measure(steps, faces, ASKED, 2, CPU)
    assert times["step"].tolist() == ["fused Adam", "reference, 0 workers", "reference, 0 workers", "fused Adam"]
    assert times["repeat"].tolist() == [1, 1, 2, 2]
    assert (times["images_per_s"] > 0).all()
    assert not (times["peak_mb"] < 50).any()


def test_a_fresh_process_has_nothing_of_this_one():
    torch.set_default_dtype(torch.float64)
    try:
        with speed.fresh_process() as process:
            assert process.submit(torch.get_default_dtype).result() == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_summary_keeps_the_faster_reference_and_says_what_each_step_saves():
    rates = {"reference, 0 workers": (100, 200, 300), "reference, 2 workers": (240, 250, 260),
             "fused Adam": (400, 500, 900), "limit": (500, 1000, 1000)}
    rows = [(step, k, values[k], 700.0) for k in range(3) for step, values in reversed(rates.items())]
    table = speed.summary(pd.DataFrame(rows, columns=["step", "repeat", "images_per_s", "peak_mb"]))
    assert table["step"].tolist() == ["reference, 2 workers", "fused Adam", "limit"]
    assert table["seconds"].tolist() == [4, 2, 1]
    assert table["saved"].tolist()[1:] == [2, 1]
    assert table[["low", "high"]].to_numpy().tolist() == [[240, 260], [400, 900], [500, 1000]]


def test_the_profile_accounts_for_the_whole_pass(faces):
    operators = speed.operators(speed.variant("fused Adam", faces, ASKED, CPU), CPU)
    assert (operators.loc[operators["operator"] != "Python", "milliseconds"] >= 0).all()
    kinds = grouped(operators)
    assert kinds.sum() == pytest.approx(operators["milliseconds"].sum())
    assert (kinds > 0).all()
    assert operators.set_index("operator")["calls"]["aten::conv2d"] == 9  # three layers, three batches


def test_the_reference_is_trained_once_in_a_process_of_its_own(parts, home, monkeypatch):
    run, loop = Run.open("default"), speed.reference_loop(0)
    result = trained(run, parts, ASKED, 0, "cpu", log=lambda line: None, loop=loop)
    assert result.history.columns.tolist() == HISTORY
    assert result.history["epoch"].tolist() == [1, 2] and result.history["saved"][0]
    assert (result.history["seconds"] > 0).all()
    assert run.training(result.training).asked()["loop"] == "reference"
    monkeypatch.setattr(speed, "fresh_process", None)
    again = trained(run, parts, ASKED, 0, "cpu", log=lambda line: None, loop=loop)
    pd.testing.assert_frame_equal(result.history, again.history)
    other = ASKED._replace(recipe=replace(RECIPE, learning_rate=0.1))
    with pytest.raises(TypeError):  # other settings, hence another training
        trained(run, parts, other, 0, "cpu", log=lambda line: None, loop=loop)


def test_the_reference_stays_in_its_own_process(parts):
    state = torch.get_rng_state()
    result = speed.reference_loop(0).fit(build_model(), parts.train, None, RECIPE, 3, "cpu", None, print)
    assert torch.equal(torch.get_rng_state(), state)
    assert result.history["saved"].tolist() == [False, True] and result.history["val_acc"].isna().all()
    assert set(result.history["seed"]) == {3}


def test_the_reference_keeps_the_weights_of_its_best_epoch(parts, home, monkeypatch):
    sums = iter((0.5, 0.4))
    monkeypatch.setattr(speed, "validate", lambda *arguments: torch.tensor([12.0, 12 * next(sums)]))
    monkeypatch.setattr(speed, "fresh_process", lambda: ThreadPoolExecutor(1))
    run, loop = Run.open("best"), speed.reference_loop(0)
    result = trained(run, parts, ASKED, 0, "cpu", lambda line: None, loop)
    kept = run.training(result.training)
    assert result.best["epoch"] == 1 and read_metadata(kept.weights(0))["epoch"] == 1
    assert is_finished(kept, 0) and len(load_trained(kept, 0).history) == 2


def test_a_loss_of_the_reference_that_is_no_number_ends_it(parts, monkeypatch):
    monkeypatch.setattr(speed, "reference_epoch", lambda *arguments: math.nan)
    with pytest.raises(CourseError, match="epoch 1, whose loss is no finite number"):
        speed.reference_fit(build_model(), parts.train, parts.val, RECIPE, 0, torch.device("cpu"), 0, 1)


def test_two_loops_with_and_without_validation_are_four_trainings(parts, home):
    run, without = Run.open("default"), parts._replace(val=None)
    asked = ASKED._replace(recipe=replace(RECIPE, epochs=1))
    names = [trained(run, images, asked, 0, "cpu", lambda line: None, loop).training
             for loop in (COURSE, speed.reference_loop(0)) for images in (parts, without)]
    assert len(set(names)) == 4
    assert sorted(run.trainings()["training"]) == sorted(names)
    assert sorted(run.trainings()["loop"]) == ["course", "course", "reference", "reference"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_products_have_the_shapes_and_the_work_of_the_layers(precision):
    asked = ASKED._replace(recipe=replace(RECIPE, precision=precision))
    table = speed.products(asked, 3, CPU)
    assert table["layer"].tolist() == ["Conv2d"] * 3 + ["Linear"] * 2
    shapes = table[["rows", "inner", "columns"]].to_numpy().tolist()
    assert shapes == [[16 * 48 * 48, 9, 32], [16 * 24 * 24, 9 * 32, 64], [16 * 12 * 12, 9 * 64, 128],
                      [16, 128 * 6 * 6, 256], [16, 256, 3]]
    layers = layer_table(build_model("PosterCNN")).query("layer in ('Conv2d', 'Linear')")["multiply-adds"].to_numpy()
    passes = np.array([2, 3, 3, 3, 3])  # how the images should change is not asked
    np.testing.assert_allclose(table["work"], 2 * 16 * layers * passes / 1e9)
    rates = table[["product", "reached"]].to_numpy()
    assert (rates > 0).all() and np.isfinite(rates).all()


def test_a_median_leaves_out_the_first_call_and_lasts_as_long_as_it_should():
    calls = []

    def work(seconds):
        calls.append(1)
        time.sleep(0.2 if len(calls) == 1 else seconds)

    assert 0.01 <= median_seconds(work, 0.01, least=0.05) < 0.1
    assert 2 <= len(calls) <= 6

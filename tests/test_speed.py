import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from fer_utils import speed
from fer_utils.data import Faces, Split
from fer_utils.figures.speed import grouped
from fer_utils.runs import Run
from fer_utils.training import HISTORY, TrainConfig, fit

CONFIG = TrainConfig(batch_size=16, epochs=2, device="cpu", precision="float32")


def drawn(n: int) -> Faces:
    rng = np.random.default_rng(0)
    labels = np.arange(n, dtype=np.int64) % 3
    images = (rng.integers(0, 80, (n, 48, 48)) + 80 * labels[:, None, None]).astype(np.uint8)
    return Faces(images, labels, np.full(n, "Training"), np.arange(n).astype(str), "test", True)


@pytest.fixture(scope="module")
def faces():
    return drawn(40)


@pytest.fixture(scope="module")
def parts(faces):
    return Split(faces, faces.take(np.arange(12)), faces)


def test_the_reference_feeds_every_image_once_in_a_new_order(faces):
    first, second = (list(speed.reference_loader(faces, CONFIG, 0)) for _ in range(2))
    assert [tuple(x.shape) for x, _ in first] == [(16, 1, 48, 48), (16, 1, 48, 48), (8, 1, 48, 48)]
    assert all(0 <= x.min() and x.max() <= 1 for x, _ in first)
    labels = [torch.cat([y for _, y in passed]) for passed in (first, second)]
    assert not torch.equal(*labels)
    assert torch.equal(*(some.sort().values for some in labels))


@pytest.mark.parametrize("step", ["reference, 0 workers", *speed.STEPS])
def test_every_step_trains(faces, step):
    epoch = speed.variant(step, faces, CONFIG)
    losses = [epoch() for _ in range(6)]
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < losses[0]


def test_the_last_step_is_what_fit_does(faces):
    losses = fit(faces, None, CONFIG, log=lambda line: None).history["train_loss"]
    epoch = speed.variant("fused Adam", faces, CONFIG)
    assert [epoch(), epoch()] == losses.tolist()


def test_a_step_that_changes_nothing_here_is_left_out():
    assert "bfloat16" not in speed.ladder(CONFIG)
    assert "bfloat16" in speed.ladder(replace(CONFIG, precision="bfloat16"))
    assert speed.ladder(CONFIG)[-2:] == ["fused Adam", "limit"]


def test_the_steps_take_turns_in_processes_of_their_own(faces):
    steps = ["reference, 0 workers", "fused Adam"]
    times = speed.measure(steps, faces, CONFIG, repeats=2)
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
    operators = speed.operators(speed.variant("fused Adam", faces, CONFIG))
    assert (operators.loc[operators["operator"] != "Python", "milliseconds"] >= 0).all()
    kinds = grouped(operators)
    assert kinds.sum() == pytest.approx(operators["milliseconds"].sum())
    assert (kinds > 0).all()
    assert operators.set_index("operator")["calls"]["aten::conv2d"] == 9  # three layers, three batches


def test_the_reference_is_trained_once(parts, home, monkeypatch):
    run = Run.open("default/08/reference")
    history = speed.reference_trained(run, parts, CONFIG, 0)
    assert history.columns.tolist() == HISTORY
    assert history["epoch"].tolist() == [1, 2]
    assert history["saved"][0] and (history["seconds"] > 0).all()
    monkeypatch.setattr(speed, "fresh_process", None)
    again = speed.reference_trained(run, parts, CONFIG, 0)
    pd.testing.assert_frame_equal(history, again)
    with pytest.raises(TypeError):  # other settings, hence another training
        speed.reference_trained(run, parts, replace(CONFIG, learning_rate=0.1), 0)

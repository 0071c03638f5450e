"""The figures of notebook 06, for one seed and for several: what they say, and that no text covers another."""

import numpy as np
import pandas as pd
import pytest
from drawing import overlaps, texts

from fer_utils.figures import techniques

pytestmark = pytest.mark.usefixtures("style")


def history(seeds: int, epochs: int = 20) -> pd.DataFrame:
    rng = np.random.default_rng(seeds)
    rows = [(seed, epoch, 1 / epoch + rng.normal(0, 0.02), 0.5 + rng.normal(0, 0.02))
            for seed in range(seeds) for epoch in range(1, epochs + 1)]
    return pd.DataFrame(rows, columns=["seed", "epoch", "train_loss", "val_loss"])


@pytest.mark.parametrize("seeds", [1, 3])
def test_recipes_stand_side_by_side_on_one_scale(seeds):
    names = ["the poster's recipe", "no augmentation", "no batch normalisation", "no dropout"]
    fig = techniques.side_by_side({name: history(seeds) for name in names})
    assert len({ax.get_ylim() for ax in fig.axes}) == 1 and len(fig.axes) == 4
    shown = texts(fig)
    assert all(f"{name}\n(seeds: {seeds})" in shown for name in names)
    assert {"training", "validation", "the poster's recipe, validation"} <= set(shown)
    assert not overlaps(fig)


def test_differences_show_each_pair_their_mean_and_an_interval_where_there_is_one():
    fig = techniques.differences({
        "augmentation": {"gaps": [0.01, 0.02, 0.03], "difference": 0.02, "difference_ci": [-0.005, 0.045], "n": 3},
        "dropout": {"gaps": [-0.004], "difference": -0.004, "difference_ci": None, "n": 1}})
    drawn = [line.get_xdata() for line in fig.axes[0].lines[1:]]
    assert [np.round(np.atleast_1d(x), 6).tolist() for x in drawn] == [[1, 2, 3], [-0.5, 4.5], [2], [-0.4], [-0.4]]
    assert {"augmentation\nn = 3", "dropout\nn = 1"} <= set(texts(fig)) and not overlaps(fig)


@pytest.mark.parametrize("seeds", [1, 2])
def test_the_map_has_mean_spread_and_n_in_each_field(seeds):
    rows = [(rate, size, 0.7 + rate + size / 1e4 + seed / 100) for rate in (1e-4, 1e-3, 1e-2) for size in (32, 64, 128)
            for seed in range(seeds)]
    fig = techniques.heat_map(pd.DataFrame(rows, columns=["learning_rate", "batch_size", "val_acc"]))
    shown = texts(fig)
    assert ("0.703\nn = 1" if seeds == 1 else "0.708\n± 0.007, n = 2") in shown
    assert {"0.0001", "0.001", "0.01", "32", "64", "128"} <= set(shown) and not overlaps(fig)

"""The figures of notebook 06, for one seed and for several."""

import numpy as np
import pandas as pd
import pytest
from drawing import texts
from figures.gallery import made_up_history

from fer_utils.figures import techniques, training

pytestmark = pytest.mark.usefixtures("style")


@pytest.mark.parametrize("seeds", [1, 3])
def test_recipes_stand_side_by_side_on_one_scale(seeds):
    names = ["the poster's recipe", "no augmentation", "no batch normalisation", "no dropout"]
    histories = {name: made_up_history(seeds) for name in names}
    fig = techniques.side_by_side(histories)
    assert len({ax.get_ylim() for ax in fig.axes}) == 1 and len(fig.axes) == 4
    shown = texts(fig)
    assert all(f"{name}\n(seeds: {seeds})" in shown for name in names)
    assert {"training", "validation", "the poster's recipe, validation"} <= set(shown)
    assert ("band: ± one standard deviation over the seeds" in shown) == (seeds > 1)
    assert all(line.get_visible() for axes in fig.axes for line in axes.get_ygridlines())
    own = histories["no dropout"].groupby("epoch")["val_loss"]
    assert np.allclose(fig.axes[3].lines[1].get_ydata(), own.mean())
    band = fig.axes[3].collections[-1].get_datalim(fig.axes[3].transData)
    assert band.y1 == pytest.approx((own.mean() + own.std().fillna(0)).max()) or seeds == 1


def test_differences_show_each_pair_their_mean_and_an_interval_where_there_is_one():
    fig = techniques.differences({
        "augmentation": {"gaps": [0.01, 0.02, 0.03], "difference": 0.02, "difference_ci": [-0.005, 0.045], "n": 3},
        "dropout": {"gaps": [-0.004], "difference": -0.004, "difference_ci": None, "n": 1}})
    drawn = [line.get_xdata() for line in fig.axes[0].lines[1:]]
    assert [np.round(np.atleast_1d(x), 6).tolist() for x in drawn] == [[-0.5, 4.5], [2], [1, 2, 3], [-0.4], [-0.4]]
    assert {"augmentation\nn = 3", "dropout\nn = 1", "+2.00", "−0.40"} <= set(texts(fig))


@pytest.mark.parametrize("seeds", [1, 2])
def test_the_map_has_mean_spread_and_n_in_each_field(seeds):
    rows = [(rate, size, 0.7 + rate + size / 1e4 + seed / 100) for rate in (1e-4, 1e-3, 1e-2) for size in (32, 64, 128)
            for seed in range(seeds)]
    fig = techniques.learning_grid(pd.DataFrame(rows, columns=["learning_rate", "batch_size", "val_acc"]))
    shown = texts(fig)
    assert ("0.703\nn = 1" if seeds == 1 else "0.708\n± 0.007\nn = 2") in shown
    assert {"0.0001", "0.001", "0.01", "32", "64", "128"} <= set(shown)


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_curves_of_a_training_say_what_their_bands_are(seeds):
    for fig in (training.training_curves(made_up_history(seeds)),
                training.compared_curves({"a": made_up_history(1), "b": made_up_history(seeds)})):
        assert ("band: ± one standard deviation over the seeds" in texts(fig)) == (seeds > 1)
        assert all(line.get_visible() for axes in fig.axes for line in axes.get_ygridlines())

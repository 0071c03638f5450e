import numpy as np
import pandas as pd
import pytest
from drawing import texts
from figures.gallery import made_up_steps

from fer_utils.figures import speed as figures

pytestmark = pytest.mark.usefixtures("style")


@pytest.fixture
def steps():
    return made_up_steps()


def test_the_waterfall_ends_each_bar_where_the_next_begins(steps):
    fig = figures.waterfall(steps)
    written = texts(fig)
    assert {"reference, 2 workers", "+ bfloat16", "limit", "1,477", "0.68 s"} <= set(written)
    bars = fig.axes[0].patches
    kept, saved = [bar for bar in bars if bar.get_x() == 0], [bar for bar in bars if bar.get_x() > 0]
    assert [bar.get_x() + bar.get_width() for bar in saved] == pytest.approx([bar.get_width() for bar in kept[:-1]])


def test_a_step_that_costs_has_another_colour(steps):
    steps.loc[2, "seconds"] += 1
    steps["saved"] = -steps["seconds"].diff()
    saved = [bar for bar in figures.waterfall(steps).axes[0].patches if bar.get_alpha()]
    assert saved[0].get_facecolor() != saved[1].get_facecolor()


def test_the_profile_names_every_kind_and_adds_up():
    operators = pd.DataFrame({"operator": ["autograd: ConvolutionBackward0", "aten::conv2d", "aten::mul", "Python"],
                              "milliseconds": [50.0, 30.0, 4.0, 16.0], "calls": [3, 3, 1, 1]})
    assert figures.grouped(operators)["the rest"] == 20
    fig = figures.profile(figures.grouped(operators), 2)
    assert {"25.0 ms   50 %", "optimizer", "the rest"} <= set(texts(fig))


@pytest.mark.parametrize("with_reference", [False, True])
def test_time_to_accuracy_draws_schedules_targets_and_the_reference(with_reference):
    rows = [("sprint", 6, 15.0, 0.77), ("sprint", 6, 16.0, 0.765), ("fast", 12, 38.0, 0.79), ("fast", 12, 40.0, 0.8)]
    points = pd.DataFrame(rows, columns=["recipe", "epochs", "seconds", "accuracy"])
    history = pd.DataFrame({"seed": np.repeat([0, 1], 20), "seconds": 20.0, "val_acc": np.linspace(0.5, 0.79, 40)})
    targets = {"class competition's baseline": 0.76696, "the poster's best": 0.7923}
    fig = figures.time_to_accuracy(points, targets, history if with_reference else None)
    assert {"sprint, 6 epochs (2 seeds)", "the poster's best 0.7923"} <= set(texts(fig))
    assert ("the reference, epoch by epoch" in texts(fig)) == with_reference
    assert not fig.axes[0].texts  # a label among the curves would cover one
    dashed = [line.get_linestyle() for line in fig.axes[0].lines if line.get_label().startswith(tuple(targets))]
    assert len(set(dashed)) == 2


@pytest.mark.parametrize("ends, public", [(None, None), ([0.82, 0.84], 0.82244)])
def test_fixed_budget_shows_each_seed_and_the_mean(ends, public):
    fig = figures.fixed_budget({3: 0.83, 4: 0.84}, 3965, ends, public)
    assert {"seed 3", "seed 4", "mean", "0.8350"} <= set(texts(fig))
    assert ("best public result 0.82244" in texts(fig)) == (public is not None)


def test_ablations_show_points_and_bear_a_single_seed():
    table = pd.DataFrame([
        {"part": "weight averaging", "differences": [-0.01, -0.02], "difference": -0.015, "low": -0.03, "high": 0.0},
        {"part": "flip at test time", "differences": [0.004], "difference": 0.004, "low": np.nan, "high": np.nan},
    ])
    fig = figures.ablations(table)
    assert {"without weight averaging", "−1.50", "+0.40"} <= set(texts(fig))

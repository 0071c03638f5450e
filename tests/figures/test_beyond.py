import numpy as np
import pandas as pd
import pytest
from drawing import texts

from fer_utils.evaluation import paired_seeds
from fer_utils.figures import beyond as figures

pytestmark = pytest.mark.usefixtures("style")


def test_the_block_names_its_parts():
    fig = figures.residual_block()
    shown = " ".join(texts(fig))
    assert len(fig.axes[0].texts) > 10 and all(
        text.arrow_patch.get_linewidth() > 0 for text in fig.axes[0].texts if hasattr(text, "arrow_patch"))
    for part in ("3 × 3 conv", "ReLU", "mean of each", "sigmoid", "shortcut", "×", "+"):
        assert part in shown


def test_channels_are_sorted_by_their_mean_and_no_class_hides_another():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.random((16, 2)), columns=["Angry", "Happy"])
    fig = figures.channel_weights({"block 1": table, "block 8": table})
    above, below = fig.axes[1], fig.axes[3]
    means, away = above.lines[0].get_ydata(), [line.get_ydata() for line in below.lines]
    assert len(fig.axes) == 4 and (np.diff(means) >= 0).all()
    assert np.allclose(sorted(means + away[0]), sorted(table["Angry"])) and np.allclose(away[0], -away[1])


@pytest.mark.parametrize("seeds", [1, 3])
def test_compared_shows_every_seed_and_an_interval_where_there_is_one(seeds):
    a, b = [0.80, 0.81, 0.79][:seeds], [0.82, 0.825, 0.83][:seeds]
    fig = figures.compared({"PosterCNN": a, "AttentionCNN": b}, {"PosterCNN": 23, "AttentionCNN": 1079},
                           {"AttentionCNN\n- PosterCNN": paired_seeds(a, b)})
    shown = texts(fig)
    assert f"{np.mean(b):.3f}" in shown and "AttentionCNN\n1,079 million multiply-adds" in shown
    assert ("points; one seed, no interval" in shown) == (seeds == 1)


def test_the_ladder_takes_back_what_did_not_help():
    steps = pd.DataFrame({"step": ["start", "up", "down"], "accuracy": [0.8, 0.82, 0.81], "low": [0.79, 0.81, 0.8],
                          "high": [0.81, 0.83, 0.82], "kept": [True, True, False]})
    fig = figures.ladder(steps)
    assert fig.axes[0].lines[-1].get_xdata().tolist() == [0.8, 0.82]
    assert {"start", "up", "down", "0.820"} <= set(texts(fig))


def test_final_scores_stand_beside_lines_only_where_there_are_some():
    score = {"accuracy": 0.85, "accuracy_ci": [0.84, 0.86], "n": 3965}
    both = {"PosterCNN": score, "AttentionCNN": score | {"clean": score}}
    assert "best public result 0.82244" in texts(figures.final_scores(both, {"best public result": 0.82244}))
    assert not any("public" in text for text in texts(figures.final_scores(both, {})))

"""The schedule of the learning rate and the average of the weights."""

import numpy as np
import pytest
import torch

from fer_utils.models import PosterCNN
from fer_utils.support.optimizers import MovingAverage, make_optimizer
from fer_utils.training import Recipe


def test_one_cycle_rises_for_a_quarter_of_the_steps_and_ends_at_almost_nothing():
    recipe = Recipe(learning_rate=0.01, schedule="one_cycle", optimizer="adamw", weight_decay=0.1)
    optimizer, schedule = make_optimizer(PosterCNN(), recipe, steps=40)
    assert isinstance(optimizer, torch.optim.AdamW) and optimizer.param_groups[0]["weight_decay"] == 0.1
    rates = []
    for _ in range(40):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    top = int(np.argmax(rates))
    assert top == 9 and rates[top] == pytest.approx(0.01)
    assert (np.diff(rates[: top + 1]) > 0).all() and (np.diff(rates[top:]) < 0).all() and rates[-1] < 1e-6


def test_the_average_starts_short_and_follows():
    model = torch.nn.Linear(1, 1, bias=False)
    average = MovingAverage(model, 0.9)
    torch.nn.init.constant_(model.weight, 1.0)
    first = None
    for _ in range(200):
        average.update(model)
        first = first or average.module.weight.item()
    assert average.module.weight.item() == pytest.approx(1.0, abs=1e-4)

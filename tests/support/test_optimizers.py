"""The schedule of the learning rate and the average of the weights."""

import numpy as np
import pytest
import torch

from fer_utils.models import PosterCNN
from fer_utils.support.optimizers import MovingAverage, Muon, make_optimizer, orthogonal
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


def test_orthogonal_keeps_the_directions_and_evens_out_their_lengths():
    torch.manual_seed(0)
    for shape in ((6, 20), (20, 6)):
        left, lengths, right = torch.linalg.svd(torch.randn(shape), full_matrices=False)
        lengths = torch.linspace(1, 0.1, len(lengths))
        evened = orthogonal(left @ torch.diag(lengths) @ right, iterations=5)
        inside = left.T @ evened @ right.T  # in the matrix's own directions
        assert evened.shape == shape
        assert (inside - torch.diag(inside.diagonal())).abs().max() < 0.05
        assert inside.diagonal().min() > 0.5 and inside.diagonal().max() < 1.5


def test_muon_moves_inner_kernels_by_the_same_amount_whatever_the_gradients_size():
    moved = []
    for factor in (1.0, 1000.0):
        torch.manual_seed(0)
        model = PosterCNN(dropout=0.0)
        optimizer = Muon(model.parameters(), lr=0.01, weight_decay=0.0, fused=True)
        kernel, first = model.features[1][0].weight, model.features[0][0].weight
        before, before_first = kernel.detach().clone(), first.detach().clone()
        (factor * model(torch.rand(8, 1, 48, 48)).square().sum()).backward()
        optimizer.step()
        moved.append(kernel.detach() - before)
        # AdamW's first step is its learning rate; the first convolution has one channel to look at, and is AdamW's.
        assert (first.detach() - before_first).abs().median().item() == pytest.approx(0.01, rel=0.05)
    torch.testing.assert_close(moved[0], moved[1], rtol=0.05, atol=2e-3)
    assert 0.03 < torch.linalg.matrix_norm(moved[0].flatten(1), 2) < 0.13  # ten times the learning rate, near 1


def test_muon_gives_each_part_its_own_cycle():
    optimizer, schedule = make_optimizer(PosterCNN(), Recipe(optimizer="muon", schedule="one_cycle"), steps=40)
    rates = []
    for _ in range(40):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    assert np.max(rates, axis=0) == pytest.approx([0.01, 0.001])
    np.testing.assert_allclose([inner / other for inner, other in rates], 10)

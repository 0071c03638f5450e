import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fer_utils import CourseError
from fer_utils.evaluation import predict
from fer_utils.models import (
    MODELS,
    AttentionCNN,
    PosterCNN,
    ResidualBlock,
    Restricted,
    Standardise,
    build_model,
    count_parameters,
    describe,
    dropout_of,
    layer_table,
)


def test_shape_and_size_are_the_posters():
    model = PosterCNN()
    assert model(torch.rand(5, 1, 48, 48)).shape == (5, 3)
    assert count_parameters(model) == 1_273_795
    kinds = [type(layer).__name__ for layer in model.modules() if not list(layer.children())]
    block = ["Conv2d", "ReLU", "BatchNorm2d", "MaxPool2d"]
    assert kinds == 3 * block + ["Flatten", "Linear", "ReLU", "Dropout", "Linear"]


def test_layer_table_counts_what_the_layers_hold_and_do():
    table = layer_table(PosterCNN())
    assert table["parameters"].sum() == 1_273_795
    assert table.loc[0, "multiply-adds"] == 48 * 48 * 32 * 9
    assert table.loc[4, "multiply-adds"] == 24 * 24 * 64 * 32 * 9
    assert list(table["output shape"])[-1] == "3"


def test_layer_table_leaves_the_model_as_it_was():
    model = PosterCNN().train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    layer_table(model)
    assert model.training
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_an_untrained_network_knows_nothing():
    torch.manual_seed(0)
    logits = PosterCNN()(torch.rand(256, 1, 48, 48))
    loss = F.cross_entropy(logits, torch.randint(3, (256,)))
    assert abs(loss.item() - math.log(3)) < 0.15


def test_unknown_model_names_the_known():
    with pytest.raises(CourseError, match="PosterCNN"):
        build_model("ResNet50")


def conv_bn(inside: int, outside: int, side: int) -> int:
    return inside * outside * side**2 + 2 * outside


def residual_parameters(inside: int, outside: int, attention: bool) -> int:
    """By hand: two 3x3 convolutions and the shortcut's 1x1, without biases, each with batch norm; two dense layers."""
    count = conv_bn(inside, outside, 3) + conv_bn(outside, outside, 3)
    count += conv_bn(inside, outside, 1) if inside != outside else 0
    squeezed = outside // 8
    return count + attention * (2 * outside * squeezed + squeezed + outside)


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize("inside, outside, stride", [(16, 16, 1), (16, 32, 2), (16, 32, 1)])
def test_a_residual_block_halves_by_its_stride(inside, outside, stride, attention):
    block = ResidualBlock(inside, outside, stride, attention)
    assert block(torch.rand(2, inside, 12, 12)).shape == (2, outside, 12 // stride, 12 // stride)
    assert count_parameters(block) == residual_parameters(inside, outside, attention)


def test_a_residual_block_whose_residual_is_nothing_passes_its_input_on():
    block = ResidualBlock(16, 16)
    torch.nn.init.zeros_(block.residual[4].weight)
    x = torch.rand(2, 16, 12, 12)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("name, channels, blocks, attention", [
    ("AttentionCNN", (32, 64, 128, 256), (2, 2, 2, 1), True), ("ResidualCNN", (32, 64, 128, 256), (2, 2, 2, 1), False),
    ("FastCNN", (16, 48, 96, 192), (1, 1, 1, 1), False)])
def test_deeper_networks_have_the_size_computed_by_hand(name, channels, blocks, attention):
    model = build_model(name).eval()
    widths = [channels[0], *(c for c, n in zip(channels, blocks, strict=True) for _ in range(n))]
    expected = conv_bn(1, channels[0], 3) + 3 * channels[-1] + 3
    expected += sum(residual_parameters(*pair, attention) for pair in zip(widths, widths[1:], strict=False))
    assert count_parameters(model) == expected
    assert model(torch.rand(2, 1, 48, 48)).shape == (2, 3)
    assert build_model(name, n_classes=7)(torch.rand(2, 1, 48, 48)).shape == (2, 7)
    sides = [row.split(" x ")[-1] for row in layer_table(model)["output shape"] if " x " in row]
    assert set(sides) == {"48", "24", "12", "6", "3", "1"}


@pytest.mark.parametrize("name", ["FastCNN", "AttentionCNN"])
def test_a_standardised_network_does_not_see_light_and_contrast(name):
    plain, model = build_model(name).eval(), build_model(f"{name}-standardised").eval()
    x = torch.rand(4, 1, 48, 48)
    assert torch.allclose(model(x), plain(Standardise()(x))) and count_parameters(model) == count_parameters(plain)
    standard = Standardise()(x)
    assert (Standardise()(0.5 * x + 0.4) - standard).abs().max() < 0.1
    assert standard.mean((1, 2, 3)).abs().max() < 1e-5 and (standard.std((1, 2, 3)) - 1).abs().max() < 0.05
    assert Standardise()(torch.full((1, 1, 48, 48), 0.7)).abs().max() < 1e-3


def test_layer_table_of_the_deeper_network_adds_up():
    model = AttentionCNN()
    table = layer_table(model)
    assert table["parameters"].sum() == count_parameters(model)
    convolutions = table[table["layer"] == "Conv2d"]
    assert convolutions["multiply-adds"].iloc[0] == 48 * 48 * 32 * 9
    assert convolutions["multiply-adds"].iloc[1] == 24 * 24 * 32 * 32 * 9
    assert list(table["output shape"])[-1] == "3"


def test_attention_is_the_only_difference_to_the_residual_network():
    full, plain = (
        {name: tuple(tensor.shape) for name, tensor in AttentionCNN(attention=attention).state_dict().items()}
        for attention in (True, False))
    assert plain.items() <= full.items()
    assert {name.split(".")[-2] for name in full.keys() - plain.keys()} == {"fc1", "fc2"}


def test_attention_weighs_whole_channels():
    block = ResidualBlock(16, 16)
    gate = block.residual[5]
    x = torch.rand(2, 16, 12, 12) + 0.1
    weights = gate(x) / x
    assert torch.allclose(weights, weights[:, :, :1, :1].expand_as(weights), atol=1e-5)
    assert 0 < weights.min() and weights.max() < 1


@pytest.mark.parametrize("name", ["PosterCNN", "AttentionCNN"])
def test_a_restricted_network_answers_for_some_classes_and_changes_nothing_else(name):
    model, x = build_model(name, n_classes=7).eval(), torch.rand(3, 1, 48, 48)
    before, state = model(x), torch.random.get_rng_state()
    some = Restricted(model, (0, 3, 6))
    assert torch.equal(some(x), before[:, [0, 3, 6]]) and torch.equal(Restricted(model, [6, 0])(x), before[:, [6, 0]])
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.equal(model(x), before) and model.classifier[-1].out_features == 7
    assert count_parameters(some) == count_parameters(model) and all(p.requires_grad for p in some.parameters())
    assert not some.eval().network.training and some.train().network.training


def test_a_restricted_network_predicts_probabilities_that_add_up():
    model = build_model("PosterCNN", n_classes=7)
    images = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)
    seven, three = predict(model, images), predict(Restricted(model, (0, 3, 6)), images)
    assert three.shape == (5, 3) and three.sum(1) == pytest.approx(1)
    kept = seven[:, [0, 3, 6]]
    assert three == pytest.approx(kept / kept.sum(1, keepdims=True), abs=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_the_seed_decides_the_weights_and_torchs_own_generator_stays_as_it_was(name):
    state = torch.random.get_rng_state()
    first, second, other = (build_model(name, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(state, torch.random.get_rng_state())
    torch.rand(7)  # what was drawn before makes no difference
    third = build_model(name, seed=3)
    weights = first.state_dict()
    for same in (second, third):
        assert all(torch.equal(value, weights[key]) for key, value in same.state_dict().items())
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


def test_a_name_gives_its_network_with_so_many_outputs_and_this_dropout():
    for name in MODELS:
        assert build_model(name, n_classes=2)(torch.rand(2, 1, 48, 48)).shape == (2, 2)
        assert dropout_of(build_model(name)) == 0.5 and dropout_of(build_model(name, dropout=0.25)) == 0.25
        assert dropout_of(build_model(name, dropout=0)) == 0
    assert dropout_of(torch.nn.Linear(2, 2)) is None and dropout_of(torch.nn.Linear(2, 2), 0.4) is None
    assert dropout_of(Functional(), 0.4) == 0.4 and dropout_of(Functional()) is None
    assert dropout_of(torch.nn.Sequential(torch.nn.Dropout(0.1), torch.nn.Dropout(0.2))) == 0.2


@pytest.mark.parametrize("dropout", [1.0, -0.1, 1.5, math.nan])
def test_a_dropout_that_cannot_be_is_refused(dropout):
    with pytest.raises(CourseError, match=rf"^dropout is {dropout}: give a number from 0 to 0\.99\.$"):
        build_model("PosterCNN", dropout=dropout)


def test_the_description_tells_networks_apart():
    made = [build_model(name, n, dropout) for name in MODELS for n in (2, 3) for dropout in (0.2, 0.5)]
    assert len({describe(model) for model in made}) == len(made)
    assert describe(build_model(seed=0)) == describe(build_model(seed=5)) == describe(build_model().eval())


class Functional(nn.Module):
    """Silences neurons by a function, not by a layer."""

    def __init__(self, n_classes: int = 3, dropout: float = 0.5):
        super().__init__()
        self.dense, self.rate = nn.Linear(48 * 48, n_classes), dropout

    def forward(self, x):
        return self.dense(F.dropout(x.flatten(1), self.rate, self.training))


class Sequence(nn.Module):
    """The 48 rows of an image one after the other, through a recurrent layer and a dense one."""

    def __init__(self, n_classes: int = 3):
        super().__init__()
        self.recurrent, self.dense = nn.LSTM(48, 8, batch_first=True), nn.Linear(8, n_classes)

    def forward(self, x):
        rows, _ = self.recurrent(x.squeeze(1))
        return self.dense(rows).mean(1)


def test_layer_table_knows_recurrent_layers_and_dense_ones_on_many_rows():
    table = layer_table(Sequence()).set_index("layer")
    assert table.loc["LSTM", "output shape"] == "48 x 8" and table["parameters"].sum() == count_parameters(Sequence())
    assert table.loc["Linear", "multiply-adds"] == 48 * 8 * 3


def test_layer_table_leaves_no_hooks_where_the_network_fails():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(5, 3))
    with pytest.raises(RuntimeError):
        layer_table(network)
    assert not any(layer._forward_hooks for layer in network)

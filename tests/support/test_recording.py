"""A training step on a GPU, recorded and replayed."""

import copy

import pytest
import torch
from torch import nn

from fer_utils.models import FastCNN
from fer_utils.support.recording import Recorded, recorded

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


class Asking(nn.Module):
    """Asks for its numbers on the way, which no recording can hold."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(48, 3)

    def forward(self, x):
        return self.layer(x if x.max().item() > 1 else 2 * x).mean(dim=(1, 2))


def test_a_processor_records_nothing():
    network = FastCNN()
    assert recorded(network, 8, "float32") is network


@gpu
def test_the_replay_gives_the_networks_own_answers_and_gradients():
    network = FastCNN(dropout=0.0).cuda().to(memory_format=torch.channels_last)
    other = copy.deepcopy(network)
    learner = recorded(network, 16, "float32")
    assert isinstance(learner, Recorded)
    for name, tensor in other.state_dict().items():
        assert torch.equal(network.state_dict()[name], tensor), name
    x = torch.rand(16, 1, 48, 48, device="cuda").contiguous(memory_format=torch.channels_last)
    for _ in range(2):
        for one in (learner, other.train()):
            one.zero_grad()
            one(x).square().sum().backward()
    for name, weight in other.named_parameters():
        torch.testing.assert_close(network.get_parameter(name).grad, weight.grad, rtol=1e-3, atol=1e-3)
    for name, buffer in other.named_buffers():
        torch.testing.assert_close(network.get_buffer(name), buffer, rtol=1e-3, atol=1e-3)


@gpu
def test_another_size_and_an_answer_outside_of_training_go_through_the_network():
    network = FastCNN().cuda().to(memory_format=torch.channels_last)
    learner = recorded(network, 16, "bfloat16").train()
    assert learner(torch.rand(5, 1, 48, 48, device="cuda")).shape == (5, 3)
    x = torch.rand(16, 1, 48, 48, device="cuda")
    assert torch.equal(learner.eval()(x), network.eval()(x))


@gpu
def test_a_network_that_cannot_be_recorded_trains_as_it_is():
    network = Asking().cuda()
    learner = recorded(network, 16, "float32")
    assert learner is network
    learner(torch.rand(16, 1, 48, 48, device="cuda")).sum().backward()
    assert network.layer.weight.grad.abs().sum() > 0

"""A network's training step on a GPU, recorded once and then replayed."""

import warnings

import torch
from torch import Tensor, nn


class Recorded(nn.Module):
    """A network that answers training batches of one size from a recording, and everything else by itself.

    A step consists of several hundred kernels, and Python starts them one by one: a fast GPU is done with each before
    the next one comes. A CUDA graph keeps the network's whole way there and back, and starts it in one call.
    """

    def __init__(self, network: nn.Module, x: Tensor, precision: str):
        super().__init__()
        self.network, self.shape = network, x.shape
        self.replayed = nn.Sequential(network).train()  # PyTorch changes the forward of this one, not the network's
        warnings.filterwarnings("ignore", "The AccumulateGrad node's stream")  # the recording has one of its own
        with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bfloat16", cache_enabled=False):
            torch.cuda.make_graphed_callables(self.replayed, (x,))

    def forward(self, x: Tensor) -> Tensor:
        """x: float (N, 1, 48, 48) in [0, 1]. Returns logits (N, classes)."""
        return self.replayed(x) if self.training and x.shape == self.shape else self.network(x)


def recorded(network: nn.Module, batch_size: int, precision: str) -> nn.Module:
    """The network, recorded where it is on a GPU by CUDA and never waits for its own numbers; else itself."""
    device = next(network.parameters()).device
    if device.type != "cuda":
        return network
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    x = torch.zeros(batch_size, 1, 48, 48, device=device).contiguous(memory_format=torch.channels_last)
    learner = network if waits(network.train(), x) else Recorded(network, x, precision)
    network.load_state_dict(before)  # batch normalisation has counted what it was shown
    return learner


def waits(network: nn.Module, x: Tensor) -> bool:
    """Whether the network asks for a number on its way ("if x.max() > 1"), for which Python waits for the GPU."""
    network(x)  # what is set up once may wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        network(x).sum().backward()
    except RuntimeError:
        return True
    finally:
        torch.cuda.set_sync_debug_mode("default")
        network.zero_grad()
    return False

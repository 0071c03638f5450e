"""Checks of the exercises to notebook 03."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from fer_utils.exercises import ask, passed, see, see_array, see_number, see_tensor
from fer_utils.models import count_parameters


def first_dense(function) -> None:
    """Sizes and parameters that a network of these blocks has."""
    for side, padding in ((48, 1), (48, 0), (64, 0), (30, 1)):
        block = [nn.Conv2d(1, 1, 3, padding=padding), nn.MaxPool2d(2)]
        size = nn.Sequential(*block, *block, *block)(torch.zeros(1, 1, side, side)).shape[-1]
        dense = nn.Linear(128 * size * size, 256)
        case = f"images of {side} x {side} and padding {padding}"
        got = ask(function, side, padding, case=case, wanted="two whole numbers, size and parameters")
        see(isinstance(got, tuple | list) and len(got) == 2, case, f"{got} came", "two numbers, size and parameters")
        see_number(got[0], size, f"the size after three blocks, {case}")
        weights = dense.weight.numel()
        see_number(got[1], count_parameters(dense), f"the parameters of the dense layer of 256, {case}",
                   {weights: "its weights without its 256 biases", weights + 1: "one bias for all neurons together",
                    weights // 128 + 256: "what it has where it takes in one map; it takes in 128"})
    passed("Sizes by hand: four sizes and numbers of parameters are those of the real layers.")


def cross_entropy(function) -> None:
    """Logits small and huge, for one face and for many, against PyTorch's own."""
    generator = torch.Generator().manual_seed(4)
    cases = {
        "one face with logits [0, 0, 0]": (torch.zeros(1, 3), torch.tensor([1])),
        "one face with logits [2, 0, -1] and label 0": (torch.tensor([[2.0, 0, -1]]), torch.tensor([0])),
        "two faces with logits [4, 0, 0], of labels 0 and 2": (torch.tensor([[4.0, 0, 0]] * 2), torch.tensor([0, 2])),
        "50 faces and 7 classes": (torch.randn(50, 7, generator=generator), torch.arange(50) % 7),
        "one face with logits [1000, 0, 0] and label 0 (take the largest logit away first)":
            (torch.tensor([[1000.0, 0, 0]]), torch.tensor([0])),
    }
    for case, (logits, labels) in cases.items():
        loss, n = F.cross_entropy(logits, labels).item(), len(labels)
        hints = {n * loss: "the sum over the faces", loss / np.log(2): "the loss in bits, by a logarithm to base 2",
                 -loss: "the loss with the wrong sign", F.nll_loss(logits.log_softmax(0), labels).item():
                 "what softmax over the faces gives, and not over the classes", F.nll_loss(
                     logits.flatten().log_softmax(0).view_as(logits), labels).item():
                 "what comes where all faces share one sum: that of the powers is taken for each face (dim=1)",
                 -logits.log_softmax(1)[:, labels].mean().item():
                 "the mean over every face with every label: take of each face its own, by [torch.arange(N), labels]"}
        got = ask(function, logits, labels, case=case, wanted="the mean loss, one number")
        see_number(got, loss, case, hints, 1e-5)
    passed("Cross-entropy by hand: agrees with PyTorch's, for huge logits too.")


def loss_gradient(function) -> None:
    """The gradient that autograd finds."""
    generator = torch.Generator().manual_seed(5)
    cases = {
        "one face with logits [0, 0, 0] and label 0": (torch.zeros(1, 3), torch.tensor([0])),
        "one face with logits [3, 0, -3] and label 2": (torch.tensor([[3.0, 0, -3]]), torch.tensor([2])),
        "4 faces and 5 classes": (torch.randn(4, 5, generator=generator), torch.tensor([4, 0, 0, 2])),
    }
    for case, (logits, labels) in cases.items():
        leaf = logits.clone().requires_grad_()
        F.cross_entropy(leaf, labels).backward()
        got = ask(function, logits, labels, case=case, wanted=f"a gradient of shape {tuple(logits.shape)}")
        see_tensor(got, logits.shape, torch.float32, case)
        times = (got.abs().sum() / leaf.grad.abs().sum()).item()
        opposite, scaled = (torch.allclose(got, one, atol=1e-5) for one in (-leaf.grad, times * leaf.grad))
        see(not opposite, case, "the gradient came with the opposite sign", "the direction in which the loss grows")
        see(not scaled or abs(times - 1) < 1e-4, case, f"a gradient {times:.3g} times too large came",
            "that of the mean loss")
        see_array(got, leaf.grad.numpy(), case, 1e-5, ", what autograd finds")
    passed("The gradient by hand: agrees with autograd's.")


def strided_block(function) -> None:
    """Blocks of several widths, by shape, layers and number of parameters."""
    for inside, outside in ((1, 32), (32, 64)):
        case = f"{inside} to {outside} channels"
        block = ask(function, inside, outside, case=case, wanted="an nn.Module")
        see(isinstance(block, nn.Module), case, f"a {type(block).__name__} came", "an nn.Module")
        kinds = [type(layer).__name__ for layer in block.modules()]
        pools = [kind for kind in kinds if "Pool" in kind]
        see(not pools, case, f"a block with {', '.join(pools)} came", "convolutions alone to halve the size")
        x = torch.zeros(2, inside, 48, 48)
        got = ask(block, x, case=f"a block of {case} and a batch of shape {tuple(x.shape)}", wanted="a batch")
        see_tensor(got, (2, outside, 24, 24), torch.float32, f"a block of {case} and a batch of shape {tuple(x.shape)}",
                   ": a stride of 2 and padding 1 halve the size")
        for kind in ("ReLU", "BatchNorm2d"):
            see(kind in kinds, case, f"a block without {kind} came", "the layers of conv_block but its pooling")
        extra = 9 * outside**2 + outside
        wanted = 9 * inside * outside + outside + 2 * outside + extra
        see_number(count_parameters(block), wanted, f"the number of parameters of a block of {case}",
                   {wanted - extra: "what the block has with pooling: the second convolution is missing",
                    wanted - outside: "what the block has where one convolution is without its biases",
                    wanted - 2 * outside: "what the block has where both convolutions are without their biases"})
    passed("A block without pooling: half the size, and the parameters of one more convolution.")

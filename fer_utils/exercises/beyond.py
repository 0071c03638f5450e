"""Checks of the exercises to notebook 07."""

import numpy as np
import torch
from scipy.stats import binomtest
from torch import Tensor, nn

from fer_utils.exercises import ask, passed, see, see_array, see_number, see_tensor, shown

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue, by which torchvision's networks were trained."""


def ensemble(function) -> None:
    """Three networks that disagree, of which one is much surer than the others."""
    rng = np.random.default_rng(3)
    sure = np.array([[[0.9, 0.1]], [[0.4, 0.6]], [[0.4, 0.6]]])
    for case, given in (("three networks that give one face 0.9, 0.4 and 0.4 for class 0", sure),
                        ("five networks and four faces", rng.dirichlet([1, 1, 1], (5, 4)))):
        got = ask(function, list(given), case=case, wanted="probabilities for each face")
        see_array(got, given.mean(axis=0), case, 1e-9, ", the mean of the networks' probabilities")
    passed("An ensemble: the mean of what its networks think, the sure ones heard most.")


def shortcut(make) -> None:
    """Residuals that give nothing, a constant, and the input's opposite."""

    class Constant(nn.Module):
        def __init__(self, value: float):
            super().__init__()
            self.value = value

        def forward(self, x: Tensor) -> Tensor:
            return 0 * x + self.value

    x = torch.tensor([[[[-2.0, -0.5], [0.5, 2.0]]]])
    for value, wanted in ((0.0, [0, 0, 0.5, 2]), (1.0, [0, 0.5, 1.5, 3]), (-3.0, [0, 0, 0, 0])):
        case = f"a residual that gives {value:g} everywhere"
        block = ask(make, Constant(value), case=case, wanted="a block")
        see(isinstance(block, nn.Module), case, f"{shown(block)} came", "an nn.Module")
        case = f"{case} and the input [-2, -0.5, 0.5, 2]"
        got = ask(block, x, case=case, wanted="a tensor of the input's shape")
        see_tensor(got, x.shape, torch.float32, case)
        see_array(got.flatten(), wanted, case, 1e-6, ", ReLU of the sum of input and residual")
    layer = nn.Conv2d(1, 1, 1)
    block = make(layer)
    see(any(one is layer.weight for one in block.parameters()), "a residual with weights", "a block came whose "
        "parameters are not those of the residual", "the residual kept as an attribute, self.residual")
    passed("The shortcut: what goes in is added to what the layers make of it.")


def mcnemar_p(function) -> None:
    """Counts small and large, equal, and none at all."""
    for only_a, only_b in ((3, 9), (9, 3), (0, 5), (10, 10), (0, 0), (40, 70)):
        case = f"{only_a} faces that only a names rightly and {only_b} that only b does"
        got = ask(function, only_a, only_b, case=case, wanted="the p-value, one number")
        n = only_a + only_b
        wanted = binomtest(only_b, n).pvalue if n else 1.0
        hints = {wanted / 2: "that of one side, though either network could have been the better one"}
        see_number(got, wanted, case, hints if wanted < 1 else {}, 1e-6)
    passed("McNemar by hand: the exact two-sided p-value, where nobody disagrees too.")


def grey_network(make) -> None:
    """Asks the network as the course would, and looks at what reaches its first convolution; nothing is downloaded."""
    x = torch.rand(3, 1, 48, 48, generator=torch.Generator().manual_seed(1))
    for n_classes in (3, 7):
        case = f"n_classes={n_classes} and weights=None"
        model = ask(make, n_classes, weights=None, case=case, wanted="a network")
        see(isinstance(model, nn.Module), case, f"{shown(model)} came", "an nn.Module")
        case = f"a batch of shape (3, 1, 48, 48), {case}"
        with torch.no_grad():
            logits = ask(model.eval(), x, case=case, wanted="a logit for each class")
        inner = [layer for layer in model.modules() if type(layer).__module__.startswith("torchvision.models")]
        see(bool(inner), case, f"{type(model).__name__} came, without a network of torchvision.models in it", "one")
        first = next(layer for layer in model.modules() if isinstance(layer, nn.Conv2d))
        reached = _reaching(first, model, x)
        see_tensor(logits, (3, n_classes), torch.float32, case, ": torchvision's last layer has 1,000 outputs, replace "
                   "it")
        see((logits.sum(1) - 1).abs().max().item() > 1e-4, case, "outputs that add up to 1 came, so that there is a "
            "softmax in them", "logits")
        see(reached.shape[1] == 3, case, f"{reached.shape[1]} channel reached the first convolution",
            "3, the grey one three times, or the pretrained filters do not fit")
        grey = x.mean((1, 2, 3))
        for k, (mean, std) in enumerate(zip(MEAN, STD, strict=True)):
            wanted = (grey - mean) / std
            found = reached[:, k].mean((1, 2))
            see(bool(((found - wanted).abs() < 0.05).all()), case, f"channel {k} reached the first convolution with the"
                f" mean {found[0].item():.3f} for the first face", f"{wanted[0].item():.3f}: (grey - {mean}) / {std}")
        see(list(model.parameters())[-1].requires_grad, case, "the last layer is frozen",
            "one that learns, since it is new")
    try:
        make(3, weights="no such weights")
    except Exception:  # torchvision's, which knows the names of its weights without asking for them
        passed("The grey contract: it takes 48 x 48 grey faces, answers with logits, and hands its weights on.")
    else:
        see(False, "weights='no such weights'", "a network was built all the same", "weights handed on to torchvision")


def _reaching(layer: nn.Module, model: nn.Module, x: Tensor) -> Tensor:
    """What reaches a layer of the network when that is asked about x."""
    reached = []
    hook = layer.register_forward_pre_hook(lambda _layer, inputs: reached.append(inputs[0]))
    with torch.no_grad():
        model(x)
    hook.remove()
    return reached[0]

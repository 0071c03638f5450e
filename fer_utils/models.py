"""The networks of the course and of its readers."""

import inspect
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from fer_utils import CourseError, brief
from fer_utils.support import checks
from fer_utils.support.own_network import own_network


def conv_block(in_channels: int, out_channels: int, batch_norm: bool = True) -> nn.Sequential:
    """The poster's block, in its order: (N, in, H, W) to (N, out, H/2, W/2)."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.BatchNorm2d(out_channels) if batch_norm else nn.Identity(),
        nn.MaxPool2d(2),
    )


class PosterCNN(nn.Module):
    """The poster's network: three blocks of 32, 64 and 128 filters, a dense layer of 256, dropout, three outputs.

    Not on the poster, hence chosen here: padding 1 (a block keeps the size until its pooling halves it) and the dropout
    rate. Batch normalisation: Ioffe & Szegedy 2015 (arXiv 1502.03167). Dropout: Srivastava et al. 2014 (JMLR 15).
    """

    def __init__(self, n_classes: int = 3, dropout: float = 0.5, batch_norm: bool = True):
        super().__init__()
        sizes = ((1, 32), (32, 64), (64, 128))
        self.features = nn.Sequential(*(conv_block(*channels, batch_norm) for channels in sizes))
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(128 * 6 * 6, 256),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(256, n_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: float (N, 1, 48, 48) in [0, 1]. Returns logits (N, n_classes); softmax turns them into probabilities."""
        return self.classifier(self.features(x))


class SqueezeExcitation(nn.Module):
    """Weighs each channel by a number from 0 to 1, which a small network computes from the means of all channels.

    Hu et al. 2018; its layers are named as torchvision's, whose import takes two seconds.
    """

    def __init__(self, channels: int, squeezed: int):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, kernel_size=1)
        self.fc2 = nn.Conv2d(squeezed, channels, kernel_size=1)
        self.activation, self.scale_activation = nn.ReLU(), nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """x: float (N, channels, H, W). Returns the same shape."""
        return x * self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(x)))))


class ResidualBlock(nn.Module):
    """Two convolutions whose result is added to their input, which a gradient can so pass unhindered (He et al. 2016).

    With `attention`, squeeze-and-excitation first weighs each channel: attention to what, not to where.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, attention: bool = True):
        super().__init__()
        gate = SqueezeExcitation(out_channels, out_channels // 8) if attention else nn.Identity()
        self.residual = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            gate,
        )
        same = stride == 1 and in_channels == out_channels
        self.shortcut = nn.Identity() if same else nn.Sequential(
            nn.AvgPool2d(stride) if stride > 1 else nn.Identity(),
            nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: float (N, in, H, W). Returns (N, out, H / stride, W / stride)."""
        return F.relu(self.residual(x) + self.shortcut(x))


class Standardise(nn.Module):
    """Takes from each image its mean and divides by its standard deviation: light and contrast of a photograph go."""

    def forward(self, x: Tensor) -> Tensor:
        """x: float (N, 1, H, W). Returns the same shape; an image of one grey level becomes 0."""
        mean, deviation = x.mean(dim=(2, 3), keepdim=True), x.std(dim=(2, 3), keepdim=True)
        return (x - mean) / (deviation + 0.01)


class AttentionCNN(nn.Module):
    """Deeper than the poster's, and with attention: stages of residual blocks, each stage at half the size of the last.

    channels, blocks: one number for each stage. A mean over all places replaces the poster's large dense layer. With
    `standardise`, a first layer takes light and contrast away, which notebook 09 asks for.
    """

    def __init__(self, n_classes: int = 3, dropout: float = 0.5, channels: Sequence[int] = (32, 64, 128, 256),
                 blocks: Sequence[int] = (2, 2, 2, 1), attention: bool = True, standardise: bool = False):
        super().__init__()
        layers = [Standardise()] if standardise else []
        # Pooling first leaves the two layers after it a quarter of the work.
        layers += [nn.Conv2d(1, channels[0], 3, padding=1, bias=False), nn.MaxPool2d(2)]
        layers += [nn.BatchNorm2d(channels[0]), nn.ReLU()]
        width = channels[0]
        for stage, (out, n) in enumerate(zip(channels, blocks, strict=True)):
            for block in range(n):
                layers.append(ResidualBlock(width, out, 2 if stage > 0 and block == 0 else 1, attention))
                width = out
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(width, n_classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: float (N, 1, 48, 48) in [0, 1]. Returns logits (N, n_classes)."""
        return self.classifier(self.features(x))


class ResidualCNN(AttentionCNN):
    """AttentionCNN without its attention: what is left to compare it with."""

    def __init__(self, n_classes: int = 3, dropout: float = 0.5):
        super().__init__(n_classes, dropout, attention=False)


class FastCNN(AttentionCNN):
    """One residual block a stage, no attention, and widths that are multiples of a processor's sixteen lanes."""

    def __init__(self, n_classes: int = 3, dropout: float = 0.5, standardise: bool = False):
        super().__init__(n_classes, dropout, channels=(16, 48, 96, 192), blocks=(1, 1, 1, 1), attention=False,
                         standardise=standardise)


class WideCNN(AttentionCNN):
    """AttentionCNN with half as many channels more where the maps are small and a channel costs least."""

    def __init__(self, n_classes: int = 3, dropout: float = 0.5):
        super().__init__(n_classes, dropout, channels=(32, 64, 192, 384))


class Restricted(nn.Module):
    """A trained network that is asked about some of its classes only: its logits for those, in the given order."""

    def __init__(self, network: nn.Module, kept: Sequence[int]):
        super().__init__()
        self.network, self.kept = network, list(kept)

    def forward(self, x: Tensor) -> Tensor:
        """x: float (N, 1, 48, 48) in [0, 1]. Returns logits (N, len(kept))."""
        return self.network(x)[:, self.kept]


MODELS = {
    "PosterCNN": PosterCNN,
    "PosterCNN-no-batch-norm": partial(PosterCNN, batch_norm=False),
    "FastCNN": FastCNN,
    "FastCNN-standardised": partial(FastCNN, standardise=True),
    "ResidualCNN": ResidualCNN,
    "AttentionCNN": AttentionCNN,
    "AttentionCNN-standardised": partial(AttentionCNN, standardise=True),
    "WideCNN": WideCNN,
}


def build_model(name: str = "PosterCNN", n_classes: int = 3, dropout: float | None = None, seed: int = 0) -> nn.Module:
    """A freshly initialised network: a name of MODELS, or your own class as "my_net:TinyNet" (`support.own_network`).

    It is built as `TinyNet(n_classes=...)`, with `dropout=` where that is given and its signature has it. `seed`
    decides the initial weights. CourseError for an unknown name, and for a class that cannot be built so.
    """
    dropout = dropout if dropout is None else checks.number(float, "dropout", dropout, 0, 0.99)
    maker = MODELS[name] if name in MODELS else own_network(name, known=tuple(MODELS))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            has_dropout = dropout is not None and "dropout" in inspect.signature(maker).parameters
            model = maker(n_classes=n_classes, **({"dropout": dropout} if has_dropout else {}))
            if isinstance(model, nn.Module) and any(map(is_lazy, model.parameters())):
                model.eval()(torch.zeros(2, 1, 48, 48))  # from which lazy layers learn their size
                model.train()
        except Exception as error:
            raise CourseError(f"{name} cannot be built with n_classes={n_classes} ({brief(error)}): its "
                              "__init__ must take n_classes and raise nothing.") from error
    if not isinstance(model, nn.Module) or not count_parameters(model):
        raise CourseError(f"{name} makes a {type(model).__name__}: a network must be a torch.nn.Module with weights.")
    return model


def describe(model: nn.Module) -> str:
    """What makes two networks the same: their layers as `print` shows them, and the files of a reader's classes."""
    kinds = {kind for layer in model.modules() for kind in type(layer).__mro__ if issubclass(kind, nn.Module)}
    modules = {kind.__module__ for kind in kinds}
    own = sorted(name for name in modules if name.split(".")[0] not in ("torch", "torchvision", "fer_utils"))
    return "\n".join([repr(model), *(inspect.getsource(sys.modules[name]) for name in own)])


def dropout_of(model: nn.Module, given: float | None = None) -> float | None:
    """The rate of the network's last dropout layer; where it has none, the given one if its class takes one."""
    rates = [layer.p for layer in model.modules() if isinstance(layer, nn.Dropout)]
    if rates:
        return rates[-1]
    return given if "dropout" in inspect.signature(type(model)).parameters else None


def count_parameters(model: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def multiply_adds(layer: nn.Module, output: Tensor) -> int:
    """Multiplications by a weight for one image: kernel x output in a convolution, rows x in x out in a dense layer."""
    if isinstance(layer, nn.Conv2d):
        return layer.weight.numel() * output.shape[-2] * output.shape[-1]
    return layer.weight.numel() * output[..., 0].numel() if isinstance(layer, nn.Linear) else 0


@torch.no_grad()
def layer_table(model: nn.Module) -> pd.DataFrame:
    """One row a layer, in the order an image of 48 x 48 passes them: output shape, parameters, multiply-adds."""
    rows, training = [], model.training

    def note(layer: nn.Module, _inputs, output: Tensor | tuple) -> None:
        output = output[0] if isinstance(output, tuple) else output  # a recurrent layer gives its last state, too
        parameters = sum(p.numel() for p in layer.parameters())
        shape = " x ".join(map(str, output.shape[1:]))
        rows.append((type(layer).__name__, shape, parameters, multiply_adds(layer, output)))

    with ExitStack() as hooks:  # which are taken off again, whatever happens
        for layer in model.modules():
            if not list(layer.children()):
                hooks.enter_context(layer.register_forward_hook(note))
        model.eval()(torch.zeros(1, 1, 48, 48, device=next(model.parameters()).device))
    model.train(training)
    return pd.DataFrame(rows, columns=["layer", "output shape", "parameters", "multiply-adds"])

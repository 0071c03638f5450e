"""Checks of the exercises to notebook 04."""

import copy
from collections.abc import Iterable
from itertools import chain, islice

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fer_utils import training
from fer_utils.data import load_faces, split
from fer_utils.exercises import ask, passed, see, see_number, see_tensor, shown
from fer_utils.models import count_parameters
from fer_utils.support.published import poster_log
from fer_utils.training import batches, on_device, validate

STEPS, BATCH, BAR = 100, 64, 0.55
"""What a network of your own is given, and the validation accuracy that it has to beat."""


def kept_epochs(function) -> None:
    """Accuracies with ties, falls and a late best, and the poster's own, whose log says which it saved."""
    cases = [([0.5, 0.4, 0.6, 0.6, 0.7], [1, 3, 5]), ([0.3, 0.3, 0.3], [1]), ([0.0, 0.0, 0.5], [1, 3]),
             ([0.9, 0.2, 0.95, 0.94], [1, 3])]
    for accuracies, wanted in cases:
        case = f"the accuracies {accuracies}"
        got = ask(function, accuracies, case=case, wanted=f"a list of epochs, {wanted}")
        see(isinstance(got, Iterable), case, f"{shown(got)} came", f"a list of epochs, {wanted}")
        got = list(got)
        see(got == wanted, case, f"{got} came", f"{wanted}, counted from 1, a tie being no improvement")
    got = list(ask(function, poster_log()["val_acc"].tolist(), case="the poster's log", wanted="a list of epochs"))
    see(14 not in got and 12 in got, "the poster's log", f"{got} came", "12 in it and 14, which ties with it, not")
    passed("Which weights are kept: the strict improvements, and epoch 14 of the poster is none.")


def stopped_at(function) -> None:
    """Losses that rise for a while, for good, never, and that stand still."""
    cases = [([1.0, 0.9, 0.8, 0.85, 0.9, 0.7], 2, 5, "epochs 4 and 5 are the second without a new best"),
             ([1.0, 0.9, 0.8, 0.85, 0.9, 0.7], 3, 6, "epoch 6 comes in time, and is a new best"),
             ([1.0, 0.5, 0.6, 0.4, 0.5, 0.6, 0.7], 2, 6, "a new best starts the count anew"),
             ([1.0, 0.9, 0.95, 0.93, 0.91, 0.92], 3, 5, "none of them is below 0.9, though some fall"),
             ([1.0, 1.0, 1.0, 1.0], 2, 3, "to stand still is no improvement"),
             ([3.0, 2.0, 1.0], 1, 3, "every epoch is a new best")]
    for losses, patience, wanted, why in cases:
        case = f"the losses {losses} and patience {patience}"
        see_number(ask(function, losses, patience, case=case, wanted="the last epoch, one whole number"), wanted,
                   f"{case} ({why})")
    passed(f"Patience: stops where it should in {len(cases)} histories.")


class _Probe(nn.Module):
    """A linear network that notes its mode and what it is shown."""

    def __init__(self):
        super().__init__()
        self.layer, self.seen = nn.Linear(4, 3, bias=False), []
        nn.init.constant_(self.layer.weight, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append((self.training, x.detach().clone()))
        return self.layer(x)


def train_epoch(function) -> None:
    """Two batches of unequal size on a linear network, which is followed step by step with plain gradient descent."""
    x = torch.rand(5, 4, generator=torch.Generator().manual_seed(6))
    data, case = [(x[:3], torch.tensor([0, 1, 0])), (x[3:], torch.tensor([2, 2]))], "batches of three and two faces"
    probe = _Probe().eval()
    optimizer, right = torch.optim.SGD(probe.parameters(), lr=1.0), copy.deepcopy(probe)
    got = ask(function, probe, optimizer, data, case=case, wanted="the mean loss over all faces, one number")
    see(len(probe.seen) == 2, case, f"the network was asked {len(probe.seen)} times", "once for each batch")
    see(all(mode for mode, _ in probe.seen), case, "a network that arrived in evaluation mode stayed in it",
        "training mode, for dropout and batch normalisation need it")
    weights = {name: right.layer.weight.detach().clone() for name in ("right", "added up", "softmax twice", "no step")}
    losses, added = [], torch.zeros(3, 4)
    for inputs, labels in data:
        gradients = {name: _gradient(now, inputs, labels, name == "softmax twice") for name, now in weights.items()}
        losses.append(gradients["right"][1])
        added = added + gradients["added up"][0]
        weights["right"] = weights["right"] - gradients["right"][0]
        weights["softmax twice"] = weights["softmax twice"] - gradients["softmax twice"][0]
        weights["added up"] = weights["added up"] - added
    after = probe.layer.weight.detach()
    for name, why in (("added up", "the second step had the first one's gradient in it as well; expected: gradients "
                       "set to zero before each backward"),
                      ("softmax twice", "the weights moved as after a softmax before cross_entropy, which has one in "
                       "it; expected: the logits as they are"),
                      ("no step", "the weights are where they were; expected: a step of the optimizer for each batch")):
        same = torch.allclose(after, weights[name], atol=1e-5)
        see(not same, case, *why.split("; expected: "))
    see(torch.allclose(after, weights["right"], atol=1e-5), case, "the weights are not where two steps of gradient "
        f"descent lead: {after.ravel()[0]:.6g}", f"{weights['right'].ravel()[0]:.6g} for the first of them")
    hints = {losses[1]: "the last batch's loss alone", sum(losses): "the sum over the batches", sum(losses) / 2:
             "the mean over the batches, of which the second is smaller"}
    see_number(got, (3 * losses[0] + 2 * losses[1]) / 5, f"the loss that is returned for {case}", hints, 1e-5)
    passed("Three bugs: the loop takes the steps of gradient descent, in training mode, one batch at a time.")


def _gradient(weight: Tensor, x: Tensor, labels: Tensor, twice: bool) -> tuple[Tensor, float]:
    """The gradient, and the loss, of a linear network; `twice` with a softmax too many."""
    leaf = weight.clone().requires_grad_()
    logits = F.linear(x, leaf)
    loss = F.cross_entropy(logits.softmax(1) if twice else logits, labels)
    loss.backward()
    return leaf.grad, loss.item()


def own_network(make, learning_rate: float = 1e-3, seed: int = 0) -> None:
    """Trains the network for STEPS batches of BATCH drawn faces with Adam, and asks it about the validation faces."""
    torch.manual_seed(seed)
    case = f"{shown(getattr(make, '__name__', make))} with n_classes=3"
    model = ask(make, 3, case=case, wanted="a network")
    see(isinstance(model, nn.Module), case, f"{shown(model)} came", "an nn.Module")
    case = f"{type(model).__name__} and a batch of shape (2, 1, 48, 48)"
    logits = ask(model.eval(), torch.rand(2, 1, 48, 48), case=case, wanted="logits of shape (2, 3)")
    see_tensor(logits, (2, 3), torch.float32, case, ", a logit for each class")
    sums = (logits.sum(1) - 1).abs().max().item()
    see(sums > 1e-5, case, "outputs that add up to 1 came, so that there is a softmax in them",
        "logits as they are, for cross_entropy has a softmax of its own")
    accuracy = _accuracy_after(model, learning_rate, seed)
    see(accuracy > BAR, f"{type(model).__name__} with {count_parameters(model):,} parameters and learning rate "
        f"{learning_rate:g}, after {STEPS} steps of {BATCH} faces", f"a validation accuracy of {accuracy:.3f} came",
        f"more than {BAR}, where 0.447 is to be had for naming the most frequent class")
    passed(f"Your network: validation accuracy {accuracy:.3f} after {STEPS} steps, more than {BAR}.")


def _accuracy_after(model: nn.Module, learning_rate: float, seed: int) -> float:
    """The validation accuracy of a network that has learnt for STEPS steps on the drawn sample."""
    parts, device = split(load_faces("sample", verbose=False)), torch.device("cpu")
    train, (images, labels) = on_device(parts.train, device), on_device(parts.val, device)
    generator, optimizer = torch.Generator().manual_seed(seed), torch.optim.Adam(model.parameters(), lr=learning_rate)
    epochs = chain.from_iterable(batches(*train, BATCH, generator) for _ in range(STEPS))
    training.train_epoch(model, optimizer, islice(epochs, STEPS), augment=nn.Identity())
    return validate(model, images, labels)[1].item() / len(labels)

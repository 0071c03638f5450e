"""Every check, on the solution, on the empty stub and on answers that people give."""

import importlib
import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from answering import NAMES, answers, checks
from PIL import Image
from scipy.stats import chi2, t
from torch import nn
from torchvision import models

from fer_utils import exercises
from fer_utils.data import identical
from fer_utils.evaluation import mean_interval, wilson
from fer_utils.exercises import NotYet, see_number
from fer_utils.models import conv_block

CHECKS = [(name, check) for name in NAMES for check in checks(name)]


@pytest.mark.parametrize(("name", "check"), CHECKS)
def test_the_solution_passes_with_one_line(name, check, capsys):
    exec(check, dict(answers("solutions", name)))
    said = capsys.readouterr().out
    assert said.startswith(f"{exercises.GREEN}✓ ") and said.count("\n") == 1


@pytest.mark.parametrize(("name", "check"), CHECKS)
def test_the_stub_is_told_that_nothing_came(name, check):
    with pytest.raises(NotYet) as caught:
        exec(check, dict(answers("exercises", name)))
    said = str(caught.value)
    assert "your function returned None" in said or 'missing the required "forward" function' in said
    assert said.startswith("For ") and "; expected: " in said and len(said) <= 400 and "\n" not in said


def test_each_notebook_has_three_or_four_exercises():
    assert len(NAMES) == 10 and {len(checks(name)) for name in NAMES} == {4}


def share_of(values: np.ndarray) -> np.ndarray:
    return values / values.sum(axis=1, keepdims=True)


def pasted(face, other, target, other_target, square, low=0, share=lambda inside, side: inside.mean()):
    """The right answer, and wrong ones: slices that begin below 0, and other shares."""
    top, left, side = square
    inside = np.zeros((48, 48), bool)
    inside[max(top, low) : max(top + side, low), max(left, low) : max(left + side, low)] = True
    part = share(inside, side)
    return np.where(inside, other, face), (1 - part) * target + part * other_target


def ends_before(face, other, target, other_target, square):
    """Only the beginning of a slice is kept from falling below 0, not its end."""
    (top, left, side), mixed = square, face.copy()
    mixed[max(top, 0) : top + side, max(left, 0) : left + side] = other[max(top, 0) : top + side,
                                                                        max(left, 0) : left + side]
    return mixed, pasted(face, other, target, other_target, square)[1]


def written_over(face, other, target, other_target, square):
    face[:], target = pasted(face, other, target, other_target, square)
    return face, target


def majority(labels: np.ndarray) -> int:
    return np.bincount(labels).argmax()


def together(*images: np.ndarray) -> np.ndarray:
    return identical(np.concatenate(images))


def by_class(values: np.ndarray, labels: np.ndarray, n: int) -> np.ndarray:
    return np.array([values[labels == k].mean() for k in range(n)])


def one_hot(labels: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    return F.one_hot(labels, logits.shape[1]).float()


def in_place(images, p=0.5, generator=None):
    chosen = torch.rand(len(images), generator=generator) < p
    images[chosen] = images[chosen].flip(-1)
    return images


def flipped(images, p, generator, by):
    """Images that are changed by `by` with probability p."""
    chosen = torch.rand(len(images), generator=generator) < p
    return torch.where(chosen.view(-1, 1, 1, 1), by(images), images)


def whole_batch(images, p=0.5, generator=None):
    return images.flip(-1) if torch.rand(1, generator=generator) < p else images.clone()


def shifted(images, units):
    """Images moved by so much, (N, 2), in units of half the image."""
    theta = torch.eye(2, 3).repeat(len(images), 1, 1)
    theta[:, :, 2] = units
    return F.grid_sample(images, F.affine_grid(theta, list(images.shape), align_corners=False), align_corners=False)


def rolled(images, pixels=3.0, generator=None):
    by = torch.randint(-int(pixels), int(pixels) + 1, (len(images), 2), generator=generator).tolist()
    return torch.stack([torch.roll(image, shifts, (1, 2)) for image, shifts in zip(images, by, strict=True)])


def one_shift(images, pixels=3.0, generator=None):
    return shifted(images, (2 * torch.rand(1, 2, generator=generator) - 1) * pixels / 24)


def evenly(images, generator):
    return 2 * torch.rand(len(images), 2, generator=generator) - 1


def one_convolution(inside, outside):
    return nn.Sequential(nn.Conv2d(inside, outside, 3, 2, 1), nn.ReLU(), nn.BatchNorm2d(outside))


def unpadded(inside, outside):
    return nn.Sequential(nn.Conv2d(inside, outside, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(outside),
                         nn.Conv2d(outside, outside, 3, 2))


def kept(accuracies, better, first=1):
    found, best = [], -1.0
    for epoch, accuracy in enumerate(accuracies, first):
        if better(accuracy, best):
            found.append(epoch)
            best = accuracy
    return found


def never_reset(losses, patience):
    waited, best = 0, math.inf
    for epoch, loss in enumerate(losses, 1):
        waited, best = waited + (loss >= best), min(best, loss)
        if waited == patience:
            return epoch
    return len(losses)


def than_yesterday(losses, patience):
    waited = 0
    for epoch in range(2, len(losses) + 1):
        waited = 0 if losses[epoch - 1] < losses[epoch - 2] else waited + 1
        if waited == patience:
            return epoch
    return len(losses)


def epoch(train=True, softmax=False, zero=True, step=True, told="mean"):
    """A training epoch with one thing wrong."""

    def train_epoch(model, optimizer, data):
        model.train(train or model.training)
        losses = []
        for x, y in data:
            outputs = model(x).softmax(1) if softmax else model(x)
            loss = F.cross_entropy(outputs, y)
            if zero:
                optimizer.zero_grad()
            loss.backward()
            if step:
                optimizer.step()
            losses.append(loss.item())
        return {"mean": sum(losses) / len(losses), "last": losses[-1], "sum": sum(losses)}[told]

    return train_epoch


def network(*layers):
    def make(n_classes=3):
        return nn.Sequential(*(layer(n_classes) if callable(layer) and not isinstance(layer, nn.Module) else layer
                               for layer in layers))

    return make


def dropping_the_surest(probabilities, labels, bins):
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    error = 0.0
    for k in range(bins):
        inside = (confidence >= k / bins) & (confidence < (k + 1) / bins)
        if inside.any():
            error += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return error


def unweighted(probabilities, labels, bins):
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return np.mean([abs(confidence[place == k].mean() - right[place == k].mean()) for k in np.unique(place)])


def covered(interval, p, n, inside, draws=20_000):
    correct = np.random.default_rng(0).binomial(n, p, draws)
    low, high = np.array([interval(k, n) for k in range(n + 1)])[correct].T
    return inside(low, high, correct / n, p).mean()


def temperature(logits, labels, low=0.05, high=20.0):
    tried = np.geomspace(low, high, 200)
    return tried[np.argmin([F.cross_entropy(logits / t, labels).item() for t in tried])]


def pairs(s, half, factor, first=2):
    n = first
    while factor(n) * s > half:
        n += 1
    return n


def lead(s, fields, seeds, rng, take, draws=20_000):
    return float(take(rng.normal(0, s, (draws, fields, seeds))).mean())


def by_position(a, b):
    gaps = [y - x for x, y in zip(a.values(), b.values(), strict=False)]
    return np.mean(gaps), *mean_interval(gaps)


def heaps(a, b):
    a, b = list(a.values()), list(b.values())
    half = 2 * np.sqrt(np.var(a, ddof=1) / len(a) + np.var(b, ddof=1) / len(b))
    return np.mean(b) - np.mean(a), np.mean(b) - np.mean(a) - half, np.mean(b) - np.mean(a) + half


def normal_interval(a, b):
    gaps = [b[seed] - a[seed] for seed in a if seed in b]
    half = 1.96 * np.std(gaps, ddof=1) / np.sqrt(len(gaps))
    return np.mean(gaps), np.mean(gaps) - half, np.mean(gaps) + half


class Residual(nn.Module):
    """A block whose answer is `answer(x, residual(x))`."""

    def __init__(self, residual, answer):
        super().__init__()
        self.residual, self.answer = residual, answer

    def forward(self, x):
        return self.answer(x, self.residual(x))


class Hidden(nn.Module):
    """A block whose residual is in a list, where PyTorch does not find it."""

    def __init__(self, residual):
        super().__init__()
        self.layers = [residual]

    def forward(self, x):
        return F.relu(x + self.layers[0](x))


class Grey(nn.Module):
    """A small network of torchvision behind the grey contract, with one thing wrong."""

    def __init__(self, n_classes, weights=None, channels=3, outputs=None, scaled=True, softmax=False, frozen=False):
        super().__init__()
        self.network = models.squeezenet1_1(weights=weights)
        self.network.classifier[1] = nn.Conv2d(512, outputs or n_classes, 1)
        if channels == 1:
            self.network.features[0] = nn.Conv2d(1, 64, 3, 2)
        self.channels, self.scaled, self.softmax = channels, scaled, softmax
        self.requires_grad_(not frozen)

    def forward(self, x):
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        x = x.expand(-1, self.channels, -1, -1)
        x = (x - mean) / std if self.scaled and self.channels == 3 else x
        logits = self.network(x)
        return logits.softmax(1) if self.softmax else logits


def squared(box, size, margin, limit=True, low=True, high=True, shared=2):
    """A square around a box with some of the rules left out; `shared`: 2 gives half of what is gained to the left."""
    (left, top, side), (width, height) = box, size
    wider = min(round(margin * side), width, height) if limit else round(margin * side)
    left, top = left - (wider - side) // shared, top - (wider - side) // shared
    if low:
        left, top = max(0, left), max(0, top)
    return (min(left, width - wider), min(top, height - wider), wider) if high else (left, top, wider)


def cut_off(box, size, margin):
    (left, top, side), wider = box, round(margin * box[2])
    left, top = left - (wider - side) // 2, top - (wider - side) // 2
    right, bottom = min(left + wider, size[0]), min(top + wider, size[1])
    return max(0, left), max(0, top), min(right - max(0, left), bottom - max(0, top))


def with_interval(hits, values):
    return hits.mean(), *mean_interval(values.astype(float))


def by_1_96(hits):
    shares = hits.mean(axis=0)
    half = 1.96 * shares.std(ddof=1) / np.sqrt(len(shares))
    return shares.mean(), shares.mean() - half, shares.mean() + half


def face_tensor(image, by=255.0):
    """A PIL image as numbers, float32 (1, channels, rows, columns)."""
    x = torch.tensor(np.array(image)).float() / by
    return x[None, None] if x.ndim == 2 else x.permute(2, 0, 1)[None]


def square_of(photo, square, mode="L"):
    left, top, side = square
    return photo.convert(mode).crop((left, top, left + side, top + side))


def shrunk(photo, square, mode="L", by=255.0, how=Image.Resampling.BILINEAR):
    return face_tensor(square_of(photo, square, mode).resize((48, 48), how), by)


def shrunk_first(photo, square):
    left, top, side = square
    across, down = 48 / photo.width, 48 / photo.height
    small = photo.convert("L").resize((48, 48), Image.Resampling.BILINEAR)
    return face_tensor(small.crop([round(end) for end in (left * across, top * down, (left + side) * across,
                                                          (top + side) * down)]).resize((48, 48)))


def interpolated(photo, square, antialias=False):
    return F.interpolate(face_tensor(square_of(photo, square)), size=(48, 48), mode="bilinear", antialias=antialias)


def measured(warm=1, blocks=False, single=True):
    def take_turns(tasks, repeats, clock):
        found = {name: [] for name in tasks}
        for _ in range(warm):
            for task in tasks.values():
                task()
        names = [name for name in tasks for _ in range(repeats)] if blocks else [*tasks] * repeats
        for name in names:
            start = clock()
            tasks[name]()
            found[name].append(clock() - start)
        return found if single else {name: [np.mean(times)] for name, times in found.items()}

    return take_turns


def all_counted(tasks, repeats, clock):
    found = {name: [] for name in tasks}
    for _ in range(repeats + 1):
        for name, task in tasks.items():
            start = clock()
            task()
            found[name].append(clock() - start)
    return found


def since_the_start(tasks, repeats, clock):
    found, start = {name: [] for name in tasks}, clock()
    for name in [*tasks] * (repeats + 1):
        tasks[name]()
        found[name].append(clock() - start)
    return {name: times[1:] for name, times in found.items()}


WRONG = {
    "eda.majority_accuracy": [
        (lambda train, test: (test == majority(test)).mean(),
         "0.4 came, which is the share of the test's own most frequent class; expected: 0.1"),
        (lambda train, test: (train == majority(train)).mean(),
         "0.375 came, which is its share in training; expected: 0.1"),
        (lambda train, test: (test == majority(train)).sum(), "1 came, which is a count, not a share; expected"),
        (lambda train, test: (test == train.max()).mean(), "0.3 came, which is the share of the largest label"),
        (lambda train, test: (test == min(train, key=train.tolist().count)).mean(),
         "0.2 came, which is the share of the rarest class in training"),
        (lambda train, test: "1 of 4", "'1 of 4' came; expected: one number")],
    "eda.brightness_spread": [
        (lambda images, labels, n: np.array([images[labels == k].std() for k in range(n)]), "upper half"),
        (lambda images, labels, n: by_class(images.std(axis=(1, 2)), labels, n), "0 came at place [0]; expected: 10"),
        (lambda images, labels, n: images.mean(axis=(1, 2)).std(), "shape () came; expected: shape (3,)")],
    "eda.squares": [
        (lambda images, side: images[:, ::48 // side, ::48 // side].reshape(len(images), -1), "striped squares"),
        (lambda images, side: images.reshape(-1, side, 48 // side, side, 48 // side).mean((2, 4)), "(3, 6, 6) came"),
        (lambda images, side: images.reshape(len(images), side * side, -1).mean(2), "row by row from the upper left"),
        (lambda images, side: images.reshape(-1, side, 48 // side, side, 48 // side).mean((2, 4)).transpose(0, 2, 1)
         .reshape(len(images), -1), "came at place [0, 1]")],
    "eda.mirrored": [
        (lambda images: np.isin(*np.split(together(images, images[:, :, ::-1]), 2)), "np.flatnonzero"),
        (lambda images: np.flatnonzero(np.isin(*np.split(together(images, images[:, ::-1]), 2))), "xpected: [1, 5, 6]"),
        (lambda images: np.flatnonzero((images == images[:, :, ::-1]).all((1, 2))), "[6] came; expected: [1, 5, 6]"),
        (lambda images: np.int64(3), "3 came; expected: the indices [1, 5, 6]"),
        (lambda images: images[:, :, ::-1].reshape(len(images), 48, 49), "raised ValueError")],
    "preprocessing.to_tensor": [
        (lambda images: torch.as_tensor(images).float() / 255, "shape (2, 48, 48) came"),
        (lambda images: torch.as_tensor(images).float().unsqueeze(-1) / 255, "shape (2, 48, 48, 1) came"),
        (lambda images: torch.as_tensor(images).unsqueeze(1) / 256, "byte 255 at row 0"),
        (lambda images: torch.as_tensor(images).unsqueeze(1).double() / 255, "dtype torch.float64 came"),
        (lambda images: torch.as_tensor(images).unsqueeze(1).float() / 255 / 255, "0.00392157 came; expected: 1"),
        (lambda images: images[:, None] / 255, "an array of shape (2, 1, 48, 48) came; expected: a tensor")],
    "preprocessing.random_flip": [
        (whole_batch, "of the images were mirrored; expected: about 50%: each image is mirrored or not by a"),
        (in_place, "the batch that went in was changed itself"),
        (lambda images, p=0.5, generator=None: flipped(images, p, generator, lambda x: x.flip(-2)), "neither as they"),
        (lambda images, p=0.5, generator=None: flipped(images, p, generator, lambda x: x.flip(0)), "its own place"),
        (lambda images, p=0.5, generator=None: flipped(images, 1 - p, generator, lambda x: x.flip(-1)),
         "p=0.0, 100% of the images were mirrored; expected: exactly 0%"),
        (lambda images, p=0.5, generator=None: flipped(images, p, None, lambda x: x.flip(-1)), "two different batches"),
        (lambda images, p=0.5, generator=None: flipped(images.float(), p, generator, lambda x: x.flip(-1)),
         "dtype torch.float32 came; expected: torch.uint8")],
    "preprocessing.leaked": [
        (lambda train, val: np.flatnonzero(np.isin(*np.split(together(val, train), [len(val)]))), "[2, 11] came"),
        (lambda train, val: np.flatnonzero(np.isin(val.mean((1, 2)), train.mean((1, 2)))), "10, 11] came"),
        (lambda train, val: np.flatnonzero(np.isin(*np.split(together(train, val, val[:, :, ::-1]), [len(train)]))),
         "[4, 17] came; expected: [2, 5, 11]"),
        (lambda train, val: np.isin(*np.split(together(val, train), [len(val)])), "truth values came"),
        (lambda train, val: range(40), "7, 8, 9] and 30 more, up to 39, came; expected: [2, 5, 11]")],
    "preprocessing.random_shift": [
        (one_shift, "all images moved"), (rolled, "expected: black (0)"),
        (lambda x, pixels=3.0, generator=None: shifted(x, evenly(x, generator) * pixels / 48), "a pixel of 48 is 2/48"),
        (lambda x, pixels=3.0, generator=None: shifted(x, evenly(x, generator).abs() * pixels / 24), "the mean shift"),
        (lambda x, pixels=3.0, generator=None: shifted(x, evenly(x, generator)[:, :1] * pixels / 24), "independently"),
        (lambda x, pixels=3.0, generator=None: shifted(x, evenly(x, generator) * torch.tensor([1, 0]) * pixels / 24),
         "all images moved 0.00 pixels down")],
    "model.first_dense": [
        (lambda side, padding: (side // 8, 128 * (side // 8) ** 2 * 256 + 256), "6 came; expected: 4"),
        (lambda side, padding: (side // 8, 128 * (side // 8) ** 2 * 256), "its weights without its 256 biases"),
        (lambda side, padding: (side // 8, (side // 8) ** 2 * 256 + 256), "it takes in 128; expected: 1,179,904"),
        (lambda side, padding: side // 8, "expected: two numbers")],
    "model.cross_entropy": [
        (lambda z, y: -(z.exp() / z.exp().sum(1, keepdim=True)).log()[torch.arange(len(y)), y].mean(), "away first"),
        (lambda z, y: F.cross_entropy(z, y, reduction="sum"), "which is the sum over the faces"),
        (lambda z, y: F.cross_entropy(z, y) / math.log(2), "which is the loss in bits"),
        (lambda z, y: -F.cross_entropy(z, y), "with the wrong sign"),
        (lambda z, y: F.nll_loss(z.log_softmax(0), y), "0 came, which is what softmax over the faces gives"),
        (lambda z, y: -z.log_softmax(1)[:, y].mean(), "which is the mean over every face with every label"),
        (lambda z, y: -(z.exp() / z.exp().sum()).log()[torch.arange(len(y)), y].mean(), "all faces share one sum"),
        (lambda z, y: F.cross_entropy(z, y, reduction="none"), "two faces")],
    "model.loss_gradient": [
        (lambda z, y: z.softmax(1) - one_hot(y, z), "a gradient 4 times too large came"),
        (lambda z, y: (one_hot(y, z) - z.softmax(1)) / len(y), "opposite sign"),
        (lambda z, y: z.softmax(1) / len(y), "0.333333 came at place [0, 0]; expected: -0.666667"),
        (lambda z, y: (z.softmax(1) - one_hot(y, z)).mean(), "shape () came; expected: shape (1, 3)")],
    "model.strided_block": [
        (conv_block, "a block with MaxPool2d came"), (one_convolution, "the second convolution is missing"),
        (unpadded, "shape (2, 32, 23, 23) came; expected: shape (2, 32, 24, 24)"),
        (lambda inside, outside: nn.Sequential(nn.Conv2d(inside, outside, 3, padding=1), nn.ReLU(),
                                               nn.Conv2d(outside, outside, 3, 2, 1)), "without BatchNorm2d"),
        (lambda inside, outside: nn.Sequential(nn.Conv2d(inside, outside, 3, 1, 1, bias=False), nn.ReLU(),
                                               nn.BatchNorm2d(outside), nn.Conv2d(outside, outside, 3, 2, 1)),
         "9,600 came, which is what the block has where one convolution is without its biases; expected: 9,632"),
        (lambda inside, outside: lambda x: x, "expected: an nn.Module")],
    "training.kept_epochs": [
        (lambda accuracies: kept(accuracies, lambda a, b: a >= b), "a tie being no improvement"),
        (lambda accuracies: kept(accuracies, lambda a, b: a > b, first=0), "[0, 2, 4] came; expected: [1, 3, 5]"),
        (lambda accuracies: [1 + int(np.argmax(accuracies))], "[5] came; expected: [1, 3, 5]"),
        (lambda accuracies: 1 + int(np.argmax(accuracies)), "5 came; expected: a list of epochs, [1, 3, 5]")],
    "training.stopped_at": [
        (never_reset, "a new best starts the count anew"), (than_yesterday, "none of them is below 0.9"),
        (lambda losses, patience: 1 + int(np.argmin(losses)), "6 came; expected: 5"),
        (lambda losses, patience: min(1 + int(np.argmin(losses)) + patience, len(losses)), "6 came; expected: 5")],
    "training.train_epoch": [
        (epoch(train=False), "stayed in it; expected: training mode"),
        (epoch(softmax=True), "a softmax before cross_entropy"),
        (epoch(zero=False), "the second step had the first one's gradient in it"),
        (epoch(step=False), "the weights are where they were"),
        (epoch(told="last"), "the last batch's loss alone"), (epoch(told="sum"), "the sum over the batches"),
        (epoch(), "the mean over the batches, of which the second is smaller"),
        (epoch(zero=False, softmax=True), "not where two steps of gradient descent lead")],
    "training.own_network": [
        (network(nn.Flatten(), nn.Linear(2304, 4)), "shape (2, 4) came; expected: shape (2, 3)"),
        (network(nn.Flatten(), lambda n: nn.Linear(2304, n), nn.Softmax(1)), "there is a softmax in them"),
        (network(nn.AvgPool2d(4), nn.Flatten(), lambda n: nn.Linear(144, n)), "more than 0.55"),
        (network(nn.Conv2d(3, 8, 3), nn.Flatten()), "raised RuntimeError"),
        (lambda n_classes: "my network", "'my network' came; expected: an nn.Module")],
    "evaluation.answered_by_class": [
        (lambda p, y, threshold: by_class(p.max(1) > threshold, y, 3), "threshold of 0.75"),
        (lambda p, y, threshold: by_class(p.max(1) >= threshold, p.argmax(1), 3), "the faces with this label"),
        (lambda p, y, threshold: (p.max(1) >= threshold).mean(), "shape () came; expected: shape (3,)"),
        (lambda p, y, threshold: by_class((p.max(1) >= threshold) & (p.argmax(1) == y), y, 3), "rightly named or not")],
    "evaluation.calibration_error": [
        (lambda p, y, bins: abs(p.max(1).mean() - (p.argmax(1) == y).mean()), "bins cancel each other"),
        (unweighted, "0.391667 came, which is the mean gap of the bins, not weighted by their faces; expected: 0.3625"),
        (dropping_the_surest, "0.1125 came, which is what is left where a confidence of 1 is in no bin"),
        (lambda p, y, bins: (1 - p[np.arange(len(y)), y]).mean(), "expected: 0.4")],
    "evaluation.honest": [
        (lambda interval, p, n: covered(interval, p, n, lambda low, high, seen, p: (low <= seen) & (seen <= high)),
         "1 came; expected: 0.94"),
        (lambda interval, p, n: covered(interval, p, n, lambda low, high, seen, p: (low > p) | (p > high)),
         "the share that does not hold it"),
        (lambda interval, p, n: 0.95, "the textbook's, a true accuracy of 0.98 and 20 images")],
    "evaluation.best_temperature": [
        (lambda z, y: 1 / temperature(z, y), "which is the number to multiply the logits by"),
        (lambda z, y: 1.0, "three times too sure, 1 came; expected: 3"),
        (lambda z, y: temperature(z, y, low=1.0), "too modest by half, 1 came; expected: 0.5"),
        (lambda z, y: z.abs().max().item(), "expected: 3")],
    "techniques.pairs_needed": [
        (lambda s, half: math.ceil((1.96 * s / half) ** 2), "4 came, which is what 1.96 gives"),
        (lambda s, half: pairs(s, half, lambda n: t.ppf(0.975, n) / np.sqrt(n)), "6 came, which is one pair too few"),
        (lambda s, half: pairs(s, half, lambda n: t.ppf(0.975, n - 1) / n), "expected: 7"),
        (lambda s, half: (1.96 * s / half) ** 2, "3.8416 came; expected: 7")],
    "techniques.lucky_lead": [
        (lambda s, fields, seeds, rng: lead(s, fields, seeds, rng, lambda a: a[:, :, 0].max(1)), "lead of single"),
        (lambda s, fields, seeds, rng: lead(s, fields, seeds, rng, lambda a: a.max((1, 2))), "expected: 0.0105"),
        (lambda s, fields, seeds, rng: lead(s, fields, seeds, rng, lambda a: a.mean((1, 2))), "expected: 0.0105"),
        (lambda s, fields, seeds, rng: float("nan"), "or the mean of nothing gives; expected: 0.0105")],
    "techniques.lost_together": [
        (lambda w, a, b, ab: np.mean(w) - np.mean(ab), "with nothing taken off"),
        (lambda w, a, b, ab: np.mean(ab) - np.mean(a) - np.mean(b) + np.mean(w), "which is of the opposite sign"),
        (lambda w, a, b, ab: 2 * np.mean(w) - np.mean(a) - np.mean(b), "expected: 0.")],
    "techniques.compare": [
        (lambda a, b: (max(b.values()) - max(a.values()), -0.01, 0.01), "the best of the one minus the best of"),
        (heaps, "the ends of the interval"), (by_position, "the ends of the interval"),
        (normal_interval, "the ends of the interval"), (lambda a, b: 0.01, "a result of shape () came")],
    "beyond.ensemble": [
        (lambda networks: np.median(networks, axis=0), "0.4 came at place [0, 0]; expected: 0.566667"),
        (lambda networks: np.eye(networks[0].shape[1])[[n.argmax(1) for n in networks]].mean(0), "0.333333 came"),
        (lambda networks: np.sum(networks, axis=0), "1.7 came"), (lambda networks: networks[0], "0.9 came")],
    "beyond.shortcut": [
        (lambda residual: Residual(residual, lambda x, r: F.relu(r)), "0 came at place [2]; expected: 0.5"),
        (lambda residual: Residual(residual, lambda x, r: x + r), "-2 came at place [0]; expected: 0"),
        (lambda residual: Residual(residual, lambda x, r: x + F.relu(r)), "expected: 0, ReLU of the sum"),
        (lambda residual: Residual(residual, lambda x, r: torch.cat([x, r], 1)), "shape (1, 2, 2, 2) came"),
        (Hidden, "self.residual")],
    "beyond.mcnemar_p": [
        (lambda a, b: float(chi2.sf((a - b) ** 2 / (a + b), 1)), "0.0832645 came; expected: 0.145996"),
        (lambda a, b: sum(math.comb(a + b, k) for k in range(min(a, b) + 1)) / 2 ** (a + b), "that of one side"),
        (lambda a, b: 2 * sum(math.comb(a + b, k) for k in range(min(a, b) + 1)) / 2 ** (a + b), "came; expected: 1"),
        (lambda a, b: b / (a + b), "0.75 came")],
    "beyond.grey_network": [
        (lambda n, weights=None: Grey(n, weights, channels=1), "1 channel reached the first convolution"),
        (lambda n, weights=None: Grey(n, weights, scaled=False), "channel 0 reached the first convolution with"),
        (lambda n, weights=None: Grey(n, weights, outputs=1000), "shape (3, 1000) came; expected: shape (3, 3)"),
        (lambda n, weights=None: Grey(n, weights, softmax=True), "there is a softmax in them"),
        (lambda n, weights=None: Grey(n, weights, frozen=True), "the last layer is frozen"),
        (lambda n, weights=None: Grey(n), "weights handed on to torchvision"),
        (lambda n, weights=None: nn.Sequential(nn.Conv2d(1, n, 48), nn.Flatten()), "without a network of torchvision"),
        (lambda n, weights=None: models.squeezenet1_1(num_classes=n), "raised RuntimeError")],
    "speed.amdahl": [
        (lambda seconds, step, factor: 8 / (8 - seconds[step]), "which is what a step that takes no time gives"),
        (lambda seconds, step, factor: (8 - seconds[step] + seconds[step] / factor) / 8, "the share of the time"),
        (lambda seconds, step, factor: factor, "inf came; expected: 1.23077")],
    "speed.epochs_until_paid": [
        (lambda c, before, after: c // (before - after) if before > after else math.inf, "one epoch too few"),
        (lambda c, before, after: math.ceil(c / (before - after)), "raised ZeroDivisionError"),
        (lambda c, before, after: c / (before - after) if before > after else math.inf, "6.2 came; expected: 7")],
    "speed.time_to": [
        (lambda a, s, target: next((x for x, y in zip(s, a, strict=True) if y >= target), math.inf), "time alone"),
        (lambda a, s, target: sum(s), "the whole training's time"),
        (lambda a, s, target: next((sum(s[: k + 1]) for k, y in enumerate(a) if y > target), math.inf), "exactly"),
        (lambda a, s, target: next((sum(s[: k + 1]) for k, y in enumerate(a) if y >= target), None), "returned None")],
    "speed.take_turns": [
        (measured(warm=0), "none of its first call"), (measured(blocks=True), "in the order abaaabbb"),
        (measured(single=False), "{'a': 1, 'b': 1} times came; expected: 3 times of each"),
        (all_counted, "{'a': 4, 'b': 4} times came"), (since_the_start, "none of its first call")],
    "new_faces.darker": [
        (lambda images, levels: images - np.uint8(levels), "grey level 0 became 226; expected: 0"),
        (lambda images, levels: np.clip(images - np.uint8(levels), 0, 255), "take away in another type, limit"),
        (lambda images, levels: (images.astype(int) - levels).astype(np.uint8), "uint8 has no numbers below 0"),
        (lambda images, levels: images.astype(float) - levels, "-30 came at place [0, 0, 0]; expected: 0"),
        (lambda images, levels: np.clip(images.astype(float) - levels, 0, 255), "dtype float64 came; expected: uint8"),
        (lambda images, levels: np.where(images > levels, images - np.uint8(levels), images), "10 came at place"),
        (lambda images, levels: (images * (1 - levels / 255)).astype(np.uint8), "so many levels less for each pixel"),
        (lambda images, levels: np.subtract(images, levels, out=images, casting="unsafe"), "the images that went in"),
        (lambda images, levels: images.astype(int).ravel() - levels, "shape (4608,) came")],
    "new_faces.square_around": [
        (lambda box, size, margin: squared(box, size, margin, low=False, high=False), "-6 came at place [0]; expected"),
        (lambda box, size, margin: squared(box, size, margin, high=False), "530 came at place [0]; expected: 520"),
        (lambda box, size, margin: squared(box, size, margin, limit=False), "larger than the photograph's shorter"),
        (lambda box, size, margin: squared(box, size, margin, shared=1), "expected: 198, for left, top and side are"),
        (lambda box, size, margin: squared(box, size[::-1], margin), "expected: 520, for left, top and side are"),
        (lambda box, size, margin: (*box[:2], round(margin * box[2])), "as far to each side"),
        (lambda box, size, margin: squared(box, size, margin)[:2], "shape (2,) came; expected: shape (3,)"),
        (lambda box, size, margin: (*squared(box, size, margin)[:2], margin * box[2]), "46.8 came at place [2]"),
        (cut_off, "expected: 120, for left, top and side are (0, 140, 120): moved to lie within")],
    "new_faces.mean_over_shifts": [
        (lambda hits: with_interval(hits, hits.ravel()), "an interval over all hits, as if they were independent;"),
        (lambda hits: (hits.mean(), *wilson(hits.sum(), hits.size)), "as if they were independent (Wilson's)"),
        (lambda hits: with_interval(hits, hits.mean(axis=1)), "over shifts, of which there are a few"),
        (by_1_96, "the lower end, 4 shifts and 8 images"), (lambda hits: hits.mean(), "came; expected: three numbers"),
        (lambda hits: with_interval(hits.sum(axis=0), hits.mean(axis=0)), "1.875 came, which is a number of shifts"),
        (lambda hits: (hits.mean(), mean_interval(hits.mean(axis=0))), "expected: three numbers: mean, low and high"),
        (lambda hits: with_interval(hits, hits.mean(axis=0))[::-1], "the mean, 4 shifts and 8 images")],
    "new_faces.prepared": [
        (lambda photo, square: shrunk(photo, square, by=1), "came; expected: 0 to 1, so the bytes divided by 255"),
        (lambda photo, square: shrunk(photo, square, by=255**2), "as after two divisions by 255"),
        (lambda photo, square: shrunk(photo, square, mode="RGB"), "shape (1, 3, 48, 48) came; expected: shape (1, 1,"),
        (lambda photo, square: shrunk(photo, square, mode="RGB").mean(1, keepdim=True), "mode RGB, 320 x 240"),
        (lambda photo, square: shrunk(photo, square).squeeze(0), "shape (1, 48, 48) came"),
        (lambda photo, square: shrunk(photo, square).double(), "dtype torch.float64 came; expected: torch.float32"),
        (lambda photo, square: shrunk(photo, square).numpy(), "an array of shape (1, 1, 48, 48) came"),
        (lambda photo, square: face_tensor(photo.convert("L").resize((48, 48))), "all that lies outside the square"),
        (shrunk_first, "the square alone, in Pillow's"), (interpolated, "each of the 48 x 48 pixels is a mean of all"),
        (lambda photo, square: shrunk(photo, square, how=Image.Resampling.NEAREST), "neighbours that differ by 0.16"),
        (lambda photo, square: face_tensor(square_of(photo, square)), "shape (1, 1, 192, 192) came"),
        (lambda photo, square: shrunk(photo, (square[1], square[0], square[2])), "white came; expected: none of it"),
        (lambda photo, square: face_tensor(photo.convert("L").crop(square + square[2:]).resize((48, 48))),
         "neighbours that differ by 0.03")],
    "further.taught_targets": [
        (lambda y, z, taught: torch.lerp(one_hot(y, z), z, taught), "a teacher's logits become probabilities by"),
        (lambda y, z, taught: torch.lerp(z.softmax(1), one_hot(y, z), taught), "0.82 came at place [0, 0]; expected: "),
        (lambda y, z, taught: z.softmax(1), "plus (1 - `taught`) times the label"),
        (lambda y, z, taught: torch.lerp(F.one_hot(y).float(), z[:, :2].softmax(1), taught), "shape (3, 2) came"),
        (lambda y, z, taught: torch.lerp(one_hot(y, z), one_hot(z.argmax(1), z), taught), "0.2 came at place [0, 0]"),
        (lambda y, z, taught: torch.lerp(one_hot(y, z), z.softmax(0), taught), "rows came that add up to"),
        (lambda y, z, taught: torch.lerp(one_hot(y, z), z.softmax(1), taught).double(), "dtype torch.float64 came")],
    "further.asked_about": [
        (lambda p, kept: p[:, kept], "0.4 came at place [0, 0]; expected: 0.571429, so that each row adds up to 1"),
        (lambda p, kept: share_of(p[:, sorted(kept)]), "0.571429 came at place [0, 0]; expected: 0.142857, in the"),
        (lambda p, kept: share_of(np.exp(p[:, kept])), "in the order of `kept`, and their ratios kept"),
        (lambda p, kept: p[:, kept] / p[:, kept].sum(), "0.540541 came at place [0, 0]"),
        (lambda p, kept: share_of(p), "shape (2, 7) came; expected: shape (2, 3)")],
    "further.pasted": [
        (lambda *given: pasted(*given, share=lambda inside, side: side * side / inside.size), "lies in the image"),
        (lambda *given: pasted(*given, share=lambda inside, side: side / 48), "0.5 came at place [0]; expected: 0.25"),
        (lambda *given: pasted(*given, low=-48), "50 came at place [0, 12]; expected: 112"),
        (lambda *given: pasted(*given)[0], "an array of shape (48, 48) came; expected: an image and a target"),
        (lambda face, other, *rest: pasted(other, face, *rest), "the other face in the square only"),
        (lambda face, other, target, other_target, square: pasted(face, other, other_target, target, square),
         "0.75 came at place [0]; expected: 0.25"),
        (lambda face, other, target, *rest: (pasted(face, other, target, *rest)[0], target), "0 came at place [0]"),
        (lambda *given: (pasted(*given)[0].astype(float), pasted(*given)[1]), "of dtype float64 came; expected: uint8"),
        (ends_before, "the other face in the square only"),
        (written_over, "an image that went in was changed; expected: a new one")],
    "further.best_of": [
        (lambda accuracies, k: max(accuracies), "0.9 came, which is the best of all of them; expected: 0.84"),
        (lambda accuracies, k: np.mean(accuracies), "0.84 came, which is their mean; expected: 0.873333"),
        (lambda accuracies, k: max(accuracies[:k]), "the best of those that come first; expected: 0.84"),
        (lambda accuracies, k: np.mean([max(one) for one in itertools.product(accuracies, repeat=k)]),
         "a seed may be drawn more than once"),
        (lambda accuracies, k: np.mean(sorted(accuracies)[-k:]), "0.9 came, which is the best of all of them")],
}


@pytest.mark.parametrize(("check", "answer", "said"), [
    (check, answer, said) for check, wrong in WRONG.items() for answer, said in wrong])
def test_a_wrong_answer_is_told_what_came_and_what_was_expected(check, answer, said):
    module, _, name = check.partition(".")
    with pytest.raises(NotYet) as caught:
        getattr(importlib.import_module(f"fer_utils.exercises.{module}"), name)(answer)
    sentence = str(caught.value)
    assert said in sentence
    assert sentence.startswith("For ") and "; expected: " in sentence and sentence.endswith(".")
    assert len(sentence) <= 400 and "\n" not in sentence


def test_every_check_has_two_wrong_answers_or_more():
    called = {f"{module}.{check.partition('(')[0].removeprefix('check.')}" for name, check in CHECKS
              for module in [answers("solutions", name)["check"].__name__.rpartition(".")[2]]}
    assert called == set(WRONG)
    assert min(map(len, WRONG.values())) >= 2 and sum(map(len, WRONG.values())) >= 60


def test_jupyter_shows_the_sentence_alone():
    lines = NotYet("For 1, nothing came; expected: 2.")._render_traceback_()
    assert lines == ["\x1b[1m✗ Not yet.\x1b[0m", "For 1, nothing came; expected: 2."]


def test_a_loss_that_still_has_its_gradient_is_read_without_a_warning(recwarn):
    loss = torch.tensor(1.0, requires_grad=True) + 1
    with pytest.raises(NotYet, match="For a batch, 2 came; expected: 3."):
        see_number(loss, 3.0, "a batch")
    assert not recwarn.list


def test_the_line_that_raised_is_named(tmp_path):
    source = tmp_path / "answer.py"
    source.write_text("def answer(x):\n    return x.reshape(7)\n")
    cells = {}
    exec(compile(source.read_text(), source, "exec"), cells)
    with pytest.raises(NotYet, match=r"raised ValueError: .* in the line `return x.reshape\(7\)`; expected: a number"):
        exercises.ask(cells["answer"], np.zeros(3), case="three numbers", wanted="a number")
    def calling(x):
        return wilson(x, 3)

    with pytest.raises(NotYet, match=r"in the line `return wilson\(x, 3\)`; expected: a number"):
        exercises.ask(calling, np.zeros(3), case="three numbers", wanted="a number")
    with pytest.raises(NotYet, match="For 1, 3 came instead of a function; expected: one that returns a number"):
        exercises.ask(3, case="1", wanted="a number")

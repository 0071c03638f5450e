"""Grad-CAM finds what there is, in any network that has places, and says where there is none."""

import numpy as np
import pytest
import torch
from torch import nn

from fer_utils import CourseError
from fer_utils.models import build_model
from fer_utils.saliency import grad_cam


def test_grad_cam_finds_the_only_thing_there_is():
    """A network whose class 0 is the sum of the last maps: what is bright in the image must be bright in the map."""
    model = build_model()
    with torch.no_grad():
        for block in model.features:
            torch.nn.init.dirac_(block[0].weight)
            block[0].bias.zero_()
        model.classifier[1].weight.fill_(1e-3)
        model.classifier[1].bias.zero_()
        model.classifier[4].weight.copy_(torch.tensor([[1.0], [-1.0], [0.0]]).expand(3, 256))
    images = np.zeros((2, 48, 48), np.uint8)
    images[0, 4:16, 4:16], images[1, 32:44, 28:40] = 255, 255
    maps = grad_cam(model, images, np.array([0, 0]))
    assert maps.shape == (2, 48, 48) and maps.min() >= 0 and maps.max(axis=(1, 2)) == pytest.approx([1, 1])
    assert maps[0, :24, :24].sum() > 0.9 * maps[0].sum() and maps[1, 24:, 24:].sum() > 0.9 * maps[1].sum()
    assert not grad_cam(model, images, np.array([1, 1])).any()


@pytest.mark.parametrize("name", ["AttentionCNN", "FastCNN"])
def test_other_networks_have_places_too(name):
    images = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    maps = grad_cam(build_model(name, 5), images, np.array([0, 2, 4]))
    assert maps.shape == (3, 48, 48) and maps.dtype == np.float32 and 0 <= maps.min() <= maps.max() <= 1


def test_layers_that_are_frozen_have_places_too():
    images = np.random.default_rng(0).integers(0, 256, (2, 48, 48), dtype=np.uint8)
    model = build_model()
    maps = grad_cam(model, images, np.array([0, 2]))
    model.features.requires_grad_(False)
    np.testing.assert_allclose(grad_cam(model, images, np.array([0, 2])), maps, atol=1e-6)


def test_a_network_without_places_is_refused():
    with pytest.raises(CourseError, match="Sequential has no layer that keeps the places"):
        grad_cam(nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 3)), np.zeros((1, 48, 48), np.uint8), np.array([0]))

"""The figures of notebook 11: mixed faces, and what was tried."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from fer_utils.figures import ONE_COLUMN, TWO_COLUMNS, shows
from fer_utils.figures.parts import canvas, paired_rows, pictures, show_face


@shows(faces=True)
def mixed(images: np.ndarray, targets: np.ndarray, classes: Sequence[str]) -> Figure:
    """Faces with a rectangle of another face, each under the shares of the classes that it is to be called.

    images: uint8 (n, 48, 48); targets: float (n, classes).
    """
    figure, grid = pictures(TWO_COLUMNS, 44, 1, len(images))
    for axes, image, target in zip(grid[0], images, targets, strict=True):
        shares = [f"{100 * share:.0f} % {name}" for name, share in zip(classes, target, strict=True) if share > 0.005]
        show_face(axes, image, "\n".join(shares))
    return figure


@shows()
def tried(found: dict[str, dict]) -> Figure:
    """What each change alone does to the validation accuracy, with its 95 % interval.

    found: by the change `difference` and `difference_ci`, as shares of the same images.
    """
    figure, axes = canvas(ONE_COLUMN, 20 + 8 * len(found))
    paired_rows(axes, found)
    axes.set(xlabel="points of validation accuracy, one seed,\nwith the 95 % interval of the images")
    return figure

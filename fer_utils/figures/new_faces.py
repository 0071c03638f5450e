"""The figures of notebook 09: shifts of the picture, and faces found in a photograph."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from fer_utils.figures import OURS, TWO_COLUMNS, class_colours, shows
from fer_utils.figures.parts import caption, class_bars, pictures, show_face

BLOCKS = 3
MOST_FACES = 8
"""In a figure, so that each can be seen."""


@shows(faces=True)
def shifts_of_a_face(face: np.ndarray, found: dict[str, np.ndarray]) -> Figure:
    """One face as it is, and under each shift of the picture, in three severities from left to right.

    face: uint8 (48, 48); found: by name uint8 (3, 48, 48).
    """
    blocks = {"as it is": face[None], **found}
    rows = -(-len(blocks) // BLOCKS)
    figure, grid = pictures(TWO_COLUMNS, 25 * rows, rows, 3 * BLOCKS)
    for places, (name, images) in zip(grid.reshape(-1, 3), blocks.items(), strict=False):
        for axes, image in zip(places, images, strict=False):
            show_face(axes, image)
        caption(places[0], name, loc="left")
    return figure


@shows(faces=True)
def named_faces(photo: Image.Image, squares: Sequence[tuple[int, int, int]], images: np.ndarray,
                probabilities: np.ndarray, titles: Sequence[str], classes: Sequence[str]) -> Figure:
    """A photograph with a numbered box around each face, and beside it the faces with the probabilities of each class.

    squares: left, top and side in pixels; images: uint8 (n, 48, 48); probabilities: (n, len(classes)). After the first
    MOST_FACES there are boxes only.
    """
    shown = range(min(len(squares), MOST_FACES))
    layout = [["photo", f"face {i}", f"bars {i}"] for i in shown] or [["photo"]]
    height = max(70, max(22, 8 + 5.5 * len(classes)) * len(layout))
    figure, axes = plt.subplot_mosaic(layout, figsize=(TWO_COLUMNS / 25.4, height / 25.4), layout="constrained",
                                      width_ratios=[3.4, 1, 1][: len(layout[0])])
    show_face(axes["photo"], np.asarray(photo))
    for number, (x, y, side) in enumerate(squares, 1):
        axes["photo"].add_patch(plt.Rectangle((x, y), side, side, fill=False, ec=OURS, lw=1.4))
        axes["photo"].annotate(str(number), (x, y), (1, -1), textcoords="offset points", va="top", color="white",
                               bbox={"facecolor": OURS, "edgecolor": "none", "pad": 1})
    for i in shown:
        show_face(axes[f"face {i}"], images[i])
        caption(axes[f"face {i}"], f"{i + 1}: {titles[i]}".replace(" (", "\n("), loc="left")
        axes[f"bars {i}"].set_axis_off()
        class_bars(axes[f"bars {i}"], probabilities[i], class_colours(classes))
    return figure

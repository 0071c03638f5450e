"""The figures of notebook 03: the network as a drawing, activation functions, and what the layers do to numbers."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from scipy.special import expit

from fer_utils.figures import DASHED, GREY, ONE_COLUMN, OURS, PALE, POSTER, TWO_COLUMNS, class_colours, shows
from fer_utils.figures.parts import GROUND, canvas, caption, histogram, named_rows, pictures, show_face

ACTIVATIONS = {
    "Step": (lambda x: (x >= 0).astype(float), lambda x: np.zeros_like(x)),
    "Softplus\nln(1 + eˣ)": (lambda x: np.logaddexp(0, x), expit),
    "ReLU\nmax(0, x)": (lambda x: np.maximum(0, x), lambda x: (x > 0).astype(float)),
    "Log of sigmoid\n−ln(1 + e⁻ˣ)": (lambda x: -np.logaddexp(0, -x), lambda x: expit(-x)),
}
"""The poster's four functions, each with its derivative."""


@shows(data=False)
def activation_functions() -> Figure:
    """The step, softplus, ReLU and the logarithm of the sigmoid from -5 to 5, each with its derivative."""
    x = np.linspace(-5, 5, 501)
    figure, grid = canvas(TWO_COLUMNS, 56, columns=4)
    for axes, (name, (function, derivative)) in zip(grid, ACTIVATIONS.items(), strict=True):
        axes.axhline(0, color=PALE, linewidth=0.8, zorder=0)
        axes.axvline(0, color=PALE, linewidth=0.8, zorder=0)
        for y, look in ((function(x), {"color": OURS}), (derivative(x), {"color": POSTER, "linestyle": DASHED})):
            axes.plot(x, np.where(np.abs(x) < 0.01, np.nan, y) if name == "Step" else y, **look)
        axes.set(title=name, xlabel="x", xticks=(-5, 0, 5))
    figure.legend(grid[0].lines[2:], ["function", "derivative"], loc="outside lower center", ncols=2)
    return figure


@shows(data=False)
def architecture(n_classes: int = 3) -> Figure:
    """The network, from a 48 by 48 face over three blocks of ever more and smaller maps to a logit for each class."""
    stages = [(48, 1, "face"), (24, 32, "block 1"), (12, 64, "block 2"), (6, 128, "block 3")]
    figure, axes = canvas(TWO_COLUMNS, 57)
    arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1}
    x = 0.0
    for side, channels, name in stages:
        sheets = 1 if channels == 1 else int(np.log2(channels))
        for sheet in reversed(range(sheets)):
            corner = (x + 2.2 * sheet, -side / 2 + 2.2 * sheet)
            axes.add_patch(Rectangle(corner, side, side, facecolor="#DCEAF4", edgecolor=OURS, linewidth=0.8))
        width = side + 2.2 * (sheets - 1)
        axes.text(x + width / 2, -30, f"{name}\n{channels} × {side} × {side}", ha="center", va="top")
        x += width + 22
        axes.annotate("", (x - 4, 0), (x - 19, 0), arrowprops=arrow)
    axes.text((48 + x) / 2, 33, "block: 3 × 3 convolution, ReLU, batch normalisation, 2 × 2 max pooling", ha="center")
    for height, name in ((46, "flatten\n4,608"), (30, "dense\n256\nReLU,\ndropout"), (11, f"logits\n{n_classes}")):
        axes.add_patch(FancyBboxPatch((x, -height / 2), 7, height, boxstyle="round,pad=0,rounding_size=2",
                                      facecolor="#FBE6D4", edgecolor=POSTER, linewidth=0.8))
        axes.text(x + 3.5, -30, name, ha="center", va="top")
        if height > 11:
            axes.annotate("", (x + 27, 0), (x + 11, 0), arrowprops=arrow)
        x += 31
    axes.set(xlim=(-4, x - 10), ylim=(-52, 40), aspect="equal")
    axes.axis("off")
    return figure


@shows(data=False)
def parameters_and_work(table: pd.DataFrame) -> Figure:
    """Bars by layer: its share of the network's parameters, and its share of the multiply-adds.

    table: what `models.layer_table` returned.
    """
    rows = table[table["parameters"] > 0]
    figure, grid = canvas(TWO_COLUMNS, 18 + 6.5 * len(rows), columns=2, sharey=True)
    for axes, column, colour in zip(grid, ("parameters", "multiply-adds"), (POSTER, OURS), strict=True):
        bars = axes.barh(range(len(rows)), rows[column] / table[column].sum(), color=colour, height=0.62)
        axes.bar_label(bars, [f"{value:,}" for value in rows[column]], padding=4, bbox=GROUND)
        axes.set(title=f"{column.capitalize()}: {table[column].sum():,}", xlim=(0, 1.22))
        axes.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
        named_rows(axes, [f"{row.layer}, {row['output shape']}".replace(" x ", " × ") for _, row in rows.iterrows()])
    return figure


@shows()
def batch_norm(stages: dict[str, np.ndarray]) -> Figure:
    """Histograms of one layer's activations on one scale: after the convolution, after ReLU, after batch normalisation.

    stages: any real numbers by name; the scale leaves out 1 % of all, which lie far away.
    """
    scale = np.quantile(np.concatenate([values.ravel() for values in stages.values()]), [0.005, 0.995])
    return _distributions(stages, dict.fromkeys(stages, OURS), scale, "activation, the middle 99 % of all")


@shows()
def dropout_logits(logits: dict[str, np.ndarray]) -> Figure:
    """Histograms of one face's logits over many passes with dropout switched on, one for each class.

    logits: (passes,) by class.
    """
    scale = min(map(np.min, logits.values())), max(map(np.max, logits.values()))
    return _distributions(logits, class_colours(logits), scale, "logit")


def _distributions(columns: dict[str, np.ndarray], colours: dict[str, str], scale: tuple, xlabel: str) -> Figure:
    """Histograms below each other on one scale, each behind its name, mean and standard deviation."""
    figure, grid = canvas(ONE_COLUMN, 12 + 14 * len(columns), len(columns), sharex=True, squeeze=False)
    for axes, (name, values) in zip(grid.flat, columns.items(), strict=True):
        histogram(axes, values.ravel(), colours[name], bins=60, binrange=tuple(scale))
        mean = f"{values.mean():z.2f}".replace("-", "−")  # z: no minus before 0.00
        axes.set_ylabel(f"{name}\nmean {mean}\nstd {values.std():.2f}", rotation=0, ha="right", va="center", labelpad=4)
    axes.set_xlabel(xlabel)
    axes.locator_params(axis="x", nbins=5)
    return figure


@shows(faces=True)
def first_filters(weights: np.ndarray, maps: np.ndarray, image: np.ndarray) -> Figure:
    """A face, some 3 by 3 filters of the first layer, and the map that each makes of the face.

    weights: (n, 1, 3, 3); maps: (n, 48, 48), after ReLU; image: uint8 (48, 48).
    """
    figure, grid = pictures(TWO_COLUMNS, 48, 2, len(weights) + 1)
    show_face(grid[0, 0], image, "face")
    limit = np.abs(weights).max()
    for above, below, weight, seen in zip(*grid[:, 1:], weights, maps, strict=True):
        show_face(above, weight[0], cmap="PuOr", vmin=-limit, vmax=limit)
        show_face(below, seen, vmax=seen.max())
    caption(grid[0, 1], "3 × 3 filters")
    caption(grid[1, 1], "what each sees")
    return figure


@shows()
def overfit_curve(losses: list[float], n_classes: int) -> Figure:
    """The loss on one batch that is shown again and again, against the loss of a network that knows nothing."""
    figure, axes = canvas(ONE_COLUMN, 56)
    axes.plot(range(1, len(losses) + 1), losses, color=OURS)
    axes.axhline(np.log(n_classes), color=GREY, linewidth=1, linestyle=DASHED, label=f"ln {n_classes}: knowing nothing")
    axes.legend()
    axes.set(title="One batch, learnt by heart", xlabel="step", ylabel="cross-entropy (nats)", ylim=(0, None))
    return figure

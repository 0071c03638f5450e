"""The figures of notebook 03: the network as a drawing, activation functions, and what the layers do to numbers."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from scipy.special import expit

from fer_utils.figures import GREY, INK, OURS, PALE, POSTER

ACTIVATIONS = {
    "Step": (lambda x: (x >= 0).astype(float), lambda x: np.zeros_like(x)),
    "Softplus: ln(1 + eˣ)": (lambda x: np.logaddexp(0, x), expit),
    "ReLU: max(0, x)": (lambda x: np.maximum(0, x), lambda x: (x > 0).astype(float)),
    "Log of sigmoid: −ln(1 + e⁻ˣ)": (lambda x: -np.logaddexp(0, -x), lambda x: expit(-x)),
}
"""The poster's four functions, each with its derivative."""


def activation_functions() -> Figure:
    """The poster's four activation functions on [-5, 5], each with its derivative."""
    x = np.linspace(-5, 5, 501)
    figure, axes = plt.subplots(1, 4, figsize=(9.4, 2.7))
    for ax, (name, (function, derivative)) in zip(axes, ACTIVATIONS.items(), strict=True):
        ax.axhline(0, color=PALE, linewidth=0.8, zorder=0)
        ax.axvline(0, color=PALE, linewidth=0.8, zorder=0)
        for y, style in ((function(x), {"color": OURS}), (derivative(x), {"color": POSTER, "linestyle": (0, (4, 2))})):
            ax.plot(x, np.where(np.abs(x) < 0.01, np.nan, y) if name == "Step" else y, **style)
        ax.set_title(name, fontsize=9)
        ax.set_xlabel("x")
    figure.legend(axes[0].lines[2:4], ["function", "derivative"], loc="outside lower center", ncols=2)
    return figure


def architecture() -> Figure:
    """PosterCNN from face to probabilities: each stage a stack of maps drawn to scale, with its shape."""
    stages = [(48, 1, "face"), (24, 32, "block 1"), (12, 64, "block 2"), (6, 128, "block 3")]
    figure, ax = plt.subplots(figsize=(7.4, 2.7))
    x = 0.0
    for side, channels, name in stages:
        sheets = 1 if channels == 1 else int(np.log2(channels))
        for sheet in reversed(range(sheets)):
            corner = (x + 2.2 * sheet, -side / 2 + 2.2 * sheet)
            ax.add_patch(Rectangle(corner, side, side, facecolor="#DCEAF4", edgecolor=OURS, linewidth=0.8))
        width = side + 2.2 * (sheets - 1)
        ax.text(x + width / 2, -30, f"{name}\n{channels} x {side} x {side}", ha="center", va="top", fontsize=8.5)
        x += width + 22
        ax.annotate("", (x - 4, 2), (x - 19, 2), arrowprops={"arrowstyle": "-|>", "color": GREY, "linewidth": 1})
    for height, size, name in ((46, 4608, "flatten"), (30, 256, "dense,\nReLU,\ndropout"), (11, 3, "logits")):
        box = FancyBboxPatch((x, -height / 2), 7, height, boxstyle="round,pad=0,rounding_size=2", facecolor="#FBE6D4")
        box.set(edgecolor=POSTER, linewidth=0.8)
        ax.add_patch(box)
        ax.text(x + 3.5, -30, f"{name}\n{size:,}", ha="center", va="top", fontsize=8.5)
        if size > 3:
            ax.annotate("", (x + 27, 0), (x + 11, 0), arrowprops={"arrowstyle": "-|>", "color": GREY, "linewidth": 1})
        x += 31
    ax.text(35, 40, "block: 3x3 convolution, ReLU, batch normalisation, 2x2 max pooling", fontsize=9, color=INK)
    ax.set(xlim=(-4, x - 10), ylim=(-48, 46), aspect="equal")
    ax.axis("off")
    return figure


def parameters_and_work(table) -> Figure:
    """Where the parameters are and where the arithmetic is: two bars a layer, as shares of the whole.

    table: what `models.layer_table` returns.
    """
    rows = table[table["parameters"] > 0].iloc[::-1]
    names = [f"{row.layer}, {row['output shape']}" for _, row in rows.iterrows()]
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True)
    for ax, column, colour in zip(axes, ("parameters", "multiply-adds"), (POSTER, OURS), strict=True):
        ax.barh(names, rows[column] / table[column].sum(), color=colour, height=0.62)
        for i, value in enumerate(rows[column]):
            ax.text(value / table[column].sum() + 0.015, i, f"{value:,}", va="center", fontsize=8, color=INK)
        ax.set(title=f"{column.capitalize()}: {table[column].sum():,}", xlim=(0, 1.22), xticks=[0, 0.5, 1])
        ax.set_xticklabels(["0", "50 %", "100 %"])
    return figure


def distributions(columns: dict[str, np.ndarray], xlabel: str, bins: int = 60) -> Figure:
    """Histograms side by side on one scale, each with its mean and standard deviation: any real numbers by name."""
    low, high = np.quantile(np.concatenate([v.ravel() for v in columns.values()]), [0.005, 0.995])
    figure, axes = plt.subplots(1, len(columns), figsize=(2.9 * len(columns), 2.6), sharex=True)
    for ax, (name, values) in zip(np.atleast_1d(axes), columns.items(), strict=True):
        heights, _, _ = ax.hist(values.ravel(), bins=np.linspace(low, high, bins), color=OURS, density=True)
        ax.set_ylim(0, 1.3 * heights.max())  # room for the note
        ax.set(title=name, xlabel=xlabel, yticks=[])
        ax.spines["left"].set_visible(False)
        note = f"mean {values.mean():.2f}\nstd {values.std():.2f}"
        ax.text(0.97, 0.95, note, transform=ax.transAxes, ha="right", va="top", fontsize=8, color=INK)
    return figure


def first_filters(weights: np.ndarray, maps: np.ndarray, image: np.ndarray) -> Figure:
    """A face, some first-layer filters, and the maps they make of it.

    weights: (n, 1, 3, 3); maps: (n, 48, 48), after ReLU; image: uint8 (48, 48).
    """
    show = len(weights)
    figure, axes = plt.subplots(2, show + 1, figsize=(9.4, 2.4))
    axes[0, 0].imshow(image)
    axes[1, 0].axis("off")
    limit = np.abs(weights).max()
    for k in range(show):
        axes[0, k + 1].imshow(weights[k, 0], cmap="PuOr", vmin=-limit, vmax=limit)
        axes[1, k + 1].imshow(maps[k], cmap="gray")
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    for ax, title in ((axes[0, 0], "face"), (axes[0, 1], "3x3 filters"), (axes[1, 1], "what each sees")):
        ax.set_title(title, fontsize=8.5, fontweight="normal")
    return figure


def overfit_curve(losses: list[float], chance: float) -> Figure:
    """Cross-entropy of one batch shown again and again; `chance` is the loss of a network that knows nothing, ln 3."""
    figure, ax = plt.subplots(figsize=(6, 2.8))
    ax.plot(range(1, len(losses) + 1), losses, color=OURS)
    ax.axhline(chance, color=GREY, linestyle=(0, (4, 2)), linewidth=1)
    ax.text(len(losses), chance * 1.015, "ln 3: knowing nothing", ha="right", va="bottom", fontsize=8, color=GREY)
    ax.set(title="One batch, learnt by heart", xlabel="step", ylabel="cross-entropy (nats)", ylim=(0, None))
    return figure

"""What the tests of figures read off a figure."""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt  # noqa: E402


def texts(fig) -> list[str]:
    """Everything written in the figure once it is drawn."""
    fig.draw_without_rendering()
    return [text.get_text() for text in fig.findobj(plt.Text) if text.get_text().strip() and text.get_visible()]


def overlaps(fig) -> list[tuple[str, str]]:
    """Pairs of written texts that cover each other; numbers along the axes, which matplotlib places, left aside."""
    fig.draw_without_rendering()
    ticks = {id(label) for axes in fig.axes for axis in (axes.xaxis, axes.yaxis) for tick in axis.get_major_ticks()
             for label in (tick.label1, tick.label2)}
    written = [t for t in fig.findobj(plt.Text) if t.get_text().strip() and t.get_visible() and id(t) not in ticks]
    boxes = [(t.get_text(), t.get_window_extent()) for t in written]
    return [(a, b) for i, (a, one) in enumerate(boxes) for b, two in boxes[i + 1:] if one.overlaps(two)]

"""A figure to try things with, and what the tests of figures read off one."""

from itertools import combinations

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.colors import to_rgb  # noqa: E402


def simple_figure() -> plt.Figure:
    """A rising line on 3 by 2 inches."""
    fig, ax = plt.subplots(figsize=(3, 2), layout="constrained")
    ax.plot([0, 1], [0, 1])
    ax.set(xlabel="epoch", ylabel="loss")
    plt.close(fig)
    return fig


def painted(fig) -> list[plt.Text]:
    """Every text that is painted; matplotlib keeps labels of ticks outside the axes, and leaves them out."""
    axis = [axis for axes in fig.axes if axes.axison for axis in (axes.xaxis, axes.yaxis)]
    ticks = [(tick, sorted(a.get_view_interval())) for a in axis for tick in a.get_major_ticks()]
    outside = {tick.label1 for tick, (low, high) in ticks if not low <= tick.get_loc() <= high}
    return [t for t in fig.findobj(plt.Text) if t not in outside and t.get_visible() and t.get_text().strip()]


def box(text: plt.Text):
    """Where a text lies; of an annotation without its arrow."""
    return plt.Text.get_window_extent(text)


def texts(fig) -> list[str]:
    """Everything written in the figure once it is drawn."""
    fig.draw_without_rendering()
    return [text.get_text() for text in fig.findobj(plt.Text) if text.get_text().strip() and text.get_visible()]


def overlaps(fig) -> list[tuple[str, str]]:
    """Pairs of painted texts that cover each other by more than a hair."""
    fig.draw_without_rendering()
    found = []
    for (a, one), (b, two) in combinations([(t.get_text(), box(t)) for t in painted(fig)], 2):
        width, height = min(one.x1, two.x1) - max(one.x0, two.x0), min(one.y1, two.y1) - max(one.y0, two.y0)
        found += [(a, b)] if width > 1.5 and height > 1.5 else []
    return found


def cut_off(fig) -> list[str]:
    """Painted texts that do not fit on the paper."""
    fig.draw_without_rendering()
    boxes, paper = [(t.get_text(), box(t)) for t in painted(fig)], fig.bbox
    return [text for text, one in boxes
            if one.x0 < -1 or one.y0 < -1 or one.x1 > paper.x1 + 1 or one.y1 > paper.y1 + 1]


def crossings(fig) -> list[tuple[str, str]]:
    """Pairs of axes whose frames cover each other."""
    fig.draw_without_rendering()
    frames = [(axes.get_title("left"), axes.get_window_extent()) for axes in fig.axes]
    return [(a, b) for (a, one), (b, two) in combinations(frames, 2)
            if min(one.x1, two.x1) - max(one.x0, two.x0) > 1 and min(one.y1, two.y1) - max(one.y0, two.y0) > 1]


def luminance(colour) -> float:
    """By WCAG 2's definition."""
    parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def faint(fig) -> list[tuple[str, float]]:
    """Texts on a shade, such as a field of a map, with their contrast, where it is below 4.5:1."""
    places = [(text, box(text)) for text in painted(fig)]
    for text, _ in places:
        text.set_visible(False)
    fig.canvas.draw()
    picture = np.asarray(fig.canvas.buffer_rgba())[::-1, :, :3] / 255
    found = []
    for text, place in places:
        text.set_visible(True)
        x, y = int((place.x0 + place.x1) / 2), int((place.y0 + place.y1) / 2)
        ground = text.get_bbox_patch().get_facecolor() if text.get_bbox_patch() else picture[y, x]
        dark, light = sorted((luminance(ground), luminance(text.get_color())))
        contrast = (light + 0.05) / (dark + 0.05)
        found += [(text.get_text(), round(contrast, 2))] if contrast < 4.5 and luminance(ground) < 0.8 else []
    return found


def struck(fig) -> list[str]:
    """Texts in a panel that a line of its grid runs through, with nothing between them."""
    found = []
    for axes in fig.axes:
        sides = ((axis, [tick.gridline for tick in axis.get_major_ticks() if tick.gridline.get_visible()])
                 for axis in (axes.xaxis, axes.yaxis))
        lines = [line.get_window_extent() for axis, lines in sides for line in lines
                 if min(axis.get_view_interval()) <= line.get_data()[axis is axes.yaxis][0] <= max(
                     axis.get_view_interval())]
        bare = [text for text in axes.texts if not text.get_bbox_patch()]
        if legend := axes.get_legend():
            bare += [] if legend.get_frame_on() and legend.get_frame().get_alpha() == 1 else legend.get_texts()
        found += [text.get_text() for text in bare if text.get_visible() and any(
            box(text).x0 + 1 < line.x1 and line.x0 < box(text).x1 - 1
            and box(text).y0 + 2 < line.y1 and line.y0 < box(text).y1 - 2 for line in lines)]
    return found

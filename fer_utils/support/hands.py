"""The hands that draw faces: the sample's, and another to ask whether what was learnt from the one holds on the other.

They differ as collections of photographs do: in who is shown, in the light and the distance, in the shares of the
classes, in how plainly people show them, and in what is called angry.
"""

from typing import NamedTuple

EDGES = (247, 693, 1000)  # where each class ends, in thousandths: FER2013 trains on 3,995, 7,215 and 4,965 faces
_ANGER, _JOY = {4: (0.85, 1), 5: (0.2, 0.7), 7: (0.4, 1)}, {6: (0.6, 1), 12: (0.85, 1)}
PROTOTYPES = (({**_ANGER, 15: (0.2, 0.5), 17: (0.5, 1), 23: (0.5, 1), 24: (0.3, 1)},
               {**_ANGER, 10: (0.6, 1), 23: (0.3, 0.5), 25: (0.6, 1), 26: (0, 0.4)}),
              (_JOY, {**_JOY, 25: (0.5, 1), 26: (0, 0.6)}), ({},))
"""Variants of each class, AU -> weakest and strongest activation (EMFACS: Friesen and Ekman, EMFACS-7, UCSF, 1983)."""
PERSON = {
    "skin": (100, 205), "hair": (0.12, 0.7), "behind": (20, 235), "wide": (14.5, 17.5), "jaw": (0.54, 0.8),
    "chin": (24.5, 27), "apart": (7, 8.6), "eye": (3.4, 4.3), "open": (0.85, 1.15), "iris": (0.1, 0.3),
    "brow": (0.7, 1.5), "brow_y": (-0.6, 0.8), "nose": (0.85, 1.2), "nose_y": (9, 11), "lips": (0.5, 1.4),
    "mouth": (5.2, 6.6), "mouth_y": (16.4, 17.6), "age": (0, 1), "hairline": (-17, -12), "jag": (0.3, 1.6),
    "sweep": (-3, 3), "style": (0, 1), "beard": (0.58, 0.85), "glasses": (-2, 0.4), "cover": (-17, 3), "side": (-1, 1),
    "light": (-0.8, 0.8), "yaw": (-4, 4), "pitch": (-1, 1), "tilt": (-0.13, 0.13), "size": (0.92, 1.14),
    "x": (21.5, 26.5), "y": (17, 21)}
"""What says nothing of the class, lowest and highest: person, hair, things, pose (tilt: tangent of half the angle)."""


class Hand(NamedTuple):
    """Who draws, whom, what and by which light; what is not said is as in the sample."""

    person: dict[str, tuple[float, float]] = PERSON
    prototypes: tuple[tuple[dict[int, tuple[float, float]], ...], ...] = PROTOTYPES
    plainly: tuple[float, float] = (0.2, 1.4)  # how plainly a class shows; above 1 is 1
    edges: tuple[int, int, int] = EDGES
    flawed: bool = True  # whether wrong labels and copies are planted
    line: float = 0.0  # width of the line around every shape; where it is 0, faces are shaded instead
    light: tuple = ((0, -4, -3, 205, -30, 0), (5, 5, 4, 291, 31, 7))
    """Lowest, and one above highest: blur, gain in light rightwards and downwards, contrast, brightness, noise."""


FIRST = Hand()
SKETCHER = Hand(
    person=PERSON | {
        "skin": (165, 205), "hair": (0.25, 0.6), "behind": (120, 240), "wide": (16.5, 19), "jaw": (0.74, 0.95),
        "chin": (23, 25.5), "apart": (7.8, 9.2), "eye": (4, 5), "open": (1.2, 1.5), "brow": (0.5, 1),
        "brow_y": (-3, -1.4), "nose": (0.6, 0.9), "nose_y": (8, 9.5), "mouth": (4.6, 5.8), "mouth_y": (15.4, 16.6),
        "hairline": (-19, -14), "style": (0.2, 0.84), "size": (0.7, 0.82), "y": (19, 22), "cover": (-17, 0)},
    prototypes=(({4: (0.35, 0.75), 7: (0.3, 0.8), 24: (0.6, 1)},),
                ({6: (0.2, 0.6), 12: (0.7, 1), 25: (0.6, 1)}, {6: (0.2, 0.6), 12: (0.8, 1)}), ({},)),
    plainly=(0.7, 1.4), edges=(333, 667, 1000), flawed=False, line=0.45,
    light=((0, 3, -5, 180, -20, 0), (2, 8, 0, 241, 16, 5)))
"""Rounder heads with larger eyes and higher brows, in outline, from further off, in light from one side; posed: plain
expressions, and anger by brows, lids and pressed lips alone. Every class is as frequent, and no flaw is planted."""

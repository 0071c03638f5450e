"""What the sample shows: how many of each class, which expressions, and which people."""

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

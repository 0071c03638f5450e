"""The embedded samples: drawn faces, angry, happy or neutral, for readers who have no FER2013 yet.

A face is geometry moved by facial action units (AUs: Ekman and Friesen, Facial Action Coding System, Consulting
Psychologists Press, 1978). The weaker an expression, the more stray AUs it shows: there the classes overlap as in life.
Lengths are pixels of the final picture, from the point between the eyes, x rightwards and y downwards; tones up to 2
are multiples of the skin's grey level. Faces are drawn eight times larger at integer coordinates and averaged; light,
blur and noise are integer arithmetic, so that every machine draws the same pixels.
"""
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image, ImageDraw

from fer_utils.support.hands import FIRST, Hand

CLASSES = ("Angry", "Happy", "Neutral")
SIZE, ZOOM, _ONCE, _BOTH = 48, 8, (1,), (-1, 1)
WRONG_LABELS = 0.03  # share of faces filed under a class that was not drawn; in both splits, as in FER2013
COPY_EVERY = (50, 25)  # every 50th training face and every 25th test face is drawn again from a training face
CONFLICT_EVERY = 500  # every 500th training face is such a copy from another class: one picture under two labels
STRAY = {1: 0.5, 2: 0.5, 4: 0.5, 5: 0, 6: 0, 7: 0.5, 10: 0.4, 12: 0.5, 15: 0.5, 17: 0.5, 23: 0.5, 24: 0, 25: 0.5, 26: 0}
"""AU -> strongest activation that says nothing: speech, habit, chance."""
INK = 50  # grey level of outlines
_T = np.linspace(0, 1, 13)
_CUBIC = np.round([(1 - _T) ** 3, 3 * _T * (1 - _T) ** 2, 3 * _T**2 * (1 - _T), _T**3], 6)
_X, _ARC = np.round(2 * _T - 1, 6), np.round(4 * _T * (1 - _T), 6)
_CIRCLE = np.round([(np.cos(a), np.sin(a)) for a in np.arange(21) * np.pi / 10], 6)


def action_units(label: int, intensity: float, rng: np.random.Generator, hand: Hand = FIRST) -> dict[int, float]:
    """Activation, 0 to 1, of every AU for a class (0 to 2) at an intensity (0 to 1)."""
    variant, units = hand.prototypes[label][rng.integers(len(hand.prototypes[label]))], {}
    for au, strongest in STRAY.items():
        stray = rng.uniform(0, strongest) if rng.random() < 0.35 else 0.0
        units[au] = intensity * rng.uniform(*variant.get(au, (0, 0))) + (1 - intensity) * stray
    return units


def landmarks(au: dict[int, float], width: float = 6.0, level: float = 17.0) -> tuple[list, list, list]:
    """Bézier control points: right-hand brow, outwards; upper lip's lower and lower lip's upper edge, rightwards."""
    corner = width + 2.6 * au[12] - 1.2 * au[23] - 0.6 * au[24] + 0.3 * au[10]
    height, square = level - 3.4 * au[12] + 2 * au[15] + 0.6 * au[17] + 0.5 * au[10], (0.5 + 0.45 * au[10]) * corner
    upper = level + 1.2 * au[12] - 1.3 * au[17] - (2.4 * au[10] + 0.6 + 0.8 * au[12]) * au[25]
    lower = level + 1.2 * au[12] - 1.3 * au[17] + (1.4 + 3.2 * au[12] + 2.4 * au[10]) * au[25] + 3.5 * au[26]
    brow = [(4 - 1.3 * au[4], -5.6 + 3.6 * au[4] - 2 * au[1]), (7, -7.4 + 2 * au[4] - 1.6 * au[1] - 1.2 * au[2]),
            (11, -8.4 + 0.2 * au[4] - 2.4 * au[2]), (14, -5.4 - 0.4 * au[4] - 1.8 * au[2])]
    return brow, *([(-corner, height), (-square, y), (square, y), (corner, height)] for y in (upper, lower))


def draw_face(label: int, rng: np.random.Generator, intensity: float | None = None, hand: Hand = FIRST) -> np.ndarray:
    """One face, uint8 (48, 48), of class `label`: 0 angry, 1 happy, 2 neutral. `intensity` (0 to 1) says how plainly
    the class shows; None leaves it to chance, down to nearly neutral."""
    intensity = min(1.0, rng.uniform(*hand.plainly)) if intensity is None else intensity
    return _photograph(_Drawing(action_units(label, intensity, rng, hand), rng, hand).picture, rng, hand)


def draw_sample(folder: Path, n_train: int = 1500, n_test: int = 500, seed: int = 2013,
                hand: Hand = FIRST) -> None:
    """Draw a data set in Kaggle's layout: folder/train/angry/Training_0001.png, folder/test/happy/PublicTest_0002.png.

    PNG is lossless, JPEG decoders differ by a grey level.
    """
    learnt = _labels(n_train, seed, 0, hand)
    for part, split, n in ((0, "train", n_train), (1, "test", n_test)):
        for i, label in enumerate(_labels(n, seed, part, hand).tolist()):
            *source, shown = _origin(part, i, label, learnt) if hand.flawed else (part, i, label)
            rng = np.random.Generator(np.random.PCG64([seed, *source]))
            wrong = hand.flawed and rng.random() < WRONG_LABELS
            drawn = (shown + int(rng.integers(1, 3))) % 3 if wrong else shown
            half = "PublicTest" if 2 * i < n else "PrivateTest"
            usage = "Training" if split == "train" else half
            path = folder / split / CLASSES[label].lower() / f"{usage}_{i + 1:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draw_face(drawn, rng, hand=hand)).save(path, compress_level=1)


def _labels(n: int, seed: int, part: int, hand: Hand) -> np.ndarray:
    """The labels of a part's n files, in the hand's shares and in an order drawn by lot."""
    order = np.random.Generator(np.random.PCG64([seed, part])).permutation(n)
    return np.searchsorted([(n * edge + 500) // 1000 for edge in hand.edges], order, side="right")


def _origin(part: int, i: int, label: int, learnt: np.ndarray) -> tuple[int, int, int]:
    """The part and the number of the face that file i of a part shows, and that face's label: its own, or for a planted
    copy those of a training face. `learnt` holds the labels of the training files."""
    if (i + 1) % COPY_EVERY[part]:
        return part, i, label
    if part == 0 and (i + 1) % CONFLICT_EVERY == 0:
        label = (label + 1) % len(CLASSES)
    own = np.arange(1, len(learnt) + 1) % COPY_EVERY[0] > 0  # a copy is not copied once more
    faces = np.flatnonzero(own & (learnt == label))
    return 0, int(faces[(i // 5 + part) % len(faces)]), label  # no face is repeated in both parts


def _curve(controls) -> np.ndarray:
    """Thirteen points of the cubic Bézier curve with four control points."""
    return sum(weight[:, None] * np.array(point) for weight, point in zip(_CUBIC, controls, strict=True))


def _loop(*right) -> np.ndarray:
    """A closed outline from the corners of its right half, rounded by Chaikin's corner cutting."""
    p = np.r_[right, np.array(right[::-1]) * (-1, 1)]
    for _ in range(3):
        p = np.stack([p, np.roll(p, -1, axis=0)], axis=1)
        p = (0.75 * p + 0.25 * p[:, ::-1]).reshape(-1, 2)
    return p


class _Drawing:
    """One face on the large canvas: every point is turned with the head, tilted, scaled, placed and rounded."""

    def __init__(self, au: dict[int, float], rng: np.random.Generator, hand: Hand = FIRST):
        self.who = who = SimpleNamespace(**{name: rng.uniform(*ends) for name, ends in hand.person.items()})
        self.line = hand.line
        self.picture = Image.new("L", (SIZE * ZOOM, SIZE * ZOOM), round(who.behind))
        self.canvas, square = ImageDraw.Draw(self.picture), who.tilt * who.tilt
        self.cos, self.sin = (ZOOM * who.size * k / (1 + square) for k in (1 - square, 2 * who.tilt))
        for part in (self._head, self._eyes, self._mouth, self._hair):
            part(au, who)

    def _draw(self, points, tone: float, width: float = 0, sides: tuple[int, ...] = _BOTH) -> None:
        """A polygon, or a line if it has a width, with its mirror image unless `sides` has one."""
        p, who = np.asarray(points, dtype=float), self.who
        of_skin = tone <= 2  # else the tone is itself a grey level
        grey, xy = min(255, round(tone * who.skin if of_skin else tone)), np.empty((len(p), 2))
        turn, y = who.yaw * np.maximum(0, 1 - (p[:, 0] / who.wide) ** 2), p[:, 1] + who.pitch
        draw, third = (self.canvas.line, round(width * ZOOM)) if width else (self.canvas.polygon, None)
        for side in sides:
            x = p[:, 0] * side + turn
            xy[:, 0], xy[:, 1] = x * self.cos - y * self.sin + ZOOM * who.x, x * self.sin + y * self.cos + ZOOM * who.y
            corners = np.rint(xy).astype(int).ravel().tolist()
            draw(corners, grey, third)
            if self.line and not width:
                self.canvas.line(corners + corners[:2], INK, round(self.line * ZOOM))

    def _glow(self, x: float, y: float, wide: float, high: float, rim: float, middle: float) -> None:
        sides = _BOTH if x else _ONCE
        for k in range(0 if self.line else 4):
            self._draw(_CIRCLE * (wide, high) * (1 - k / 4) + (x, y), rim + (middle - rim) * k / 3, 0, sides)

    def _head(self, au: dict[int, float], who: SimpleNamespace) -> None:
        w, chin = who.wide, who.chin + 1.6 * au[26]
        if who.style < 0.5:
            self._draw(_loop((0, -27), (w * 1.1, -25), (w * 1.35, -5), (w * 1.3, 50), (0, 50)), who.hair, 0, _ONCE)
        self._draw(_loop((w * 0.55, 8), (w * 0.6, 26), (w * 2, 34), (w * 2, 60)), 0.7, 0, _ONCE)
        self._draw(_CIRCLE * (2.2, 4.2) + (w + 0.6, 3), who.hair if who.style < 0.5 else 0.8)
        outline = _loop((0, -27), (w * 0.85, -25), (w * 1.06, -12), (w * 1.04, 4), (w * 0.95, 14),
                        (who.jaw * w, chin - 3), (w * 0.25, chin + 1.5))
        for k, tone in enumerate((1,) if self.line else np.arange(6) * 0.052 + 0.74):
            self._draw(outline * (1 - 0.045 * k, 1 - 0.03 * k) + (who.light * k, 0), tone, 0, _ONCE)
        self._glow(9 + 0.5 * au[12], 9.5 - 1.6 * au[6], 4.2, 3.4, 1, 1.05 + 0.08 * max(au[6], au[12]))
        self._glow(0, who.chin - 4.5, 4.5, 1.5, 0.97, 0.84 - 0.1 * au[17])
        y, wing = who.nose_y - 0.5 * au[10], 2.6 * who.nose + 0.5 * au[12] + 0.4 * au[10]
        (x, end), strength = landmarks(au, who.mouth, who.mouth_y)[1][3], max(au[12], au[10])
        fold = _curve([(wing + 0.9, y - 1.2), (wing + 3, y + 0.5), (x + 2.4, end - 3), (x + 1.8, end + 0.5)])
        self._draw(fold, 1 - 0.3 * min(1, 0.15 + 0.8 * strength + 0.2 * who.age), 0.75)
        if who.style > 0.84:
            outline[:, 1] = np.maximum(outline[:, 1], 13 - 0.035 * outline[:, 0] * outline[:, 0])
            self._draw(outline, who.beard, 0, _ONCE)
        self._draw([(1.2, -2), (2.4, y - 1), (wing, y + 0.6), (0.4, y - 0.5)], 0.86, 0, (-1 if who.light > 0 else 1,))
        self._glow(0, y - 1.2, 1.6, 1.8, 1.02, 1.15)
        self._draw(_CIRCLE * (0.8, 0.45) + (1.25, y + 0.6), 0.42)

    def _eyes(self, au: dict[int, float], who: SimpleNamespace) -> None:
        low = who.open * (-1.6 + 0.8 * au[7] + 1.5 * au[6])
        high = max(low + 0.9, who.open * (2.1 + 1.2 * au[5] - 0.5 * au[4] - 0.4 * au[7] - 0.3 * au[6]))
        upper = au[4] * (1 - _X) * _ARC - _ARC * high * (1 + 0.25 * _X)
        lids = [np.stack([who.apart + who.eye * _X, y], axis=1) for y in (upper, np.maximum(-_ARC * low, upper + 0.1))]
        self._glow(who.apart, -0.8, who.eye + 1.6, 4.2, 0.96, 0.8)
        self._draw(np.r_[lids[0], lids[1][::-1]], 1.1 * who.skin + 45)
        for radius, tone in ((2.1, who.iris), (1.0, 0.05)):
            iris = _CIRCLE * radius + (who.apart, -0.2)
            iris[:, 1] = np.clip(iris[:, 1], *(np.interp(iris[:, 0], lid[:, 0], lid[:, 1]) for lid in lids))
            self._draw(iris, tone)
        self._draw(_CIRCLE * 0.45 + (who.apart + 0.7, -0.7), 250 if high - low > 1.8 else who.iris)
        crease, bag = lids[0][1:-1] - (0, 1.2), lids[1][2:-2] + (0, 1.5 - 0.3 * au[6])
        for line, tone, width in ((lids[0], 0.28, 0.8), (lids[1], 0.62, 0.5), (crease, 0.72, 0.5), (bag, 0.8, 0.5)):
            self._draw(line, tone - 0.14 * au[6] * (line is bag), width)
        path = _curve(landmarks(au)[0]) + (who.apart - 7.8, who.brow_y)
        body = who.brow * np.minimum(0.75 + 2 * _T, 1.35 - 1.15 * _T).clip(0, 1)[:, None] * (0, 1)
        self._draw(np.r_[path - body, (path + body)[::-1]], min(who.hair, 0.55))
        self._draw(_curve([(1.3, -5.5), (1, -4), (1, -3), (1.6, -1)]), 0.98 - 0.43 * au[4], 0.3 + 0.5 * au[4])

    def _mouth(self, au: dict[int, float], who: SimpleNamespace) -> None:
        upper, lower = (_curve(edge) for edge in landmarks(au, who.mouth, who.mouth_y)[1:])
        lip = max(0.2, 1 - 0.6 * au[23] - 0.4 * au[24] - 0.3 * au[12]) * who.lips * _ARC[:, None] * (0, 1)
        self._draw(np.r_[upper - 1.7 * lip, upper[::-1]], 0.66, 0, _ONCE)
        self._draw(np.r_[lower, (lower + 2.1 * lip)[::-1]], 0.74, 0, _ONCE)
        gap, clenched = lower - upper, au[10] > 0.3 and au[26] < 0.25
        if gap[6, 1] > 0.5:
            teeth = 1.1 * who.skin + 60 if max(au[12], au[10], au[25] - 0.3) > 0.2 else 0.3
            self._draw(np.r_[upper, lower[::-1]], 0.18, 0, _ONCE)
            self._draw(np.r_[upper + 0.06 * gap, (upper + (0.95 if clenched else 0.62) * gap)[::-1]], teeth, 0, _ONCE)
            self._draw((upper + 0.5 * gap)[1:-1], 0.5 if clenched else teeth, 0.45, _ONCE)
        self._draw(upper, 0.3, 0.7, _ONCE)
        self._draw(_CIRCLE * 0.6 + upper[12], 0.4)

    def _hair(self, au: dict[int, float], who: SimpleNamespace) -> None:
        """Hair and glasses; then what covers a part: a hand on the cheek, a lock over an eye, a board at the chin."""
        ear, w, side = (14 if who.style < 0.5 else -3), who.wide, (1 if who.side > 0 else -1,)
        cap = _curve([(-w * 1.12, ear), (-w * 1.7, -40 - ear / 3), (w * 1.7, -40 - ear / 3), (w * 1.12, ear)])
        line = who.hairline + (ear - who.hairline) * np.round(_X**6, 6) + who.jag * (np.arange(13) % 2) + who.sweep * _X
        if not 0.5 < who.style < 0.57:
            self._draw(np.r_[cap, np.stack([w * 0.98 * _X, line], axis=1)[::-1]], who.hair, 0, _ONCE)
        if who.glasses > 0:
            self._draw(_CIRCLE * (5.6, 4.8) + (who.apart + 0.3, 0.4), who.glasses, 0.7)
            self._draw([(0, -1.2), (who.apart - 5.7, -0.5)], who.glasses, 0.7)
        for k in range(4 if 0 < who.cover < 1 else 0):
            finger = np.array([(12 + 3.2 * k, 40), (9.5 + 3 * k, 22), (7 + 2.9 * k, 10 + abs(k - 1.5))])
            for tone, width in ((0.6, 3.7), (0.95, 3.0)):
                self._draw(finger, tone, width, side)
                self._draw(_CIRCLE * (width / 2) + finger[2], tone, 0, side)
        if 1 < who.cover < 2:
            self._draw(_curve([(2, -26), (4, -12), (11, -6), (13.5, 8)]), min(who.hair, 0.6), 4.5, side)
        elif who.cover > 2:
            self._draw([(-30, 23), (30, 21.5), (30, 60), (-30, 60)], who.behind, 0, _ONCE)


def _photograph(picture: Image.Image, rng: np.random.Generator, hand: Hand) -> np.ndarray:
    """The drawing averaged to 48x48, blurred, lit from one side, exposed and given noise, all in integers."""
    blur, across, down, contrast, bright, grain = rng.integers(*hand.light).tolist()
    pixels, grid = np.asarray(picture.reduce(ZOOM), dtype=np.int64), np.arange(SIZE)
    for axis in (0, 1):
        near = pixels.take((grid - 1).clip(0), axis) + pixels.take((grid + 1).clip(0, SIZE - 1), axis)
        pixels = (pixels * (16 - 2 * blur) + near * blur + 8) // 16
    pixels = pixels * (256 + across * (grid[None, :] - 24) + down * (grid[:, None] - 24)) // 256
    noise = rng.integers(-grain, grain + 1, size=(3, SIZE, SIZE)).sum(axis=0) // 2
    return np.clip((pixels - 120) * contrast // 256 + 125 + bright + noise, 0, 255).astype(np.uint8)

"""The one schema that every reader fills: which part of a set an image belongs to, and which class, told by names."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import shorten
from typing import NamedTuple

import numpy as np

from fer_utils.support.archives import DataError, shown

CODES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""FER2013's emotion codes, 0 to 6; its folders carry the same names."""
FORMS = {"angry": ("anger",), "disgust": ("disgusted",), "fear": ("fearful", "afraid", "scared"),
         "happy": ("happiness",), "sad": ("sadness",), "surprise": ("surprised", "suprise", "suprised"),
         "neutral": ("neutrality",)}
"""How else FER2013's classes are called."""
KNOWN = {form: code for code in CODES for form in (code, *FORMS[code])}
USAGES = ("Training", "Validation", "PublicTest", "PrivateTest", "Test")
PARTS = {"train": "Training", "training": "Training", "val": "Validation", "valid": "Validation",
         "validation": "Validation", "test": "Test", "testing": "Test", "publictest": "PublicTest",
         "privatetest": "PrivateTest"}
"""The usage of the images below a folder, or in a table, of this name."""


class Raw(NamedTuple):
    """What a reader returns: uint8 (N, 48, 48), int64 (N,) with -1 where unlabelled, and two arrays of str (N,).

    found: classes (the names of the labels, in order), said (lines on what was changed or left out), seen (lines on
    what was recognised), codes (whether classes 0 to 6 were taken for FER2013's), claims_fer2013 (whether it should be
    FER2013, whole).
    """

    images: np.ndarray
    labels: np.ndarray
    usage: np.ndarray
    names: np.ndarray
    found: dict


def usage_of(name: str) -> str | None:
    """The usage that the last folder or the stem of a name stands for, if any."""
    return PARTS.get(name.rsplit("/", 1)[-1].split(".")[0].casefold())


def settled(usage: str, there: Iterable[str]) -> str:
    """The usage, but of a validation part without any test beside it: that is the test."""
    return "Test" if usage == "Validation" and {*there} <= {"Training", "Validation"} else usage


def known(name: str) -> str:
    """The code for a common form of FER2013's names, as happiness or 3_happy; else the name without its case."""
    bare = re.sub(r"^\d+[\s._-]+", "", composed(name)).casefold()
    return KNOWN.get(bare, composed(name).casefold())


def composed(name: str) -> str:
    """The name without spaces around it, letters with accents in one form: macOS parts the accents off."""
    return unicodedata.normalize("NFC", name.strip())


def choose_classes(where: Path | str, there: Counter, wanted: Sequence[str]) -> tuple[dict[str, int], dict]:
    """The label of each class name that is to be read, and for `Raw.found` what there is to say of the classes.

    there: images by the name that the source uses. wanted: names, or none for all: FER2013's in its order, then others
    by the alphabet. DataError where one is absent, or where the source numbers its classes in a way of its own.
    """
    if not there:
        raise DataError(f"{shown(where)} holds no image with a label: give a source that holds some.")
    keys = {name: known(name) for name in there}
    numbered = all(re.fullmatch("[0-9]{1,9}", name) for name in there)
    codes = numbered and sorted(map(int, there)) == list(range(len(CODES)))
    if codes:
        keys = {name: CODES[int(name)] for name in there}
    elif numbered and not {*wanted} <= {*there}:
        raise DataError(f"{shown(where)} numbers its classes {shown(', '.join(sorted(there, key=int)))}, and FER2013's "
                        "codes are 0 to 6: other sets number otherwise, so give classes=all, or call them by name.")
    spelled = {keys[name]: keys[name].capitalize() if keys[name] in CODES else composed(name) for name in sorted(there)}
    others = sorted(spelled.keys() - {*CODES}, key=lambda key: (len(key), key) if numbered else key)
    order = [key for key in (*CODES, *others) if key in spelled]
    missing = ", ".join(name for name in wanted if known(name) not in spelled)
    if missing:
        missing, held = (shorten(names, 110, placeholder=" ...")
                         for names in (missing, ", ".join(spelled[key] for key in order)))
        raise DataError(f"{shown(where)} has no class {missing}, only {held}: give classes=all, or some of these.")
    chosen = [known(name) for name in wanted] or order
    if len(set(chosen)) < len(chosen):
        raise DataError(f"classes names one twice: {shown(', '.join(wanted))}; give each once, or all.")
    left_out = Counter()
    for name, n in there.items():
        left_out[keys[name]] += n
    left_out = [f"{left_out[key]:,} {spelled[key]}" for key in order if key not in chosen]
    said = [f"Left out: {', '.join(left_out)}"] if left_out else []
    called = [f"{name} is {spelled[key]}" for name, key in sorted(keys.items()) if key != composed(name).casefold()]
    mapping = [f"Classes: {', '.join(called)}"] if called else []
    labels = {name: chosen.index(key) for name, key in keys.items() if key in chosen}
    return labels, {"classes": [spelled[key] for key in chosen], "codes": codes, "claims_fer2013": False,
                    "order": {name: order.index(key) for name, key in keys.items()},
                    "said": said + ([] if codes else mapping), "seen": mapping if codes else []}


def say_what_lacks(found: dict, labels: np.ndarray, usage: np.ndarray) -> None:
    """Add the classes without images in one of the parts to what is said of a source."""
    testing = ~np.isin(usage, ("Training", "Validation"))
    for part, inside in {"training": usage == "Training", "validation": usage == "Validation", "test": testing}.items():
        absent = [name for label, name in enumerate(found["classes"]) if label not in labels[inside]]
        if absent and (labels[inside] >= 0).any():
            found["said"].append(f"Without {part} images: {', '.join(absent)}")

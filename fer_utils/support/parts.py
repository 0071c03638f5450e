"""Which part of a set an image belongs to, and which class: told by the names of folders alone."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import shorten
from typing import NamedTuple

from fer_utils.support.listing import DataError, shown

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


class Tree(NamedTuple):
    """One part of a set of images: `files` maps <class>/<file>, as it is below `folder`, to the file's whole name."""

    folder: str
    usage: str
    files: dict[str, str]


def usage_of(name: str) -> str | None:
    """The usage that the last folder or the stem of a name stands for, if any."""
    return PARTS.get(name.rsplit("/", 1)[-1].split(".")[0].casefold())


def settled(usage: str, there: Iterable[str]) -> str:
    """The usage, but of a validation part without any test beside it: that is the test."""
    return "Test" if usage == "Validation" and {*there} <= {"Training", "Validation"} else usage


def find_trees(path: Path, images: Iterable[str]) -> tuple[list[Tree], list[str]]:
    """The parts whose class folders hold these images, and the folders that hold a part once more.

    Without any part, folders of classes are one: what the folder around them is called, else training. DataError where
    there are several sets, or several folders for one part: the sentence lists them.
    """
    folders: dict[str, dict[str, str]] = defaultdict(dict)
    for name in images:
        if name.count("/"):
            folder, kind, file = f"/{name}".rsplit("/", 2)
            folders[folder[1:]][f"{kind}/{file}"] = name
    parts = [folder for folder in folders if usage_of(folder)]
    if not parts:
        roots, copies = _without_copies(folders)
        usage = usage_of(path.name) if path.is_dir() else None
        _check_single(path, roots, "data sets")
        return [Tree(root, usage or "Training", folders[root]) for root in roots], copies
    sets = defaultdict(list)
    for folder in parts:
        sets[_around(folder)].append(folder)
    for root in [root for root, inside in sets.items() if usage_of(root) and len(inside) == 1]:
        if usage_of(root) == usage_of(sets[root][0]):  # train/train/ and test/test/ belong together
            sets[_around(root)] += sets.pop(root)
    contents = {root: {f"{usage_of(folder)}/{file}": "" for folder in inside for file in folders[folder]}
                for root, inside in sets.items()}
    roots, copies = _without_copies(contents)
    _check_single(path, roots, "data sets")
    trees = []
    for usage in dict.fromkeys(usage_of(folder) for folder in sets[roots[0]]):
        inside = [folder for folder in sets[roots[0]] if usage_of(folder) == usage]
        same, again = _without_copies({folder: folders[folder] for folder in inside})
        _check_single(path, same, f"folders for {usage.lower()}")
        trees.append(Tree(same[0], usage, folders[same[0]]))
        copies += again
    return [tree._replace(usage=settled(tree.usage, (t.usage for t in trees))) for tree in trees], copies


def _around(folder: str) -> str:
    return folder.rpartition("/")[0]


def _last(folder: str) -> str:
    return folder.rpartition("/")[2]


def _without_copies(contents: dict[str, dict]) -> tuple[list[str], list[str]]:
    """The folders, and apart from them those that hold the same names as the equally called folder around them."""
    copies = [folder for folder in contents if folder and _last(folder) == _last(_around(folder))
              and contents.get(_around(folder), {}).keys() == contents[folder].keys()]
    return sorted(contents.keys() - copies), copies


def _check_single(path: Path, folders: Sequence[str], what: str) -> None:
    if len(folders) > 1:
        several = shorten(", ".join(f"{folder or '.'}/" for folder in folders), 150, placeholder=" ...")
        raise DataError(f"{shown(path)} holds several {what} ({several}): give the path of one.")


def known(name: str) -> str:
    """The code for a common form of FER2013's names, as happiness or 3_happy; else the name without its case."""
    bare = re.sub(r"^\d+[\s._-]+", "", name.strip()).casefold()
    return KNOWN.get(bare, name.strip().casefold())


def choose_classes(where: Path | str, there: Counter, wanted: Sequence[str]) -> tuple[dict[str, int], dict]:
    """The label of each class name that is to be read, and for `Raw.found`: classes, left_out and mapping.

    there: images by the name that the source uses. wanted: names, or none for all: FER2013's in its order, then others
    by the alphabet. DataError where one is absent, or where the source numbers its classes in a way of its own.
    """
    keys = {name: known(name) for name in there}
    numbered = all(re.fullmatch("[0-9]+", name) for name in there) and bool(there)
    codes = numbered and sorted(map(int, there)) == list(range(len(CODES)))
    if codes:
        keys = {name: CODES[int(name)] for name in there}
    elif numbered and not {*wanted} <= {*there}:
        listed = shorten(", ".join(sorted(there, key=int)), 60, placeholder=" ...")
        raise DataError(f"{shown(where)} numbers its classes {listed}, and FER2013's codes are 0 to 6: other sets "
                        "number otherwise, so give classes=all, or call the classes by name.")
    spelled = {keys[name]: keys[name].capitalize() if keys[name] in CODES else name.strip() for name in sorted(there)}
    others = sorted(spelled.keys() - {*CODES}, key=lambda name: (int(name) if numbered else 0, name))
    order = [key for key in (*CODES, *others) if key in spelled]
    if not there:
        raise DataError(f"{shown(where)} holds no image with a label: give a source that holds some.")
    missing = ", ".join(name for name in wanted if known(name) not in spelled)
    if missing:
        missing, held = (shorten(text, 110, placeholder=" ...") for text in (
            missing, ", ".join(spelled[key] for key in order)))
        raise DataError(f"{shown(where)} has no class {missing}, only {held}: give classes=all, or names of these.")
    chosen = [known(name) for name in wanted] or order
    left_out = Counter()
    for name, n in there.items():
        if keys[name] not in chosen:
            left_out[keys[name]] += n
    mapping = {name: spelled[key] for name, key in sorted(keys.items()) if key != name.strip().casefold()}
    labels = {name: chosen.index(key) for name, key in keys.items() if key in chosen}
    return labels, {"classes": [spelled[key] for key in chosen], "mapping": mapping, "codes": codes,
                    "order": {name: order.index(key) for name, key in keys.items()},
                    "left_out": {spelled[key]: left_out[key] for key in order if key in left_out}}

"""Images in class folders: where the parts of a set lie in a source, and how they are read."""

import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from posixpath import basename, dirname
from textwrap import shorten
from typing import NamedTuple

import numpy as np

from fer_utils.support.archives import DataError, Open, shown
from fer_utils.support.images import SIDE, Deep, read_image, to_bytes
from fer_utils.support.schema import Raw, choose_classes, say_what_lacks, settled, usage_of

PUBLISHED = re.compile(r"(training|publictest|privatetest)_\d")
"""How the names of FER2013's image files begin; a test image's tells which test it belongs to."""


class Tree(NamedTuple):
    """One part of a set of images: `files` maps <class>/<file>, as it is below `folder`, to the file's whole name.

    root: the folder that holds the set; names are told from there.
    """

    root: str
    folder: str
    usage: str
    files: dict[str, str]


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
        return [Tree(root, root, usage or "Training", folders[root]) for root in roots], copies
    sets = defaultdict(list)
    for folder in parts:
        sets[dirname(folder)].append(folder)
    for root in [root for root, inside in sets.items() if usage_of(root) and len(inside) == 1]:
        if usage_of(root) == usage_of(sets[root][0]):  # train/train/ and test/test/ belong together
            sets[dirname(root)] += sets.pop(root)
    contents = {root: {f"{usage_of(folder)}/{file}": "" for folder in inside for file in folders[folder]}
                for root, inside in sets.items()}
    roots, copies = _without_copies(contents)
    _check_single(path, roots, "data sets")
    trees = []
    for usage in dict.fromkeys(usage_of(folder) for folder in sets[roots[0]]):
        inside = [folder for folder in sets[roots[0]] if usage_of(folder) == usage]
        same, again = _without_copies({folder: folders[folder] for folder in inside})
        _check_single(path, same, f"folders for {usage.lower()}")
        trees.append(Tree(roots[0], same[0], usage, folders[same[0]]))
        copies += again
    return [tree._replace(usage=settled(tree.usage, (t.usage for t in trees))) for tree in trees], copies


def _without_copies(contents: dict[str, dict]) -> tuple[list[str], list[str]]:
    """The folders, and apart from them those that hold the same names as the equally called folder around them."""
    copies = [folder for folder in contents if folder and basename(folder) == basename(dirname(folder))
              and contents.get(dirname(folder), {}).keys() == contents[folder].keys()]
    return sorted(contents.keys() - copies), copies


def _check_single(path: Path, folders: Sequence[str], what: str) -> None:
    if len(folders) > 1:
        several = shorten(", ".join(f"{folder or '.'}/" for folder in folders), 150, placeholder=" ...")
        raise DataError(f"{shown(path)} holds several {what} ({several}): give the path of one, or "
                        "call the parts of one set train, val and test.")


def read_images(path: Path, files: dict[str, Open], images: set[str], trees: list[Tree], copies: list[str],
                classes: Sequence[str]) -> Raw:
    """Read the images in class folders; a label is the class folder's name, never its place in a list."""
    folders = {name: inner.split("/")[0] for tree in trees for inner, name in tree.files.items()}
    labels, found = choose_classes(path, Counter(folders.values()), classes)
    _check_strays(path, files, images, trees)
    keys, usages = {}, {}
    for tree in trees:
        for inner, name in tree.files.items():
            file = inner.split("/")[1].lower()
            published = PUBLISHED.match(file)
            usages[name] = tree.usage
            if tree.usage == "Test" and published:
                usages[name] = {"publictest": "PublicTest", "privatetest": "PrivateTest"}.get(published[1], "Test")
            rank = {"Training": 0, "Validation": 1}.get(tree.usage, 2)
            natural = re.sub(r"\d+", lambda digits: digits[0].lstrip("0").zfill(20), file)
            keys[name] = rank, natural, found["order"][folders[name]], name
    names = sorted((name for name in folders if folders[name] in labels), key=keys.get)
    found["claims_fer2013"] = any(PUBLISHED.match(basename(name).lower()) for name in names)
    pixels, changed = _decoded(path, files, names)
    found["said"] += [f"{what}: {n:,} images" for what, n in changed.items()]
    found["seen"] += [f"Part: {tree.folder or '.'}/, {tree.usage}, {len(tree.files):,} images" for tree in trees]
    found["said"] += [f"Read once, though it is there twice: {copy}/" for copy in copies]
    rest = [name for name in files if name not in folders and not name.startswith(tuple(f"{copy}/" for copy in copies))]
    for what, left, told in (("images outside the class folders", [name for name in rest if name in images], "said"),
                             ("other files", [name for name in rest if name not in images], "seen")):
        if left:
            found[told].append(f"Not read: {len(left):,} {what} ({shorten(', '.join(left), 80, placeholder=' ...')})")
    numbers = np.array([labels[folders[name]] for name in names], np.int64)
    usage = np.array([usages[name] for name in names], str)
    say_what_lacks(found, numbers, usage)
    root = f"{trees[0].root}/" if trees[0].root else ""
    return Raw(pixels, numbers, usage, np.array([name.removeprefix(root) for name in names], str), found)


def _decoded(path: Path, files: dict[str, Open], names: Sequence[str]) -> tuple[np.ndarray, Counter]:
    """The images, uint8 (N, 48, 48), and how many were changed in which way."""
    pixels, changed, deep = np.empty((len(names), SIDE, SIDE), np.uint8), Counter(), {}
    places = {name: i for i, name in enumerate(names)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow's decoders, on oddities that they read well
        for name in filter(places.__contains__, files):  # in the archive's order, which a packed tar is read in once
            image, changes = read_image(files[name], f"{path}: {name}")
            changed.update(changes)
            if isinstance(image, Deep):
                deep[places[name]] = image
            else:
                pixels[places[name]] = image
    if deep:
        pixels[[*deep]], scaled = to_bytes(deep.values(), str(path))
        changed += scaled
    return pixels, changed


def _check_strays(path: Path, files: Iterable[str], images: set[str], trees: list[Tree]) -> None:
    """DataError for an image of a part that is in no class folder, and for another file that is in one."""
    taken = {name for tree in trees for name in tree.files.values()}
    folders = {dirname(name) for name in taken}
    for name in files:
        if name not in images and dirname(name) in folders:
            raise DataError(f"{shown(path)}: {shown(name)} is of a type not known here: class folders hold "
                            "images only, in a format that Pillow reads; move it or convert it.")
        tree = next((tree for tree in trees if tree.folder and name.startswith(f"{tree.folder}/")), None)
        if tree and name in images and name not in taken:
            raise DataError(f"{shown(path)}: {shown(name)} is in no class folder: put each image into "
                            f"{tree.folder}/<class>/.")

"""Whatever the container, the depth, the names, their case and the litter around them: the same arrays."""

import io
import tarfile
import time
import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from making import load
from PIL import Image

from fer_utils.support.formats import read_source
from fer_utils.support.schema import CODES, FORMS, PARTS

POSTERS = ("angry", "happy", "neutral")
CLASSES = ("Angry", "Happy", "Neutral")
LITTER = (".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX/._0.png", ".ipynb_checkpoints/0.png", "README.md", "a.csv")
CONTAINERS = ("", ".zip", ".tar", ".tar.gz", ".tar.bz2", ".tar.xz")


@cache
def pictures() -> dict[tuple[str, str, int], bytes]:
    """Twelve images: of each class two to train on and two to test on."""
    rng, files = np.random.default_rng(0), {}
    for i in range(12):
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (48, 48), np.uint8)).save(buffer, "png")
        files["Training" if i < 6 else "Test", POSTERS[i % 3], i] = buffer.getvalue()
    return files


def cased(text: str):
    return st.sampled_from((text, text.upper(), text.capitalize()))


@st.composite
def forms(draw) -> tuple[str, dict[str, bytes]]:
    """A container, and the twelve images under the names that they have there, in any order."""
    depth = "".join(draw(st.lists(st.sampled_from(("data/", "fer2013/", "versions/1/", "Ärger 1/")), max_size=3)))
    parts = {usage: draw(st.sampled_from([name for name, meant in PARTS.items() if meant == usage]).flatmap(cased))
             for usage in ("Training", "Test")}
    if draw(st.booleans()):
        parts["Test"] = draw(st.sampled_from(("val", "valid", "Validation")))
    number = draw(st.sampled_from(("", "{}_", "{} ", "0{}-")))
    called = {name: number.format(CODES.index(name)) + draw(st.sampled_from((name, *FORMS[name])).flatmap(cased))
              for name in POSTERS}
    suffix = draw(st.sampled_from((".png", ".PNG", ".Png")))
    files = {f"{depth}{parts[usage]}/{called[name]}/im{i}{suffix}": data
             for (usage, name, i), data in pictures().items()}
    folders = sorted({name.rpartition("/")[0] for name in files} | {depth.rstrip("/")})
    for litter in draw(st.lists(st.sampled_from(LITTER), max_size=3, unique=True)):
        beside = draw(st.sampled_from(folders)) if not litter.endswith((".md", ".csv")) else depth.rstrip("/")
        files[f"{beside}/{litter}".lstrip("/")] = b"x"
    order = draw(st.permutations(list(files)))
    return draw(st.sampled_from(CONTAINERS)), {name: files[name] for name in order}


def written(folder: Path, container: str, files: dict[str, bytes]) -> Path:
    path = folder / f"faces{container}"
    if container == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    elif container:
        with tarfile.open(path, f"w:{container[5:]}") as archive:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    else:
        for name, data in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
    return path


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(forms())
def check(form):
    with TemporaryDirectory() as folder:
        raw = read_source(written(Path(folder), *form), CLASSES)
    assert raw.images.tobytes() == expected().images.tobytes()
    assert raw.labels.tolist() == expected().labels.tolist() == [0, 1, 2] * 4
    assert raw.usage.tolist() == ["Training"] * 6 + ["Test"] * 6


@cache
def expected():
    """The arrays of the plainest form."""
    with TemporaryDirectory() as folder:
        plain = {f"{'train' if usage == 'Training' else 'test'}/{name}/im{i}.png": data
                 for (usage, name, i), data in pictures().items()}
        return load(written(Path(folder), "", plain))


def test_500_forms_of_twelve_images_load_to_the_same_arrays(cache):
    start = time.process_time()
    check()
    print(f"500 forms: {time.process_time() - start:.1f} s")

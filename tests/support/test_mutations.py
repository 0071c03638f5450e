"""Thousands of damaged inputs of every form: the arrays that the file holds, or one sentence, and nothing else."""

import gzip
import io
import warnings
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import make_rows, rounds, tar_of, write_csv, write_folder, zip_of

from fer_utils import CourseError
from fer_utils.data import Faces, load_faces
from fer_utils.support.schema import CODES, USAGES
from fer_utils.support.tables import COMPETITION, VOTED

ROWS = [row for row in make_rows(70) if row[0] in (0, 3, 6)]
CLASSES = ("Angry", "Happy", "Neutral")
ODD = (b"", b"\0", b"\xff\xfe", b"\n", b'"', b",", b" ", b"-1", b"256", b"9" * 25, b"nan", b"../", b"PK\1\2",
       b"\x1f\x8b", b"train/happy/", b"test/", b"\0" * 512, b"\xff" * 8, b"A" * 300)
"""What mutations put in."""


@cache
def forms() -> dict[str, dict[str, bytes]]:
    """Every form in which faces are published, small: its files by name."""
    with TemporaryDirectory() as name:
        top = Path(name)
        folder, table = write_folder(top / "set", ROWS), write_csv(top / "fer2013.csv", ROWS)
        tables = top / "tables"
        tables.mkdir()
        write_csv(tables / "icml_face_data.csv", ROWS, "emotion, Usage, pixels", (0, 2, 1))
        archives = [tar_of(folder, top / f"a.tar{end}") for end in ("", ".gz", ".bz2", ".xz")]
        archives += [zip_of(folder, top / "a.zip", "faces/"), zip_of(tables, top / "b.zip")]
        archives += [tar_of(tables, top / "b.tgz")]
        found = {path.name: {path.name: path.read_bytes()} for path in [table, *archives]}
        found["set"] = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.png"))}
        jpegs = write_folder(top / "jpegs", ROWS[:12], "jpg")
        found["jpegs"] = {str(path.relative_to(jpegs)): path.read_bytes() for path in sorted(jpegs.rglob("*.jpg"))}
        found["packed.csv.gz"] = {"packed.csv.gz": gzip.compress(table.read_bytes(), mtime=0)}
    text = found["fer2013.csv"]["fer2013.csv"]
    found["wide.csv"] = {"wide.csv": text.decode().encode("utf-16")}
    found["fer+"] = {"fer2013.csv": text, "fer2013new.csv": votes()}
    lines = [line.rpartition(b",")[0] for line in text.splitlines()]
    found["parts"] = {"train.csv": b"\n".join(lines[:20]), "test.csv": b"\n".join([lines[0], *lines[20:]])}
    pixels = [",".join(map(str, row[2].ravel().tolist())) for row in ROWS]
    labels = [str(k % 3) for k in range(20)]
    contents = ("\n".join(pixels[:20]), "\n".join(labels), "\n".join(pixels[20:]))
    found["competition"] = {name: text.encode() for name, text in zip(COMPETITION, contents, strict=True)}
    return found


def votes() -> bytes:
    """FER+'s table for ROWS: ten votes for the class, or for none."""
    columns, file = list(VOTED), io.StringIO()
    print("Usage,Image name," + ",".join(columns), file=file)
    for k, (code, usage, _) in enumerate(ROWS):
        asked = "nf" if k % 9 == 8 else next(name for name, meant in VOTED.items() if meant == CODES[code])
        print(f"{usage},fer{k:07}.png," + ",".join("10" if name == asked else "0" for name in columns), file=file)
    return file.getvalue().encode()


@st.composite
def mutated(draw) -> tuple[str, dict[str, bytes]]:
    """A form, and its files after one to four mutations of contents or names."""
    form = draw(st.sampled_from(sorted(forms())))
    files = dict(forms()[form])
    for _ in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(sorted(files)))
        content = files[name]
        at = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.sampled_from((1, 1, 1, 4, 20, 300, 5000)))
        other = draw(st.sampled_from(sorted(forms())))
        spliced = next(iter(forms()[other].values()))
        put = draw(st.one_of(st.sampled_from(ODD), st.binary(min_size=1, max_size=8)))
        way = draw(st.sampled_from(("over", "over", "in", "out", "twice", "cut", "splice", "away", "renamed")))
        if way == "away" and len(files) > 1:
            del files[name]
        elif way == "renamed":
            *folders, last = name.split("/")
            there = draw(st.sampled_from((".csv", ".zip", ".tar.gz", ".png", ".txt", "", last, "x/y.png")))
            if form in files:  # which is a file alone
                continue
            files["/".join([*folders, last.split(".")[0] + there])] = files.pop(name)
        else:
            files[name] = {"over": content[:at] + put + content[at + len(put):],
                           "in": content[:at] + put + content[at:], "out": content[:at] + content[at + length:],
                           "twice": content[:at] + content[at:at + length] + content[at:], "cut": content[:at],
                           }.get(way, content[:at] + spliced[at:])
    return form, files


def loaded(form: str, files: dict[str, bytes], folder: Path) -> Faces | None:
    """The faces of these files; None where they are refused in one sentence. Any other error or warning is raised."""
    source = folder / form
    for name, content in files.items():
        path = source if form in files else source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", UserWarning)  # of counts that are not FER2013's
        try:
            return load_faces(source, CLASSES, verbose=False, labels="fer+" if form == "fer+" else "own")
        except CourseError as error:
            sentence = str(error)
            assert "\n" not in sentence and sentence.endswith(".") and len(sentence) <= 400, sentence
            return None


@cache
def known() -> tuple[set[tuple[bytes, str]], set[bytes]]:
    """Each image's pixels with its class, and the pixels alone."""
    pairs = {(pixels.tobytes(), CODES[code].capitalize()) for code, _, pixels in ROWS}
    return pairs, {pixels for pixels, _ in pairs}


def lines_of(form: str, content: bytes) -> list[str]:
    content = gzip.decompress(content) if form.endswith(".gz") else content
    wide = content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in content[:2]
    text = content.decode("utf-8-sig" if not wide else "utf-16" if content[0] > 127 else
                          "utf-16-be" if content[0] == 0 else "utf-16-le")
    return io.StringIO(text, newline=None).read().split("\n")


def as_written(line: str, image: np.ndarray, label: str) -> bool:
    """Whether a line of a table holds these pixels and the code of this class."""
    fields = [field.strip().strip('"') for field in line.split(",")]
    pixels = " ".join(map(str, image.ravel().tolist()))
    codes = [field.removesuffix(".0") for field in fields]
    numbers = [" ".join(str(int(number)) for number in field.split()) for field in fields if field.count(" ") > 2000]
    return pixels in numbers and str(CODES.index(label.lower())) in codes


def check_right(faces: Faces, form: str, files: dict[str, bytes]) -> None:
    """The arrays are those of the files: of the lines of a table, or, where there is a checksum, the original ones."""
    assert len(faces) and {*faces.usage} <= {*USAGES} and faces.classes == CLASSES
    labels = [CLASSES[label] if label >= 0 else "" for label in faces.labels_or_unknown()]
    pairs, images = known()
    archive = form in files and (files[form][:2] == b"PK" or files[form][257:262] == b"ustar")  # whatever its name
    if not archive and form in ("fer2013.csv", "packed.csv.gz", "wide.csv"):
        lines = lines_of(form, files[form])
        for image, label, name in zip(faces.images, labels, faces.names, strict=True):
            assert as_written(lines[int(name.removeprefix("line ")) - 1], image, label), name
    elif form in files:
        assert {(image.tobytes(), label) for image, label in zip(faces.images, labels, strict=True)} <= pairs
    elif form == "set":
        changed = [name for name in files if files[name] != forms()[form].get(name)]
        assert sum(image.tobytes() not in images for image in faces.images) <= len(changed)


@pytest.mark.usefixtures("cache")
def test_what_is_not_damaged_is_read(tmp_path):
    for form, files in forms().items():
        faces = loaded(form, files, tmp_path)
        assert faces, form
        check_right(faces, form, files)


@rounds(60, 3000)
def test_a_mutated_input_gives_its_arrays_or_one_sentence(cache, monkeypatch, rounds):
    read, refused = [], []

    @settings(max_examples=rounds, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
    @given(mutated())
    def check(found):
        form, files = found
        with TemporaryDirectory() as folder:
            monkeypatch.setenv("FER_CACHE", f"{folder}/cache")
            faces = loaded(form, files, Path(folder))
        (refused if faces is None else read).append(form)
        if faces is not None:
            check_right(faces, form, files)

    check()
    print(f"{len(read)} were read, {len(refused)} refused")
    assert len(read) > rounds / 20 and len(refused) > rounds / 4

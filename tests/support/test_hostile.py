"""Damaged and hostile sources end with one sentence, soon, and in little memory."""

import base64
import bz2
import io
import lzma
import os
import re
import socket
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from making import counted, make_rows, refused, tar_of, write_csv, write_set, zip_of
from PIL import Image

from fer_utils.support import archives, images, tables

pytestmark = [pytest.mark.usefixtures("cache"), pytest.mark.filterwarnings("error::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::UserWarning")]
posix = pytest.mark.skipif(os.name == "nt", reason="links and pipes are made as on POSIX")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7])
def test_damage_inside_a_zip_of_any_method(tmp_path, method, place):
    write_csv(tmp_path / "fer2013.csv", make_rows(42))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.write(tmp_path / "fer2013.csv", "fer2013.csv")
    content = bytearray((tmp_path / "a.zip").read_bytes())
    at = int(place * len(content))
    content[at:at + 20] = bytes(255 - byte for byte in content[at:at + 20])
    (tmp_path / "a.zip").write_bytes(content)
    refused(tmp_path / "a.zip", "download it again")


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.tar"])
@pytest.mark.parametrize("place", [0.0, 0.2, 0.6, 0.9])
def test_damage_inside_a_tar(tmp_path, name, place):
    path = tar_of(write_set(tmp_path / "set"), tmp_path / name)
    content = path.read_bytes()
    at = int(place * len(content))
    path.write_bytes(content[:at] + bytes(range(64)) + content[at + 64:] if name != "a.tar" else content[:at])
    refused(path, name)


def test_a_broken_header_does_not_end_a_tar_in_silence(tmp_path):
    path = tar_of(write_set(tmp_path / "set"), tmp_path / "a.tar", format=tarfile.USTAR_FORMAT)
    content = bytearray(path.read_bytes())
    at = content.find(b"train/happy/0.png")
    content[at] = 0
    path.write_bytes(content)
    refused(path, "damaged or incomplete (a broken header)")


@pytest.mark.parametrize("empty", range(3))
def test_an_empty_file_of_the_competition_is_named(tmp_path, empty):
    for i, name in enumerate(tables.COMPETITION):
        pixels = ",".join(["7"] * 2304)
        (tmp_path / name).write_text("" if i == empty else "1\n" if "target" in name else f"{pixels}\n")
    refused(tmp_path, tables.COMPETITION[empty], "is empty")
    for name in tables.COMPETITION:
        (tmp_path / name).write_text("")
    refused(tmp_path, "is empty")


NAMES = ["\udcff\udcfe.png", "a\nb.png", "x" * 200 + ".png", "9" * 200 + ".png", "\u202egnp.png", "~$ {}'\".png"]


@posix
@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("container", ["", "a.tar"])
def test_odd_names_are_taken_and_shown_on_one_line(tmp_path, name, container, capsys):
    folder = write_set(tmp_path / "set")
    Image.new("L", (48, 48)).save(folder / "train" / "angry" / "plain.png")
    os.rename(folder / "train" / "angry" / "plain.png", folder / "train" / "angry" / name)
    path = tar_of(folder, tmp_path / container) if container else folder
    assert counted(path) == (7, 0, 6)
    (folder / "train" / "angry" / name).write_bytes(b"x")
    refused(tar_of(folder, tmp_path / container) if container else folder, "no whole image")


@pytest.mark.parametrize("name", ["9" * 5000, "ü" * 5000, "/".join("a" * 2000)])
def test_names_of_5000_characters_in_an_archive(tmp_path, name):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for part in ("train", "test"):
            for code in ("angry", "happy", "neutral"):
                data = io.BytesIO()
                Image.new("L", (48, 48)).save(data, "png")
                member = tarfile.TarInfo(f"{part}/{code}/{name.split('/')[0]}.png")
                member.size = data.tell()
                data.seek(0)
                archive.addfile(member, data)
        archive.addfile(tarfile.TarInfo(f"{name}.txt"))
    assert counted(tmp_path / "a.tar") == (3, 0, 3)
    refused("x" * 5000, "no file or folder")


@posix
@pytest.mark.parametrize("kind", ["pipe", "socket", "link to a device"])
def test_what_is_no_file(tmp_path, kind, monkeypatch):
    folder = write_set(tmp_path / "set")
    monkeypatch.chdir(folder / "train" / "angry")
    if kind == "pipe":
        os.mkfifo("9.png")
    elif kind == "socket":
        server = socket.socket(socket.AF_UNIX)
        server.bind("9.png")
        server.close()
    else:
        os.symlink("/dev/zero", "9.png")
    refused(folder, "9.png", "not a file")
    refused(Path("9.png"), "neither a file nor a folder")
    if kind != "socket":
        refused(tar_of(folder, tmp_path / "a.tar"), "9.png")


def test_a_name_that_an_archive_holds_twice(tmp_path):
    path = zip_of(write_set(tmp_path / "set"), tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("train/angry/0.png", b"another")
    refused(path, "train/angry/0.png", "twice")


FOUND = {
    "zip": "UEsDBBQAAAAIAIchoLjB4vYF26OgNq4JAAAAgIId34L+UEsBAhQDFP////8AhyF6XS6guPeCAAAAW2wAAAsAAAAAAAAAAAAAsSYI"
           "sXyPUHWnBAAAQDMuY3N2UEsFBgAAAAABAAEAOQAAAKsAAAAAAA==",  # a name that says it is UTF-8, which it is not
}
"""Files that a fuzzer found, which once ended in a traceback."""


@pytest.mark.parametrize("suffix", FOUND)
def test_what_a_fuzzer_found(tmp_path, suffix):
    (tmp_path / f"a.{suffix}").write_bytes(base64.b64decode(FOUND[suffix]))
    refused(tmp_path / f"a.{suffix}", "is damaged or incomplete")


def test_the_bounds_are_wide(tmp_path, monkeypatch):
    assert archives.MOST_FILES >= 500_000
    folder = write_set(tmp_path / "set")
    paths = [folder, zip_of(folder, tmp_path / "a.zip"), tar_of(folder, tmp_path / "a.tar.gz")]
    monkeypatch.setattr(archives, "MOST_FILES", 20)
    for path in paths:
        refused(path, "holds more than 500,000 files")


RUN = """
import re, sys, time
from fer_utils.data import DataError, load_faces
start = time.process_time()
try:
    load_faces(sys.argv[1], verbose=False)
except DataError as error:
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
    print(time.process_time() - start, int(peak[1]) / 1e6, error)
"""


def zeros(pack, megabytes: int) -> bytes:
    """So many megabytes of zeros, packed piece by piece."""
    return b"".join(pack.compress(bytes(1_000_000)) for _ in range(megabytes)) + pack.flush()


def bomb_of_lines(path: Path) -> None:
    path.write_bytes(b"emotion,pixels,Usage\n" + b",,\n" * 30_000_000)


def line_without_end(path: Path) -> None:
    path.write_bytes(b"emotion,pixels,Usage\n3," + b"7 " * 49_000_000)


def zip_that_grows(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("fer2013.csv", "w") as file:
        file.write(b"emotion,pixels,Usage\n")
        for _ in range(350):
            file.write(b"3," + b"7 " * 500_000)


def pictures(path: Path, content: bytes) -> None:
    """A set of which the first image is this."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, code in enumerate(("angry", "happy", "neutral")):
            archive.writestr(f"train/{code}/{i}.png", b"" if i else content)


def image_that_grows(path: Path) -> None:
    pictures(path, bytes(40_000_000))


def tar_that_grows(path: Path) -> None:
    header = tarfile.TarInfo("train/angry/0.png")
    header.size = 5_000_000_000
    pack = bz2.BZ2Compressor() if path.suffix == ".bz2" else lzma.LZMACompressor(preset=0)
    path.write_bytes(pack.compress(header.tobuf()) + zeros(pack, 400))


def header_that_grows(path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 3_000_000_000
    pack = lzma.LZMACompressor(preset=0)
    path.write_bytes(pack.compress(header.tobuf(tarfile.GNU_FORMAT)) + zeros(pack, 20))


def exif_without_end(path: Path) -> None:
    data = io.BytesIO()
    Image.new("L", (48, 48)).save(data, "jpeg")
    segment = b"\xff\xe1\xff\xff" + b"Exif\0\0" + bytes(65_527)
    content = data.getvalue()[:2] + segment * 360 + data.getvalue()[2:]
    pictures(path, content)


def million_entries(path: Path) -> None:
    local = b"PK\3\4" + bytes(26)
    entry = b"PK\1\2" + bytes(24) + b"\1\0" + bytes(16) + b"a"
    end = b"PK\5\6" + bytes(4) + b"\xff\xff" * 2 + (47 * 2_000_000).to_bytes(4, "little")
    path.write_bytes(local + entry * 2_000_000 + end + len(local).to_bytes(4, "little") + b"\0\0")


def picture_too_large(path: Path) -> None:
    data = io.BytesIO()
    Image.new("1", (20_000, 8_000)).save(data, "png")
    pictures(path, data.getvalue())


HOSTILE = [(bomb_of_lines, "fer2013.csv"), (line_without_end, "fer2013.csv"), (zip_that_grows, "a.zip"),
           (image_that_grows, "a.zip"), (tar_that_grows, "a.tar.bz2"), (tar_that_grows, "a.tar.xz"),
           (header_that_grows, "a.tar.xz"), (exif_without_end, "a.zip"), (million_entries, "a.zip"),
           (picture_too_large, "a.zip")]


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize(("make", "name"), HOSTILE, ids=lambda value: getattr(value, "__name__", value))
def test_a_hostile_file_is_refused_soon_and_in_little_memory(tmp_path, make, name):
    make(tmp_path / name)
    assert (tmp_path / name).stat().st_size < 101_000_000
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", RUN, str(tmp_path / name)],
                         capture_output=True, text=True)
    found = re.fullmatch(r"([\d.]+) ([\d.]+) (.*)\n", run.stdout)
    assert found, run.stdout + run.stderr
    print(f"{make.__name__}: {float(found[1]):.1f} s, {float(found[2]):.2f} GB: {found[3]}")
    assert float(found[2]) < 1.5 and len(found[3]) <= 400
    # The seconds depend on the machine, which the bounds of an image and a table do not.
    assert images.MOST_BYTES <= 24_000_000 and tables.MOST_LINES <= 1_000_000

"""`fer predict`: photographs of every kind, bad ones among them, and trainings of the reader's own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from making import bands
from PIL import ExifTags, Image

from fer_utils.data import split
from fer_utils.lessons import trained
from fer_utils.recipes import RECIPES
from fer_utils.runs import Run
from fer_utils.support.sample import draw_face
from fer_utils.support.scene import draw_scene
from fer_utils.tools.cli import main
from fer_utils.training import Recipe

FIVE = ("bored", "confused", "delighted", "frustrated", "surprised")


@pytest.fixture
def photo() -> Image.Image:
    """A grey picture of 320 x 240 with a happy face of 120 pixels."""
    rng = np.random.default_rng(1)
    return draw_scene(draw_face(1, rng, 1.0)[None], [120], [0], rng, size=(320, 240))[0]


def asked(capsys, *arguments) -> tuple[dict, list[str], int]:
    """The JSON, the lines on stderr, and the exit status."""
    status = main(["predict", "--json", *map(str, arguments)])
    said = capsys.readouterr()
    return json.loads(said.out), said.err.splitlines(), status


def deep(photo: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(photo).astype(np.uint16) * 257)


def turned(photo: Image.Image, path: Path) -> None:
    """Lying on its side, with EXIF data that say so."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    photo.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)


def test_a_photograph_of_any_kind_gives_the_same_face(tmp_path, capsys, photo):
    clear = photo.convert("RGBA")
    clear.putpixel((0, 0), (0, 0, 0, 0))
    photo.save(tmp_path / "grey.png")
    photo.convert("RGB").save(tmp_path / "colour.png")
    deep(photo).save(tmp_path / "deep.png")
    clear.save(tmp_path / "clear.png")
    turned(photo, tmp_path / "turned.png")
    turned(deep(photo), tmp_path / "turned.tif")
    found, errors, status = asked(capsys, tmp_path)
    assert (errors, status, len(found["photos"])) == ([], 0, 6)
    for one in found["photos"]:
        [face], [first] = one["faces"], found["photos"][0]["faces"]
        assert (one["width"], one["height"]) == (320, 240), one["photo"]
        assert face["box"] == pytest.approx(first["box"], abs=2) and face["answer"] == first["answer"]
        assert face["confidence"] == pytest.approx(first["confidence"], abs=0.05)
        assert sum(face["probabilities"].values()) == pytest.approx(1)
    assert found["network"]["classes"] == ["Angry", "Happy", "Neutral"] and 0.5 < found["network"]["threshold"] < 1


def test_bad_files_are_said_in_a_sentence_each_and_the_others_go_on(tmp_path, capsys, photo):
    photo.save(tmp_path / "good.png")
    photo.save(tmp_path / "moving.gif")
    photo.save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:2000])
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "letter.jpg").write_text("Dear reader")
    (tmp_path / "nothing").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    Image.fromarray(np.full((40, 40), np.nan, np.float32)).save(tmp_path / "nan.tif")
    words = {"moving.gif": "is a GIF", "cut.jpg": "is no whole image", "empty.jpg": "is no whole image",
             "letter.jpg": "no format that Pillow knows", "nothing": "holds no pictures", "pipe.jpg": "is a pipe",
             "nan.tif": "not finite", "absent.jpg": "No such file"}
    found, errors, status = asked(capsys, *(tmp_path / name for name in words), tmp_path / "good.png")
    assert status == 1 and len(errors) == len(words)
    for (name, word), line, one in zip(words.items(), errors, found["photos"], strict=False):
        assert name in line and word in line and line.endswith(".") and len(line) <= 400, line
        assert one == {"photo": str(tmp_path / name), "error": line}
    assert len(found["photos"][-1]["faces"]) == 1


@pytest.mark.skipif(os.name == "nt", reason="links that lead to themselves are POSIX's")
def test_a_folder_that_cannot_be_listed_and_one_that_cannot_be_written(tmp_path, capsys, photo):
    photo.save(tmp_path / "one.png")
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "loop").symlink_to("loop")
    found, said, status = asked(capsys, tmp_path / "many", "x" * 300, tmp_path / "one.png")
    assert status == 1 and len(said) == 2 and [bool(one.get("faces")) for one in found["photos"]] == [0, 0, 1]
    assert all(len(sentence) <= 400 for sentence in said)
    assert main(["predict", str(tmp_path / "one.png"), "--out", str(tmp_path / "one.png" / "seen")]) == 1
    assert "give another folder to --out." in capsys.readouterr().err


def test_lines_say_what_json_does(tmp_path, capsys, photo):
    photo.save(tmp_path / "one.png")
    Image.new("L", (300, 200), 90).save(tmp_path / "none.png")
    assert main(["predict", str(tmp_path)]) == 0
    first, none, one, face = capsys.readouterr().out.splitlines()
    assert first.startswith("AttentionCNN-robust on FER2013: Angry, Happy, Neutral; no answer under 0.88;")
    assert none.endswith("none.png: no face; the smallest looked for is a 48th of the longer side, and 10 pixels")
    assert one.endswith("one.png: 1 found") and "Happy 0." in face and "pixels wide at" in face


def test_pictures_with_boxes_are_written_and_none_is_overwritten(tmp_path, capsys, photo, style):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        photo.save(tmp_path / folder / "one.png")
    found, _, status = asked(capsys, tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out")
    pictures = [Path(one["picture"]) for one in found["photos"]]
    assert status == 0 and [path.name for path in pictures] == ["one.png-1.png", "one.png-2.png"]
    assert all(Image.open(path).width > 1000 for path in pictures)
    again, _, _ = asked(capsys, tmp_path / "a", "--out", tmp_path / "out")
    assert Path(again["photos"][0]["picture"]).name == "one.png-3.png"
    photo.save(tmp_path / f"{'a' * 240}.png")
    long, _, status = asked(capsys, tmp_path / f"{'a' * 240}.png", "--out", tmp_path / "out")
    assert status == 0 and Path(long["photos"][0]["picture"]).is_file()


def test_phones_jpegs_with_a_second_picture_are_read_and_pages_are_not(tmp_path, capsys, photo):
    photo.save(tmp_path / "phone.jpg", "MPO", save_all=True, append_images=[Image.new("RGB", (32, 24))])
    photo.save(tmp_path / "pages.tif", save_all=True, append_images=[Image.new("RGB", (32, 24))])
    found, [sentence], status = asked(capsys, tmp_path / "phone.jpg", tmp_path / "pages.tif")
    assert status == 1 and len(found["photos"][0]["faces"]) == 1
    assert "pages.tif moves or holds several pictures: give one photograph" in sentence


def test_other_files_of_a_folder_are_said(tmp_path, capsys, photo):
    photo.save(tmp_path / "one.png")
    (tmp_path / "IMG_1.heic").write_bytes(b"\0\0\0\x18ftypheic")
    found, [sentence], status = asked(capsys, tmp_path)
    assert status == 0 and len(found["photos"]) == 1
    assert "not read, 1 file of other types (IMG_1.heic): save photographs among them as JPEG or PNG." in sentence


def test_an_empty_training_is_no_training(tmp_path, capsys, photo):
    photo.save(tmp_path / "one.png")
    assert main(["predict", str(tmp_path / "one.png"), "--training", ""]) == 1
    assert "'' is no name of a run" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="names that are no text are POSIX's")
def test_a_name_that_is_no_text_is_shown_with_escapes(tmp_path, capsys, photo):
    photo.save(tmp_path / "one.png")
    os.rename(tmp_path / "one.png", os.fsencode(tmp_path) + b"/\xff.png")
    assert main(["predict", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    assert "\\udcff.png: 1 found" in capsys.readouterr().out.encode().decode()


def test_a_training_on_classes_of_ones_own_names_them(home, tmp_path, capsys, photo):
    faces = bands(100, classes=FIVE)
    run = Run.start("mine", faces)
    recipe = RECIPES["poster"]._replace(model="FastCNN", recipe=Recipe(epochs=1, precision="float32"))
    name = trained(run, split(faces), recipe, seed=3, log=lambda text: None).training
    photo.save(tmp_path / "one.png")
    assert main(["predict", str(tmp_path / "one.png"), "--training", "mine"]) == 1
    assert "has no training of notebook 04" in capsys.readouterr().err
    run.record(training=name)
    for text in ("mine", f"mine/{name}"):
        found, _, status = asked(capsys, tmp_path / "one.png", "--training", text)
        assert status == 0 and found["network"]["name"] == f"mine/{name}, seed 3"
        [face] = found["photos"][0]["faces"]
        assert tuple(face["probabilities"]) == FIVE and face["answer"] in FIVE
    run.write_metrics("evaluation", {name: {"chosen_seed": 3, "temperature": 2.0, "selective": {"threshold": 0.999}}})
    found, _, _ = asked(capsys, tmp_path / "one.png", "--training", "mine")
    assert found["photos"][0]["faces"][0]["answer"] is None and found["network"]["temperature"] == 2


@pytest.mark.parametrize(("training", "words"), [
    ("absent", "There is no run absent"), ("mine/absent", "has no training"), ("../up", "is no name of a run"),
    ("fer2013", "There is no run fer2013")])
def test_a_training_that_is_not_there_is_said(home, capsys, training, words):
    Run.open("mine").record(source="x")
    assert main(["predict", "x.png", "--training", training]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and len(error) <= 401


MEASURE = """
import re, sys, time
from fer_utils.tools.predict import predict
start = time.process_time()
status = predict([sys.argv[1]], False, None, None)
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
print(f"{time.process_time() - start:.2f} {peak / 1e6:.3f} {status}")
"""


def large(path: Path, kind: str) -> Path:
    """Forty megapixels with a face of 1,500 pixels, in colour, with transparency, or in 16 bits."""
    rng = np.random.default_rng(0)
    scene = draw_scene(draw_face(1, rng, 1.0)[None], [300], [0], rng, size=(1460, 1096))[0]
    big = scene.resize((7300, 5480), Image.Resampling.BICUBIC)
    {"jpg": lambda: big.convert("RGB"), "png": lambda: big.convert("RGBA"), "tif": lambda: deep(big)}[kind]().save(
        path.with_suffix(f".{kind}"), **({"compress_level": 1} if kind == "png" else {}))
    return path.with_suffix(f".{kind}")


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize(("kind", "most"), [
    ("jpg", 3), pytest.param("png", 4, marks=pytest.mark.torture), pytest.param("tif", 3, marks=pytest.mark.torture)])
def test_forty_megapixels_take_less_than_a_gigabyte_and_few_seconds(tmp_path, kind, most):
    path = large(tmp_path / "large", kind)
    run = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True)
    seconds, gigabytes, status = run.stdout.splitlines()[-1].split()
    print(f"{kind}: {seconds} s of all processors, {gigabytes} GB")
    assert float(gigabytes) < 1 and float(seconds) < most and status == "0", run.stdout + run.stderr
    assert "1 found" in run.stdout

"""Layouts of data sets in public use, rebuilt small from their descriptions: each says whose it is."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
from making import counted, load, make_rows, refused, tar_of, write_csv, write_set, zip_of
from PIL import Image

from fer_utils.support.schema import CODES

pytestmark = [pytest.mark.usefixtures("cache"), pytest.mark.filterwarnings("ignore::UserWarning")]

ED = ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")
NESS = ("anger", "contempt", "disgust", "fear", "happiness", "neutrality", "sadness", "surprise")
LAYOUTS = {}


def layout(source: str, *wanted, classes=("Angry", "Happy", "Neutral")):
    """Register the builder of a layout. source: where it is described. wanted: counts, or words of the refusal."""
    def keep(build):
        LAYOUTS[source] = build, wanted, classes
        return build
    return keep


@layout("kaggle.com/datasets/ananthu017/emotion-detection-fer", 6, 0, 6)
def _(folder: Path) -> Path:
    return write_set(folder, ("test", "train"), ED)


@layout("kaggle.com/datasets/jonathanoheix/face-expression-recognition-dataset", 6, 0, 6)
def _(folder: Path) -> Path:
    write_set(folder / "set" / "images" / "images", ("train", "validation"))
    return zip_of(write_set(folder / "set" / "images", ("train", "validation")).parent, folder / "archive.zip")


@layout("kaggle.com/datasets/mstjebashazida/affectnet", 6, 0, 6)
def _(folder: Path) -> Path:
    write_set(folder / "set" / "archive (3)", ("Train",), ("anger", "contempt", "happy", "neutral"))
    write_set(folder / "set" / "archive (3)", ("Test",), ("Anger", "Contempt", "Happy", "Neutral"))
    (folder / "set" / "labels.csv").write_text(",pth,label,relFCs\n0,anger/image0000006.jpg,surprise,0.87\n")
    return zip_of(folder / "set", folder / "archive.zip")


@layout("kaggle.com/datasets/shuvoalok/raf-db-dataset", "1, 2, 3, 4, 5, 6, 7", "number otherwise", "classes=all")
def raf(folder: Path) -> Path:
    write_set(folder / "DATASET", names="1234567")
    for part in ("train", "test"):
        (folder / f"{part}_labels.csv").write_text("image,label\ntrain_00001_aligned.jpg,5\n")
    return folder


LAYOUTS["kaggle.com/datasets/shuvoalok/raf-db-dataset, all"] = raf, (14, 0, 14), "all"


@layout("kaggle.com/datasets/sudarshanvaidya/random-images-for-face-emotion-recognition", 6, 0, 0)
def _(folder: Path) -> Path:
    return write_set(folder, ("dataset",), NESS)


@layout("kaggle.com/datasets/shawon10/ckplus: no neutral faces", "no class Neutral", "Angry, Disgust, Fear, Happy")
def ckplus(folder: Path) -> Path:
    return write_set(folder, ("CK+48",), ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"))


LAYOUTS["kaggle.com/datasets/shawon10/ckplus"] = ckplus, (14, 0, 0), "all"


@layout("kaggle.com/datasets/davilsena/ckdataset: ckextended.csv has code 7", "emotion code '7'", "classes=all")
def ckextended(folder: Path) -> Path:
    rows = [(str(i), " ".join(["7"] * 2304), ("Training", "PublicTest")[i % 2]) for i in range(8)]
    (folder / "ckextended.csv").write_text("\n".join(["emotion,pixels,Usage", *map(",".join, rows)]))
    return folder


LAYOUTS["kaggle.com/datasets/davilsena/ckdataset"] = ckextended, (4, 0, 4), "all"


@layout("kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge", 11, 0, 7)
def _(folder: Path) -> Path:
    rows = make_rows()
    write_csv(folder / "icml_face_data.csv", rows, "emotion, Usage, pixels", (0, 2, 1))
    write_csv(folder / "train.csv", [row for row in rows if row[1] == "Training"], "emotion,pixels", (0, 1))
    write_csv(folder / "test.csv", [row for row in rows if row[1] != "Training"], "pixels", (1,))
    (folder / "example_submission.csv").write_text("emotion,pixels\n")
    (folder / "fer2013").mkdir()
    (folder / "fer2013" / "README").write_text("x")
    tar_of(folder / "fer2013", folder / "fer2013.tar.gz")
    return folder


@layout("kaggle.com/c/... : its fer2013.tar.gz", 11, 0, 7)
def _(folder: Path) -> Path:
    write_csv(folder / "fer2013.csv", make_rows())
    for name in ("README", "fer2013.bib"):
        (folder / name).write_text("x")
    with tarfile.open(folder.parent / "fer2013.tar.gz", "w:gz") as archive:
        archive.add(folder, "fer2013")
    return folder.parent / "fer2013.tar.gz"


@layout("pytorch.org/vision/stable/generated/torchvision.datasets.FER2013.html: root/fer2013/", 11, 0, 16)
def _(folder: Path) -> Path:
    rows = make_rows()
    (folder / "fer2013").mkdir()
    write_csv(folder / "fer2013" / "train.csv", [row for row in rows if row[1] == "Training"], "emotion,pixels", (0, 1))
    write_csv(folder / "fer2013" / "test.csv", [row for row in rows if row[1] != "Training"], "pixels", (1,))
    return folder


@layout("github.com/UTS-SSTC/Facial-Emotion-Recognition-HCI: data/processed", 6, 6, 6)
def _(folder: Path) -> Path:
    names = ("anger", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")
    write_set(folder, ("train", "val", "test"), names, suffix="jpg")
    for name in ("train.csv", "val.csv", "test.csv", "rename_map.csv", "README.md"):
        (folder / name).write_text("path,label\ntrain/anger/0.jpg,0\n")
    return folder


@layout("github.com/UTS-SSTC/Facial-Emotion-Recognition-HCI: AffectNet in folders 0 to 7", "number otherwise")
def affectnet(folder: Path) -> Path:
    return write_set(folder, ("test", "train", "val"), "01234567")


LAYOUTS["github.com/UTS-SSTC/Facial-Emotion-Recognition-HCI: AffectNet, all"] = affectnet, (16, 16, 16), "all"


@layout("github.com/gitshanks/fer2013 and other converters: class folders of codes", 6, 0, 12)
def _(folder: Path) -> Path:
    return write_set(folder, ("Training", "PublicTest", "PrivateTest"), "0123456", suffix="jpg")


@layout("docs.roboflow.com: an export as folders", 6, 6, 6)
def _(folder: Path) -> Path:
    for name in ("README.roboflow.txt", "README.dataset.txt"):
        (folder / name).write_text("x")
    return zip_of(write_set(folder, ("train", "valid", "test"), suffix="jpg"), folder.parent / "faces.v1i.folder.zip")


@layout("Google Drive's download of a folder: fer2013-20240101T000000Z-001.zip", 6, 0, 6)
def _(folder: Path) -> Path:
    path = folder.parent / "fer2013-20240101T000000Z-001.zip"
    return zip_of(write_set(folder / "fer2013").parent, path)


@layout("GitHub's download of a repository: code, figures and the data", 6, 0, 6)
def _(folder: Path) -> Path:
    write_set(folder / "emotion-main" / "data")
    (folder / "emotion-main" / "docs" / "figures").mkdir(parents=True)
    Image.new("RGB", (60, 40)).save(folder / "emotion-main" / "docs" / "figures" / "curve.png")
    (folder / "emotion-main" / "train.py").write_text("x")
    return zip_of(folder, folder.parent / "emotion-main.zip")


@layout("github.com/Open-Debin/Emotion-FAN: train_afew and val_afew are no parts", "several data sets", "train_afew/")
def _(folder: Path) -> Path:
    return write_set(folder, ("train_afew", "val_afew"), [name.title() for name in CODES])


@layout("github.com/microsoft/FERPlus: FER2013Train without class folders", "no class Angry", "only FER2013Test")
def _(folder: Path) -> Path:
    for part in ("FER2013Train", "FER2013Valid", "FER2013Test"):
        (folder / "data" / part).mkdir(parents=True)
        (folder / "data" / part / "label.csv").write_text('fer0000000.png,"(0, 0, 48, 48)",4,0,0,1,3,2,0,0,0,0\n')
        Image.new("L", (48, 48)).save(folder / "data" / part / "fer0000000.png")
    return folder


@layout("kasrl.org/jaffe.html: classes in the names of files", "none of the known forms")
def _(folder: Path) -> Path:
    for name in ("KA.AN1.39.tiff", "KA.HA1.29.tiff", "KA.NE1.26.tiff"):
        Image.new("L", (256, 256)).save(folder / name)
    (folder / "README_FIRST.txt").write_text("x")
    return folder


@layout("huggingface.co/docs/datasets/image_dataset: ImageFolder", 6, 6, 6)
def _(folder: Path) -> Path:
    (folder / "README.md").write_text("---\nlicense: unknown\n---\n")
    write_set(folder / "data", ("train", "validation", "test"))
    for part in ("train", "validation", "test"):
        (folder / "data" / part / "metadata.csv").write_text("file_name,label\nangry/0.png,0\n")
    return folder


@pytest.mark.parametrize("source", LAYOUTS)
def test_a_public_layout_is_taken_or_refused_with_advice(tmp_path, source):
    build, wanted, classes = LAYOUTS[source]
    (tmp_path / "in").mkdir()
    path = build(tmp_path / "in")
    if isinstance(wanted[0], str):
        refused(path, *wanted, classes=classes)
    else:
        assert counted(path, classes) == wanted


def test_there_are_fifteen_at_least():
    assert len({build for build, _, _ in LAYOUTS.values()}) >= 15


def test_a_part_alone_is_what_its_folder_is_called(tmp_path):
    folder = write_set(tmp_path / "set")
    assert counted(folder / "train") == (6, 0, 0) and counted(folder / "test") == (0, 0, 6)
    assert np.isin(load(folder / "test").usage, "Test").all()

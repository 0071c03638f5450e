"""A reader's own network: found in three places and nowhere else, read again when edited, refused in one sentence."""

import os
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from fer_utils import CourseError
from fer_utils.models import MODELS, build_model, describe
from fer_utils.support.own_network import own_network

TINY = """
from torch import nn
import torch.nn.functional as F

WIDTH = 8


def act(x):
    return F.relu(x)


class Base(nn.Module):
    def forward(self, x):
        return self.last(act(self.first(x.flatten(1))))


class TinyNet(Base):
    def __init__(self, n_classes):
        super().__init__()
        self.first, self.last = nn.Linear(48 * 48, WIDTH), nn.Linear(WIDTH, n_classes)
"""


@pytest.fixture
def places(tmp_path, monkeypatch) -> dict[str, Path]:
    """The three folders in which a network is looked for, in their order, and one that is only on Python's path."""
    folders = {"here": tmp_path / "here", "notebooks": tmp_path / "home" / "notebooks", "home": tmp_path / "home",
               "elsewhere": tmp_path / "elsewhere"}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.setenv("FER_HOME", str(folders["home"]))
    monkeypatch.chdir(folders["here"])
    monkeypatch.syspath_prepend(folders["elsewhere"])
    return folders


def refused(name: str, *words: str, **options) -> str:
    """No network is built for `name`, with one sentence that holds all `words`."""
    with pytest.raises(CourseError) as caught:
        build_model(name, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".") and len(sentence) <= 400, (len(sentence), sentence)
    for word in words:
        assert word in sentence, sentence
    return sentence


def test_the_three_places_in_their_order(places):
    for k, place in enumerate(("home", "notebooks", "here")):
        (places[place] / "my_net.py").write_text(TINY.replace("WIDTH = 8", f"WIDTH = {k + 2}"))
        model = build_model("my_net:TinyNet", n_classes=5)
        assert type(model).__name__ == "TinyNet" and model.first.out_features == k + 2
        assert model(torch.rand(2, 1, 48, 48)).shape == (2, 5)


def test_no_other_place_not_even_one_that_python_imports_from(places):
    (places["elsewhere"] / "hidden_net.py").write_text(TINY + "\nopen('sprung', 'w')\n")
    (places["home"] / "reports").mkdir()
    (places["home"] / "reports" / "hidden_net.py").write_text(TINY + "\nopen('sprung', 'w')\n")
    __import__("importlib").util.find_spec("hidden_net")  # Python itself would find it
    for name in ("hidden_net:TinyNet", "os:system", "torch.nn:Identity", "reports/hidden_net:TinyNet",
                 "reports.hidden_net:TinyNet", "../elsewhere/hidden_net:TinyNet",
                 f"{places['elsewhere']}/hidden_net:TinyNet"):
        refused(name, "There is no model", "my_net:TinyNet", "PosterCNN")
    assert "hidden_net" not in sys.modules and not Path("sprung").exists()


@pytest.mark.parametrize("name", ["ResNet50", "", ":", "my_net", "my_net:", ":TinyNet", "my net:TinyNet", "a:b:c",
                                  "my_net:TinyNet()", "x" * 5000, "x" * 5000 + ":TinyNet"])
def test_what_names_no_network_names_those_to_choose_from(places, name):
    (places["here"] / "my_net.py").write_text(TINY)
    refused(name, "There is no model", *MODELS)


def test_a_file_that_raises_is_one_sentence(places):
    for text, words in (("raise RuntimeError('first line\\nsecond line')", "RuntimeError: first line second line"),
                        ("def broken(:", "SyntaxError"),
                        ("import no_such_package", "no_such_package"), ("x = 1 / 0", "ZeroDivisionError"),
                        ("raise AssertionError", "AssertionError"), ("raise ValueError('x ' * 5000)", "ValueError"),
                        ("import sys\nsys.exit(3)", "SystemExit")):
        (places["here"] / "my_net.py").write_text(text)
        refused("my_net:TinyNet", "my_net.py", words)


def test_a_class_that_is_missing_is_one_sentence(places):
    (places["here"] / "my_net.py").write_text(TINY)
    refused("my_net:TinyNett", "my_net.py does not give TinyNett")


def test_a_class_that_cannot_be_built_is_one_sentence(places):
    def class_of(signature: str, body: str = "super().__init__()") -> str:
        return f"from torch import nn\nclass TinyNet(nn.Module):\n    def __init__(self{signature}):\n        {body}\n"

    for text, words in ((class_of(""), "n_classes"), (class_of(", size"), "n_classes"),
                        (class_of(", n_classes, size"), "size"),
                        (class_of(", n_classes", "raise ValueError('first line\\nsecond line')"), "first line second"),
                        (class_of(", n_classes", "assert n_classes == 2"), "AssertionError"),
                        (class_of(", n_classes", "self.layer = nn.Linear(4, 4)"), "AttributeError")):
        (places["here"] / "my_net.py").write_text(text)
        for options in ({}, {"dropout": 0.5}):
            refused("my_net:TinyNet", "my_net:TinyNet cannot be built with n_classes=3", words, **options)


def test_what_is_no_module_is_one_sentence(places):
    for text, words in (("class TinyNet:\n    def __init__(self, n_classes):\n        pass", "makes a TinyNet"),
                        ("def TinyNet(n_classes):\n    return 'a network'", "makes a str"),
                        ("from torch import nn\ndef TinyNet(n_classes):\n    return nn.Flatten()", "with weights"),
                        ("TinyNet = 3", "callable"), ("import torch\nTinyNet = torch.nn", "callable")):
        (places["here"] / "my_net.py").write_text(text)
        for options in ({}, {"dropout": 0.5}):
            refused("my_net:TinyNet", words, **options)


def test_a_function_that_makes_a_network_will_do(places):
    (places["here"] / "my_net.py").write_text(
        "from torch import nn\ndef tiny(n_classes): return nn.Sequential(nn.Flatten(), nn.Linear(2304, n_classes))")
    assert build_model("my_net:tiny", n_classes=2)(torch.rand(2, 1, 48, 48)).shape == (2, 2)


def test_dropout_is_given_only_where_the_signature_has_it(places):
    (places["here"] / "my_net.py").write_text(TINY + """

class Wet(TinyNet):
    def __init__(self, n_classes, dropout=0.1):
        super().__init__(n_classes)
        self.dropout = nn.Dropout(dropout)


class Any(TinyNet):
    def __init__(self, n_classes, **options):
        super().__init__(n_classes)
        self.options = options
""")
    assert build_model("my_net:Wet").dropout.p == 0.1 and build_model("my_net:Wet", dropout=0.4).dropout.p == 0.4
    assert build_model("my_net:Wet", dropout=0.0).dropout.p == 0
    assert isinstance(build_model("my_net:TinyNet", dropout=0.4), nn.Module)
    assert build_model("my_net:Any", dropout=0.4).options == {}


def test_an_edited_file_is_read_again_and_is_another_network(places):
    path = places["here"] / "my_net.py"
    path.write_text(TINY)
    first = build_model("my_net:TinyNet")
    stat, known = path.stat(), {describe(first)}
    for old, new in (("F.relu", "F.silu"), ("act(self.first", "abs(self.first"), ("WIDTH = 8", "WIDTH = 9")):
        # Of equal size and within a second: Python's own cache of modules tells no difference.
        path.write_text(path.read_text().replace(old, new))
        second = build_model("my_net:TinyNet")
        assert describe(second) not in known
        known.add(describe(second))
    path.write_text(TINY)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert describe(build_model("my_net:TinyNet")) == describe(first) and describe(first) in known
    x = torch.rand(2, 1, 48, 48)
    path.write_text(TINY.replace("F.relu", "F.silu"))
    assert not torch.equal(build_model("my_net:TinyNet")(x), first(x))
    assert not list(places["here"].glob("__pycache__"))


def test_a_layer_of_another_file_belongs_to_the_network(places, monkeypatch):
    monkeypatch.syspath_prepend(places["here"])
    (places["here"] / "my_layers_of_this_test.py").write_text(TINY)
    (places["here"] / "my_net.py").write_text(
        "from my_layers_of_this_test import TinyNet as Base\nclass TinyNet(Base):\n    pass\n")
    try:
        assert "F.relu" in describe(build_model("my_net:TinyNet"))
    finally:
        sys.modules.pop("my_layers_of_this_test", None)


def test_layers_that_learn_their_size_from_the_first_images(places):
    (places["here"] / "my_net.py").write_text(
        "from torch import nn\nclass Lazy(nn.Sequential):\n    def __init__(self, n_classes):\n"
        "        super().__init__(nn.LazyConv2d(4, 3, 2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(n_classes))\n")
    first, second, other = (build_model("my_net:Lazy", seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first[3].weight, second[3].weight) and not torch.equal(first[3].weight, other[3].weight)
    assert first[3].in_features == 4 * 23 * 23 and first.training


def test_the_class_itself_is_what_the_file_gives(places):
    (places["here"] / "my_net.py").write_text(TINY)
    assert own_network("my_net:TinyNet").__name__ == "TinyNet"

"""README.md says what the committed run and the project's files say: a number there that moved fails here."""

import json
import re
from pathlib import Path

import pytest

from fer_utils.models import build_model
from fer_utils.runs import Run
from fer_utils.support.home import course_home
from reports import results

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
RUN = Run(ROOT / "reports" / "fer2013")


@pytest.fixture(scope="module")
def found() -> results.Found:
    return results.read(RUN)


def test_the_results_are_the_committed_runs(found):
    table, said = results.table(results.summary(found)), " ".join(results.statements(found))
    assert len(results.summary(found)) <= 7
    assert table in README, f"README.md lacks this table:\n{table}"
    assert said in README, f"README.md lacks these sentences:\n{said}"
    made = table + said
    for number in re.findall(r"\b0\.\d{3,}\b", README):
        assert number in made, f"README.md states {number}, which no committed metric gives"


def test_the_runs_own_page_is_the_committed_runs():
    page = (RUN.path / "README.md").read_text(encoding="utf-8")
    assert page == results.report(RUN), "make it again: python reports/results.py fer2013"


def test_every_notebook_and_every_link_is_there():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"(notebooks/{path.name})" in README
    for page in (ROOT / "README.md", RUN.path / "README.md"):
        for target in re.findall(r"\]\((?!https?://|#)([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page} links to {target}, which is not there"


def test_the_map_names_every_lesson():
    for path in (ROOT / "fer_utils").glob("[!_]*.py"):
        assert f"(fer_utils/{path.name})" in README


def test_the_times_on_fer2013_are_the_committed_runs():
    trained = {"06_techniques": "techniques", "07_beyond_the_poster": "beyond", "08_speed": "time_to_accuracy",
               "09_new_faces": "new_faces"}
    for name, seconds in RUN.read()["seconds"].items():
        if name == "11_further":
            continue
        if name in trained:  # their trainings are kept, so the last run of the notebook does not tell
            seconds = RUN.read_metrics(trained[name])["training_seconds"]
        row = next(line for line in README.splitlines() if f"(notebooks/{name}.ipynb)" in line)
        took = results.duration(seconds)
        assert row.endswith(f"| {took} |"), f"{name} took {took}, which this row does not say:\n{row}"


def test_the_times_of_notebook_11_are_said_for_each_kind_of_machine():
    seconds = RUN.read_metrics("further")["training_seconds"]
    on_gpu = sum(time for machine, time in seconds.items() if machine.startswith("cuda"))
    took = f"{results.duration(sum(seconds.values()) - on_gpu)}, and {results.duration(on_gpu)} of a GPU"
    row = next(line for line in README.splitlines() if "(notebooks/11_further.ipynb)" in line)
    assert row.endswith(f"| {took} |")


def test_the_commands_exist():
    make = set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE))
    assert make <= set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    fer = set(re.findall(r"(?:`|^|bin/)fer ([a-z]+)", README, re.MULTILINE))
    known = set(re.findall(r'command\("([a-z]+)"', (ROOT / "fer_utils" / "tools" / "cli.py").read_text()))
    assert fer and fer <= known, f"README.md names the commands {fer - known}"
    parameters = json.dumps(json.loads((ROOT / "notebooks" / "04_training.ipynb").read_text()))
    for name in re.findall(r"-p ([a-z_]+) ", README):
        assert f"{name}: " in parameters, f"notebook 04 has no parameter {name}"


def test_no_example_writes_into_the_committed_run():
    assert not re.findall(r"(RUN=|--run |-p run |fer (poster|site|figure) |results\.py )fer2013", README)


def test_the_python_example_runs(capsys):
    names: dict = {}
    exec(PYTHON[0].replace("epochs=5", "epochs=1"), names)
    assert names["scores"]["n"] == 500 and names["scores"]["accuracy"] > 0.4
    assert f"accuracy {names['scores']['accuracy']:.3f}, 95 % interval" in capsys.readouterr().out


def test_the_network_of_ones_own_is_one(home):
    (course_home() / "my_net.py").write_text(PYTHON[1])
    assert build_model("my_net:TinyNet", 5)[-1].out_features == 5

"""What pyproject.toml, constraints.txt, environment.yml and the notebooks have to agree on."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from setuptools import find_packages

import fer_utils

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = {"torch": "pytorch"}
"""Names that conda-forge has for what PyPI calls otherwise."""
PIP_ONLY = ("typst", "opencv-python-headless")
"""What is taken from PyPI there too: under these names conda-forge has a program, or nothing."""


def requirements(*extras: str) -> list[Requirement]:
    """Those of the package and of these extras, of which one may name others: fer_utils[lab,site]."""
    found = [Requirement(line) for line in PROJECT["dependencies"]]
    waiting = list(extras)
    for extra in waiting:
        for requirement in map(Requirement, PROJECT["optional-dependencies"][extra]):
            own = requirement.name == PROJECT["name"]
            waiting.extend(name for name in requirement.extras if own)
            found.extend([] if own else [requirement])
    return found


def test_a_learner_gets_no_tool_of_the_maintainers():
    learner, maintainer = ({r.name for r in requirements(extra)} for extra in ("lab", "dev"))
    assert learner < maintainer and {"jupyterlab", "segno", "typst"} <= learner
    assert learner.isdisjoint({"playwright", "pytest", "ruff", "sphinx", "myst-nb", "uv"})


def test_the_conda_environment_is_pyproject_under_condas_names():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    listed = [line for line in environment["dependencies"] if isinstance(line, str)]
    wanted = {r.name: f"{CONDA.get(r.name, r.name)}{r.specifier}" for r in requirements("lab")}
    from_pip = [wanted.pop(name) for name in PIP_ONLY]
    assert sorted(listed) == sorted(["pip", f"python{PROJECT['requires-python']}", *wanted.values()])
    assert environment["dependencies"][-1] == {"pip": [*from_pip, "-e ."]}
    assert environment["channels"][0] == "conda-forge"


def test_constraints_hold_a_fitting_version_of_every_dependency():
    lines = [line.split("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    pinned = {}
    for requirement in map(Requirement, filter(None, lines)):
        exact, = requirement.specifier
        assert exact.operator == "=="
        pinned[normal(requirement.name)] = Version(exact.version)
    for requirement in requirements("dev"):
        assert normal(requirement.name) in pinned, f"constraints.txt does not pin {requirement.name}"
        assert requirement.specifier.contains(pinned[normal(requirement.name)]), requirement.name


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_importing_the_package_costs_under_a_fifth_of_a_second():
    code = "import time; start = time.perf_counter(); import fer_utils; print(time.perf_counter() - start)"
    # The best of three: what else the machine does is not the package's.
    seconds = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
    assert min(seconds) < 0.2


@pytest.mark.parametrize(("commands", "not_needed"), [
    ("cli; fer_utils.tools.cli.parser()", ("torch", "matplotlib", "papermill", "nbformat", "jupyterlab", "numpy")),
    ("check, fer_utils.data", ("torch", "sklearn", "scipy", "matplotlib")),
    ("predict", ("sklearn", "scipy.stats", "matplotlib", "IPython", "torchvision"))])
def test_a_command_begins_without_what_it_does_not_need(commands, not_needed):
    code = (f"import sys, fer_utils.tools.{commands}; "
            f"print([name for name in {not_needed} if name in sys.modules])")
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


@pytest.mark.parametrize(("set_before", "then"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_threads_that_wait_leave_the_cores_to_other_work(set_before, then, monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    code = "import os, fer_utils; print(os.environ['OMP_WAIT_POLICY'])"
    said = subprocess.check_output([sys.executable, "-c", code], text=True, env=os.environ | set_before)
    assert said == f"{then}\n"


def test_every_file_of_the_project_says_the_same_about_it():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"] == fer_utils.__version__
    assert citation["repository-code"] == PROJECT["urls"]["Repository"]
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert "The authors of the facial expression course" in (ROOT / "LICENSE").read_text()


def test_every_file_that_goes_with_the_package_is_declared():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "fer_utils").rglob("*.py")}
    assert {folder.replace("/", ".") for folder in folders} == {*find_packages(ROOT, **tools["packages"]["find"])}
    for path in (ROOT / "fer_utils").rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            package = path.parent.relative_to(ROOT).as_posix().replace("/", ".")
            patterns = tools.get("package-data", {}).get(package, [])
            assert any(path.match(pattern) for pattern in patterns), f"{path.name} is not in package-data"


@pytest.mark.parametrize(("path", "kept"), [
    ("run.json", False), ("fer2013/run.json", True), ("fer2013/metrics/training.json", True),
    ("fer2013/metrics/predictions/PosterCNN-seed0.csv", True), ("fer2013/figures/curves.svg", True),
    ("fer2013/figures/photos/faces.png", False), ("fer2013/checkpoints/PosterCNN-seed0.safetensors", False),
    ("fer2013/notebooks/01_eda.ipynb", False), ("fer2013/trainings/PosterCNN-1a2b3c4d/recipe.json", True),
    ("fer2013/trainings/PosterCNN-1a2b3c4d/seed0.csv", True),
    ("fer2013/trainings/PosterCNN-1a2b3c4d/seed0.safetensors", False), ("fer2013/history.csv", False),
    ("fer2013/poster.pdf", True),
    ("fer2013/.lock", False), ("fer2013/metrics/.training-0a1b2c3d-4567.json", False), ("poster/poster.tex", True),
    ("sample/run.json", False), ("sample/figures/curves.svg", False), ("recipe.md", True)])
def test_only_the_real_runs_numbers_and_photo_free_figures_are_kept(tmp_path, path, kept):
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / ".gitignore").write_text((ROOT / "reports" / ".gitignore").read_text())
    ignored = subprocess.run(["git", "check-ignore", "--quiet", f"reports/{path}"], cwd=tmp_path).returncode == 0
    assert ignored != kept

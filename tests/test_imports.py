"""Who may import whom, that every dependency is needed, and how much there is to read."""

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
ORDER = [
    ["reports", "fer_utils.tools"],
    ["fer_utils.lessons", "fer_utils.speed"],
    ["fer_utils.recipes", "fer_utils.runs", "fer_utils.figures", "fer_utils.exercises"],
    ["fer_utils.evaluation", "fer_utils.saliency", "fer_utils.training", "fer_utils.photos", "fer_utils.shifts",
     "fer_utils.weights"],
    ["fer_utils.models", "fer_utils.augment"],
    ["fer_utils.data"],
    ["fer_utils.support"],
    ["fer_utils"],
]
"""From the top to the ground: a module imports what stands in its own line or below, and no two import each other,
be it by a third. fer_utils is its __init__ only."""
PACKAGES = {"IPython": "ipykernel", "PIL": "pillow", "cv2": "opencv-python-headless", "dask": "distributed",
            "sklearn": "scikit-learn", "jupyter_client": "nbclient", "yaml": "pyyaml"}
"""Which requirement brings a module that has another name."""
NOT_IMPORTED = {"bokeh"}
"""dask draws its dashboard with it."""
LESSONS = sorted((ROOT / "fer_utils").glob("*.py"))


def name_of(path: Path) -> str:
    """The module's name, as fer_utils.support.home."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for folder in ("fer_utils", "reports") for path in sorted((ROOT / folder).rglob("*.py"))}


def imports(tree: ast.AST) -> Iterator[str]:
    """What a module imports, at its head or inside a function: `from a import b` gives a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import; say where the module is"
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def needed(path: Path) -> set[str]:
    """The modules of the course that this one imports. `from fer_utils.support import files` is files alone."""
    inside = {other for other in imports(ast.parse(path.read_text(encoding="utf-8"))) if other in MODULES}
    return {other for other in inside if not any(longer.startswith(f"{other}.") for longer in inside)}


def level(name: str) -> int:
    """The line of ORDER that names the module or, more exactly than another, its package."""
    places = {place: i for i, line in enumerate(ORDER) for place in line}
    parts = name.split(".")
    above = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    place = next(place for place in above if place in places)
    assert place != "fer_utils" or name == "fer_utils", f"{name} has no place in the order of imports: give it one"
    return places[place]


@pytest.mark.parametrize("name", MODULES)
def test_no_import_runs_back_up(name):
    back = [other for other in needed(MODULES[name]) if level(other) < level(name)]
    assert not back, f"{name} imports {', '.join(back)}, which stand above it"


def test_no_two_modules_import_each_other():
    graph = {name: needed(path) for name, path in MODULES.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names them


@pytest.mark.parametrize(("source", "found"), [
    ("import fer_utils.runs", {"fer_utils.runs"}), ("def f():\n    from fer_utils import runs", {"fer_utils.runs"}),
    ("from fer_utils import CourseError", {"fer_utils"}), ("from fer_utils.runs import Run", {"fer_utils.runs"})])
def test_imports_are_seen_wherever_they_stand(source, found, tmp_path):
    (tmp_path / "new.py").write_text(source)
    assert needed(tmp_path / "new.py") == found
    assert (level("fer_utils.support.new") > level(*found)) == (found != {"fer_utils"})
    with pytest.raises(AssertionError, match="has no place"):
        level("fer_utils.cleverness")


def notebook_code() -> Iterator[str]:
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                yield re.sub(r"^\s*[!%].*$", "", "".join(cell["source"]), flags=re.MULTILINE)


def test_every_dependency_is_imported_and_every_import_is_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = {Requirement(line).name for line in project["dependencies"]}
    optional = {Requirement(line).name for lines in project["optional-dependencies"].values() for line in lines}
    sources = [path.read_text(encoding="utf-8") for path in MODULES.values()] + list(notebook_code())
    roots = {name.split(".")[0] for source in sources for name in imports(ast.parse(source))}
    roots -= {*sys.stdlib_module_names, "fer_utils", "reports", "google"}  # google.colab is Colab's own
    used = {PACKAGES.get(root, root).replace("_", "-") for root in roots}
    assert required - used == NOT_IMPORTED, "dependencies that are imported nowhere"
    assert used - required - optional == set(), "imports that are in no list of pyproject.toml"


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_the_lesson_modules_can_be_read():
    counts = {path.name: lines(path) for path in LESSONS}
    assert {name: n for name, n in counts.items() if n > 260} == {}
    assert sum(counts.values()) < 2390


def test_a_function_of_a_lesson_fits_on_a_page():
    long = [f"{path.name}: {node.name}" for path in LESSONS for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 >= 40]
    assert long == []


def test_the_package_stays_thin():
    package = [path for name, path in MODULES.items() if name.startswith("fer_utils")
               and not name.startswith("fer_utils.exercises")]
    assert sum(map(lines, package)) < 7950

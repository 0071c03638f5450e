"""The answers of an edition of the exercises: of notebooks/solutions/ the right ones, of notebooks/exercises/ none."""

from functools import cache
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
NAMES = sorted(path.stem for path in (NOTEBOOKS / "solutions").glob("*/*.ipynb"))


@cache
def read(edition: str, name: str) -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOKS / edition / name / f"{name}.ipynb", as_version=4)


def grading(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


@cache
def answers(edition: str, name: str) -> dict:
    """What is defined after the imports and the cells with answers."""
    cells = {}
    for cell in read(edition, name).cells:
        imports = cell.cell_type == "code" and cell.source.startswith(("import", "from"))
        if imports or grading(cell).get("solution"):
            exec(cell.source, cells)
    return cells


def checks(name: str) -> list[str]:
    """The check cells of a notebook, as `check.squares(squares)`."""
    return [cell.source for cell in read("solutions", name).cells if grading(cell).get("grade")]

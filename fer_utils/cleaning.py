"""What is stored of an executed notebook: nothing that another machine or another day would write differently."""

import hashlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from nbformat import NotebookNode

from fer_utils.data import course_home
from fer_utils.figures.alt import alt_text


def cleaned(notebook: NotebookNode) -> NotebookNode:
    """The notebook without timings and widget state, with the plain kernel, alt texts, and ids from the sources."""
    for name in ("papermill", "widgets"):
        notebook.metadata.pop(name, None)
    notebook.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata.language_info = {"name": "python"}
    notebook.nbformat_minor = 5
    sources: list[str] = []
    for cell in notebook.cells:
        for name in ("execution", "papermill", "ExecuteTime"):
            cell.metadata.pop(name, None)
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.metadata["image/png"] = {"alt": alt_text(cell.source)}
        repeat = sources.count(cell.source)
        sources.append(cell.source)
        cell.id = hashlib.sha256(f"{cell.source}{repeat}".encode()).hexdigest()[:8]
    return notebook


def without_paths(node: NotebookNode, private: Sequence[Path] = ()) -> NotebookNode:
    """A copy whose texts do not name this machine's folders, nor those in `private`: only what lies in them."""
    folders = {Path(sys.prefix): "python", course_home(): ".", Path(__file__).parents[1]: ".", Path.home(): "~"}
    folders |= {folder: "." for folder in private}
    longest_first = sorted((folder for folder in folders if len(folder.parts) > 1), key=lambda path: -len(str(path)))
    patterns = [(re.compile(rf"(?<![\w.]){re.escape(str(folder))}(?![\w-])"), folders[folder])
                for folder in longest_first]

    def clean(value):
        if isinstance(value, dict):
            return type(value)({key: item if key.startswith("image/") else clean(item) for key, item in value.items()})
        if isinstance(value, list):
            return [clean(item) for item in value]
        for pattern, name in patterns if isinstance(value, str) else ():
            value = pattern.sub(name, value)
        return value

    return clean(node)

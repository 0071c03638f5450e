"""Executing the notebooks: with parameters into a run's folder, or on the sample back into what is published."""

import ast
import hashlib
import html
import io
import json
import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from shutil import copyfile
from textwrap import shorten
from urllib.parse import quote

import nbformat
import papermill
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm

from fer_utils import CourseError, brief
from fer_utils.data import POSTER_CLASSES, load_faces
from fer_utils.runs import DEFAULT, Run
from fer_utils.support.checks import to_choose
from fer_utils.support.files import replacing, temporary_folder, write_text
from fer_utils.support.home import clone, course_home
from fer_utils.support.provenance import git_commit
from fer_utils.support.sources import EMBEDDED

EVERYWHERE = {"data", "run"}
"""Parameters that `fer run` gives to whichever notebook declares them, and complains about to none."""
QUIET = ["--log-level=50"]
"""For the kernel, whose own log is not the course's: a cell's errors and warnings are in its outputs."""


def find(names: Sequence[str] = ()) -> list[Path]:
    """The notebooks of these names or paths, or all of the course in their order.

    An existing path is taken as it is, from whatever folder; else "04_training", "04_training.ipynb" and
    "notebooks/04_training.ipynb" are the course's own. Raises CourseError for a name that is neither.
    """
    if not names:
        return sorted((clone() / "notebooks").glob("*.ipynb"))
    found = [Path(name).absolute() if os.path.isfile(name) else _own(name) for name in names]
    for path in found:
        if path.parent.name == path.stem and path.parts[-3] in ("exercises", "solutions"):
            raise CourseError(f"{path.name} in {path.parts[-3]}/ belongs to no run, where the lesson of its name would "
                              "be lost: open it in JupyterLab, by `fer lab`.")
    return found


def _own(name: str) -> Path:
    """The course's notebook of this name."""
    root, folder = clone(), clone() / "notebooks"
    path = next((p for p in (root / name, folder / name, folder / f"{name}.ipynb") if os.path.isfile(p)), None)
    if path is None:
        known = sorted(path.stem for path in folder.glob("*.ipynb"))
        raise CourseError(f"There is no notebook {name[:80]}: choose from {to_choose(name, known)}.")
    return path.absolute()


def read_parameters(declared: dict[Path, dict], given: Sequence[tuple[str, str]]) -> dict[Path, dict]:
    """For each notebook the given values (as text) of the parameters that it declares, read as their declared types.

    `declared` holds what papermill's inspect_notebook says of each. Raises CourseError for a parameter that no
    notebook declares and for a value that is not of its type.
    """
    known = {name: parameter for parameters in declared.values() for name, parameter in parameters.items()}
    values: dict[Path, dict] = {path: {} for path in declared}
    for name, text in given:
        if name not in known and name not in EVERYWHERE:
            raise CourseError(f"There is no parameter {name[:80]}: choose from {to_choose(name, known)}.")
        for path in declared:
            if name in declared[path]:
                kind = declared[path][name]["inferred_type_name"]
                try:
                    values[path][name] = _READ.get(kind, ast.literal_eval)(text)
                except (KeyError, SyntaxError, ValueError) as error:
                    raise CourseError(f"The parameter {name} is of type {kind}, which {text[:80]!r} is not: give "
                                      f"another value; its default is {known[name]['default']}.") from error
    return values


_READ = {"int": int, "float": float, "str": str, "bool": lambda text: {"true": True, "false": False}[text.lower()]}


def declared_parameters(notebook: Path) -> dict:
    """The parameters of a notebook with types and defaults, as papermill finds them; CourseError where it is none."""
    try:
        return papermill.inspect_notebook(_literal(notebook))
    except Exception as error:  # whatever a file raises that is no notebook
        raise CourseError(f"{notebook} is no notebook ({brief(error)}): fix it, or bring it back.") from error


def _literal(path: Path) -> str:
    """The path for papermill, which would fill parameters into braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def run_notebooks(names: Sequence[str], given: Sequence[tuple[str, str]], log: Callable[[str], None] = print,
                  fresh: bool = False) -> None:
    """Execute notebooks in order, in the course's home, to reports/<run>/notebooks/<name>.ipynb.

    It goes on at the first that was not executed to its end with the same text, parameters and data; if all were, or
    if `fresh`, all are executed. `given` holds (parameter, text) pairs; "run" names the run. Parameters and data are
    checked before anything is executed or written. Raises CourseError there and at the first cell that fails.
    """
    declared = {path: declared_parameters(path) for path in find(names)}
    values, all_values = read_parameters(declared, given), settings(declared, given)
    asked = dict(given)
    run = Run.open(asked.get("run", DEFAULT))
    if any("data" in parameters for parameters in declared.values()):
        faces = load_faces(asked.get("data", "auto"), asked.get("classes", POSTER_CLASSES))
        run = Run.start(asked.get("run", DEFAULT), faces)
    wanted = {path: fingerprint(run, path, parameters) for path, parameters in all_values.items()}
    waiting = list(wanted) if fresh else _waiting(run, wanted, log)
    run.record(notebooks=dict.fromkeys((path.stem for path in waiting), "begun"))
    for path in waiting:
        parameters = values[path]
        if "data" in parameters:
            parameters["data"] = _from_home(parameters["data"])
        start = time.perf_counter()
        execute(path, _executed(run, path), parameters)
        seconds = round(time.perf_counter() - start, 1)
        run.record(parameters={path.stem: all_values[path] | parameters}, commits={path.stem: git_commit()},
                   notebooks={path.stem: wanted[path]}, seconds={path.stem: seconds})
        log(f"{path.stem}  {seconds} s")


def settings(declared: dict[Path, dict], given: Sequence[tuple[str, str]]) -> dict[Path, dict]:
    """For each notebook all of its parameters, as `read_parameters` reads those that are given, else by default."""
    return {path: {name: _default(declared[path][name]["default"]) for name in declared[path]} | values
            for path, values in read_parameters(declared, given).items()}


def _default(text: str):
    """A parameter's default, read; what is more than a plain value is kept as text."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def fingerprint(run: Run, notebook: Path, parameters: dict) -> str:
    """A hash of all that decides what a notebook finds in this run: its cells, its parameters, the run's faces."""
    cells = [cell.source for cell in nbformat.read(notebook, as_version=4).cells]
    settings = {name: value for name, value in parameters.items() if name not in EVERYWHERE}
    asked = json.dumps([cells, settings, run.read().get("fingerprint")], sort_keys=True, default=str)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def _waiting(run: Run, wanted: dict[Path, str], log: Callable[[str], None]) -> list[Path]:
    """Those of the notebooks, given with their fingerprints, that are to be executed; says where not all are."""
    known, waiting = run.read().get("notebooks", {}), list(wanted)
    while waiting and known.get(waiting[0].stem) == wanted[waiting[0]] and _executed(run, waiting[0]).is_file():
        del waiting[0]
    if not waiting:
        log("All of these were finished before with these settings: they are executed again.")
    elif len(waiting) < len(wanted):
        log(f"The run goes on at {waiting[0].stem}: what comes before was finished with these settings. --fresh starts "
            "over.")
    return waiting or list(wanted)


def _executed(run: Run, notebook: Path) -> Path:
    return run.path / "notebooks" / notebook.name


class Trainings(io.TextIOBase):
    """Of what a notebook prints while it is executed, show on stderr what it says of its trainings and their epochs."""

    def write(self, text: str) -> int:
        for line in text.splitlines():
            if re.match(r"Epoch \[|\S+, seed \d+: ", line):
                tqdm.write(line, file=sys.stderr)
        return len(text)


def execute(notebook: Path, output: Path, parameters: dict) -> None:
    """Execute `notebook` in the course's home and put the result at `output`, whole, without this machine's folders.

    Raises CourseError, naming the cell, where one fails; what was executed until then is at `output` for reading.
    """
    with temporary_folder() as folder:
        unfinished = folder / notebook.name
        try:
            papermill.execute_notebook(_literal(notebook), _literal(unfinished), parameters, kernel_name="python3",
                                       cwd=str(course_home()), progress_bar=sys.stderr.isatty(), extra_arguments=QUIET,
                                       start_timeout=600, stdout_file=Trainings())
        except papermill.PapermillExecutionError as error:
            raise _failure(notebook, error.exec_count, error.ename, error.evalue, output) from error
        except DeadKernelError as error:
            raise CourseError(f"{notebook.name} stopped: its kernel died, most often for lack of memory.") from error
        except KeyboardInterrupt:
            # Otherwise nbclient's watch over the kernel reports, at exit, the death that the interruption brought.
            logging.getLogger("asyncio").setLevel(logging.CRITICAL)
            raise
        finally:
            executed = None
            with suppress(FileNotFoundError, nbformat.reader.NotJSONError):
                executed = nbformat.read(unfinished, as_version=4)
            if executed is not None:
                executed.metadata.papermill |= {"input_path": notebook.name, "output_path": output.name}
                private = [Path(parameters["data"]).parent] if os.path.isabs(parameters.get("data", "")) else []
                write_text(output, nbformat.writes(without_paths(executed, private)) + "\n")


def refresh(log: Callable[[str], None] = print) -> None:
    """Execute every notebook and solution on the sample, in one empty home, and store the outputs in themselves.

    They are written when all have run, with metadata, cell ids and counts that another machine writes alike.
    """
    texts = {}
    with temporary_folder() as home:
        environment = {**os.environ, "FER_HOME": str(home), "FER_DATA": "sample", "PYTHONHASHSEED": "0",
                       "OMP_NUM_THREADS": str(os.cpu_count())}  # whatever else keeps cores busy
        for path in [*find(), *sorted((clone() / "notebooks" / "solutions").glob("*/*.ipynb"))]:
            notebook = nbformat.read(path, as_version=4)
            client = NotebookClient(notebook, timeout=None, kernel_name="python3", record_timing=False,
                                    coalesce_streams=True, extra_arguments=QUIET,
                                    resources={"metadata": {"path": str(path.parent)}})
            try:
                client.execute(env=environment)
            except CellExecutionError as error:
                count = max(cell.get("execution_count") or 0 for cell in notebook.cells)
                raise _failure(path, count, error.ename, error.evalue) from error
            texts[path] = nbformat.writes(cleaned(without_paths(notebook, [home]))) + "\n"
            log(f"{path.stem}  executed")
        figures, reports = Path(home, "reports", "default-sample", "figures"), clone() / "reports"
        # The README shows the first of them, the poster of photographs the second.
        for form, shown in {"png": reports / "sample.png", "svg": reports / "poster" / "faces.svg"}.items():
            picture = figures / f"evaluation_probabilities.{form}"
            if picture.exists():
                with replacing(shown) as temporary:
                    copyfile(picture, temporary)
    for path, text in texts.items():
        write_text(path, text)


def _failure(notebook: Path, count: int | None, name: str, message: str, output: Path | None = None) -> CourseError:
    ours = name in ("CourseError", "DataError")
    sentence = message if ours else shorten(f"{name}: {message}", 250, placeholder=" ...")
    written = f"\nWhat ran until then: {os.path.relpath(output, course_home())}" if output else ""
    return CourseError(f"{notebook.name} stopped in its cell [{count}].\n{sentence}{written}")


def _from_home(source: str) -> str:
    """A data source as the kernels find it, which work in the course's home and not in the caller's folder."""
    path = Path(source).expanduser()
    if path.is_absolute():
        return str(path)
    there = path.exists() and source not in ("auto", "kaggle", *EMBEDDED)
    return Path(os.path.relpath(path, course_home())).as_posix() if there else source


def cleaned(notebook: NotebookNode) -> NotebookNode:
    """The notebook without timings and widget state, with the plain kernel, and ids from the sources."""
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
                known = output.metadata.get("image/png", {})
                output.metadata["image/png"] = {key: known[key] for key in ("alt", "photo") if key in known}
        repeat = sources.count(cell.source)
        sources.append(cell.source)
        cell.id = hashlib.sha256(f"{cell.source}{repeat}".encode()).hexdigest()[:8]
    return notebook


def without_paths(node: NotebookNode, private: Sequence[PurePath] = ()) -> NotebookNode:
    """A copy whose texts do not name this machine's folders, nor those in `private`: only what lies in them.

    A folder is known in quotes, in JSON, in HTML and in links too.
    """
    folders = {Path(sys.prefix): "python", course_home(): ".", Path(__file__).parents[2]: ".", Path.home(): "~",
               Path(tempfile.gettempdir()): "tmp"}
    folders |= {folder: "." for folder in private}
    names = {spelling: name for folder, name in folders.items() if len(folder.parts) > 1
             for spelling in _spellings(folder)}
    longest_first = "|".join(re.escape(spelling) for spelling in sorted(names, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w.])({longest_first})(?![\w-])")

    def clean(value):
        if isinstance(value, dict):
            return type(value)({key: item if key.startswith("image/") else clean(item) for key, item in value.items()})
        if isinstance(value, list):
            return [clean(item) for item in value]
        return pattern.sub(lambda found: names[found[0]], value) if isinstance(value, str) else value

    return clean(node)


def _spellings(folder: PurePath) -> set[str]:
    """The folder's path as it is, and as Python, JSON, HTML and addresses write it, one within the other, too."""
    ways = (str, html.escape, quote, lambda text: repr(text)[1:-1], lambda text: ascii(text)[1:-1],
            lambda text: text.replace("\\", "\\\\").replace("'", "\\'"), lambda text: json.dumps(text)[1:-1],
            lambda text: json.dumps(text, ensure_ascii=False)[1:-1])
    plain = {str(folder), folder.as_posix(), *([str(folder.resolve())] if isinstance(folder, Path) else [])}
    return {outer(inner(text)) for text in plain for inner in ways for outer in ways}

"""One notebook under many parameters: dask.distributed spreads the jobs, papermill runs them, this gives them names."""

import io
import itertools
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from textwrap import shorten

import dask.config
import pandas as pd
from dask.system import CPU_COUNT
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed

from fer_utils import CourseError
from fer_utils.data import POSTER_CLASSES, load_faces
from fer_utils.runs import Run
from fer_utils.support.files import locked, reading, write_text
from fer_utils.support.home import course_home
from fer_utils.tools import notebooks
from fer_utils.tools.notebooks import EVERYWHERE

MEASURES = ["training", "seed", "epoch", "train_loss", "val_loss", "val_acc", "seconds", "job_seconds"]
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class JobsFailed(CourseError):
    """Some jobs failed, as the sentence says; `table` holds what the others trained."""

    def __init__(self, sentence: str, table: pd.DataFrame):
        super().__init__(sentence)
        self.table = table


def grid(values: dict[str, Sequence]) -> list[dict]:
    """Every combination of the values, the last parameter changing fastest: one dictionary for each job."""
    return [dict(zip(values, combination, strict=True)) for combination in itertools.product(*values.values())]


def job_name(job: dict) -> str:
    """The name of a job's folder: its parameters and their values."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", "_".join(f"{name}-{value}" for name, value in job.items())) or "default"


def sweep(notebook: str, jobs: Sequence[dict], data: str = "auto", run: str = "default", workers: int = 2,
          scheduler: str | None = None, log: Callable[[str], None] = print) -> pd.DataFrame:
    """Execute `notebook` once for each of `jobs` (parameter to value) and return the table of what they trained.

    A job's notebook, figures and metrics lie in `reports/<run>/sweep/<notebook>/<job>/`, its trainings among those of
    the run, and a job that has finished there is not run again. One that fails is reported while the rest go on;
    JobsFailed comes when all have ended. A worker that dies hands its job to another. CourseError, before anything is
    run, for parameters or data that the notebook cannot take.

    workers: processes of a local cluster, which share the processor's threads. scheduler: the address of a cluster that
    is there already; its workers need this package and must see the course's home and the data under the same paths.
    """
    (path,) = notebooks.find([notebook])
    declared = notebooks.declared_parameters(path)
    wanted = _named(jobs, path, declared)
    if workers < 1 or not wanted:
        raise CourseError(f"{len(wanted)} jobs for {workers} workers: give at least one of each, and each -p a value.")
    classes = {job.get("classes", ",".join(POSTER_CLASSES)) for job in wanted.values()}
    if len(classes) > 1:
        raise CourseError("classes must be the same for all jobs of a sweep: a run has one set of faces.")
    source, run = _shared(data, run, classes.pop()) if "data" in declared else (data, run)
    runs = {label: f"{run}/sweep/{path.stem}/{label}" for label in wanted}
    missing = [label for label, job in wanted.items() if not finished(runs[label], path, job)]
    log(f"{len(wanted)} jobs of {path.stem}, {len(wanted) - len(missing)} of them finished before.")
    outcomes, home = {}, str(course_home())
    if missing:
        with cluster(min(workers, len(missing)), scheduler) as client:
            log(f"Workers: {len(client.nthreads()) or 'none, the jobs wait'}. Watch them at {client.dashboard_link}")
            futures = {client.submit(work, str(path), wanted[label], source, runs[label], home, pure=False): label
                       for label in missing}
            for future in as_completed(futures):
                outcomes[futures[future]] = _outcome(future)
                log(f"[{len(outcomes)}/{len(missing)}] {futures[future]}: {outcomes[futures[future]]}")
    stored = Run.open(run).path / "sweep" / f"{path.stem}.csv"
    write_text(stored, results(run, path.stem).to_csv(index=False, lineterminator="\n"))
    table = results(run, path.stem, wanted)
    failed = [label for label, outcome in outcomes.items() if outcome != "finished"]
    if failed:
        raise JobsFailed(f"{len(failed)} of {len(wanted)} jobs failed; a second sweep runs these alone.", table)
    return table


def work(notebook: str, job: dict[str, str], data: str, run: str, home: str) -> None:
    """What a worker does for one job: execute the notebook into the job's run, unless it was finished meanwhile."""
    if not Path(home).is_dir():
        raise CourseError(f"its worker does not see {home}: all need the course's home under the same path.")
    os.environ["FER_HOME"] = home
    # dask gives a worker one thread in each of these, and torch would take the lowest of them.
    os.environ.update(dict.fromkeys(THREADS, os.environ.get(THREADS[0], "1")))
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), locked(Run.open(run).path / "notebooks"):
        if not finished(run, Path(notebook), job):
            notebooks.run_notebooks([notebook], [*job.items(), ("data", data), ("run", run)], log=lambda line: None)


def finished(run: str, notebook: Path, job: dict[str, str]) -> bool:
    """Whether the job of this run was executed to its end, with this text, these parameters, and the sweep's data."""
    known, sweeps = Run.open(run), Run.open(run.partition("/sweep/")[0])
    asked = notebooks.settings({notebook: notebooks.declared_parameters(notebook)}, list(job.items()))[notebook]
    with reading(known.path / "run.json"):
        same_faces = known.read().get("fingerprint") in (None, sweeps.read().get("fingerprint"))
        executed_as = known.read().get("notebooks", {}).get(notebook.stem)
        return same_faces and executed_as == notebooks.fingerprint(known, notebook, asked)


def results(run: str, stem: str, jobs: Iterable[str] = ()) -> pd.DataFrame:
    """The finished jobs of the notebook `stem` in `run` (all, or these): a row for each training, at its kept epoch.

    Columns: job, the notebook's parameters, then those of MEASURES: `seconds` are those of all the training's epochs,
    `job_seconds` those of the whole notebook. A job that trained nothing has one row, without measures.
    """
    folder, tables = Run.open(run).path / "sweep" / stem, [pd.DataFrame(columns=["job", *MEASURES])]
    kept = Run.open(run).trainings().reindex(columns=MEASURES)
    for label in jobs or sorted(path.name for path in folder.glob("*/")):
        known = Run(folder / label).read()
        with reading(folder / label / "run.json"):
            if known.get("notebooks", {}).get(stem, "begun") == "begun":
                continue
            trained = kept[(kept["training"] == known.get("training")) & kept["seed"].isin(known.get("seeds", []))]
            if not len(trained):
                trained = pd.DataFrame(columns=MEASURES, index=[0])
            settings = {k: v for k, v in known["parameters"][stem].items() if k not in EVERYWHERE | set(MEASURES)}
            trained = trained.assign(job=label, job_seconds=known["seconds"][stem], **settings)
        tables.append(trained[["job", *settings, *MEASURES]])
    return pd.concat(tables[1:] or tables, ignore_index=True)


@contextmanager
def cluster(workers: int, scheduler: str | None) -> Iterator[Client]:
    """A client of the cluster at `scheduler`, or of a local one of `workers` processes that ends with the block."""
    for handler in logging.getLogger("distributed").handlers:
        handler.setLevel(logging.CRITICAL)  # what goes wrong is said in one sentence
    if scheduler is not None:
        try:
            client = Client(scheduler or "nowhere", timeout=10)
        except (OSError, TypeError, ValueError) as error:  # TypeError: tls:// without a certificate
            raise CourseError(f"No dask scheduler answers at {scheduler}: start one with `dask scheduler`, and workers "
                              "with `dask worker ADDRESS`.") from error
        with client:
            yield client
        return
    threads = {f"distributed.nanny.pre-spawn-environ.{name}": max(1, CPU_COUNT // workers) for name in THREADS}
    with dask.config.set(threads):  # what the user has set himself goes before it
        local = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50)
    with local, Client(local) as client:
        yield client


def _named(jobs: Sequence[dict], path: Path, declared: dict) -> dict[str, dict[str, str]]:
    """The jobs by their names, checked: in the notebook's order and types, however one was written."""
    wanted = {}
    for job in jobs:
        if not EVERYWHERE.isdisjoint(job):
            raise CourseError("data and run are the same for all jobs of a sweep: give --data and --run.")
        values = notebooks.read_parameters({path: declared}, [(name, str(value)) for name, value in job.items()])[path]
        ordered = {name: values[name] for name in declared if name in values}
        label, job = job_name(ordered), {name: str(value) for name, value in ordered.items()}
        if wanted.setdefault(label, job) != job:
            raise CourseError(f"Two jobs have one folder, {shorten(label, 200)}: give values that differ in more than "
                              "signs.")
    return wanted


def _shared(data: str, run: str, classes: str) -> tuple[str, str]:
    """The data source as all workers find it, and the name of the sweep's run, which takes the data on."""
    faces = load_faces(data, classes, verbose=False)
    run = Run.start(run, faces).name
    here = Path(faces.source).expanduser()
    named = faces.drawn or faces.source == "kaggle"
    return faces.source if named else str(here.absolute() if here.exists() else course_home() / here), run


def _outcome(future: Future) -> str:
    """How a job ended, in one line."""
    if future.status == "finished":
        return "finished"
    error = future.exception() if future.status == "error" else "the cluster lost it"
    died = "its workers died, most often for lack of memory"
    return f"failed: {died if isinstance(error, KilledWorker) else shorten(str(error), 350, placeholder=' ...')}"

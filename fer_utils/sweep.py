"""One notebook under many parameters: dask.distributed spreads the jobs, papermill runs them, this gives them names."""

import itertools
import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path

import dask.config
import pandas as pd
import papermill
from distributed import Client, LocalCluster, as_completed

from fer_utils import CourseError
from fer_utils.data import course_home, load_faces
from fer_utils.files import write_text
from fer_utils.notebooks import find, read_parameters, run_notebooks
from fer_utils.runs import Run

MEASURES = ["model", "seed", "epoch", "train_loss", "val_loss", "val_acc", "seconds"]


def grid(values: dict[str, Sequence]) -> list[dict]:
    """Every combination of the values, the last parameter changing fastest: one dictionary for each job."""
    return [dict(zip(values, combination, strict=True)) for combination in itertools.product(*values.values())]


def job_name(job: dict) -> str:
    """The name of a job's folder: its parameters and their values."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", "_".join(f"{name}-{value}" for name, value in job.items())) or "default"


def sweep(
    notebook: str,
    jobs: Sequence[dict],
    data: str = "auto",
    run: str = "default",
    workers: int = 2,
    scheduler: str | None = None,
    log: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Execute `notebook` once for each of `jobs` (parameter to value) and return the table of what they trained.

    A job is a run of its own, `reports/<run>/sweep/<notebook>/<job>/`, and one that has finished there is not run
    again. One that fails is reported while the rest go on; CourseError at the end then names them all. A worker that
    dies hands its job to another.

    workers: processes of a local cluster, which share the processor's threads. scheduler: the address of a cluster that
    is there already; its workers need this package and must see the course's home and the data under the same paths.
    """
    (path,) = find([notebook])
    faces = load_faces(data, verbose=False)
    source = faces.source if faces.drawn or faces.source == "kaggle" else str(Path(faces.source).absolute())
    declared = {path: papermill.inspect_notebook(str(path))}
    wanted = {}
    for job in jobs:
        read_parameters(declared, [(name, str(value)) for name, value in job.items()])  # before anything is run
        wanted[f"{run}/sweep/{path.stem}/{job_name(job)}"] = {name: str(value) for name, value in job.items()}
    missing = [name for name in wanted if not finished(name, path.stem)]
    log(f"{len(wanted)} jobs of {path.stem}, {len(wanted) - len(missing)} of them finished before.")
    failed = []
    if missing:
        with cluster(min(workers, len(missing)), scheduler) as client:
            log(f"Watch them at {client.dashboard_link}")
            futures = {
                client.submit(work, str(path), wanted[name], source, name, str(course_home()), pure=False): name
                for name in missing
            }
            for done, future in enumerate(as_completed(futures), start=1):
                label = futures[future].split("/")[-1]
                if future.status == "finished":
                    log(f"[{done}/{len(missing)}] {label}  {future.result():.1f} s")
                else:
                    failed.append(f"{label}: {future.exception()}")
                    log(f"[{done}/{len(missing)}] failed: {failed[-1]}")
    table = results(run, path.stem)
    write_text(Run.open(run).path / "sweep" / f"{path.stem}.csv", table.to_csv(index=False, lineterminator="\n"))
    if failed:
        raise CourseError(f"{len(failed)} of {len(wanted)} jobs failed; run the sweep again for these alone:\n"
                          + "\n".join(failed))
    return table[table["job"].isin(name.split("/")[-1] for name in wanted)].reset_index(drop=True)


def work(notebook: str, job: dict[str, str], data: str, run: str, home: str) -> float:
    """What a worker does for one job: execute the notebook into the job's run; returns the seconds it took."""
    os.environ["FER_HOME"] = home
    start = time.perf_counter()
    run_notebooks([notebook], [*job.items(), ("data", data), ("run", run)], log=lambda line: None)
    return time.perf_counter() - start


def finished(run: str, stem: str) -> bool:
    """Whether the job of this run was executed to its end: only then does its run.json hold the parameters."""
    return stem in Run.open(run).read().get("parameters", {})


def results(run: str, stem: str) -> pd.DataFrame:
    """All finished jobs of the notebook `stem` in `run`: one row for each training, with the epoch it kept.

    Columns: job, the notebook's parameters, then those of MEASURES; `seconds` are those of all its epochs.
    """
    tables = []
    for folder in sorted(Run.open(run).path.glob(f"sweep/{stem}/*/")):
        job = Run(folder)
        parameters = job.read().get("parameters", {}).get(stem)
        history = job.read_history()
        if parameters is None or history is None:
            continue
        best = history[history["saved"]].groupby(["model", "seed"]).tail(1)[MEASURES]
        best["seconds"] = best["seed"].map(history.groupby("seed")["seconds"].sum())
        settings = {name: value for name, value in parameters.items() if name not in ("data", "run", *MEASURES)}
        tables.append(best.assign(job=folder.name, **settings)[["job", *settings, *MEASURES]])
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["job", *MEASURES])


@contextmanager
def cluster(workers: int, scheduler: str | None):
    """A client of the cluster at `scheduler`, or of a local one of `workers` processes that ends with the block."""
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=10)
        except (OSError, ValueError) as error:
            raise CourseError(f"No dask scheduler answers at {scheduler} ({error}): start one with `dask scheduler` "
                              "and workers with `dask worker ADDRESS`.") from error
        with client:
            yield client
        return
    threads = max(1, (os.cpu_count() or 1) // workers)
    with dask.config.set({"distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS": threads}):
        local = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0", silence_logs=50)
    with local, Client(local) as client:
        yield client

"""Sweeps of tiny notebooks, on processes of their own: nothing is run twice, nothing is lost."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import psutil
import pytest

from fer_utils import CourseError
from fer_utils.runs import Run
from fer_utils.tools import sweep as module
from fer_utils.tools.cli import main
from fer_utils.tools.notebooks import find
from fer_utils.tools.sweep import JobsFailed, cluster, finished, grid, job_name, results, sweep
from fer_utils.training import HISTORY

ROOT = Path(__file__).parents[2]
BASH = ("env", f"PATH={Path(sys.executable).parent}:{os.environ['PATH']}", "bash", "-c")
PARAMETERS = """# tag: parameters
n: int = 1  # which
rate: float = 0.5  # how much
kind: str = "plain"  # plain, bad or patient
run: str = "default"  # the run's name"""
WORK = """
import os, time
from pathlib import Path
home = Path(os.environ["FER_HOME"])
def note(word):
    with open(home / "log", "a") as log:
        print(word, n, os.getppid(), os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"], file=log)
note("begun")
if kind == "bad" and not (home / "go").exists():
    raise ValueError("not this one")
while kind == "patient" and not (home / "go").exists():
    time.sleep(0.05)
note("done")"""


@pytest.fixture
def course(home, write_notebook, monkeypatch) -> Path:
    monkeypatch.chdir(home)
    write_notebook(home / "notebooks" / "01_tiny.ipynb", PARAMETERS, WORK)
    return home


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory):
    """A scheduler and two workers as a reader starts them: processes in empty folders that know nothing of a home.

    Yields the scheduler's address and the workers by their folders.
    """
    folder = tmp_path_factory.mktemp("cluster")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FER_", "OMP_", "MKL_"))}
    environment |= {"OMP_NUM_THREADS": "3"}
    started = []

    def start(name: str, *arguments: str) -> subprocess.Popen:
        (folder / name).mkdir()
        with open(folder / f"{name}.log", "w") as log:
            started.append(subprocess.Popen([sys.executable, "-m", *arguments], cwd=folder / name, env=environment,
                                            stdout=log, stderr=log))
        return started[-1]

    start("scheduler", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
          "--scheduler-file", str(folder / "address.json"))
    wait(lambda: (folder / "address.json").exists() and (folder / "address.json").read_text())
    address = pd.read_json(folder / "address.json", typ="series")["address"]
    workers = {folder / name: start(name, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard")
               for name in ("one", "two")}
    wait(lambda: all("Registered to" in (folder / f"{name}.log").read_text() for name in ("one", "two")))
    yield address, workers
    for process in reversed(started):
        kill(process.pid)
        process.wait()


def wait(until, seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def tree(pid: int) -> list[psutil.Process]:
    """The process and all that it started, kernels too."""
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)] if psutil.pid_exists(pid) else []


def kill(pid: int) -> None:
    for process in tree(pid):
        if process.is_running():
            process.kill()


def log_of(course: Path) -> list[list[str]]:
    path = course / "log"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def counted(course: Path, word: str) -> dict[str, int]:
    """How often each job noted the word."""
    return Counter(n for found, n, *_ in log_of(course) if found == word)


def test_a_killed_workers_job_is_handed_on_and_every_job_finishes_once(course, by_hand):
    address, workers = by_hand
    jobs, lines = grid({"n": [1, 2, 3, 4], "kind": ["patient"]}), []
    with ThreadPoolExecutor() as pool:
        swept = pool.submit(sweep, "01_tiny", jobs, run="mine", scheduler=address, log=lines.append)
        wait(lambda: sum(counted(course, "begun").values()) == 2 or swept.done())
        (_, first, parent, *_), (_, second, other, *_) = log_of(course)
        assert parent != other, "both workers have a job"
        victim, = (process for process in workers.values() if int(parent) in {p.pid for p in tree(process.pid)})
        kill(victim.pid)
        (course / "go").touch()
        table = swept.result(timeout=180)
    assert counted(course, "done") == {"1": 1, "2": 1, "3": 1, "4": 1}
    assert counted(course, "begun") == {"1": 1, "2": 1, "3": 1, "4": 1} | {first: 2}
    for n in ("1", "2", "3", "4"):
        assert finished(f"mine/sweep/01_tiny/n-{n}_kind-patient", *find(["01_tiny"]), {"n": n, "kind": "patient"})
    assert table["n"].tolist() == [1, 2, 3, 4] and sum("finished" in line for line in lines[2:]) == 4
    assert {tuple(entry[3:]) for entry in log_of(course)} == {("3", "3")}
    assert all(not list(folder.iterdir()) for folder in workers), "what the jobs wrote is in the course's home"


def test_a_finished_job_is_not_run_again_however_it_is_written(course, by_hand):
    lines = []
    for jobs in ([{"n": 1, "rate": 0.5}], [{"rate": "5e-1", "n": "1"}, {"n": 2, "rate": 0.50}]):
        table = sweep("01_tiny", jobs, run="mine", scheduler=by_hand[0], log=lines.append)
    assert counted(course, "begun") == {"1": 1, "2": 1}
    assert table["job"].tolist() == ["n-1_rate-0.5", "n-2_rate-0.5"]
    assert "2 jobs of 01_tiny, 1 of them finished before." in lines
    before = len(lines)
    sweep("01_tiny", jobs, run="mine", scheduler="tcp://nobody:1", log=lines.append)  # no cluster is needed for nothing
    assert lines[before:] == ["2 jobs of 01_tiny, 2 of them finished before."]
    stored = pd.read_csv(course / "reports" / "mine" / "sweep" / "01_tiny.csv")
    assert stored["job"].tolist() == table["job"].tolist()


def test_a_job_is_run_again_where_the_text_the_defaults_or_the_faces_are_others(course, by_hand, write_notebook):
    jobs, lines, path = grid({"n": [1, 2]}), [], course / "notebooks" / "01_tiny.ipynb"
    for parameters, work in ((PARAMETERS, WORK), (PARAMETERS, f"{WORK}\n"), (PARAMETERS.replace("0.5", "0.6"), WORK)):
        write_notebook(path, parameters, work)
        table = sweep("01_tiny", jobs, run="mine", scheduler=by_hand[0], log=lines.append)
    assert counted(course, "done") == {"1": 3, "2": 3} and set(table["rate"]) == {0.6}
    job = "mine/sweep/01_tiny/n-1", path, {"n": "1"}
    assert finished(*job) and not finished(*job[:2], {"n": "2"})
    Run.open(job[0]).record(fingerprint="0" * 64)
    assert not finished(*job)


def test_one_that_fails_is_reported_while_the_rest_go_on(course, by_hand):
    lines, jobs = [], grid({"kind": ["bad", "plain"], "n": [1, 2]})
    with pytest.raises(JobsFailed, match="^2 of 4 jobs failed; a second sweep runs these alone.$") as failure:
        sweep("01_tiny", jobs, run="mine", scheduler=by_hand[0], log=lines.append)
    assert failure.value.table["job"].tolist() == ["n-1_kind-plain", "n-2_kind-plain"]
    told = [line for line in lines if "failed: " in line]
    assert len(told) == 2 and all("ValueError: not this one" in line and "\n" not in line for line in told)
    (course / "go").touch()
    assert len(sweep("01_tiny", jobs, run="mine", scheduler=by_hand[0], log=lines.append)) == 4
    assert counted(course, "begun") == {"1": 3, "2": 3} and counted(course, "done") == {"1": 2, "2": 2}


def test_the_command_on_a_local_cluster(course, capfd, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(module, "CPU_COUNT", 4)
    assert main(["sweep", "01_tiny", "--run", "mine", "-p", "n", "7", "-p", "kind", "plain", "bad"]) == 1
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert lines[0] == "2 jobs of 01_tiny, 0 of them finished before."
    assert lines[1].startswith("Workers: 2. Watch them at http://127.0.0.1:")
    assert sorted(line[6:26] for line in lines[2:4]) == ["n-7_kind-bad: failed", "n-7_kind-plain: fini"]
    assert lines[4].split() == ["n", "kind", *module.MEASURES] and lines[5].split()[:2] == ["7", "plain"]
    assert len(lines) == 6 and err == "1 of 2 jobs failed; a second sweep runs these alone.\n"
    assert {tuple(entry[3:]) for entry in log_of(course)} == {("2", "2")}


def test_threads_that_the_reader_has_set_stay(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    with cluster(1, None) as client:
        assert list(client.run(os.getenv, "OMP_NUM_THREADS").values()) == ["5"]
        addresses = [client.scheduler.address, client.dashboard_link, *client.scheduler_info()["workers"]]
    assert all("//127.0.0.1:" in address for address in addresses) and len(addresses) == 3


@pytest.mark.torture
def test_the_readmes_words_for_a_cluster_with_tls(course, monkeypatch):
    monkeypatch.chdir(course)
    (told,) = re.findall(r"^- \*\*A cluster.*", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    commands = [command.replace("HOST:8786", "127.0.0.1:18786").replace("127.0.0.1:8787", "127.0.0.1:0")
                for command in re.findall("`([^`]+ [^`]+)`", told)]
    key, protected, options, scheduler, worker, known, address, _ = commands
    scheduler += " --host 127.0.0.1 --port 18786"
    sweeping = f"fer sweep 01_tiny --run mine -p n 1 2 {address}"
    subprocess.run([*BASH, f"{key} && {protected}"], check=True, capture_output=True)
    assert (course / "fer.pem").stat().st_mode & 0o77 == 0
    started = [subprocess.Popen([*BASH, f"{options}; exec {command}"], stderr=subprocess.DEVNULL)
               for command in (scheduler, worker)]
    try:
        without = subprocess.run([*BASH, sweeping], capture_output=True, text=True)
        assert without.returncode == 1 and without.stderr.startswith("No dask scheduler answers at tls://")
        swept = subprocess.run([*BASH, f"{known}; {sweeping}"], capture_output=True, text=True)
    finally:
        for process in started:
            kill(process.pid)
            process.wait()
    assert swept.returncode == 0 and counted(course, "done") == {"1": 1, "2": 1}, swept.stdout + swept.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_interrupting_ends_the_command_its_workers_and_their_kernels(course):
    code = "from fer_utils.tools.cli import main; raise SystemExit(main())"
    arguments = ["sweep", "01_tiny", "-p", "kind", "patient", "--workers", "1"]
    fer = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, start_new_session=True)
    wait(lambda: counted(course, "begun") or fer.poll() is not None)
    children = tree(fer.pid)[1:]
    os.killpg(fer.pid, signal.SIGINT)  # as a terminal does
    out, err = fer.communicate(timeout=60)
    assert fer.returncode == 130 and err == "Interrupted.\n" and len(out.splitlines()) == 2
    assert not psutil.wait_procs(children, timeout=30)[1]
    assert not counted(course, "done")
    assert not finished("default/sweep/01_tiny/kind-patient", *find(["01_tiny"]), {"kind": "patient"})


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["02_none"], "There is no notebook 02_none: choose from 01_tiny."),
    (["01_tiny", "-p", "m", "1"], "There is no parameter m: choose from n"),
    (["01_tiny", "-p", "n", "1", "2.5"], "The parameter n is of type int, which '2.5' is not"),
    (["01_tiny", "-p", "n"], "0 jobs for 2 workers: give at least one of each, and each -p a value."),
    (["01_tiny", "-p", "n", "1", "--workers", "0"], "1 jobs for 0 workers: give at least one of each"),
    (["01_tiny", "-p", "run", "a", "b"], "data and run are the same for all jobs of a sweep"),
    (["01_tiny", "-p", "kind", "a:b", "a-b"], "Two jobs have one folder, kind-a-b: give values that differ in more"),
    (["01_tiny", "--run", "../up"], "'..' is no name of a run"),
    (["01_tiny", "--scheduler", "tcp://127.0.0.1:1"], "No dask scheduler answers at tcp://127.0.0.1:1: start one"),
    (["01_tiny", "--scheduler", "nonsense"], "No dask scheduler answers at nonsense: start one")])
def test_what_cannot_be_run_is_refused_in_one_sentence(course, capfd, monkeypatch, arguments, sentence):
    client = module.Client
    monkeypatch.setattr(module, "Client", lambda address, timeout: client(address, timeout=0.5))
    assert main(["sweep", *arguments]) == 1
    error = capfd.readouterr().err
    assert error.startswith(sentence) and error.count("\n") == 1
    assert not log_of(course) and not (course / "reports").exists()


def test_other_faces_in_a_run_are_refused(course, write_notebook):
    write_notebook(course / "notebooks" / "01_tiny.ipynb", PARAMETERS + '\ndata: str = "auto"  # faces', WORK)
    Run.open("mine").record(fingerprint="0" * 64, source="fer2013.zip", drawn=False)
    Run.open("mine").write_metrics("data", {})
    with pytest.raises(CourseError, match="holds results on other faces"):
        sweep("01_tiny", [{}], run="mine")
    assert not (course / "reports" / "mine" / "sweep").exists()


def test_grid_and_names():
    jobs = grid({"batch_size": [32, 64], "learning_rate": [1e-3]})
    assert jobs == [{"batch_size": 32, "learning_rate": 1e-3}, {"batch_size": 64, "learning_rate": 1e-3}]
    assert [job_name(job) for job in jobs] == ["batch_size-32_learning_rate-0.001", "batch_size-64_learning_rate-0.001"]
    assert grid({}) == [{}] and job_name({}) == "default"
    assert job_name({"model": "a/b c", "seeds": 3, "flip": False}) == "model-a-b-c_seeds-3_flip-False"


def keep(run: Run, name: str, seconds: float) -> None:
    """A training of this name under the seeds 0 and 1: of two epochs the first is the best of seed 0, the last of 1."""
    asked = {"training": name, "model": "A", "dropout": None, "loop": "course", "precision": "float32"}
    run.new_training(name).write_asked(asked | {"train": {"n": 9}, "recipe": {"epochs": 2}})
    for seed, kept, accuracies in ((0, 1, (0.5, 0.4)), (1, 2, (0.6, 0.9))):
        rows = [(seed, epoch, 1.0, 1.0, accuracies[epoch - 1], epoch == kept, seconds) for epoch in (1, 2)]
        run.new_training(name).write_history(seed, pd.DataFrame(rows, columns=HISTORY))


def test_results_have_a_row_for_each_training_at_the_epoch_that_was_kept(home):
    for job, name, seconds, seeds in (("epochs-2", "A-1", 1.0, [0, 1]), ("epochs-3", "A-2", 5.0, [1])):
        run = Run.open(f"mine/sweep/04_training/{job}")
        keep(run, name, seconds)
        run.record(parameters={"04_training": {"epochs": int(job[-1]), "data": "auto", "run": "x", "seed": 0}},
                   seconds={"04_training": 12.5}, training=name, seeds=seeds,
                   notebooks={"04_training": "0123456789abcdef"})
    Run.open("mine/sweep/04_training/unfinished").record(drawn=True, notebooks={"04_training": "begun"})
    table = results("mine", "04_training")
    assert table["job"].tolist() == ["epochs-2", "epochs-2", "epochs-3"] and table["epochs"].tolist() == [2, 2, 3]
    assert table["training"].tolist() == ["A-1", "A-1", "A-2"] and table["seed"].tolist() == [0, 1, 1]
    assert table["epoch"].tolist() == [1, 2, 2] and table["val_acc"].tolist() == [0.5, 0.9, 0.9]
    assert table["seconds"].tolist() == [2.0, 2.0, 10.0] and set(table["job_seconds"]) == {12.5}
    assert "model" not in table and results("mine", "05_evaluation").empty


def test_the_trainings_of_jobs_lie_in_the_run_that_sweeps(home):
    job, run = Run.open("mine/sweep/04_training/epochs-2"), Run.open("mine")
    keep(job, "A-1", 1.0)
    assert sorted(path.name for path in (run.path / "trainings" / "A-1").glob("[!.]*")) == [
        "recipe.json", "seed0.csv", "seed1.csv"]
    assert not (job.path / "trainings").exists()
    pd.testing.assert_frame_equal(job.trainings(), run.trainings())
    assert run.training("A-1").seeds() == [0, 1]


def test_a_job_without_trainings_has_one_row(home):
    run = Run.open("mine/sweep/01_tiny/n-1")
    run.record(parameters={"01_tiny": {"n": 1}}, seconds={"01_tiny": 3.0}, notebooks={"01_tiny": "0123456789abcdef"})
    (row,) = results("mine", "01_tiny").to_dict("records")
    assert (row["job"], row["n"], row["job_seconds"]) == ("n-1", 1, 3.0) and pd.isna(row["training"])


def test_jobs_of_other_classes_are_refused(course, write_notebook):
    write_notebook(course / "notebooks" / "01_tiny.ipynb", PARAMETERS + '\nclasses: str = "Angry,Happy"  # names', WORK)
    with pytest.raises(CourseError, match="classes must be the same for all jobs"):
        sweep("01_tiny", grid({"classes": ["Angry,Happy", "all"]}), run="mine")
    assert not (course / "reports").exists()

"""Nothing is lost: trainings that are killed, that meet each other, that find the disk full. See README.md here."""

import errno
import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from killing import NETWORK, RECIPE, killed_after, start, train
from making import rounds

from fer_utils import CourseError
from fer_utils.lessons import is_finished, load_trained
from fer_utils.runs import Run
from fer_utils.training import Recipe, Result

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL and forkserver are POSIX's")


@pytest.fixture
def home(home, monkeypatch) -> Iterator[Path]:
    (home / "small_net.py").write_text(NETWORK)
    monkeypatch.chdir(home)
    threads = torch.get_num_threads()
    yield home
    torch.set_num_threads(threads)


def kept(run: str, seed: int = 0, name: str | None = None) -> Result:
    """What the run keeps of its training, finished."""
    name = name or next((Run.open(run).path / "trainings").iterdir()).name
    training = Run.open(run).training(name)
    assert is_finished(training, seed) and not training.state(seed).exists()
    return load_trained(training, seed, "cpu")


def same(one: Result, other: Result) -> bool:
    """Whether both have the same history but for the seconds, and bit for bit the same weights."""
    pd.testing.assert_frame_equal(*(each.history.drop(columns="seconds") for each in (one, other)), check_exact=True)
    weights = other.model.state_dict()
    return all(value.equal(weights[name]) for name, value in one.model.state_dict().items())


@rounds(8, 100)
def test_a_training_killed_at_a_random_moment_loses_the_epoch_under_way_alone(home, rounds):
    rng, log = np.random.default_rng(rounds), home / "log.txt"
    whole = start(home, "whole")
    begin = time.perf_counter()
    whole.join()
    length = time.perf_counter() - begin
    whole, cut = kept("whole"), 0
    for number in range(rounds):
        run = f"cut-{number}"
        log.write_text("")
        cut += killed_after(rng.uniform(0, length), home, run, log=log)
        done = len(re.findall("^Epoch", log.read_text(), re.MULTILINE))
        log.write_text("")
        train(home, run, log=log)
        gone_on = re.search(r"going on after epoch (\d) of", log.read_text())
        if done < RECIPE.epochs:
            # A line is written before the state is: the last of them may have been cut between the two.
            assert int(gone_on[1] if gone_on else 0) in (done - 1, done), (done, log.read_text())
        assert same(kept(run), whole)
        left = [path.name for path in Run.open(run).path.rglob(".*") if not path.name.endswith("lock")]
        assert not left, left
    print(f"{cut} of {rounds} were killed while they were at work")
    assert cut > rounds / 4, "too few were killed while they were at work"


@pytest.mark.torture
def test_a_training_on_fer2013_killed_five_times_ends_as_one_that_was_not(home, fer2013_zip):
    rng, log, recipe = np.random.default_rng(12), home / "log.txt", Recipe(epochs=3)
    options = {"log": log, "recipe": recipe, "data": str(fer2013_zip)}
    train(home, "whole", **options)
    whole = kept("whole")
    epoch = whole.history["seconds"].mean()
    for _ in range(5):
        assert killed_after(rng.uniform(0, 1.5 * epoch), home, "cut", **options), "it ended before it was killed"
    train(home, "cut", **options)
    print(log.read_text())
    assert "going on after epoch" in log.read_text() and same(kept("cut"), whole)


@rounds(3, 50)
def test_two_processes_mix_nothing(home, rounds):
    rng, other = np.random.default_rng(rounds), replace(RECIPE, flip=False)
    train(home, "whole")
    train(home, "other", recipe=other)
    whole, different = kept("whole"), kept("other")
    for number in range(rounds):
        run, logs = f"met-{number}", [home / f"log-{number}-{k}.txt" for k in range(3)]
        processes = []
        for log, recipe in zip(logs, (RECIPE, RECIPE, other), strict=True):
            processes.append(start(home, run, log=log, recipe=recipe))
            time.sleep(rng.uniform(0, 0.1))
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0, 0]
        said = [log.read_text() for log in logs]
        assert sorted("training now" in text for text in said[:2]) == [False, True], said
        assert sum("trained before" in text for text in said[:2]) == 1 and "training now" in said[2]
        assert same(kept(run, name=whole.training), whole) and same(kept(run, name=different.training), different)
        assert max(text.count("another process is training it") for text in said) <= 1


def test_a_disk_that_is_full_at_a_random_byte_is_one_sentence_and_loses_nothing(home, monkeypatch):
    rng, sizes, write_bytes = np.random.default_rng(0), [], Path.write_bytes

    def counted(path: Path, content: bytes) -> int:
        sizes.append(len(content))
        return write_bytes(path, content)

    def until_full(path: Path, content: bytes) -> int:
        nonlocal room
        part, room = content[:room], max(0, room - len(content))
        write_bytes(path, part)
        if len(part) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return len(part)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", counted)
        train(home, "whole")
    whole, earlier = kept("whole"), snapshot(home)
    for number in range(30):
        room = int(rng.integers(sum(sizes)))
        with monkeypatch.context() as patch, pytest.raises(CourseError, match="No space left on device") as caught:
            patch.setattr(Path, "write_bytes", until_full)
            train(home, f"full-{number}")
        assert len(str(caught.value)) <= 400 and "cannot be written" in str(caught.value)
        train(home, f"full-{number}")
        assert same(kept(f"full-{number}"), whole)
    assert snapshot(home) == earlier


def snapshot(home: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (home / "reports" / "whole").rglob("*") if path.is_file()}

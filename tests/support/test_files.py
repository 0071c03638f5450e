"""Files written whole, and the lock of a folder: who holds it, and what frees it."""

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile

import pytest
from filelock import FileLock, Timeout

from fer_utils import CourseError
from fer_utils.support.files import beside, locked, remove_leftovers, replacing, temporary_folder, write_json

HOLD = "import sys, time\nfrom pathlib import Path\nfrom fer_utils.support.files import locked\n" \
       "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)"


def test_a_killed_process_leaves_no_lock(tmp_path):
    if os.name == "nt":
        pytest.skip("SIGKILL is POSIX's")
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(Timeout):
        FileLock(tmp_path / ".lock", timeout=0).acquire()
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with FileLock(tmp_path / ".lock", timeout=10):
        pass


def test_a_drive_that_refuses_locks_is_written_without_one(tmp_path, monkeypatch):
    if os.name == "nt":
        pytest.skip("flock is POSIX's")

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with locked(tmp_path / "new"):
        (tmp_path / "new" / "file").touch()


def test_what_fails_under_the_lock_is_not_hidden(tmp_path):
    with pytest.raises(OSError, match="something else"), locked(tmp_path):
        raise OSError("something else")
    with FileLock(tmp_path / ".lock", timeout=0):
        pass


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"old": 1})
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"old": 1} and [*tmp_path.iterdir()] == [path]


def test_the_lock_is_free_again_after_an_error(home):
    with pytest.raises(CourseError):
        with locked(home):
            raise CourseError("something")
    with locked(home):
        pass


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    if os.name == "nt":
        pytest.skip("SIGKILL is POSIX's")
    code = ("import os, sys\nfrom pathlib import Path\n"
            "from fer_utils.support.files import replacing, temporary_folder\n"
            "path = Path(sys.argv[1], 'figures', 'metrics.json')\n"
            "with temporary_folder() as folder, replacing(path) as temporary:\n    temporary.write_text('half')\n"
            "    (folder / 'file').touch()\n    os.kill(os.getpid(), 9)")
    temporary_files = tmp_path / "temporary"
    temporary_files.mkdir()
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=os.environ | {"TMPDIR": str(temporary_files)})
    (left,), (others,) = (tmp_path / "figures").iterdir(), temporary_files.iterdir()
    assert left.name.startswith(".metrics-") and others.name.startswith(".fer")
    own = beside(tmp_path / "figures" / "metrics.json")
    own.touch()
    remove_leftovers(tmp_path)
    assert [*(tmp_path / "figures").iterdir()] == [own], "what a living process writes must stay"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(temporary_files))
        with temporary_folder() as folder:
            assert [*temporary_files.iterdir()] == [folder]
    assert not [*temporary_files.iterdir()]


def test_a_second_process_is_told_that_it_waits(tmp_path):
    if os.name == "nt":
        pytest.skip("SIGKILL is POSIX's")
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    told = []

    def waiting() -> None:
        told.append("waits")
        holder.send_signal(signal.SIGKILL)

    with locked(tmp_path, waiting=waiting):
        assert told == ["waits"]
    holder.communicate()
    with locked(tmp_path, waiting=waiting):
        assert told == ["waits"]

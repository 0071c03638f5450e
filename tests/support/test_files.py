"""Files written whole, and the lock of a folder: who holds it, and what frees it."""

import errno
import os
import signal
import subprocess
import sys

import pytest
from filelock import FileLock, Timeout

from fer_utils.support.files import locked

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

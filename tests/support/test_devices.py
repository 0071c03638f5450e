import os

import psutil
import pytest
import torch

from fer_utils import CourseError
from fer_utils.support.devices import choose_device, choose_precision, leave_busy_cores


def test_a_device_that_is_not_there_is_named():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert choose_device("auto").type in ("cpu", "mps")
    with pytest.raises(CourseError, match="'cuda' is not available here"):
        choose_device("cuda")


@pytest.mark.parametrize(("found", "precision"), [({"avx512_bf16": True}, "bfloat16"), ({"avx2": True}, "float32")])
def test_auto_precision_is_what_the_processor_has_in_hardware(monkeypatch, found, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    assert choose_precision("auto", torch.device("cpu")) == precision
    assert choose_precision("float32", torch.device("cpu")) == "float32"


@pytest.mark.parametrize(("busy", "asked", "threads", "said"), [
    (3, None, 4, ""), (50, None, 2, "2 of its 4 threads"), (100, None, 1, "1 of its 4 threads"), (100, "4", 4, "")])
def test_a_training_takes_the_cores_that_others_leave_free(monkeypatch, capsys, busy, asked, threads, said):
    given = [4]
    monkeypatch.setattr(torch, "get_num_threads", lambda: given[-1])
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(psutil, "cpu_percent", lambda interval: busy)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if asked:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    leave_busy_cores.cache_clear()
    choose_device("cpu")
    assert given[-1] == threads
    words = capsys.readouterr().err
    assert said in words and ("OMP_NUM_THREADS" in words) == bool(said)
    monkeypatch.setattr(psutil, "cpu_percent", lambda interval: 0 if busy else 100)
    choose_device("cpu")
    assert given[-1] == threads, "it looks once"
    leave_busy_cores.cache_clear()

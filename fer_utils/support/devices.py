"""What a training computes on: the processor or a GPU, in which numbers, with which memory."""

import ctypes
import os
import platform
import re
import sys
from functools import cache

import psutil
import torch

from fer_utils import CourseError


def choose_device(name: str = "auto") -> torch.device:
    """The device to compute on: "auto" takes a GPU where there is one (CUDA, then MPS), else the processor."""
    leave_busy_cores()
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    valid = re.fullmatch(r"(cpu|mps|cuda(:\d+)?)", name) and available[name.split(":")[0]]
    if not valid or name.startswith("cuda:") and int(name[5:]) >= torch.cuda.device_count():
        there = ", ".join(kind for kind, there in available.items() if there)
        raise CourseError(f"The device {name[:50]!r} is not available here: choose auto, {there}.")
    return torch.device(name)


@cache
def leave_busy_cores() -> None:
    """Give PyTorch no more threads than other programs leave cores free, unless OMP_NUM_THREADS says how many.

    oneDNN's threads spin while one of them waits for a core: beside another training two are far slower than one. This
    looks once, for 0.3 seconds, since the last digits of a training depend on the number of threads.
    """
    threads = torch.get_num_threads()
    if threads > 1 and "OMP_NUM_THREADS" not in os.environ:
        free = max(1, round((1 - psutil.cpu_percent(interval=0.3) / 100) * os.cpu_count()))
        if free < threads:
            torch.set_num_threads(free)
            print(f"Other programs keep cores busy: PyTorch takes {free} of its {threads} threads. The variable "
                  "OMP_NUM_THREADS sets another number.", file=sys.stderr)


def describe_device(device: torch.device) -> str:
    """One phrase for a log: which processor, and how many threads."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"{device.type} ({platform.machine()}, {torch.get_num_threads()} of {os.cpu_count()} threads)"


def keep_memory() -> None:
    """Have Linux's allocator keep freed memory for the next step, which needs the same again.

    Every step frees and takes more than 100 MB of activations; by default they go back to the system and come as fresh,
    zeroed pages, which can cost a tenth of the training time (notebook 08 measures it). Elsewhere this does nothing.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-3, 32 * 1024**2)  # M_MMAP_THRESHOLD, at the highest value that glibc takes
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


def choose_precision(name: str, device: torch.device) -> str:
    """The numbers of the forward pass: "auto" is bfloat16 where the hardware computes in it, float32 elsewhere."""
    if name == "auto":
        return "bfloat16" if _multiplies_bfloat16(device.type) else "float32"
    return name


def _multiplies_bfloat16(kind: str) -> bool:
    """Whether this kind of device multiplies bfloat16 itself: emulated, it is slower than float32."""
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # torch before 2.10 cannot tell
        found = torch.cpu.get_capabilities()
        return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    return False

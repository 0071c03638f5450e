"""Processes that measure: one that has set nothing yet, and the most memory that one has held."""

import math
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_all_start_methods, get_context

import torch


def fresh_process() -> ProcessPoolExecutor:
    """One process that has set nothing yet; where the system can fork, torch is imported once for all of them."""
    way = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
    context = get_context(way)
    if way == "forkserver":
        context.set_forkserver_preload(["fer_utils.speed"])
    return ProcessPoolExecutor(1, context)


def peak_memory() -> float:
    """The most memory that this process has held, or its tensors on a GPU, in MB; NaN on Windows."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 1e6
    with suppress(ImportError):
        import resource  # not on Windows

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return math.nan


def median_seconds(work: Callable, *arguments, least: float = 0.2) -> float:
    """The median time of one call, called for so many seconds at least, after one that is not counted."""
    took, total = [], 0.0
    work(*arguments)
    while total < least:
        start = time.perf_counter()
        work(*arguments)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        took.append(time.perf_counter() - start)
        total += took[-1]
    return statistics.median(took)

"""Distributes work among the cores of a CPU, in whole pieces."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache

import torch


def on_each_core(function: Callable, pieces: Iterable) -> list:
    """The function's results for all pieces, in order; each core takes whole pieces, and none waits for another.

    PyTorch would split every single operation among the cores, which then wait for each other when it ends.

    >>> on_each_core(lambda n: int(torch.arange(n).sum()), [2, 3, 4])
    [1, 3, 6]
    """
    _keep_freed_memory()
    cores, pieces = torch.get_num_threads(), list(pieces)
    if cores == 1 or len(pieces) < 2:
        return [function(piece) for piece in pieces]
    gradients, inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
    autocast, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")
    results, waiting = [None] * len(pieces), iter(enumerate(pieces))

    def work():
        with (  # a thread does not inherit these
            torch.inference_mode(inference),
            torch.set_grad_enabled(gradients),
            torch.autocast("cpu", dtype, enabled=autocast),
        ):
            for i, piece in waiting:
                results[i] = function(piece)

    _one_core()
    try:
        others = [_workers(cores - 1).submit(work) for _ in range(cores - 1)]
        try:
            work()  # this thread is the first of them: a core that is busy need not be woken
        finally:
            wait(others)
        for other in others:
            other.result()
    finally:
        torch.set_num_threads(cores)
    return results


@lru_cache
def _workers(count: int) -> ThreadPoolExecutor:
    """Threads of one core each; they are kept, because PyTorch's libraries make buffers for every new one."""
    return ThreadPoolExecutor(count, "core", initializer=_one_core)


if hasattr(os, "register_at_fork"):  # a forked process has no threads; Windows does not fork
    os.register_at_fork(after_in_child=_workers.cache_clear)


def _one_core() -> None:
    torch.set_num_threads(1)
    torch.get_num_threads()  # a new thread takes over the common number when it is first asked


def _keep_freed_memory() -> None:
    """Tell Linux's allocator that large blocks come and go here.

    It gives freed memory back to the system, and getting it again, page by page, can cost a fifth of the
    time. But it adapts: after a block of almost 32 MiB has been freed, it keeps up to 64 MiB. Nothing is written
    to the block, so this takes microseconds, and it does no harm with other allocators.
    """
    torch.empty(2**25 - 2**13, dtype=torch.uint8)

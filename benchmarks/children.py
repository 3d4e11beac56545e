"""Processes that end with the one that started them, however that ends. Linux only."""

import ctypes
import signal

PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """For `preexec_fn` of a child that the main thread starts: SIGTERM reaches it when its parent is gone, killed or
    not. A server that outlives its benchmark would keep the port of the next one."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

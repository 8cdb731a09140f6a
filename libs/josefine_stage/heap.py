"""What a service's allocator may keep of memory that was freed."""

import ctypes
import sys
import threading
from typing import Any, Final

MALLOPT: Final = {
    -1: 16 << 20,  # M_TRIM_THRESHOLD: free memory at the heap's end beyond this goes back to the kernel at once
    -3: 1 << 20,  # M_MMAP_THRESHOLD: larger pieces are mapped alone and go back when freed
    -8: 2,  # M_ARENA_MAX: the loop and librdkafka's threads share heaps
}
"""glibc's malloc.h. Its defaults let each thread's heap grow to the largest burst and stay there."""
TRIM_S: Final = 10.0


def bound_heap(stop: threading.Event) -> None:
    """Sets the allocator's limits for this process, and until `stop` gives back now and then what a burst has left
    between what is in use. Does nothing where the allocator is not glibc's.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt") or not hasattr(libc, "malloc_trim"):
        return
    for parameter, value in MALLOPT.items():
        libc.mallopt(parameter, value)
    threading.Thread(target=_trim, args=(libc, stop), name="heap", daemon=True).start()


def _trim(libc: Any, stop: threading.Event) -> None:
    while not stop.wait(TRIM_S):
        libc.malloc_trim(0)

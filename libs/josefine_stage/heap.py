"""What a service's allocator may keep of memory that was freed."""

import ctypes
import sys
from typing import Final

MALLOPT: Final = {
    -1: 4 << 20,  # M_TRIM_THRESHOLD: free memory at the heap's end beyond this goes back to the kernel
    -3: 1 << 20,  # M_MMAP_THRESHOLD: larger pieces are mapped alone and go back when freed
    -8: 2,  # M_ARENA_MAX: the loop and librdkafka's threads share heaps
}
"""glibc's malloc.h. Its defaults let each thread's heap grow to the largest burst and stay there."""


def bound_heap() -> None:
    """Sets the allocator's limits for this process; does nothing where it is not glibc's."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for parameter, value in MALLOPT.items():
        mallopt(parameter, value)

"""Memory that is used again and again is kept, where the C library lets us say so.

By default each large buffer is given back to the system when it is freed and each new one comes in pages that the
system hands out, cleared, one fault at a time. Batches and request bodies come one after the other, in like sizes: on a
virtual machine those faults cost more than the work.
"""

import ctypes
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -2, -3, -4  # of <malloc.h>
# Has glibc ask for memory in pages of 2 MB; it must be in the environment before a process starts.
HUGE_PAGES = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
LARGEST = 32 << 20  # bytes: larger buffers are handed out and given back one by one, unless told otherwise


def keep_memory(kept: int, *, ready: int = 0, large: bool = False) -> None:
    """Keep up to `kept` bytes of freed memory in this process, and have `ready` bytes of it at once.

    `large`: also that of buffers beyond `LARGEST`; what lies between others then stays even where it is more.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # not every C library has it
    if mallopt is not None:
        for option, value in ((M_MMAP_THRESHOLD, LARGEST), (M_TRIM_THRESHOLD, kept), (M_TOP_PAD, LARGEST)):
            mallopt(option, value)
        if large:
            mallopt(M_MMAP_MAX, 0)
        _ = b"." * ready  # written and freed: now it is ours

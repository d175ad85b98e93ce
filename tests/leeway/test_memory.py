"""Memory that was freed stays with the process, up to what it was told to keep."""

import os
import subprocess
import sys

import pytest

KEEPING = """
import resource
from leeway.memory import keep_memory
keep_memory(64 << 20, ready={ready})
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    _ = b"." * (8 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults(), faults())
"""
PAGES = (8 << 20) // 4096


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is told what to keep")
def test_a_buffer_that_was_freed_is_used_again():
    def faults(ready: int) -> list[int]:
        env = {**os.environ, "GLIBC_TUNABLES": ""}
        done = subprocess.run(
            [sys.executable, "-c", KEEPING.format(ready=ready)], capture_output=True, check=True, env=env
        )
        return [int(word) for word in done.stdout.split()]

    first, second = faults(0)
    assert first >= PAGES / 2 > second
    assert faults(16 << 20)[0] < PAGES / 2

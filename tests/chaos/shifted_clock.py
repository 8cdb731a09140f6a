"""A service whose wall clock can be stepped: python shifted_clock.py ROLE, seconds in the file of $CHAOS_CLOCK."""

import os
import runpy
import sys
import time
from pathlib import Path

from josefine_stage.clock import SystemClock

FILE = "CHAOS_CLOCK"


def shift(file: Path) -> None:
    """Adds the file's seconds to the wall clock of this process; the monotonic clock never steps."""

    def epoch_s(_: SystemClock) -> float:
        return time.time() + (float(file.read_text()) if file.exists() else 0.0)

    SystemClock.epoch_s = epoch_s


if __name__ == "__main__":
    shift(Path(os.environ[FILE]))
    runpy.run_module(f"josefine_{sys.argv[1]}", run_name="__main__", alter_sys=True)

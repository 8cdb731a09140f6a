"""The running-totals handler as a service process, for tests that kill it, and for one that makes it slow to start."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "josefine_stage"))

from running_totals import RunningTotals

from josefine_stage.handler import Step, Turn
from josefine_stage.service import serve, settings_from_environment
from josefine_stage.settings import StageSettings
from josefine_wire import topics
from josefine_wire.records import AudioChunk

READY_FILE = os.environ.get("JOSEFINE_TEST_READY")
"""While there is no such file, the handler is not ready; another one beside it has a byte for every turn until then."""


class SlowToStart(RunningTotals):
    def advance(self, turn: Turn) -> Step[AudioChunk]:
        if READY_FILE is not None and not self.ready():
            with Path(f"{READY_FILE}.turns").open("ab") as turns:
                turns.write(b".")
        return super().advance(turn)

    def ready(self) -> bool:
        return READY_FILE is None or Path(READY_FILE).exists()


if __name__ == "__main__":
    serve(sys.argv[1], topics.AUDIO_RAW, settings_from_environment(StageSettings), SlowToStart)

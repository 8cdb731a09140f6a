"""The running-totals handler as a service process, for tests that kill it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "josefine_stage"))

from running_totals import RunningTotals

from josefine_stage.service import serve, settings_from_environment
from josefine_stage.settings import StageSettings
from josefine_wire import topics

if __name__ == "__main__":
    serve(sys.argv[1], topics.AUDIO_RAW, settings_from_environment(StageSettings), RunningTotals)

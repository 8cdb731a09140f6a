"""python -m josefine_feature"""

import os

# numpy multiplies no matrices here, and its threads would only take memory. Read when numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from josefine_feature.build import build
from josefine_feature.settings import FeatureSettings
from josefine_stage.service import serve, settings_from_environment
from josefine_wire.topics import AUDIO_FRAMES

if __name__ == "__main__":
    settings = settings_from_environment(FeatureSettings)
    serve("feature", AUDIO_FRAMES, settings, lambda: build(settings), compression="none")

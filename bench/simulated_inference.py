"""python -m bench.simulated_inference: the inference service, its devices simulated (simulated_device.py)."""

from bench.simulated_device import LOADER
from josefine_inference.build import build
from josefine_inference.settings import InferenceSettings
from josefine_stage.service import serve, settings_from_environment
from josefine_wire.topics import FEATURE_FRAMES

if __name__ == "__main__":
    settings = settings_from_environment(InferenceSettings)
    serve("inference", FEATURE_FRAMES, settings, lambda: build(settings, LOADER))

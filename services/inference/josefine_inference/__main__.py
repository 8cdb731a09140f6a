"""python -m josefine_inference: the inference service, configured by its environment."""

from josefine_inference.build import build
from josefine_inference.settings import InferenceSettings
from josefine_stage.service import serve, settings_from_environment
from josefine_wire.topics import FEATURE_FRAMES

if __name__ == "__main__":
    settings = settings_from_environment(InferenceSettings)
    serve("inference", FEATURE_FRAMES, settings, lambda: build(settings))

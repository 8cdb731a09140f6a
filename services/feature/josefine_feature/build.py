"""From settings to a handler with its model loaded."""

from pathlib import Path

from josefine_feature.handler import FeatureHandler
from josefine_feature.settings import FeatureSettings
from josefine_models.errors import ModelError
from josefine_models.store import fetch
from josefine_speech.features import FeatureExtractor
from josefine_speech.kernels.library import KernelsMissingError
from josefine_speech.mel import LogMel
from josefine_speech.vad import VoiceActivity, WeightsError
from josefine_stage.errors import ConfigurationError
from josefine_wire.positions import samples


def build(settings: FeatureSettings) -> FeatureHandler:
    """Returns the handler; a download of a few MB where the store lacks the model.

    Raises:
        ConfigurationError: the model is unknown, cannot be had, or is another one; the project was not built.
    """
    try:
        voice_activity = VoiceActivity.load(_folder(settings.vad_model))
    except (ModelError, WeightsError, FileNotFoundError) as error:
        raise ConfigurationError(f"JOSEFINE_VAD_MODEL={settings.vad_model}: {error}") from error
    except KernelsMissingError as error:
        raise ConfigurationError(str(error)) from error
    return FeatureHandler(
        FeatureExtractor(LogMel(settings.mels), voice_activity),
        slice_samples=samples(settings.slice_audio_s),
        queue_limit_bytes=settings.queue_limit_bytes,
    )


def _folder(model: str) -> Path:
    folder = Path(model)
    return folder if folder.is_dir() else fetch(model)

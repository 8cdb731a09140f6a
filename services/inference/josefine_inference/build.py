"""Puts the stage together from its settings."""

import structlog

from josefine_inference.channel import ChannelOptions
from josefine_inference.deadlines import DeadlineLimits
from josefine_inference.device import Device, DeviceOptions
from josefine_inference.handler import HandlerOptions, InferenceHandler
from josefine_inference.models import Models
from josefine_inference.pool import DevicePool
from josefine_inference.process import ChildOptions
from josefine_inference.scheduler import BatchLimits
from josefine_inference.settings import InferenceSettings
from josefine_models.errors import ModelError
from josefine_models.store import fetch, locate
from josefine_stage.errors import ConfigurationError

MOST_MELS = 128
"""Whisper large-v3; the others have 80."""
LONGEST_JOB_HOPS = 3000

log = structlog.get_logger()


def build(settings: InferenceSettings) -> InferenceHandler:
    """Returns the handler with its devices' children started; they load while the runtime joins its group.

    A download first where the store lacks a model.

    Raises:
        ConfigurationError: a model is unknown or cannot be had.
    """
    for name in dict.fromkeys((settings.model, *settings.models)):
        _fetch(name)
    devices = [device.strip() for device in settings.device.split(",")]
    return InferenceHandler(
        HandlerOptions(
            channel=ChannelOptions(settings.model, settings.endpointing_ms),
            models=Models(settings.model, settings.models, missing=_missing),
            batches=BatchLimits(
                hops=settings.batch_hops,
                jobs=settings.batch_jobs,
                max_wait_s=settings.batch_wait_ms / 1000,
                recorded_hops_beside_live=settings.recorded_hops_beside_live,
            ),
            interim_hops=settings.interim_interval_ms // 10,
            held_bytes=settings.held_mib * 1024 * 1024,
        ),
        DevicePool([Device(_device(settings, device)) for device in devices]),
    )


def _fetch(name: str) -> None:
    try:
        fetch(name, progress=lambda line: log.info("model_fetched", progress=line))
    except ModelError as error:
        raise ConfigurationError(f"JOSEFINE_MODEL or JOSEFINE_MODELS names {name}: {error}") from error


def _missing(name: str) -> str | None:
    try:
        locate(name)
    except ModelError as error:
        return str(error)
    return None


def _device(settings: InferenceSettings, device: str) -> DeviceOptions:
    slot_hops = max(settings.batch_hops, LONGEST_JOB_HOPS)
    return DeviceOptions(
        ChildOptions(device, settings.dtype, settings.threads, slot_bytes=slot_hops * MOST_MELS * 2),
        settings.model,
        DeadlineLimits(settings.batch_deadline_s, settings.load_deadline_s, settings.kill_deadline_s),
        settings.start_failures,
        settings.probe_interval_s,
    )

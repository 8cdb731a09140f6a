"""Puts the stage together from its settings."""

import structlog

from josefine_inference.channel import ChannelOptions
from josefine_inference.deadlines import DeadlineLimits
from josefine_inference.device import Device
from josefine_inference.device_options import DeviceOptions
from josefine_inference.devices import Place, cuda_driver, places, usable_cores
from josefine_inference.fault_switch import faults_file
from josefine_inference.handler import HandlerOptions, InferenceHandler
from josefine_inference.health import HealthOptions
from josefine_inference.mel import MOST_MELS
from josefine_inference.models import Models
from josefine_inference.pool import DevicePool
from josefine_inference.process import WHISPER, ChildOptions
from josefine_inference.scheduler import BatchLimits
from josefine_inference.settings import InferenceSettings
from josefine_models.errors import ModelError
from josefine_models.store import fetch, locate
from josefine_stage.errors import ConfigurationError

LONGEST_JOB_HOPS = 3000

log = structlog.get_logger()


def build(settings: InferenceSettings, loader: str = WHISPER) -> InferenceHandler:
    """Returns the handler with its devices' children started; they load while the runtime joins its group, or before.

    A download first where the store lacks a model. `loader` gives the children their models, see ChildOptions.

    Raises:
        ConfigurationError: a model is unknown or cannot be had, or faults are half asked for.
    """
    faults = faults_file(settings.faults, settings.allow_faults)
    for name in dict.fromkeys((settings.model, *settings.models)):
        _fetch(name)
    devices = places(settings.device, settings.threads, cores=usable_cores(), driver=cuda_driver())
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
            live_streams=settings.live_streams,
            fault_injection=bool(faults),
        ),
        DevicePool([Device(_device(settings, place, faults, loader)) for place in devices], spare=settings.spare_child),
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


def _device(settings: InferenceSettings, place: Place, faults: str, loader: str) -> DeviceOptions:
    slot_bytes = max(settings.batch_hops, LONGEST_JOB_HOPS) * MOST_MELS * 2
    return DeviceOptions(
        child=ChildOptions(
            place.device, settings.dtype, place.threads, slot_bytes=slot_bytes, loader=loader, faults=faults
        ),
        model=settings.model,
        deadlines=DeadlineLimits(
            batch_s=settings.batch_deadline_s,
            load_s=settings.load_deadline_s,
            term_s=settings.term_deadline_s,
            kill_s=settings.kill_deadline_s,
        ),
        start_failures=settings.start_failures,
        probe_s=settings.probe_interval_s,
        health=HealthOptions(settings.health_interval_s, settings.health_deadline_s),
        rest_s=settings.quarantine_s,
        name=place.name,
    )

"""The cluster as the environment describes it, for commands. Services read the same variables in their settings."""

import json
import os
from typing import Final

from josefine_kafka.connection import Broker
from josefine_stage.errors import ConfigurationError

SERVERS: Final = ("JOSEFINE_KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BOOTSTRAP_SERVERS")
"""The first that is set names the brokers."""
EXTRA: Final = "JOSEFINE_KAFKA_EXTRA"


def named_servers() -> str:
    """Returns the brokers that the environment names; empty where it names none."""
    return next((servers for name in SERVERS if (servers := os.environ.get(name, "").strip())), "")


def broker_at(servers: str, timeout_s: float = 30.0, **properties: str) -> Broker:
    """Returns how `servers` are reached: with `properties`, and JOSEFINE_KAFKA_EXTRA on top.

    Raises:
        ConfigurationError: JOSEFINE_KAFKA_EXTRA is no JSON object.
    """
    return Broker(servers, {**properties, **_extra()}, timeout_s)


def _extra() -> dict[str, str]:
    text = os.environ.get(EXTRA, "").strip() or "{}"
    try:
        extra = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{EXTRA}: no JSON: {error}") from error
    if not isinstance(extra, dict):
        raise ConfigurationError(f"{EXTRA}: must be a JSON object")
    return {str(name): str(value) for name, value in extra.items()}

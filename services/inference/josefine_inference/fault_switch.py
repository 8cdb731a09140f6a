"""The switch of fault injection, which nobody finds by accident: a file and a sentence."""

from typing import Final

import structlog

from josefine_stage.errors import ConfigurationError

ALLOWED: Final = "yes-break-this-engine"


def check_switch(path: str, allowed: str) -> None:
    """Refuses half a switch.

    Args:
        path: JOSEFINE_FAULTS.
        allowed: JOSEFINE_ALLOW_FAULTS.

    Raises:
        ValueError: one is set without the other.
    """
    if (path or allowed) and not (path and allowed == ALLOWED):
        raise ValueError(
            f"fault injection breaks the engine on purpose: it needs JOSEFINE_FAULTS (a file, is {path!r}) and "
            f"JOSEFINE_ALLOW_FAULTS={ALLOWED}; unset both to run without faults"
        )


def faults_file(path: str, allowed: str) -> str:
    """Returns the file of faults that the device children are to have; empty: none.

    Raises:
        ConfigurationError: one of the two is set without the other, or the file makes no sense.
    """
    try:
        check_switch(path, allowed)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    if not path:
        return ""
    _check(path)
    structlog.get_logger().warning(
        "fault_injection_enabled", file=path, meaning="this engine breaks on purpose: no real speech here"
    )
    return path


def _check(path: str) -> None:
    from josefine_inference.faults import FaultsError, read_faults  # noqa: PLC0415 - only where it was asked for

    try:
        read_faults(path)
    except FaultsError as error:
        raise ConfigurationError(f"JOSEFINE_FAULTS: {error}") from error

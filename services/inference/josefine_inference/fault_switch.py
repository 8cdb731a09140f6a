"""The switch of fault injection, which nobody finds by accident: a file and a sentence."""

from typing import Final

import structlog

from josefine_stage.errors import ConfigurationError

ALLOWED: Final = "yes-break-this-engine"


def faults_file(path: str, allowed: str) -> str:
    """Returns the file of faults that the device children are to have; empty: none.

    Args:
        path: JOSEFINE_FAULTS.
        allowed: JOSEFINE_ALLOW_FAULTS.

    Raises:
        ConfigurationError: one is set without the other, or the file makes no sense.
    """
    if not path and not allowed:
        return ""
    if not path or allowed != ALLOWED:
        raise ConfigurationError(
            f"fault injection breaks the engine on purpose: it needs JOSEFINE_FAULTS (a file, is {path!r}) and "
            f"JOSEFINE_ALLOW_FAULTS={ALLOWED} (is {allowed!r}); unset both to run without faults"
        )
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

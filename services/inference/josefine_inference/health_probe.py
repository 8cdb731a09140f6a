"""Prints what NVIDIA's driver says of one device, as one line of JSON: python -m josefine_inference.health_probe cuda:0

A process of its own, because a hung driver hangs every call into it, SIGTERM or not.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from josefine_inference.health import Health
from josefine_inference.lineage import die_with_parent

CANNOT_TELL: Final = frozenset({"LibraryNotFound", "FunctionNotFound", "NotSupported", "NoPermission"})
"""NVML errors that say something of this machine's set-up and nothing of the device."""


def nvml_name(device: str, visible: str | None) -> str:
    """Returns the index or UUID by which NVML knows a CUDA device, counted by the bus as the device's child counts.

    Args:
        device: cuda or cuda:N.
        visible: CUDA_VISIBLE_DEVICES, which renumbers them: indices or UUIDs, separated by commas.

    Raises:
        ValueError: there is no such device among the visible ones.
    """
    number = int(device.partition(":")[2] or 0)
    if not visible:
        return str(number)
    names = [name.strip() for name in visible.split(",")]
    if number >= len(names):
        raise ValueError(f"{device} is not among CUDA_VISIBLE_DEVICES={visible}")
    return names[number]


def health(nvml: Any, name: str) -> Health:
    """Returns the health of a device by its index or UUID; `nvml` is the module pynvml."""
    try:
        nvml.nvmlInit()
        handle = nvml.nvmlDeviceGetHandleByIndex(int(name)) if name.isdigit() else _by_uuid(nvml, name)
        # The queries that fail where the card has left the bus; what follows is for people.
        uuid, memory = nvml.nvmlDeviceGetUUID(handle), nvml.nvmlDeviceGetMemoryInfo(handle)
    except nvml.NVMLError as error:
        kind = type(error).__name__.removeprefix("NVMLError_")
        return Health(healthy=None if kind in CANNOT_TELL else False, reason=f"NVML: {error}")

    def told(query: Callable[[], Any]) -> Any:
        try:
            return query()
        except nvml.NVMLError:
            return None  # not every card has it

    pending = told(lambda: nvml.nvmlDeviceGetRetiredPagesPendingStatus(handle))
    return Health(
        healthy=True,
        uuid=uuid,
        name=told(lambda: nvml.nvmlDeviceGetName(handle)),
        memory_used_bytes=memory.used,
        memory_total_bytes=memory.total,
        temperature_celsius=told(lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),
        ecc_uncorrected_errors=told(
            lambda: nvml.nvmlDeviceGetTotalEccErrors(
                handle, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC
            )
        ),
        retired_pages_pending=None if pending is None else bool(pending),
    )


def _by_uuid(nvml: Any, uuid: str) -> Any:
    """Returns the handle of a UUID, which CUDA_VISIBLE_DEVICES may give by its beginning."""
    if uuid.startswith("GPU-"):
        for index in range(nvml.nvmlDeviceGetCount()):
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            if nvml.nvmlDeviceGetUUID(handle).startswith(uuid):
                return handle
    return nvml.nvmlDeviceGetHandleByUUID(uuid)


def probed(device: str) -> Health:
    """Returns the health of cuda or cuda:N on this machine."""
    try:
        import pynvml  # noqa: PLC0415 - an image for CPUs has it not
    except ImportError as error:
        return Health(healthy=None, reason=f"no nvidia-ml-py: {error}")
    try:
        name = nvml_name(device, os.environ.get("CUDA_VISIBLE_DEVICES"))
    except ValueError as error:
        return Health(healthy=False, reason=str(error))
    return health(pynvml, name)


def main() -> None:
    """Prints the health of the device that the command line names."""
    parser = argparse.ArgumentParser(description="Prints what the driver says of a device, as one line of JSON.")
    parser.add_argument("--parent", type=int, help="end with this process")
    parser.add_argument("device", help="cuda, cuda:0, ...")
    options = parser.parse_args()
    if options.parent:
        die_with_parent(options.parent)
    sys.stdout.write(json.dumps(asdict(probed(options.device))) + "\n")


if __name__ == "__main__":
    main()

"""What is made of the driver's answers. No GPU: the library NVML is played; the process around it: integration."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_inference.health import Health
from josefine_inference.health_probe import health, nvml_name, probed

GIB = 1 << 30


class NVMLError(Exception):
    pass


# Named as pynvml names them, which the probe goes by.
LOST, NO_LIBRARY, UNSUPPORTED = (
    type(f"NVMLError_{kind}", (NVMLError,), {}) for kind in ("GpuIsLost", "LibraryNotFound", "NotSupported")
)


def library(uuids=("GPU-aaaa", "GPU-bbbb"), **changes):
    """Returns what pynvml would be, with cards of these UUIDs."""

    def unsupported(*_):
        raise UNSUPPORTED("Not Supported")

    calls = {
        "NVMLError": NVMLError,
        "NVML_TEMPERATURE_GPU": 0,
        "NVML_MEMORY_ERROR_TYPE_UNCORRECTED": 1,
        "NVML_VOLATILE_ECC": 0,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: len(uuids),
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetHandleByUUID": unsupported,
        "nvmlDeviceGetUUID": lambda handle: uuids[handle],
        "nvmlDeviceGetName": lambda handle: "a card",
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(used=GIB, total=80 * GIB),
        "nvmlDeviceGetTemperature": lambda handle, _sensor: 41,
        "nvmlDeviceGetTotalEccErrors": lambda handle, _kind, _counter: 2,
        "nvmlDeviceGetRetiredPagesPendingStatus": unsupported,
    }
    return SimpleNamespace(**(calls | changes))


def test_a_card_that_answers_is_healthy_and_described():
    assert health(library(), "1") == Health(
        healthy=True,
        uuid="GPU-bbbb",
        name="a card",
        memory_used_bytes=GIB,
        memory_total_bytes=80 * GIB,
        temperature_celsius=41,
        ecc_uncorrected_errors=2,
        retired_pages_pending=None,
    )


def test_a_card_is_found_by_the_beginning_of_its_uuid():
    assert health(library(), "GPU-b").uuid == "GPU-bbbb"


@pytest.mark.parametrize(("error", "healthy"), [(LOST, False), (NO_LIBRARY, None)])
def test_what_says_nothing_of_the_card_is_no_illness(error, healthy):
    def fails(*_):
        raise error("so it is")

    answer = health(library(nvmlDeviceGetMemoryInfo=fails), "0")
    assert (answer.healthy, answer.reason) == (healthy, "NVML: so it is")


@pytest.mark.parametrize(
    ("device", "visible", "name"),
    [
        ("cuda", None, "0"),
        ("cuda:3", None, "3"),
        ("cuda:1", "", "1"),
        ("cuda:1", "4, 7", "7"),
        ("cuda", "GPU-bbbb", "GPU-bbbb"),
    ],
)
def test_visible_devices_are_renumbered(device, visible, name):
    assert nvml_name(device, visible) == name


def test_a_card_that_is_not_visible_is_ill(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert probed("cuda:1") == Health(healthy=False, reason="cuda:1 is not among CUDA_VISIBLE_DEVICES=0")


def test_an_answer_is_read_and_what_is_new_in_it_left_out():
    assert Health.parsed(b'{"healthy": true, "uuid": "GPU-a", "fan": 3}\n') == Health(healthy=True, uuid="GPU-a")


@pytest.mark.parametrize(
    "line", [b"", b"null", b"{}", b'{"healthy": "yes"}', b'{"healthy": false, "reason": 3}', b"\xff"]
)
def test_nonsense_is_no_health(line):
    with pytest.raises(ValueError, match=r".*"):
        Health.parsed(line)


@given(st.binary(max_size=30))
def test_no_bytes_raise_anything_else(line):
    try:
        Health.parsed(line)
    except ValueError:
        return

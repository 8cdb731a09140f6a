"""Which devices there are, and how they share the cores."""

import os

import pytest
from pydantic import ValidationError

from josefine_inference.devices import Place, places, usable_cores
from josefine_inference.settings import InferenceSettings


@pytest.mark.parametrize(
    ("cores", "expected"),
    [
        (1, [Place("cpu", "cpu", 1)]),
        (2, [Place("cpu", "cpu#1", 1), Place("cpu", "cpu#2", 1)]),
        (7, [Place("cpu", "cpu#1", 3), Place("cpu", "cpu#2", 3)]),
    ],
)
def test_a_cpu_alone_is_two_devices_where_it_has_two_cores(cores, expected):
    assert places("auto", 0, cores=cores, driver=False) == expected


def test_where_a_driver_is_a_child_looks_for_its_device_and_has_all_cores_if_there_is_none():
    assert places("auto", 0, cores=8, driver=True) == [Place("auto", "auto", 8)]


def test_devices_that_are_named_are_those():
    assert places("cpu", 0, cores=4, driver=False) == [Place("cpu", "cpu", 4)]
    named = places("cuda:0, cpu,cpu", 0, cores=4, driver=True)
    assert [(place.device, place.name) for place in named] == [("cuda:0", "cuda:0"), ("cpu", "cpu#1"), ("cpu", "cpu#2")]
    assert [place.threads for place in named] == [0, 2, 2]
    assert [place.threads for place in places("cpu,cpu,cpu", 0, cores=2, driver=False)] == [1, 1, 1]


def test_threads_that_are_set_are_those_of_each():
    assert [place.threads for place in places("auto", 3, cores=2, driver=False)] == [3, 3]


@pytest.mark.parametrize(
    ("devices", "reason"), [("cpu,", "between each two commas"), ("auto,cpu", "auto stands alone")]
)
def test_what_names_no_devices_is_refused_in_a_line(devices, reason):
    with pytest.raises(ValidationError, match=reason):
        InferenceSettings(kafka_bootstrap_servers="localhost:1", device=devices)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="asks Linux")
def test_threads_of_one_core_count_as_one(tmp_path):
    for processor in os.sched_getaffinity(0):
        (tmp_path / f"cpu{processor}").write_text("0-99\n")
    assert usable_cores(tmp_path / "no quota", f"{tmp_path}/cpu{{}}") == 1
    assert usable_cores(tmp_path / "no quota", f"{tmp_path}/nothing{{}}") == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("written", "most"), [("100000 100000", 1), ("50000 100000", 1), ("150000 100000", 2)])
def test_a_container_has_its_share_of_the_cores(tmp_path, written, most):
    everything = usable_cores(tmp_path / "there is none")
    quota = tmp_path / "cpu.max"
    quota.write_text(f"{written}\n")
    assert usable_cores(quota) == min(most, everything)


def test_a_container_without_a_limit_has_all(tmp_path):
    quota = tmp_path / "cpu.max"
    quota.write_text("max 100000\n")
    assert usable_cores(quota) == usable_cores(tmp_path / "there is none") >= 1

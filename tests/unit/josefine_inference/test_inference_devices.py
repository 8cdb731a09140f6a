"""Which devices there are, and how they share the cores."""

import pytest

from josefine_inference.devices import Place, places, usable_cores


@pytest.mark.parametrize(
    ("cores", "expected"),
    [
        (1, [Place("cpu", 1)]),
        (2, [Place("cpu", 1), Place("cpu", 1)]),
        (7, [Place("cpu", 3), Place("cpu", 3)]),
    ],
)
def test_a_cpu_alone_is_two_devices_where_it_has_two_cores(cores, expected):
    assert places("auto", 0, cores=cores, driver=False) == expected


def test_where_a_driver_is_a_child_looks_for_its_device():
    assert places("auto", 0, cores=8, driver=True) == [Place("auto", 0)]


def test_devices_that_are_named_are_those():
    assert places("cpu", 0, cores=4, driver=False) == [Place("cpu", 4)]
    assert places("cuda:0, cpu,cpu", 0, cores=4, driver=True) == [Place("cuda:0", 0), Place("cpu", 2), Place("cpu", 2)]
    assert places("cpu,cpu,cpu", 0, cores=2, driver=False) == [Place("cpu", 1)] * 3


def test_threads_that_are_set_are_those_of_each():
    assert places("auto", 3, cores=2, driver=False) == [Place("cpu", 3), Place("cpu", 3)]


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

from pathlib import Path

import pytest

from josefine_local.errors import ConfigurationError
from josefine_local.options import UP_PORTS, Service, StackOptions, standard_services
from josefine_local.plan import Endpoints, service_process

VARIABLES = (
    "JOSEFINE_BROKER",
    "JOSEFINE_DELIVERY",
    "JOSEFINE_KAFKA_BOOTSTRAP_SERVERS",
    "KAFKA_BOOTSTRAP_SERVERS",
    "JOSEFINE_REDIS_URL",
    "REDIS_URL",
)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_options_survive_the_way_to_another_process():
    options = StackOptions(Path("/run"), (Service("x", ("python", "-c", "1"), {"A": "b"}),), "tansu", UP_PORTS)
    assert StackOptions.from_json(options.to_json()) == options


def test_an_empty_environment_starts_everything():
    options = StackOptions.from_environment()
    assert options.bootstrap_servers is None
    assert options.redis_url is None
    assert [service.role for service in options.services] == ["ingest", "feature", "inference", "nlu"]


def test_named_servers_are_used_and_the_prefixed_variable_wins(monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "a:1")
    monkeypatch.setenv("JOSEFINE_KAFKA_BOOTSTRAP_SERVERS", "b:2")
    monkeypatch.setenv("REDIS_URL", "redis://c:3/0")
    options = StackOptions.from_environment()
    assert (options.bootstrap_servers, options.redis_url) == ("b:2", "redis://c:3/0")


def test_a_blank_variable_is_no_variable(monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", " ")
    assert StackOptions.from_environment().bootstrap_servers is None


@pytest.mark.parametrize("name", ["JOSEFINE_BROKER", "JOSEFINE_DELIVERY"])
def test_a_variable_with_none_of_its_choices_is_named(monkeypatch, name):
    monkeypatch.setenv(name, "rabbit")
    with pytest.raises(ConfigurationError, match=f"{name}.*rabbit"):
        StackOptions.from_environment()


def test_services_get_the_endpoints_and_their_own_variables():
    (service,) = (each for each in standard_services({"inference": {"JOSEFINE_MODEL": "base"}}) if each.environment)
    endpoints = Endpoints("127.0.0.1:1", "redis://127.0.0.1:2/0", "at_least_once", "tansu")
    spec = service_process(service, endpoints, 9103)
    expected = {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "REDIS_URL": "redis://127.0.0.1:2/0",
        "JOSEFINE_DELIVERY": "at_least_once",
        "JOSEFINE_INSTANCE_ID": "inference-0",
        "JOSEFINE_METRICS_PORT": "9103",
        "JOSEFINE_MODEL": "base",
    }
    assert expected.items() <= spec.environment.items()
    assert spec.fatal_statuses == {2}

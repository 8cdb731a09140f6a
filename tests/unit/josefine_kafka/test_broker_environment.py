import pytest

from josefine_kafka import admin
from josefine_kafka.broker_environment import EXTRA, SERVERS, broker_at, named_servers
from josefine_stage.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in (*SERVERS, EXTRA):
        monkeypatch.delenv(name, raising=False)


def test_the_prefixed_variable_wins_and_a_blank_one_is_none(monkeypatch):
    assert named_servers() == ""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "a:1")
    monkeypatch.setenv("JOSEFINE_KAFKA_BOOTSTRAP_SERVERS", " ")
    assert named_servers() == "a:1"
    monkeypatch.setenv("JOSEFINE_KAFKA_BOOTSTRAP_SERVERS", "b:2")
    assert named_servers() == "b:2"


def test_the_users_properties_win(monkeypatch):
    monkeypatch.setenv(EXTRA, '{"security.protocol": "SASL_SSL", "log_level": 7}')
    broker = broker_at("a:1", 5.0, log_level="2", acks="all")
    assert (broker.bootstrap_servers, broker.timeout_s) == ("a:1", 5.0)
    assert broker.extra == {"security.protocol": "SASL_SSL", "log_level": "7", "acks": "all"}


@pytest.mark.parametrize("text", ["[1]", "{", '"x"'])
def test_extra_that_is_no_object_is_named(monkeypatch, text):
    monkeypatch.setenv(EXTRA, text)
    with pytest.raises(ConfigurationError, match=EXTRA):
        broker_at("a:1")


def test_topics_are_created_where_and_as_the_environment_says(monkeypatch):
    asked = []
    monkeypatch.setattr(admin, "create_topics", lambda *arguments: asked.append(arguments))
    monkeypatch.setenv("JOSEFINE_KAFKA_BOOTSTRAP_SERVERS", "b:2")
    monkeypatch.setenv(EXTRA, '{"sasl.username": "anna"}')
    monkeypatch.setenv("JOSEFINE_PARTITIONS", "3")
    assert admin.main() == 0
    [(broker, partitions, replication)] = asked
    assert (broker.bootstrap_servers, broker.extra, partitions, replication) == ("b:2", {"sasl.username": "anna"}, 3, 1)


def test_a_wrong_variable_is_one_readable_line(monkeypatch, capsys):
    monkeypatch.setenv(EXTRA, "{")
    assert admin.main() == 2
    assert EXTRA in capsys.readouterr().err

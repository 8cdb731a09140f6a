from pathlib import Path

import pytest

from josefine_local.java import Java, parse_version
from josefine_local.kafka import KafkaNode, KafkaRuntime, Voter, kafka_process, new_cluster_id, properties

ONE = KafkaNode(Path("/run/kafka"), 9092, (Voter(1, 9093),))
THREE_VOTERS = tuple(Voter(number, 9100 + number) for number in (1, 2, 3))


def test_a_single_node_keeps_one_copy_and_listens_by_number_only():
    settings = properties(ONE)
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert settings["transaction.state.log.replication.factor"] == "1"
    assert settings["auto.create.topics.enable"] == "false"


def test_a_node_of_three_knows_its_quorum_and_keeps_three_copies():
    node = KafkaNode(Path("/run/2"), 9202, THREE_VOTERS, node_id=2, cluster_id=new_cluster_id(), role="broker-2")
    settings = properties(node)
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:9101,2@127.0.0.1:9102,3@127.0.0.1:9103"
    assert settings["listeners"].endswith("CONTROLLER://127.0.0.1:9102")
    assert (settings["offsets.topic.replication.factor"], settings["min.insync.replicas"]) == ("3", "2")


@pytest.mark.parametrize(("version", "expected"), [(17, False), (25, True)])
def test_new_java_is_allowed_to_load_native_code_and_old_java_is_not_asked(version, expected):
    spec = kafka_process(ONE, KafkaRuntime(Java(Path("java"), version, "test"), (Path("a.jar"), Path("b.jar"))))
    assert ("--enable-native-access=ALL-UNNAMED" in spec.argv) is expected
    assert "a.jar:b.jar" in spec.argv


def test_cluster_ids_have_kafkas_form_and_differ():
    ids = {new_cluster_id() for _ in range(2_000)}
    assert len(ids) == 2_000
    assert {len(each) for each in ids} == {22}
    assert not any(each.startswith("-") for each in ids)  # Kafka's tool would take it for an option


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_412"', 8),
        ('openjdk version "25" 2025-09-16', 25),
        ('Picked up _JAVA_OPTIONS: -Xmx1g\nopenjdk version "21.0.2" 2024-01-16', 21),
        ("sh: java: not found", None),
    ],
)
def test_java_versions_are_read(output, version):
    assert parse_version(output) == version

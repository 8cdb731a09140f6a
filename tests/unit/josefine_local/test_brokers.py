from pathlib import Path

import pytest

from josefine_local.brokers import kafka_nodes, require_sense
from josefine_local.errors import ConfigurationError
from josefine_local.options import Ports, StackOptions
from josefine_local.paths import RunDir
from josefine_local.port_choice import ChosenPorts, choose_ports
from josefine_local.ports import free_ports, is_free

THREE = ChosenPorts(kafka=(101, 102, 103), controllers=(201, 202, 203), redis=301, metrics=(), http=401)


def test_one_node_has_the_folder_and_the_name_of_old():
    ports = ChosenPorts(kafka=(101,), controllers=(201,), redis=301, metrics=(), http=401)
    (node,) = kafka_nodes(StackOptions(), ports, RunDir(Path("/run")))
    assert (node.role, node.folder, node.address) == ("broker", Path("/run/kafka"), "127.0.0.1:101")
    assert node.disk is None


def test_three_nodes_share_voters_and_id_and_have_their_own_rest(tmp_path):
    nodes = kafka_nodes(StackOptions(brokers=3, disk_mib=64), THREE, RunDir(tmp_path))
    assert [node.role for node in nodes] == ["broker-1", "broker-2", "broker-3"]
    assert [node.port for node in nodes] == [101, 102, 103]
    assert {voter.controller_port for voter in nodes[0].voters} == {201, 202, 203}
    assert len({node.folder for node in nodes}) == len({node.disk for node in nodes}) == 3
    assert len({(node.voters, node.cluster_id) for node in nodes}) == 1


def test_the_id_of_a_cluster_is_kept_with_its_folder(tmp_path):
    options = StackOptions(brokers=3)
    before, after = (kafka_nodes(options, THREE, RunDir(tmp_path))[0].cluster_id for _ in range(2))
    assert before == after != ""


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (StackOptions(brokers=2), "1 or 3"),
        (StackOptions(brokers=3, broker="tansu"), "Tansu was asked for"),
        (StackOptions(disk_mib=64, broker="tansu"), "64 MiB: only Apache Kafka"),
        (StackOptions(brokers=3, bootstrap_servers="a:1"), "KAFKA_BOOTSTRAP_SERVERS"),
    ],
)
def test_what_contradicts_itself_is_refused(options, reason):
    with pytest.raises(ConfigurationError, match=reason):
        require_sense(options)


def test_the_ports_of_three_nodes_follow_each_other():
    first = next(port for port in free_ports(20) if all(map(is_free, range(port, port + 6))))
    options = StackOptions(services=(), brokers=3, ports=Ports(kafka=first, controller=first + 3))
    ports = choose_ports(options)
    assert ports.kafka == (first, first + 1, first + 2)
    assert ports.controllers == (first + 3, first + 4, first + 5)


def test_ports_of_brokers_and_controllers_that_meet_are_named():
    (first,) = free_ports(1)
    with pytest.raises(ConfigurationError, match="asked for twice, for broker 1's controller and broker 2"):
        choose_ports(StackOptions(services=(), brokers=3, ports=Ports(kafka=first, controller=first + 1)))

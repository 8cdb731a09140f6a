"""Brokers that restart, lose their lead, hang, or have no room left."""

from scene import Noticed, Scene

from josefine_local.cluster import BrokerNode
from josefine_wire import topics

OUTAGE_S = 30.0
FULL_S = 5.0
"""Time without room. A producer's records wait for 30 s before they count as lost to it."""


def restart(scene: Scene) -> Noticed:
    node = scene.stack.node(1)
    node.stop()
    node.start()
    return None


def run_full(scene: Scene) -> Noticed:
    """The only broker has no room left, ends, and cannot start before there is room."""
    _run_full(scene, scene.stack.node(1))
    return None


def leader_runs_full(scene: Scene) -> Noticed:
    _run_full(scene, _leader(scene))
    return None


def _run_full(scene: Scene, node: BrokerNode) -> None:
    node.disk.fill()
    node.wait_ended()
    scene.pause(FULL_S)
    node.disk.make_room()
    node.start()


def kill_leader(scene: Scene) -> Noticed:
    leader = _leader(scene)
    leader.kill()
    leader.wait_ready()
    return None


def move_leaders(scene: Scene) -> Noticed:
    """Leaders of all partitions move away and back."""
    scene.stack.cluster.move_leader(topics.FEATURE_FRAMES)
    scene.stack.cluster.wait_in_sync(topics.FEATURE_FRAMES)
    scene.stack.cluster.restore_leader(topics.FEATURE_FRAMES)
    return None


def leader_hangs(scene: Scene) -> Noticed:
    leader = _leader(scene)
    leader.pause()
    scene.pause(OUTAGE_S)
    leader.resume()
    return None


def _leader(scene: Scene) -> BrokerNode:
    return scene.stack.cluster.leader_of(topics.FEATURE_FRAMES)

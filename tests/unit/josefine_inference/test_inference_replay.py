"""A crash at any record, with any snapshot, gives the same finals with the same ids, each once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from josefine_inference.state import ChannelState, decode, encode
from josefine_stage.errors import SnapshotUnreadableError
from josefine_stage.handler import Turn
from josefine_wire.records import Gap, session_config

TURN = Turn(now_s=0.0)
runs = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.4, 0.6, 0.9]), st.integers(1, 60)), min_size=1, max_size=12)


class Life:
    """A process with a handler, its outputs by offset and the snapshots that it wrote."""

    def __init__(self, kit):
        self.device = kit.ScriptedDevice()
        self.handler = kit.handler(self.device)
        self.done = {}
        self.snapshots = {}

    def read(self, entries, *, snapshot_at=frozenset(), held_from=None):
        for entry in entries:
            self.device.held = held_from is not None and entry.offset >= held_from
            self.handler.accept([entry])
            self.turn()
            if entry.offset in snapshot_at:
                snapshot = self.handler.snapshot("s/0")
                self.snapshots[snapshot.version] = snapshot

    def turn(self):
        for one in self.handler.advance(TURN).progress:
            assert one.input.offset not in self.done
            self.done[one.input.offset] = [output.record for output in one.outputs]


@settings(max_examples=150, deadline=None)
@given(runs, st.data())
def test_replay_changes_nothing(kit, shape, data):
    probabilities = [probability for probability, length in shape for _ in range(length)]
    total = len(probabilities) * 512
    cuts = data.draw(st.lists(st.integers(1, total), max_size=14))
    config = session_config(data.draw(st.sampled_from(["LIVE", "RECORDED"])), endpointing_ms=200)
    flushes = data.draw(st.frozensets(st.integers(0, 14), max_size=3))
    gaps = {
        sequence: [Gap(start_sample=sequence, samples=1, reason="missing_chunks")]
        for sequence in data.draw(st.frozensets(st.integers(0, 14), max_size=4))
    }
    records = kit.frames(probabilities, cuts, config=config, flushes=flushes, gaps=gaps)
    if len(records) > 3 and data.draw(st.booleans()):
        del records[data.draw(st.integers(1, len(records) - 2))]
    offsets = range(5, 5 + len(records))

    whole = Life(kit)
    whole.handler.restore("s/0", None)
    whole.read(kit.inputs(records, 5))
    for _ in range(3):
        whole.turn()
    expected = [record for offset in offsets for record in whole.done[offset]]

    # The first life: from some record on the device is silent, then the process dies.
    crash = data.draw(st.integers(5, 5 + len(records)))
    held_from = data.draw(st.integers(5, 5 + len(records)))
    first = Life(kit)
    first.handler.restore("s/0", None)
    first.read(
        kit.inputs(records, 5)[: crash - 5],
        snapshot_at=data.draw(st.frozensets(st.sampled_from(offsets))),
        held_from=held_from,
    )
    committed = next((offset for offset in offsets if offset not in first.done), offsets.stop)
    kept = [record for offset in range(5, committed) for record in first.done[offset]]

    # The second life: the newest snapshot that is not newer than the commit, or none.
    usable = [snapshot for version, snapshot in first.snapshots.items() if version <= committed]
    snapshot = max(usable, key=lambda one: one.version, default=None)
    start = snapshot.version if snapshot else 5
    second = Life(kit)
    second.handler.restore("s/0", snapshot)
    second.read(kit.inputs(records, 5, committed)[start - 5 :])
    for _ in range(3):
        second.turn()
    assert not any(second.done.get(offset) for offset in range(5, committed))
    after = [record for offset in range(max(start, committed), offsets.stop) for record in second.done[offset]]
    assert kept + after == expected


def test_a_snapshot_of_another_format_is_refused():
    with pytest.raises(SnapshotUnreadableError):
        decode(b"\x01")
    with pytest.raises(SnapshotUnreadableError):
        decode(encode(ChannelState()).replace(b"format\x01", b"format\x02"))


def test_a_state_survives_its_encoding():
    state = ChannelState(7, 8, 9, gaps=(Gap(start_sample=1, samples=2, reason="x"),), config=session_config())
    assert decode(encode(state)) == state
    assert len(encode(state)) < 500

"""A session that hears another one again: its transcripts are that one's."""

import pytest

from josefine_inference.scheduler import Kind
from josefine_inference.state import decode
from josefine_stage.handler import Turn
from josefine_wire.codec import encode
from josefine_wire.records import REPLAY_CUT_OFF, session_config
from josefine_wire.topics import TRANSCRIPTS

UTTERANCE = [0.01] * 20 + [0.9] * 200 + [0.01] * 30
EACH_QUARTER = range(0, 1_600_000, 4_000)


def heard(kit, device, session, config, cut=None, reason="COMPLETE", code=None):
    """Returns outputs of progress, and of the loose lane, and the handler, restored from a snapshot at input `cut`."""
    handler = kit.handler(device)
    handler.restore(f"{session}/0", None)
    told, loose = [], []
    frames = kit.frames(UTTERANCE * 2, EACH_QUARTER, session=session, config=config)
    frames[-1]["end"] |= {"reason": reason, "code": code}
    for number, entry in enumerate(kit.inputs(frames)):
        if number == cut:
            snapshot = handler.snapshot(entry.key)
            assert decode(snapshot.state).config == config
            handler.forget([entry.key])
            handler.restore(entry.key, snapshot)
        handler.accept([entry])
        step = handler.advance(Turn(now_s=0.0))
        told += [output for progress in step.progress for output in progress.outputs]
        loose += step.loose
    for _ in range(4):
        step = handler.advance(Turn(now_s=0.0))
        told += [output for progress in step.progress for output in progress.outputs]
    return told, loose, handler


@pytest.mark.parametrize(("variant", "suffix"), [("", ""), ("base", "@base")])
def test_transcripts_carry_the_ids_of_the_session_that_is_heard_again(kit, device, variant, suffix):
    replay = {"session_id": "s", "session_started_at": 5, "variant": variant, "last_sequence": 9}
    own, _, _ = heard(kit, device, "s", session_config())

    again, loose, handler = heard(kit, device, "s~1", session_config() | {"replay": replay})

    assert loose == []
    assert [output.key for output in again] == ["s/0"] * 3
    assert [output.record["id"] for output in again] == [f"s/0/{end}{suffix}" for end in ("0/final", "1/final", "end")]
    changed = {"id": "", "session_started_at": 0, "variant": ""}
    assert [output.record | changed for output in again] == [output.record | changed for output in own]
    assert {output.record["session_started_at"] for output in again} == {5}
    for output in again:
        encode(TRANSCRIPTS, output.record)
    # Nobody waits for it while speaking.
    assert handler.status()["windows_decoded"] == dict.fromkeys((kind.value for kind in Kind), 0) | {
        Kind.FINAL_RECORDED.value: 2
    }


def test_whose_they_are_survives_a_restart(kit, device):
    replay = {"session_id": "s", "session_started_at": 5, "variant": "base", "last_sequence": 9}
    again, _, _ = heard(kit, device, "s~1", session_config() | {"replay": replay}, cut=3)

    assert [output.record["id"] for output in again] == ["s/0/0/final@base", "s/0/1/final@base", "s/0/end@base"]


@pytest.mark.parametrize(("code", "told"), [(None, ["s/0/0/final", "s/0/end"]), (REPLAY_CUT_OFF, [])])
def test_a_replay_that_was_cut_off_leaves_no_cut_word_and_no_end(kit, device, code, told):
    replay = {"session_id": "s", "session_started_at": 5, "variant": "", "last_sequence": 9}
    # Recorded: all of it is one open window until the end.
    config = session_config("RECORDED") | {"replay": replay}
    again, _, handler = heard(kit, device, "s~1", config, reason="IDLE_TIMEOUT", code=code)

    assert [output.record["id"] for output in again] == told
    assert handler.snapshot("s~1/0").over

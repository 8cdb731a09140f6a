"""What a handler holds, and what it says of itself and its device."""

import json

from handler_kit import EACH_QUARTER, TURN, UTTERANCE, run

from josefine_inference.channel import ChannelOptions
from josefine_inference.messages import Failed
from josefine_wire.records import session_config


def test_full_by_the_mel_that_waits_for_the_device(kit, make, device):
    device.held = True
    handler = make(held_bytes=900)
    records = kit.frames(UTTERANCE, EACH_QUARTER, config=session_config(interim_results=False))
    handler.accept(kit.inputs(records[:8]))
    handler.advance(TURN)
    assert not handler.full()  # an open segment: only reading on can end it
    handler.accept(kit.inputs(records)[8:])
    assert handler.full()
    device.held = False
    run(handler, [])
    assert not handler.full()


def test_mel_is_kept_for_the_open_segment_only(kit, make):
    handler = make(channel=ChannelOptions("tiny.en"))
    handler.accept(kit.inputs(kit.frames([0.01] * 3000, EACH_QUARTER)))
    held = sum(channel.held_bytes for channel in handler._channels.values())
    assert held <= 4 * (100 + 30)


def test_status_counts_the_windows_of_each_kind(kit, make, device):
    handler = make()
    run(handler, kit.inputs(kit.frames(UTTERANCE * 2, EACH_QUARTER)))
    interims = sum(not work.word_times for batch in device.submitted for work in batch.work)
    none = {"final_live": 0, "final_live_again": 0, "interim": 0, "final_recorded": 0}
    assert handler.status()["windows_decoded"] == none | {"final_live": 2, "interim": interims}
    assert handler.status()["windows_failed"] == none
    device.answer = lambda work: Failed(work.id, "refused", "told to")
    handler.restore("t/0", None)
    run(handler, kit.inputs(kit.frames(UTTERANCE, session="t", config=session_config("RECORDED"))))
    assert handler.status()["windows_failed"] == none | {"final_recorded": 1}


def test_status_and_readiness_are_the_devices(make, device):
    handler = make()
    assert handler.ready()
    status = handler.status()
    counts = {"restarts": 0, "batches": 0, "audio_s": 0.0, "busy_s": 0.0}
    stands = {"state": "working", "reason": "", "health": {"healthy": True, "temperature_celsius": 40}}
    (line,) = json.loads(json.dumps(status["devices"]))
    line["health"] = {name: value for name, value in line["health"].items() if value not in (None, "")}
    assert line == {"device": "scripted", "pid": 7, "spare_pid": None} | counts | stands
    assert status["fault_injection"] is False
    assert (status["sessions"], status["windows_waiting"], status["held_bytes"]) == (1, 0, 0)
    handler.close()
    assert device.closed


def test_status_tells_how_long_live_finals_took_and_of_no_others(kit, make):
    handler = make()
    run(handler, kit.inputs(kit.frames(UTTERANCE * 2, EACH_QUARTER)))
    handler.restore("t/0", None)
    run(handler, kit.inputs(kit.frames(UTTERANCE, session="t", config=session_config("RECORDED"))))
    took = handler.status()["live_final_seconds"]
    assert took["buckets"]["+Inf"] == 2
    assert 0 <= took["sum"] < 60


def test_the_device_knows_whose_a_window_is(kit, make, device):
    handler = make()
    for session in ("one", "two"):
        handler.restore(f"{session}/0", None)
        run(handler, kit.inputs(kit.frames(UTTERANCE, session=session)))
    assert {work.session for batch in device.submitted for work in batch.work} == {"one", "two"}


def test_who_is_held_back_waits_for_the_device_and_nobody_else_does(kit, make, device):
    handler, device.unwanted = make(), frozenset({"one"})
    for session in ("one", "two"):
        handler.restore(f"{session}/0", None)
        run(handler, kit.inputs(kit.frames(UTTERANCE, session=session)))
    assert {work.session for batch in device.submitted for work in batch.work} == {"two"}
    device.unwanted = frozenset()
    run(handler, [])
    assert {work.session for batch in device.submitted for work in batch.work} == {"one", "two"}

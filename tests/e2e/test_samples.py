"""Recorded and live speech through the whole engine."""

from collections import Counter

import pytest

from josefine_cli.listening import Heard, clip_recordings, listen
from josefine_cli.scoring import pooled_score
from josefine_cli.sessions import SessionOptions
from josefine_client.collector import TranscriptEvent
from josefine_client.player import Player, PlayOptions
from josefine_kafka.tail import TopicTail
from josefine_wire.codec import decode
from josefine_wire.positions import samples as samples_of
from josefine_wire.topics import TRANSCRIPTS, UNDERSTANDING

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(900)]
TRIES_FOR_INTERIMS = 3


def heard(client, clips, *, live, patience_s=120.0):
    jobs = clip_recordings(clips, SessionOptions(live=live), speed=1.0 if live else None, stagger_s=0.3 * live)
    player = Player(client.publisher, client.collector, PlayOptions(patience_s=patience_s))
    events = list(listen(player, jobs))
    return [event for event in events if isinstance(event, Heard)], events


def assert_sound(each, live):
    """Everything that holds of any good recording."""
    result, clip = each.result, each.score.clip
    assert each.score.failure is None
    assert (result.reason, result.error, result.gaps(), result.dead_letters) == ("COMPLETE", None, [], [])
    assert result.length_samples == pytest.approx(samples_of(clip.duration_s), abs=samples_of(0.1))
    assert each.score.time_faults == 0
    finals = result.finals()
    assert [final["segment"] for final in finals] == list(range(len(finals)))
    for final in finals:
        assert final["text"] == " ".join(word["punctuated_word"] for word in final["words"])
        assert all(0.0 <= word["confidence"] <= 1.0 for word in final["words"])
        if final["text"]:
            assert result.understanding_of(final) is not None, "nlu left a final out"
    assert finals[-1]["speech_final"]
    assert live or len(finals) == 1, "a short recording is one window"


@pytest.mark.parametrize("kind", ["kafka", "tansu"])
def test_recorded_speech_in_every_container(client_of_kind, samples, kind):
    done, _ = heard(client_of_kind(kind), samples, live=False)

    for each in done:
        assert_sound(each, live=False)
    score = pooled_score([each.score for each in done])
    assert score.files == len(samples)
    assert score.errors.rate < 0.10, [each.score.hypotheses for each in done]


@pytest.mark.parametrize("kind", ["kafka", "tansu"])
def test_live_speech_has_interims_then_finals(client_of_kind, samples, kind):
    client, interims = client_of_kind(kind), False
    # How many there are depends on how busy the machine is: interims give way to finals.
    for _ in range(TRIES_FOR_INTERIMS):
        done, events = heard(client, samples[:2], live=True)
        assert len(done) == 2
        for each in done:
            assert_sound(each, live=True)
        assert pooled_score([each.score for each in done]).errors.rate < 0.2, [each.score.hypotheses for each in done]
        interims |= any(isinstance(event, TranscriptEvent) and event.record["kind"] == "INTERIM" for event in events)
        if interims:
            break
    assert interims


def test_nothing_is_written_twice(client, samples):
    done, _ = heard(client, samples[:3], live=False)
    results = {each.result.session_id: each.result for each in done}
    tail = TopicTail(client.broker, [TRANSCRIPTS, UNDERSTANDING], "beginning")
    ids = Counter()
    try:
        while not tail.at_end():
            for raw in tail.poll(1.0):
                record = decode(raw.source.topic, raw.value)
                if record["session_id"] in results and record["kind"] != "INTERIM":
                    ids[record["id"]] += 1
    finally:
        tail.close()

    assert set(ids.values()) == {1}, "exactly-once: no id appears twice to a reader of committed records"
    # Of each final and of the end, a transcript and what it means.
    assert len(results) == 3
    assert ids.total() == sum(2 * (len(result.finals()) + 1) for result in results.values())


def test_channels_are_kept_apart_or_mixed(client, repository, sample_path, one_piece, stereo_wav):
    both = stereo_wav(sample_path("jfk.flac"), sample_path("lj050-0131.wav"))

    played = client.play(one_piece(both, "apart", metadata={"multichannel": "true"}), one_piece(both, "mixed"))

    apart = played.finished["apart"].result
    assert apart.channels == 2
    assert "ask not what your country" in played.text("apart", 0)
    assert "frequent formal review" in played.text("apart", 1)
    assert played.finished["mixed"].result.channels == 1

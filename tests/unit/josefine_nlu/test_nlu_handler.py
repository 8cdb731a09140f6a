"""The handler over a pipeline that is a table: what becomes of which input."""

import pytest

from josefine_nlu.handler import PROBE_EVERY_S, PROBE_TEXT, NluHandler
from josefine_nlu.spans import Span
from josefine_nlu.understanding import Understood
from josefine_stage.handler import Input, Source, Turn
from josefine_wire.codec import encode

TOPIC = "transcripts"


class Table:
    """Stands for the pipeline: finds "Boston", fails on "poison", remembers what it was asked."""

    def __init__(self):
        self.batches = []
        self.blind = False

    def understand(self, texts):
        self.batches.append(list(texts))
        if any("poison" in text for text in texts):
            raise ValueError(f"cannot do with {texts}")
        return [self._understood(text) for text in texts]

    def _understood(self, text):
        at = -1 if self.blind else text.find("Boston")
        spans = () if at < 0 else (Span(at, at + 6, "GPE"),)
        return Understood(spans, (Span(0, 1, "PERSON", 0.5),), "<PERSON>", {"label": "POSITIVE", "score": 0.5})


def transcript(text, kind="FINAL", segment=0, **changes):
    ids = {"FINAL": f"s/0/{segment}/final", "END": "s/0/end", "INTERIM": f"s/0/{segment}/9", "FLUSHED": "s/0/flush/9"}
    words = [
        {"word": w, "punctuated_word": w, "start_sample": 100 + 10 * n, "end_sample": 109 + 10 * n, "confidence": 1.0}
        for n, w in enumerate(text.split())
    ]
    record = {
        "id": ids[kind], "session_id": "s", "channel": 0, "channels": 1, "kind": kind, "segment": segment,
        "revision": 1, "session_started_at": 1, "captured_at": 2, "start_sample": 100, "end_sample": 900, "text": text,
        "stable_words": 0, "words": words, "confidence": 1.0, "language": "en", "model": "m", "speech_final": True,
        "gaps": [], "reason": None, "error": None, "metadata": {"k": "v"}, "variant": "",
    }  # fmt: skip
    return record | changes


def inputs(*records, committed=False):
    return [Input(Source(TOPIC, 0), at, "s/0", 0, record, committed) for at, record in enumerate(records)]


@pytest.fixture
def table():
    return Table()


@pytest.fixture
def handler(table):
    made = NluHandler(table, batch_texts=4, max_text_chars=100, pending_records=10)
    table.batches.clear()
    return made


def turned(handler, *items, now_s=0.0):
    handler.accept(list(items))
    return list(handler.advance(Turn(now_s)).progress)


def test_a_final_becomes_a_segment(handler):
    (progress,) = turned(handler, *inputs(transcript("We met in Boston", segment=3)))
    (output,) = progress.outputs
    assert progress.done
    assert (output.topic, output.key) == ("understanding", "s/0")
    assert output.record["id"] == "s/0/3/nlu"
    assert output.record["entities"] == [
        {"label": "GPE", "text": "Boston", "start_char": 10, "end_char": 16, "start_sample": 130, "end_sample": 139}
    ]
    assert output.record["pii"] == [{"kind": "PERSON", "start_char": 0, "end_char": 1, "score": 0.5}]
    assert output.record["sentiment"] == {"label": "POSITIVE", "score": 0.5}
    assert output.record["metadata"] == {"k": "v"}
    assert encode("understanding", output.record)


def test_an_end_becomes_an_end(handler, table):
    (progress,) = turned(handler, *inputs(transcript("", kind="END", segment=7, end_sample=5_000)))
    record = progress.outputs[0].record
    assert (record["id"], record["kind"], record["segment"], record["end_sample"]) == ("s/0/end/nlu", "END", 7, 5_000)
    assert record["sentiment"] is None
    assert encode("understanding", record)
    assert table.batches == []


@pytest.mark.parametrize(
    "record", [transcript("We met", kind="INTERIM"), transcript("", kind="FLUSHED"), transcript(""), transcript("  ")]
)
def test_interims_and_silence_are_done_without_output(handler, record):
    (progress,) = turned(handler, *inputs(record))
    assert (progress.done, progress.outputs, progress.rejection) == (True, (), None)


def test_committed_records_cost_nothing(handler, table):
    (progress,) = turned(handler, *inputs(transcript("We met in Boston"), committed=True))
    assert (progress.done, progress.outputs) == (True, ())
    assert table.batches == []


def test_a_final_without_word_times_has_the_segments(handler):
    (progress,) = turned(handler, *inputs(transcript("We met in Boston", words=[])))
    entity = progress.outputs[0].record["entities"][0]
    assert (entity["start_sample"], entity["end_sample"]) == (100, 900)


def test_another_language_is_redacted_only(handler):
    (progress,) = turned(handler, *inputs(transcript("Moi, Boston", language="fr-CA")))
    record = progress.outputs[0].record
    assert (record["entities"], record["sentiment"]) == ([], None)
    assert record["redacted_text"] == "<PERSON>"


def test_a_text_that_is_too_long_is_rejected_with_a_reason(handler):
    (progress,) = turned(handler, *inputs(transcript("x" * 101)))
    assert progress.rejection.code == "text_too_long"
    assert progress.rejection.reason == "text: 101 characters, the limit is 100"


def test_only_the_poisoned_text_is_rejected_and_not_quoted(handler):
    progress = turned(handler, *inputs(transcript("one"), transcript("poison"), transcript("three")))
    assert [item.rejection is None for item in progress] == [True, False, True]
    assert progress[1].rejection.code == "nlu_failed"
    assert "poison" not in progress[1].rejection.reason


def test_one_pass_takes_a_bounded_batch_in_order(handler, table):
    items = inputs(*(transcript(f"text {n}") for n in range(6)))
    first = turned(handler, *items)
    assert [p.input.offset for p in first] == [0, 1, 2, 3]
    assert handler.busy()
    rest = turned(handler)
    assert [p.input.offset for p in rest] == [4, 5]
    assert not handler.busy()
    assert [len(batch) for batch in table.batches] == [4, 2]


def test_long_texts_make_small_batches(handler, table):
    turned(handler, *inputs(*(transcript("y" * 60) for _ in range(3))))
    assert [len(batch) for batch in table.batches] == [1]


def test_every_input_is_done_exactly_once(handler):
    kinds = ["FINAL", "INTERIM", "END", "FINAL", "FLUSHED"] * 4
    items = inputs(*(transcript("t" * (n * 9), kind=kind, segment=n) for n, kind in enumerate(kinds)))
    done = turned(handler, *items)
    while handler.busy():
        done += turned(handler)
    assert [p.input.offset for p in done] == list(range(20))


def test_full_at_the_limit(handler):
    handler.accept(inputs(*(transcript("a") for _ in range(9))))
    assert not handler.full()
    handler.accept(inputs(transcript("a")))
    assert handler.full()
    assert handler.status() == {"pending_records": 10}


def test_forgotten_sessions_report_nothing(handler):
    handler.accept(inputs(transcript("a")))
    handler.forget(["s/0"])
    assert turned(handler) == []


def test_keeps_no_state(handler):
    handler.restore("s/0", None)
    turned(handler, *inputs(transcript("a")))
    assert handler.snapshot("s/0") is None


def test_readiness_is_real_work_and_is_renewed_when_idle(table):
    handler = NluHandler(table, batch_texts=4, max_text_chars=100, pending_records=10)
    assert table.batches == [[PROBE_TEXT]]
    turned(handler, now_s=1.0)
    assert handler.ready()
    table.blind = True
    turned(handler, now_s=2.0 + PROBE_EVERY_S)
    assert not handler.ready()


def test_close_drops_what_is_pending(handler):
    handler.accept(inputs(transcript("a")))
    handler.close()
    assert not handler.busy()

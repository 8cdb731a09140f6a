import json

from hypothesis import given
from hypothesis import strategies as st

from josefine_cli.record_json import json_line, plain
from josefine_client.chunks import ChunkNumbering, Session
from josefine_stage.handler import Source
from josefine_stage.ports import RawRecord
from josefine_wire.codec import encode


def raw(value, key=b"s"):
    return RawRecord(Source("audio.raw", 2), 7, 1_700_000_000_000, key, value)


def test_a_record_shows_its_place_its_key_and_its_fields():
    [chunk] = ChunkNumbering(Session("s"), "p", 5).chunks(b"abc", end=True)

    shown = json_line(raw(encode("audio.raw", chunk)), with_bytes=False)

    assert (shown["topic"], shown["partition"], shown["offset"], shown["key"]) == ("audio.raw", 2, 7, "s")
    assert shown["value"]["payload"] == {"bytes": 3}
    assert shown["value"]["start"]["config"]["mode"] == "LIVE"
    with_bytes = json_line(raw(encode("audio.raw", chunk)), with_bytes=True)
    assert with_bytes["value"]["payload"] == {"bytes": 3, "base64": "YWJj"}


def test_what_is_no_record_is_shown_with_the_reason():
    shown = json_line(raw(b"\x00junk", key=None), with_bytes=False)

    assert shown["value"] is None
    assert "byte 0" in shown["error"]
    assert shown["raw"] == {"bytes": 5}
    assert shown["key"] is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values, st.booleans())
def test_every_value_becomes_strict_json(value, with_bytes):
    json.loads(json.dumps(plain(value, with_bytes=with_bytes), allow_nan=False))

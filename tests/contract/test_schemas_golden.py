"""One record of each topic, byte for byte: what any other implementation of the wire has to write and read."""

import pytest

from josefine_wire.codec import decode, encode

CONFIG = {
    "mode": "LIVE",
    "model": "base",
    "language": "en-GB",
    "interim_results": True,
    "endpointing_ms": 500,
    "metadata": {"call": "42"},
    "replay": {"session_id": "s-0", "session_started_at": 1_600_000_000_000, "variant": "base", "last_sequence": 9},
}
CHANNEL = {
    "session_id": "s-1",
    "channel": 1,
    "channels": 2,
    "sequence": 7,
    "session_started_at": 1_700_000_000_000,
    "captured_at": 1_700_000_000_250_000,
}
GAP = {"start_sample": 16_000, "samples": 320, "reason": "missing_chunks"}
WORD = {"word": "boston", "punctuated_word": "Boston.", "start_sample": 17_600, "end_sample": 22_400, "confidence": 0.5}
RESULT = {key: value for key, value in CHANNEL.items() if key != "sequence"} | {
    "segment": 3,
    "start_sample": 16_000,
    "end_sample": 48_000,
    "metadata": {"call": "42"},
    "variant": "base",
}

RECORDS = {
    "audio.raw": {
        "session_id": "s-1",
        "sequence": 0,
        "session_started_at": 1_700_000_000_000,
        "captured_at": 1_700_000_000_250_000,
        "producer_id": "p-1",
        "start": {"encoding": "linear16", "sample_rate_hz": 8_000, "channels": 2, "config": CONFIG},
        "payload": b"\x00\x01\xff\x7f",
        "flush": False,
        "end": True,
        "takes_over": "p-0",
    },
    "audio.frames": CHANNEL
    | {
        "gaps": [GAP],
        "start": CONFIG,
        "flush": False,
        "end": {"reason": "ERROR", "samples": 48_000, "code": "decode_error", "message": "byte 12: no frame"},
        "start_sample": 16_000,
        "samples": b"\x01\x00\xff\xff",
    },
    "feature.frames": CHANNEL
    | {
        "gaps": [],
        "start": None,
        "flush": True,
        "end": {"reason": "COMPLETE", "samples": 48_000, "code": None, "message": None},
        "start_hop": 100,
        "mels": 80,
        "log_mel": b"\x00\x3c\x00\xbc",
        "start_window": 31,
        "speech_probability": b"\x00\xff",
    },
    "transcripts": RESULT
    | {
        "id": "s-1/1/3/final@base",
        "kind": "FINAL",
        "revision": 200,
        "text": "Boston.",
        "stable_words": 1,
        "words": [WORD],
        "confidence": 0.5,
        "language": "en",
        "model": "tiny.en",
        "speech_final": True,
        "gaps": [GAP],
        "reason": None,
        "error": {"code": "x", "message": "y"},
        "flushed": True,
    },
    "understanding": RESULT
    | {
        "id": "s-1/1/3/nlu@base",
        "kind": "SEGMENT",
        "entities": [
            {
                "label": "GPE",
                "text": "Boston",
                "start_char": 0,
                "end_char": 6,
                "start_sample": 17_600,
                "end_sample": 22_400,
            }
        ],
        "redacted_text": "<LOCATION>.",
        "pii": [{"kind": "LOCATION", "start_char": 0, "end_char": 6, "score": 0.75}],
        "sentiment": {"label": "NEUTRAL", "score": 0.0},
    },
    "dead.letters": {
        "id": "ingest/audio.raw/2/9",
        "stage": "ingest",
        "topic": "audio.raw",
        "partition": 2,
        "offset": 9,
        "key": b"s-1",
        "value": b"\xc3\x01",
        "headers": {"traceparent": b"00-1"},
        "session_id": "s-1",
        "code": "wire",
        "reason": "byte 0",
        "failed_at": 1_700_000_000_000,
    },
}

GOLDEN = {
    "audio.raw": (
        "c301a0c9d035a529dac206732d3106702d310080a0abfef962a0c290828389850602106c696e6561723136807d040008"
        "626173650a656e2d474201e807020863616c6c043432000206732d308080f4f6905d086261736512080001ff7f000102"
        "06702d30"
    ),
    "audio.frames": (
        "c30150088bd4e004e4c206732d3102040e80a0abfef962a0c290828389850680fa01080100ffff0280fa0180051c6d69"
        "7373696e675f6368756e6b7300020008626173650a656e2d474201e807020863616c6c043432000206732d308080f4f6"
        "905d08626173651200020480ee0502186465636f64655f6572726f720222627974652031323a206e6f206672616d65"
    ),
    "feature.frames": (
        "c30122627e5ad2b38edc06732d3102040e80a0abfef962a0c2908283898506c801a00108003c00bc3e0400ff000001020080ee050000"
    ),
    "transcripts": (
        "c30101132942bba25a9e24732d312f312f332f66696e616c406261736506732d3102040206900380a0abfef962a0c290"
        "828389850680fa0180ee050e426f73746f6e2e02020c626f73746f6e0e426f73746f6e2e80930280de020000003f0000"
        "00003f04656e0e74696e792e656e010280fa0180051c6d697373696e675f6368756e6b7300000202780279020863616c"
        "6c04343200086261736501"
    ),
    "understanding": (
        "c301a79d635f4a4642df20732d312f312f332f6e6c75406261736506732d310204000680a0abfef962a0c29082838985"
        "0680fa0180ee0502064750450c426f73746f6e000c80930280de0200163c4c4f434154494f4e3e2e02104c4f43415449"
        "4f4e000c0000403f00020200000000020863616c6c043432000862617365"
    ),
    "dead.letters": (
        "c301228bf3cfe501b3f228696e676573742f617564696f2e7261772f322f390c696e6765737412617564696f2e726177"
        "04120206732d310204c30102167472616365706172656e740830302d31000206732d3108776972650c62797465203080"
        "a0abfef962"
    ),
}
# What version 1 wrote of the same records: such bytes are in logs.
FIRST_VERSION = {
    "audio.raw": (
        "c30153792353cf32a70906732d3106702d310080a0abfef962a0c290828389850602106c696e6561723136807d040008"
        "626173650a656e2d474201e807020863616c6c04343200080001ff7f0001"
    ),
    "audio.frames": (
        "c301c8a1c72a843275f906732d3102040e80a0abfef962a0c290828389850680fa01080100ffff0280fa0180051c6d69"
        "7373696e675f6368756e6b7300020008626173650a656e2d474201e807020863616c6c0434320000020480ee05021864"
        "65636f64655f6572726f720222627974652031323a206e6f206672616d65"
    ),
    "feature.frames": (
        "c301e641940a4810746806732d3102040e80a0abfef962a0c2908283898506c801a00108003c00bc3e0400ff000001020080ee050000"
    ),
    "transcripts": (
        "c301677e87be27c866a21a732d312f312f332f66696e616c06732d3102040206900380a0abfef962a0c2908283898506"
        "80fa0180ee050e426f73746f6e2e02020c626f73746f6e0e426f73746f6e2e80930280de020000003f000000003f0465"
        "6e0e74696e792e656e010280fa0180051c6d697373696e675f6368756e6b7300000202780279020863616c6c04343200"
    ),
    "understanding": (
        "c301bab88ba5ad0899c416732d312f312f332f6e6c7506732d310204000680a0abfef962a0c290828389850680fa0180"
        "ee0502064750450c426f73746f6e000c80930280de0200163c4c4f434154494f4e3e2e02104c4f434154494f4e000c00"
        "00403f00020200000000020863616c6c04343200"
    ),
}
# What version 2 wrote, where there is a third.
SECOND_VERSION = {
    "audio.raw": (
        "c30145bb8f062d7add2c06732d3106702d310080a0abfef962a0c290828389850602106c696e6561723136807d040008"
        "626173650a656e2d474201e807020863616c6c043432000206732d308080f4f6905d086261736512080001ff7f0001"
    ),
    "transcripts": (
        "c301d3a4e2d322f77c2d24732d312f312f332f66696e616c406261736506732d3102040206900380a0abfef962a0c290"
        "828389850680fa0180ee050e426f73746f6e2e02020c626f73746f6e0e426f73746f6e2e80930280de020000003f0000"
        "00003f04656e0e74696e792e656e010280fa0180051c6d697373696e675f6368756e6b7300000202780279020863616c"
        "6c043432000862617365"
    ),
}


@pytest.mark.parametrize("topic", RECORDS)
def test_writes_these_bytes(topic):
    assert encode(topic, RECORDS[topic]).hex() == GOLDEN[topic]


@pytest.mark.parametrize("topic", RECORDS)
def test_reads_these_bytes(topic):
    assert decode(topic, bytes.fromhex(GOLDEN[topic])) == RECORDS[topic]


def before_takeovers(record):
    """Returns the record as the second version had it: what came later has its default."""
    later = {"takes_over": None, "flushed": False}
    return record | {name: default for name, default in later.items() if name in record}


def before_replays(record):
    """Returns the record as the first version had it: what came later has its default."""
    match record:
        case {"replay": _}:
            return record | {"replay": None}
        case {"variant": _}:
            return record | {"variant": "", "id": record["id"].removesuffix("@base")}
        case {"start": dict() as start}:
            return record | {"start": before_replays(start)}
        case {"config": config}:
            return record | {"config": before_replays(config)}
        case _:
            return record


@pytest.mark.parametrize("topic", FIRST_VERSION)
def test_reads_what_the_first_version_wrote(topic):
    assert decode(topic, bytes.fromhex(FIRST_VERSION[topic])) == before_replays(before_takeovers(RECORDS[topic]))


@pytest.mark.parametrize("topic", SECOND_VERSION)
def test_reads_what_the_second_version_wrote(topic):
    assert decode(topic, bytes.fromhex(SECOND_VERSION[topic])) == before_takeovers(RECORDS[topic])

from typing import Annotated

import numpy as np
import pytest
from fastapi import FastAPI, Query
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from josefine_gateway.listen import served
from josefine_gateway.listen.linear32 import linear16_of
from josefine_gateway.listen.option_error import OptionError
from josefine_gateway.listen.options import NEVER_MS, LiveOptions, RecordedOptions
from josefine_gateway.listen.parsing import parse
from josefine_gateway.listen.read_options import ReadOptions
from josefine_gateway.listen.refused import NOT_HERE
from josefine_gateway.listen.served import Served
from josefine_gateway.listen.turn_options import TurnOptions, configured
from josefine_gateway.shape.turns import Thresholds
from josefine_gateway.shape.wording import Redaction, Replacement, Wording
from josefine_nlu.kinds import DEFAULT_KINDS

SERVED = Served()


def asked(query, kind=LiveOptions, served=SERVED):
    pairs = [tuple(pair.split("=", 1)) for pair in query.split("&") if pair]
    return parse(kind, pairs, served)


def fault(query, kind=LiveOptions, served=SERVED):
    with pytest.raises(OptionError) as refusal:
        asked(query, kind, served)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).startswith(refusal.value.name + ": ")
    return str(refusal.value)


def test_nothing_asked_is_a_container_in_the_servers_way():
    options = asked("")

    assert (options.audio.encoding, options.audio.sample_rate_hz, options.audio.channels) == ("container", 0, 0)
    assert options.session_config(SERVED) == {
        "mode": "LIVE",
        "model": "",
        "language": "en",
        "interim_results": False,
        "endpointing_ms": 0,
        "metadata": {},
        "replay": None,
    }
    assert options.wording(SERVED) == Wording()


@pytest.mark.parametrize("yes", ["true", "True", "1", "TRUE"])
@pytest.mark.parametrize("no", ["false", "False", "0", ""])
def test_booleans_as_clients_write_them(yes, no):
    options = asked(f"punctuate={yes}&vad_events={no}")

    assert (options.punctuate, options.vad_events) == (True, False)


def test_a_repeated_name_is_a_list():
    options = asked("tag=a&tag=b&replace=um:&replace=new york:NYC&search=The Mouse&extra=order:7:a")

    assert options.tag == ["a", "b"]
    assert options.extras == {"order": "7:a"}
    wording = options.wording(SERVED)
    assert wording.replacements == (Replacement(("um",), ()), Replacement(("new", "york"), ("NYC",)))
    assert wording.searches == (("the", "mouse"),)


def test_smart_format_holds_others():
    assert asked("smart_format=true").wording(SERVED) == Wording(punctuated=True, numerals=True)
    layout = asked("smart_format=true&utterances=true&utt_split=1.5", RecordedOptions).layout(SERVED)
    assert (layout.paragraphs, layout.utterances, layout.utt_split_s) == (True, True, 1.5)
    assert asked("paragraphs=true", RecordedOptions).layout(SERVED).wording.punctuated


@pytest.mark.parametrize(
    ("query", "audio"),
    [
        ("encoding=linear16&sample_rate=16000&channels=2", ("linear16", 16_000, 2, False)),
        ("encoding=linear32&sample_rate=8000", ("linear16", 8_000, 1, True)),
        ("encoding=mulaw&sample_rate=8000", ("mulaw", 8_000, 1, False)),
        ("encoding=alaw&sample_rate=8000", ("alaw", 8_000, 1, False)),
        ("encoding=opus&sample_rate=48000&channels=2", ("opus", 0, 2, False)),
        ("encoding=ogg-opus&sample_rate=48000", ("container", 0, 0, False)),
        ("encoding=flac", ("container", 0, 0, False)),
    ],
)
def test_encodings(query, audio):
    found = asked(query).audio

    assert (found.encoding, found.sample_rate_hz, found.channels, found.linear32) == audio


@pytest.mark.parametrize(
    ("value", "ms"), [("300", 300), ("1", 1), ("false", NEVER_MS), ("0", NEVER_MS), ("true", 0), ("True", 0), ("", 0)]
)
def test_endpointing(value, ms):
    assert asked(f"endpointing={value}").endpointing_ms == ms


def test_only_multichannel_goes_through_the_pipeline():
    config = asked("multichannel=true&tag=a&extra=a:b", RecordedOptions).session_config(SERVED)

    assert (config["mode"], config["metadata"]) == ("RECORDED", {"multichannel": "true"})


@pytest.mark.parametrize(
    "name", ["nova-3", "nova-2-phonecall", "base", "enhanced", "general", "flux-general-en", "tiny.en"]
)
def test_names_of_hosted_models_give_the_servers_own(name):
    assert asked(f"model={name}").session_config(SERVED)["model"] == ""


def test_a_servers_own_name_goes_before_a_hosted_one():
    both = Served(others=("base",))

    assert asked("model=base&language=de-AT", served=both).session_config(both)["model"] == "base"
    line = fault("model=base&language=xx", served=both)
    assert line.startswith("language: 'xx' is not understood by base; there is af")
    assert fault("model=nova-3&language=de", served=both) == "language: 'de' is not understood by tiny.en; there is en"
    assert fault("model=huge", served=both) == "model: 'huge' is not offered; there is tiny.en, base"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("true", Redaction(frozenset(DEFAULT_KINDS))),
        ("pii", Redaction(frozenset(DEFAULT_KINDS))),
        ("false", Redaction()),
        ("ssn", Redaction(frozenset({"US_SSN", "US_ITIN"}))),
        ("name&redact=EMAIL_ADDRESS", Redaction(frozenset({"PERSON", "EMAIL_ADDRESS"}))),
        ("pci&redact=aggressive_numbers", None),
    ],
)
def test_redaction(values, expected):
    options = asked(f"redact={values}")
    found = options.wording(SERVED).redaction

    assert options.needs_understanding is bool(found)
    if expected is None:
        assert found.least_digits == 1
        assert {"CREDIT_CARD", "PHONE_NUMBER"} <= found.kinds
    else:
        assert found == expected


def test_the_kinds_are_those_of_nlu():
    assert served.DEFAULT_KINDS == DEFAULT_KINDS


def test_resuming():
    new, again, plain = asked("resume=true"), asked("resume=TOKEN&sequence_id=3,5"), asked("resume=false")

    assert (new.wants_resume, new.resume_token, new.sequence_ids) == (True, None, ())
    assert (again.wants_resume, again.resume_token, again.sequence_ids) == (True, "TOKEN", (3, 5))
    assert (plain.wants_resume, plain.resume_token) == (False, None)


@pytest.mark.parametrize("name", NOT_HERE)
@pytest.mark.parametrize("kind", [LiveOptions, RecordedOptions, TurnOptions, ReadOptions])
def test_what_the_engine_does_not_have_is_refused_by_name_unless_it_is_off(name, kind):
    assert asked(f"{name}=False&{name}=0", kind) == asked("", kind)
    assert fault(f"{name}=v2", kind).startswith(f"{name}: is not in this engine (")


@pytest.mark.parametrize("kind", [LiveOptions, RecordedOptions, TurnOptions, ReadOptions])
@pytest.mark.parametrize("value", ["false", "False", "0", "no", "off", ""])
def test_what_nobody_knows_may_be_off(kind, value):
    assert asked(f"brand_new={value}", kind) == asked("", kind)
    assert fault(f"brand_new={value}&brand_new=true", kind) == "brand_new: is not an option"


@pytest.mark.parametrize("kind", [LiveOptions, RecordedOptions, TurnOptions, ReadOptions])
@pytest.mark.parametrize(
    "query", ["no_delay=true", "no_delay=false", "tier=enhanced", "tier=base&tier=nova", "alternatives=1"]
)
def test_what_changes_nothing_here_may_be_asked_for(kind, query):
    assert asked(query, kind) == asked("", kind)


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("puncuate=true", "puncuate: is not an option; did you mean punctuate?"),
        ("Model=x", "Model: is not an option; did you mean model?"),
        ("no_mode=true", "no_mode: is not an option"),
        ("alternatives=3", "alternatives: there is one"),
        ("alternatives=1&alternatives=0", "alternatives: there is one"),
        ("qqqq=true", "qqqq: is not an option"),
        ("utterances=true", "utterances: is an option of POST /v1/listen only; leave it out"),
        ("punctuate=maybe", "punctuate: is 'maybe'; input should be a valid boolean, unable to interpret input"),
        ("model=a&model=b", "model: is given more than once, with different values"),
        ("encoding=linear16", "sample_rate: is missing: linear16 does not say its own rate"),
        ("encoding=opus&channels=3", "channels: is 3, opus has at most 2"),
        ("sample_rate=7999", "sample_rate: is '7999'; input should be greater than or equal to 8000"),
        ("channels=9", "channels: is '9'; input should be less than or equal to 8"),
        ("endpointing=soon", "endpointing: is 'soon'; give milliseconds, true or false"),
        ("utterance_end_ms=1000", "utterance_end_ms: needs interim_results=true"),
        (
            "redact=pii&interim_results=true",
            "redact: cannot be had with interim_results=true: interims are not redacted",
        ),
        ("sequence_id=3", "sequence_id: needs resume=<token>"),
        ("replace=:x", "replace: ':x' has no word to find; give find:replacement"),
        ("search=...", "search: '...' has no word"),
        ("extra=a", "extra: 'a' is not key:value"),
        ("callback=ftp://a", "callback: has to begin with http:// or https://"),
        ("version=beta", "version: is 'beta'; input should be 'latest'"),
    ],
)
def test_faults_of_live_speech(query, line):
    assert fault(query) == line


def test_encodings_that_are_not_decoded():
    for encoding in ("amr-nb", "amr-wb", "speex", "g729", "wav"):
        assert fault(f"encoding={encoding}").startswith(f"encoding: is '{encoding}'; input should be 'linear16', ")


def test_nobody_believes_in_a_redaction_that_does_not_happen():
    few = Served(pii_kinds=frozenset({"PERSON"}))

    assert fault("redact=ssn", served=few) == "redact: 'ssn' needs US_ITIN, US_SSN, for which this server does not look"
    assert fault("redact=phi").startswith("redact: 'phi' is not known; there is true, pii, pci")
    assert fault("redact=true", served=Served(pii_kinds=frozenset())).startswith("redact: nothing is redacted")
    assert fault("redact=pii", TurnOptions).startswith("redact: is not in /v2/listen")


def test_methods_of_callbacks():
    callback = "callback=https://example.org/a"

    assert asked(f"{callback}&callback_method=GET").callback_method == "GET"
    assert asked(f"{callback}&callback_method=PUT", RecordedOptions).callback == "https://example.org/a"
    assert fault(f"{callback}&callback_method=GET", RecordedOptions) == "callback_method: is GET; there is POST, PUT"


def test_turns():
    options = asked("model=flux-general-en&encoding=linear16&sample_rate=16000&eager_eot_threshold=0.4", TurnOptions)

    assert options.session_config(SERVED)["interim_results"] is True
    assert (options.audio.sample_rate_hz, options.audio.channels) == (16_000, 1)
    assert options.thresholds == Thresholds(0.7, 5_000, 0.4)
    assert options.endpointing_ms == 0
    assert asked("eot_threshold=0.9", TurnOptions).endpointing_ms == 643
    assert asked("eot_threshold=1&eot_timeout_ms=600", TurnOptions).endpointing_ms == 600
    assert fault("eager_eot_threshold=0.8", TurnOptions) == "eager_eot_threshold: is 0.8, above eot_threshold"


def test_turns_are_configured():
    options = asked("tag=a", TurnOptions)

    changed = configured(options, {"eager_eot_threshold": 0.5, "numerals": True})

    assert changed.thresholds == Thresholds(eager_eot_threshold=0.5)
    assert (changed.wording.numerals, changed.tag) == (True, ["a"])
    for changes in ({"eot_threshold": 3}, {"eager_eot_threshold": 0.9}, {"model": "x"}):
        with pytest.raises(OptionError):
            configured(options, changes)


def test_what_the_server_has_may_be_looked_at_later():
    later = parse(RecordedOptions, [("model", "huge")])

    with pytest.raises(OptionError, match="model: 'huge' is not offered"):
        later.checked(SERVED)


def test_reading():
    assert asked("sentiment=true&language=en-US", ReadOptions).sentiment
    assert fault("language=de", ReadOptions) == "language: 'de' is not read here; there is en"


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "punctuate": st.booleans(),
            "interim_results": st.booleans(),
            "endpointing": st.integers(1, 20_000) | st.just(value=False),
            "channels": st.integers(1, 8),
            "sample_rate": st.integers(8_000, 48_000),
            "tag": st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=3),
            "language": st.sampled_from(["en", "en-US", "en-GB"]),
        },
    )
)
def test_what_is_asked_is_what_is_understood(wanted):
    lists = {name: value if isinstance(value, list) else [value] for name, value in wanted.items()}
    pairs = [(name, str(value)) for name, values in lists.items() for value in values]

    assert parse(LiveOptions, pairs, SERVED).model_dump(include=set(wanted)) == wanted


@given(
    st.lists(st.tuples(st.sampled_from(sorted(LiveOptions.model_fields)) | st.text(max_size=12), st.text(max_size=12)))
)
def test_every_query_is_understood_or_refused_in_one_line(pairs):
    lines = ["fine"]
    try:
        parse(LiveOptions, pairs, SERVED)
    except OptionError as refusal:
        lines = str(refusal).splitlines()

    assert len(lines) == 1


@pytest.mark.parametrize("kind", [LiveOptions, RecordedOptions, ReadOptions])
def test_the_openapi_document_is_made_of_the_options(kind):
    app = FastAPI()

    @app.post("/")
    def route(options: Annotated[kind, Query()]) -> int:
        return len(options.tag)

    parameters = app.openapi()["paths"]["/"]["post"]["parameters"]
    assert {each["name"] for each in parameters} == set(kind.model_fields)
    assert all(each.get("description") for each in parameters)
    assert TestClient(app).post("/?tag=a&tag=b").json() == 2


@given(st.lists(st.integers(-(2**31), 2**31 - 1)), st.integers(1, 9))
def test_long_samples_are_cut_to_short_ones_however_they_come(samples, size):
    whole, found, carry = np.array(samples, "<i4").tobytes(), b"", b""

    for at in range(0, len(whole), size):
        short, carry = linear16_of(whole[at : at + size], carry)
        found += short

    assert np.frombuffer(found, "<i2").tolist() == [sample >> 16 for sample in samples]
    assert carry == b""


@pytest.mark.parametrize("encoding", ["opus", "linear32"])
def test_what_a_body_cannot_carry_is_refused_for_recordings(encoding):
    with pytest.raises(OptionError, match="encoding"):
        parse(RecordedOptions, [("encoding", encoding), ("sample_rate", "16000")], Served())


def test_only_a_session_that_its_client_hears_can_be_resumed():
    assert parse(LiveOptions, [], Served()).resumable
    assert not parse(LiveOptions, [("callback", "https://example.org/")], Served()).resumable
    assert not parse(TurnOptions, [], Served()).resumable

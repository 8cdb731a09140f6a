import json

import pytest

from josefine_cli.demo import SAMPLES
from josefine_cli.errors import CliError
from josefine_cli.manifest import read_manifest


def folder_with(tmp_path, *entries, missing=()):
    (tmp_path / "manifest.jsonl").write_text("\n".join(json.dumps(entry) for entry in entries) + "\n")
    for entry in entries:
        if entry.get("file") and entry["file"] not in missing:
            (tmp_path / entry["file"]).touch()
    return tmp_path


def test_the_samples_can_be_read():
    clips = read_manifest(SAMPLES)

    assert len(clips) >= 5
    assert all(clip.channel_texts[0] and clip.duration_s > 0 for clip in clips)


def test_every_field_finds_its_place(tmp_path):
    entry = {
        "file": "a.wav",
        "text": "one two",
        "kind": "telephone",
        "duration_s": 2,
        "wer_tiny_en": 0.25,
        "norm": "digits",
        "codec": "pcm_mulaw",
        "segments": [{"start": 0.1, "end": 1.0, "text": "one"}, {"start": 1.0, "end": 2.0, "text": None}],
    }
    call = {"file": "b.wav", "text": None, "channel_texts": ["hi", "ho"], "kind": "multichannel", "duration_s": 1}
    unknown = {"file": "c.wav", "text": None, "kind": "dialog", "duration_s": 1}

    [a, b] = read_manifest(folder_with(tmp_path, entry, call, unknown))

    assert (a.kind, a.reference_rate, a.digits, a.format, len(a.segments)) == ("telephone", 0.25, True, "pcm_mulaw", 1)
    assert b.multichannel
    assert not a.multichannel


@pytest.mark.parametrize(
    ("entries", "missing", "named"),
    [
        ([{"file": "a.wav", "text": "x", "duration_s": 1}], ["a.wav"], "not there: a.wav"),
        ([{"text": "x"}], [], "line 1"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, entries, missing, named):
    with pytest.raises(CliError, match=named):
        read_manifest(folder_with(tmp_path, *entries, missing=missing))


def test_a_folder_without_a_manifest_is_told(tmp_path):
    with pytest.raises(CliError, match="no such file"):
        read_manifest(tmp_path)

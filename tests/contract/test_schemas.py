"""Every schema file is whole, documented, and says the same as the typed records."""

import json
import re
import types
from pathlib import Path
from typing import Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from josefine_wire import records
from josefine_wire.codec import _versions
from josefine_wire.topics import TOPICS

SCHEMAS = Path(__file__).parents[2] / "schemas"
FILES = sorted(SCHEMAS.glob("*/*"))
RECORDS = {
    "audio.raw": records.AudioChunk,
    "audio.frames": records.AudioFrame,
    "feature.frames": records.FeatureFrame,
    "transcripts": records.Transcript,
    "understanding": records.Understanding,
    "dead.letters": records.DeadLetter,
}
# A version that was published never changes: its bytes are in logs. A new version adds a line.
FINGERPRINTS = {
    "audio.raw/v1": "53792353cf32a709",
    "audio.frames/v1": "c8a1c72a843275f9",
    "feature.frames/v1": "e641940a48107468",
    "transcripts/v1": "677e87be27c866a2",
    "understanding/v1": "bab88ba5ad0899c4",
    "audio.raw/v2": "45bb8f062d7add2c",
    "audio.frames/v2": "50088bd4e004e4c2",
    "feature.frames/v2": "22627e5ad2b38edc",
    "transcripts/v2": "d3a4e2d322f77c2d",
    "understanding/v2": "a79d635f4a4642df",
    "dead.letters/v1": "228bf3cfe501b3f2",
    "audio.raw/v3": "a0c9d035a529dac2",
    "transcripts/v3": "01132942bba25a9e",
}
COUNTS = ("sequence", "last_sequence", "offset")


def definition(file):
    return json.loads(file.read_text(encoding="utf-8"))


def parts(schema):
    """Yields every record, field and enum in a schema."""
    if isinstance(schema, list):
        for branch in schema:
            yield from parts(branch)
    elif isinstance(schema, dict):
        if schema["type"] in ("record", "enum"):
            yield schema
        for field in schema.get("fields", ()):
            yield field
            yield from parts(field["type"])
        yield from parts(schema.get("items"))
        yield from parts(schema.get("values"))


def named(schema):
    return {part["name"]: part for part in parts(schema) if part["type"] in ("record", "enum")}


def test_a_folder_for_every_topic_and_none_besides():
    assert {file.parent.name for file in FILES} == {spec.name for spec in TOPICS} == set(RECORDS)


@pytest.mark.parametrize("topic", RECORDS)
def test_versions_are_numbered_from_one_without_holes(topic):
    numbers = sorted(int(re.fullmatch(r"v([1-9]\d*)\.avsc", file.name)[1]) for file in (SCHEMAS / topic).iterdir())
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_part_has_a_doc(file):
    undocumented = [part["name"] for part in parts(definition(file)) if not part.get("doc", "").strip()]
    assert undocumented == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_position_and_duration_has_its_unit_in_the_doc_or_the_name(file):
    units = re.compile(r"sample|hop|window|millisecond|microsecond|hertz|Hz|bit")
    timed = [p for p in parts(definition(file)) if p.get("type") == "long" and p["name"] not in COUNTS]
    assert [p["name"] for p in timed if not units.search(p["doc"] + p["name"])] == []


def test_every_version_parses_and_published_versions_stand():
    found = {f"{topic}/v{schema.version}": schema.header[2:].hex() for topic in RECORDS for schema in _versions(topic)}
    assert found == FINGERPRINTS


def test_a_name_means_the_same_in_every_topic():
    seen = {}
    for topic in RECORDS:
        newest = SCHEMAS / topic / f"v{len(list((SCHEMAS / topic).iterdir()))}.avsc"
        for name, part in named(definition(newest)).items():
            assert seen.setdefault(name, part) == part, f"{name} differs in {topic}"


# Types of the schema against types of records.py.


def mismatches(annotation, schema, where):
    """Returns where a type of Python and a type of Avro do not fit."""
    if isinstance(schema, list):
        return union_mismatches(annotation, schema, where)
    if isinstance(schema, str):
        return plain_mismatches(annotation, schema, where)
    match schema["type"]:
        case "enum":
            fits = get_origin(annotation) is Literal and list(get_args(annotation)) == schema["symbols"]
            return [] if fits else [f"{where}: {annotation} is not {schema['symbols']}"]
        case "array":
            fits = get_origin(annotation) is list
            return mismatches(*get_args(annotation), schema["items"], f"{where}[]") if fits else [f"{where}: no list"]
        case "map":
            fits = get_origin(annotation) is dict and get_args(annotation)[0] is str
            value = get_args(annotation)[1] if fits else None
            return mismatches(value, schema["values"], f"{where}{{}}") if fits else [f"{where}: no dict"]
        case "record":
            return record_mismatches(annotation, schema, where)
        case plain:
            return plain_mismatches(annotation, plain, where)


def plain_mismatches(annotation, schema, where):
    if schema == "string" and get_origin(annotation) is Literal:
        return []  # narrower in Python: the doc lists the values
    wanted = {"string": str, "int": int, "long": int, "float": float, "double": float, "boolean": bool, "bytes": bytes}
    return [] if annotation is wanted.get(schema) else [f"{where}: {annotation} is not {schema}"]


def union_mismatches(annotation, schema, where):
    if get_origin(annotation) not in (Union, types.UnionType) or schema[0] != "null" or len(schema) != 2:
        return [f"{where}: {annotation} is not {schema}"]
    (present,) = [argument for argument in get_args(annotation) if argument is not type(None)]
    return mismatches(present, schema[1], where)


def record_mismatches(annotation, schema, where):
    if not is_typeddict(annotation) or annotation.__name__ != schema["name"]:
        return [f"{where}: {annotation} is not {schema['name']}"]
    hints = get_type_hints(annotation, include_extras=True)
    fields = {field["name"]: field for field in schema["fields"]}
    found = [f"{where}.{name}: only on one side" for name in hints.keys() ^ fields.keys()]
    for name in hints.keys() & fields.keys():
        hint = hints[name]
        if get_origin(hint) is NotRequired:
            (hint,) = get_args(hint)
            found += [] if "default" in fields[name] else [f"{where}.{name}: may be left out, but has no default"]
        found += mismatches(hint, fields[name]["type"], f"{where}.{name}")
    return found


@pytest.mark.parametrize("topic", RECORDS)
def test_records_are_what_the_newest_schema_says(topic):
    newest = SCHEMAS / topic / f"v{len(list((SCHEMAS / topic).iterdir()))}.avsc"
    assert mismatches(RECORDS[topic], definition(newest), topic) == []


def test_the_comparison_finds_what_differs():
    newest = definition(SCHEMAS / "transcripts" / "v3.avsc")
    fields = {field["name"]: field for field in newest["fields"]}
    fields["segment"]["type"] = "string"
    fields["kind"]["type"]["symbols"].append("MAYBE")
    fields["words"]["type"]["items"]["fields"].pop()
    del fields["gaps"]
    newest["fields"] = list(fields.values())
    places = sorted(problem.split(":")[0] for problem in mismatches(records.Transcript, newest, "t"))
    assert places == ["t.gaps", "t.kind", "t.segment", "t.words[].confidence"]

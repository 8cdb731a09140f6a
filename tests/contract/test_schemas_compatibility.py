"""FULL_TRANSITIVE: every version of a topic can be read by every other, in both directions.

Source of the rules: Avro 1.12 specification, "Schema Resolution". A new field needs a default (old records lack it);
a field that goes away must have had one (old readers still want it).
"""

import io
import json
from itertools import permutations
from pathlib import Path

import fastavro
import pytest

SCHEMAS = Path(__file__).parents[2] / "schemas"
PROMOTIONS = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}
NAMED = ("record", "enum", "fixed")


class Names(dict):
    """The named types of one schema, by short name."""

    def __init__(self, schema):
        super().__init__()
        self._collect(schema)

    def _collect(self, schema):
        if isinstance(schema, list):
            for branch in schema:
                self._collect(branch)
        elif isinstance(schema, dict):
            if schema["type"] in NAMED:
                self[schema["name"]] = schema
            for field in schema.get("fields", ()):
                self._collect(field["type"])
            self._collect(schema.get("items"))
            self._collect(schema.get("values"))

    def of(self, schema):
        """Returns a definition: names are looked up, {"type": "int"} is "int"."""
        if isinstance(schema, str):
            return self.get(schema.rsplit(".", 1)[-1], schema)
        if isinstance(schema, dict) and schema["type"] not in (*NAMED, "array", "map"):
            return self.of(schema["type"])
        return schema


def unreadable(writer, reader):
    """Returns why records of `writer` cannot all be read with `reader`: nothing when they can."""
    return _unreadable(writer, reader, (Names(writer), Names(reader)), "", frozenset())


def _unreadable(writer, reader, names, where, seen):
    writer, reader = names[0].of(writer), names[1].of(reader)
    if isinstance(writer, list):
        return [problem for branch in writer for problem in _unreadable(branch, reader, names, where, seen)]
    if isinstance(reader, list):
        tried = [_unreadable(writer, branch, names, where, seen) for branch in reader]
        return [] if any(not problems for problems in tried) else [f"{where}: {_kind(writer)} is in no branch"]
    if _kind(reader) in PROMOTIONS.get(_kind(writer), ()):
        return []
    if _kind(writer) != _kind(reader):
        return [f"{where}: {_kind(writer)} is not {_kind(reader)}"]
    match _kind(writer):
        case "array":
            return _unreadable(writer["items"], reader["items"], names, f"{where}[]", seen)
        case "map":
            return _unreadable(writer["values"], reader["values"], names, f"{where}{{}}", seen)
        case "record" | "enum" | "fixed" as kind:
            if writer["name"] not in (reader["name"], *reader.get("aliases", ())):
                return [f"{where}: {writer['name']} is not {reader['name']}"]
            return _BY_KIND[kind](writer, reader, names, where, seen)
    return []


def _records(writer, reader, names, where, seen):
    pair = (writer["name"], reader["name"])
    if pair in seen:
        return []
    written = {field["name"]: field for field in writer["fields"]}
    found = []
    for field in reader["fields"]:
        name = next((name for name in (field["name"], *field.get("aliases", ())) if name in written), None)
        if name is not None:
            found += _unreadable(written[name]["type"], field["type"], names, f"{where}.{field['name']}", seen | {pair})
        elif "default" not in field:
            found.append(f"{where}.{field['name']}: is not written and has no default")
    return found


def _enums(writer, reader, _names, where, _seen):
    unknown = [] if "default" in reader else [s for s in writer["symbols"] if s not in reader["symbols"]]
    return [f"{where}: symbols {unknown} are unknown and there is no default"] if unknown else []


def _fixeds(writer, reader, _names, where, _seen):
    return [] if writer["size"] == reader["size"] else [f"{where}: sizes differ"]


_BY_KIND = {"record": _records, "enum": _enums, "fixed": _fixeds}


def _kind(schema):
    return schema if isinstance(schema, str) else schema["type"]


@pytest.mark.parametrize("topic", sorted(folder.name for folder in SCHEMAS.iterdir()))
def test_every_version_reads_every_other(topic):
    versions = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in (SCHEMAS / topic).iterdir()}
    problems = [
        f"{old} read as {new}{problem}"
        for old, new in permutations(versions, 2)
        for problem in unreadable(versions[old], versions[new])
    ]
    assert problems == []


# The check itself, on pairs that are made up.


def record(*fields, name="R"):
    return {
        "type": "record",
        "name": name,
        "fields": [dict(zip(("name", "type", "default"), f, strict=False)) for f in fields],
    }


def enum(*symbols, **more):
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


A = ("a", "int")
INNER = record(("x", "int"), name="I")
WIDER = record(("x", "int"), ("y", "int"), name="I")
WIDER_BY_DEFAULT = record(("x", "int"), ("y", "int", 0), name="I")
NODE = record(("next", ["null", "R"]))

GOOD = [
    (record(A), record(A, ("b", "string", ""))),
    (record(A), record(A, ("b", ["null", "long"], None))),
    (record(("e", enum("X", default="X"))), record(("e", enum("X", "Y", default="X")))),
    (record(("i", INNER)), record(("i", WIDER_BY_DEFAULT))),
    (
        record(("i", {"type": "array", "items": INNER}, [])),
        record(("i", {"type": "array", "items": WIDER_BY_DEFAULT}, [])),
    ),
    (record(("s", "string")), record(("s", "bytes"))),
    (record(("i", INNER), ("j", "I")), record(("i", WIDER_BY_DEFAULT), ("j", "I"))),
    (NODE, record(("next", ["null", "R"]), ("a", "int", 1))),
]
BAD = [
    (record(A), record(A, ("b", "string")), ".b: is not written"),
    (record(A, ("b", "string")), record(A), ".b: is not written"),
    (record(A), record(("a", "long")), ".a: long is not int"),
    (record(A), record(("a", "string")), ".a: int is not string"),
    (record(A), record(("renamed", "int")), ".renamed: is not written"),
    (record(A), record(("a", ["null", "int"], None)), ".a: null is not int"),
    (record(("a", ["null", "int"])), record(("a", ["null", "string"])), ".a: int is in no branch"),
    (record(("e", enum("X"))), record(("e", enum("X", "Y"))), "symbols ['Y'] are unknown"),
    (record(("e", enum("X", "Y"))), record(("e", enum("X"))), "symbols ['Y'] are unknown"),
    (record(("i", INNER)), record(("i", WIDER)), ".i.y: is not written"),
    (record(("i", ["null", INNER])), record(("i", ["null", WIDER])), ".i: record is in no branch"),
    (record(("i", {"type": "array", "items": INNER})), record(("i", {"type": "array", "items": WIDER})), ".i[].y"),
    (record(("i", {"type": "map", "values": "int"})), record(("i", {"type": "map", "values": "string"})), ".i{}"),
    (record(("i", {"type": "array", "items": "int"})), record(("i", {"type": "map", "values": "int"})), ".i: "),
    (record(("i", INNER), ("j", "I")), record(("i", "int"), ("j", INNER)), ".i: record is not int"),
    (record(A, name="Old"), record(A, name="New"), "Old is not New"),
    (
        record(("f", {"type": "fixed", "name": "F", "size": 4})),
        record(("f", {"type": "fixed", "name": "F", "size": 8})),
        "sizes differ",
    ),
]


@pytest.mark.parametrize(("old", "new"), GOOD)
def test_good_pairs_pass(old, new):
    assert unreadable(old, new) == unreadable(new, old) == []


@pytest.mark.parametrize(("old", "new", "problem"), BAD)
def test_bad_pairs_fail(old, new, problem):
    found = unreadable(old, new) + unreadable(new, old)
    assert any(problem in line for line in found), found


def test_good_pairs_can_really_be_read():
    old, new = GOOD[4]
    written = io.BytesIO()
    fastavro.schemaless_writer(written, fastavro.parse_schema(old), {"i": [{"x": 7}]})
    written.seek(0)
    assert fastavro.schemaless_reader(written, fastavro.parse_schema(old), fastavro.parse_schema(new)) == {
        "i": [{"x": 7, "y": 0}]
    }


def test_who_does_not_know_flushed_reads_an_interim():
    old, new = ({"type": "record", "name": "T", "fields": [_kind_of(version)]} for version in ("v2", "v3"))
    written = io.BytesIO()
    fastavro.schemaless_writer(written, fastavro.parse_schema(new), {"kind": "FLUSHED"})
    written.seek(0)
    read = fastavro.schemaless_reader(written, fastavro.parse_schema(new), fastavro.parse_schema(old))
    assert read == {"kind": "INTERIM"}


def _kind_of(version):
    fields = json.loads((SCHEMAS / "transcripts" / f"{version}.avsc").read_text(encoding="utf-8"))["fields"]
    return next(field for field in fields if field["name"] == "kind")


def test_a_third_version_is_compared_with_the_first():
    versions = [record(A, ("b", "int", 0)), record(A), record(A, ("b", "string", ""))]
    pairs = [(o, n) for (o, old), (n, new) in permutations(enumerate(versions), 2) if unreadable(old, new)]
    assert pairs == [(0, 2), (2, 0)]

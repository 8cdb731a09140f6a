"""Sends a recording with nothing but Kafka and Avro: python plain_producer.py FILE [BROKERS]. Prints the session id."""

import io
import json
import sys
import time
import uuid
from pathlib import Path

import fastavro
from confluent_kafka import Producer
from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

definition = json.loads((Path(__file__).parents[1] / "schemas/audio.raw/v1.avsc").read_text())
header = b"\xc3\x01" + bytes.fromhex(fingerprint(to_parsing_canonical_form(definition), "CRC-64-AVRO"))
schema = parse_schema(definition)
audio = Path(sys.argv[1]).read_bytes()
brokers = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1:9092"
producer = Producer({"bootstrap.servers": brokers, "enable.idempotence": True})
outcomes = []
session_id = uuid.uuid4().hex
session = {"session_id": session_id, "producer_id": uuid.uuid4().hex, "session_started_at": int(time.time() * 1e3)}
chunks = [audio[at : at + 32_768] for at in range(0, len(audio), 32_768)] or [b""]
for sequence, payload in enumerate(chunks):
    record = {**session, "sequence": sequence, "payload": payload, "end": sequence == len(chunks) - 1}
    if sequence == 0:
        record["start"] = {"encoding": "container", "config": {"mode": "RECORDED"}}
    value = io.BytesIO()
    fastavro.schemaless_writer(value, schema, record)
    while len(producer) >= 1_000:  # what is not acknowledged yet: a queue that is full would raise BufferError
        producer.poll(0.1)
    message = {"key": session_id, "value": header + value.getvalue()}
    producer.produce("audio.raw", **message, on_delivery=lambda error, _: outcomes.append(error))
unanswered = producer.flush(30)
refused = [error for error in outcomes if error]
if refused or unanswered:
    sys.exit(f"not delivered: {refused[0] if refused else f'{brokers} does not acknowledge {unanswered} chunks'}")
print(session_id)

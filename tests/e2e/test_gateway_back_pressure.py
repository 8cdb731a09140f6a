"""A broker that stands still while clients push: they wait, memory does not grow, and then everything arrives."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx
import numpy as np
import psutil
import pytest
from deadlines import wait_until
from gateways import gateway_beside
from raw_sockets import PATIENCE_S, live

LIMIT_BYTES = 1024 * 1024
IDLE_CLOSE_S = 3.0
PIECE_BYTES = 64 * 1024
SECONDS = 40
RATE_HZ, CHANNELS = 48_000, 2
AUDIO_BYTES = SECONDS * RATE_HZ * CHANNELS * 2
CLIENTS = 3
"""Of each kind: together they push fifty times what may be under way."""
HEARD_WITHIN_S = 3 * PATIENCE_S
"""For a quarter of an hour of audio."""
MOST_GROWTH_BYTES = 24 * 1024 * 1024


@pytest.fixture
def gateway(engine_of_kind):
    """A replica that takes little at a time, and soon thinks that a client is gone."""
    limits = {"JOSEFINE_MAX_UNDER_WAY_BYTES": str(LIMIT_BYTES), "JOSEFINE_IDLE_CLOSE_S": str(IDLE_CLOSE_S)}
    with gateway_beside(engine_of_kind("kafka"), **limits) as running:
        yield running


@contextmanager
def stopped(stack):
    """Stops the broker, with all its connections, for the time of the block."""
    broker = stack.process("broker")
    broker.pause()
    try:
        yield
    finally:
        broker.resume()


def under_way(gateway):
    return gateway.status()["under_way_bytes"]


def push(websocket):
    """Sends audio as fast as it is taken; returns how much of it was heard."""
    for start in range(0, AUDIO_BYTES, PIECE_BYTES):
        websocket.send(bytes(min(PIECE_BYTES, AUDIO_BYTES - start)))
    websocket.send('{"type": "CloseStream"}')
    return [json.loads(message) for message in websocket][-1]["duration"]


def upload(gateway, audio):
    answer = httpx.post(f"{gateway.url}/v1/listen", content=audio, timeout=HEARD_WITHIN_S)
    assert answer.status_code == 200, answer.text
    return answer.json()["metadata"]["duration"]


def test_clients_wait_for_the_broker(engine_of_kind, gateway, wav_bytes):
    process = psutil.Process(gateway.pid)
    samples = np.zeros(AUDIO_BYTES // 2, np.int16)
    recording = wav_bytes(samples[: SECONDS * 16_000 * 6])  # as many bytes, mono at 16 kHz
    path = f"/v1/listen?encoding=linear16&sample_rate={RATE_HZ}&channels={CHANNELS}"
    with ExitStack() as held, ThreadPoolExecutor(2 * CLIENTS) as clients:
        sockets = [held.enter_context(live(gateway, path)) for _ in range(CLIENTS)]
        before = process.memory_info().rss
        with stopped(engine_of_kind("kafka")):
            begun_s = time.monotonic()
            live_ones = [clients.submit(push, websocket) for websocket in sockets]
            recorded = [clients.submit(upload, gateway, recording) for _ in range(CLIENTS)]
            wait_until(lambda: under_way(gateway) >= LIMIT_BYTES)
            wait_until(lambda: time.monotonic() - begun_s > 2 * IDLE_CLOSE_S)
            assert under_way(gateway) <= LIMIT_BYTES + 2 * PIECE_BYTES
            assert process.memory_info().rss - before < MOST_GROWTH_BYTES
            assert not [each for each in (*live_ones, *recorded) if each.done()]
        assert [each.result(HEARD_WITHIN_S) for each in live_ones] == [pytest.approx(SECONDS)] * CLIENTS
        assert [each.result(HEARD_WITHIN_S) for each in recorded] == [pytest.approx(6 * SECONDS)] * CLIENTS
        assert process.memory_info().rss - before < 2 * MOST_GROWTH_BYTES
    wait_until(lambda: under_way(gateway) == 0)

"""Live clients of a gateway at the pace of speech: what they sent when, and when they were told what."""

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.tape import BYTES_PER_S

QUERY: Final = "/v1/listen?encoding=linear16&sample_rate=16000&interim_results=true"
KEEP_ALIVE_S: Final = 4.0
"""A client without audio has to say something every 10 s."""
TOGETHER: Final = 20
"""Handshakes at the same time."""


@dataclass(slots=True)
class Client:
    """One session."""

    websocket: ClientConnection
    session_id: str
    begin_s: float = 0.0
    sent_s: list[float] = field(default_factory=list)
    """When each frame was handed to the socket, monotonic."""
    told_s: dict[int, float] = field(default_factory=dict)
    """When a final came, by its sequence_id."""

    async def read(self) -> None:
        """Takes note of finals to the end of the connection."""
        try:
            async for text in self.websocket:
                message = json.loads(text)
                if message["type"] == "Results" and message["is_final"]:
                    self.told_s[message["sequence_id"]] = time.monotonic()
        except ConnectionClosed:
            return

    async def speak(self, tape: memoryview, frame_ms: int, until_s: float) -> None:
        """Sends frames, each when a microphone would have it: a late one makes none of the next ones late."""
        size = BYTES_PER_S * frame_ms // 1000
        frames = len(tape) // size
        number = 0
        while (due_s := self.begin_s + (number + 1) * frame_ms / 1000) < until_s:
            # The pace of a microphone.
            await asyncio.sleep(due_s - time.monotonic())
            at = number % frames * size
            await self.websocket.send(bytes(tape[at : at + size]))
            self.sent_s.append(time.monotonic())
            number += 1

    async def keep_alive(self, until_s: float) -> None:
        """Says nothing but that somebody is there."""
        while time.monotonic() + KEEP_ALIVE_S < until_s:
            await asyncio.sleep(KEEP_ALIVE_S)
            await self.websocket.send('{"type": "KeepAlive"}')

    def late_s(self, frame_ms: int) -> list[float]:
        """Returns how much later than due each frame was sent."""
        return [sent_s - self.begin_s - (number + 1) * frame_ms / 1000 for number, sent_s in enumerate(self.sent_s)]


async def opened(url: str, count: int, held: AsyncExitStack, clients: dict[str, Client]) -> None:
    """Adds so many open sessions to `clients`, by session id; `held` closes them."""
    limit = asyncio.Semaphore(TOGETHER)

    async def one() -> None:
        async with limit:
            websocket = await held.enter_async_context(
                connect(url.replace("http", "ws", 1) + QUERY, compression=None, ping_interval=None, close_timeout=1)
            )
        assert websocket.response is not None
        session_id = websocket.response.headers["dg-request-id"].replace("-", "")
        clients[session_id] = Client(websocket, session_id)

    await asyncio.gather(*(one() for _ in range(count)))


async def spoken(clients: Mapping[str, Client], tape: bytes, frame_ms: int, begin_s: float, until_s: float) -> None:
    """Has all clients speak, or keep their sessions where `frame_ms` is 0, each from its own place and moment."""
    readers = [asyncio.ensure_future(client.read()) for client in clients.values()]
    work = []
    for number, client in enumerate(clients.values()):
        if not frame_ms:
            work.append(client.keep_alive(until_s))
            continue
        client.begin_s = begin_s + number / len(clients) * frame_ms / 1000
        place = number * len(tape) // len(clients) // 2 * 2
        work.append(client.speak(memoryview(tape[place:] + tape[:place]), frame_ms, until_s))
    await asyncio.gather(*work)
    for reader in readers:
        reader.cancel()

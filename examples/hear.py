"""Live speech that goes on after a cut, from raw audio: python hear.py [URL] < AUDIO (linear16, 16 kHz, mono)."""

import sys
import threading

from josefine_client.live.events import Final
from josefine_client.live.session import LiveSession

url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080"
with LiveSession(url, {"encoding": "linear16", "sample_rate": 16_000, "punctuate": True}) as session:

    def speak():
        while piece := sys.stdin.buffer.read(3_200):
            session.send(piece)
        session.end()

    threading.Thread(target=speak).start()
    for event in session:
        if isinstance(event, Final):
            print(f"{event.start_s:7.2f} {event.text}")

"""Speaks a WAV file to the gateway as a microphone would: python live_client.py FILE.wav [URL]. Prints what it hears.

Cut the connection or restart the gateway meanwhile: the session goes on. JOSEFINE_API_KEY is the key, if there is one.
"""

import os
import sys
import time
import wave
from concurrent.futures import ThreadPoolExecutor

from josefine_client.live.errors import LiveError
from josefine_client.live.events import Final, Interim, Reconnected
from josefine_client.live.session import LiveSession

PIECE_S = 0.1


def speak(session: LiveSession, recording: wave.Wave_read) -> None:
    begin_s = time.monotonic()
    frames = int(recording.getframerate() * PIECE_S)
    while piece := recording.readframes(frames):
        session.send(piece)
        spoken_s = recording.tell() / recording.getframerate()
        time.sleep(max(begin_s + spoken_s - time.monotonic(), 0))  # A microphone has no more yet.
    session.end()


def listen(session: LiveSession) -> None:
    for event in session:
        match event:
            case Interim():
                print(f"  ... {event.text}", file=sys.stderr)
            case Final() if event.text:
                print(f"{event.start_s:7.2f} {event.text}", flush=True)
            case Reconnected():
                print(f"  (reconnected, {event.acknowledged_bytes} bytes were safe)", file=sys.stderr)


def main() -> None:
    url = sys.argv[2] if len(sys.argv) > 2 else "ws://127.0.0.1:8080"
    with wave.open(sys.argv[1]) as recording, ThreadPoolExecutor() as threads:
        options = {
            "encoding": "linear16",
            "sample_rate": recording.getframerate(),
            "channels": recording.getnchannels(),
            "interim_results": True,
            "punctuate": True,
        }
        with LiveSession(url, options, api_key=os.environ.get("JOSEFINE_API_KEY")) as session:
            speaking = threads.submit(speak, session, recording)
            listen(session)
            speaking.result()


if __name__ == "__main__":
    try:
        main()
    except LiveError as error:
        sys.exit(str(error))

"""A recording and live speech through deepgram-sdk: python deepgram_client.py FILE.wav [HOST:PORT]."""

import sys
import threading
from pathlib import Path

from deepgram import DeepgramClient, DeepgramClientEnvironment

file, host = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1:8080"
http, ws = f"http://{host}", f"ws://{host}"
environment = DeepgramClientEnvironment(base=http, production=ws, agent=ws, agent_rest=http)
client = DeepgramClient(api_key="any", environment=environment)  # `josefine keys create` makes one, where it matters

answer = client.listen.v1.media.transcribe_file(request=file.read_bytes(), model="nova-3", smart_format=True)
print(answer.results.channels[0].alternatives[0].transcript)

with client.listen.v1.connect(model="nova-3", smart_format=True) as connection, file.open("rb") as microphone:

    def speak():
        while piece := microphone.read(3_200):
            connection.send_media(piece)
        connection.send_close_stream()

    threading.Thread(target=speak).start()
    for message in connection:
        if message.type == "Results" and message.is_final:
            print(f"{message.start:7.2f} {message.channel.alternatives[0].transcript}")

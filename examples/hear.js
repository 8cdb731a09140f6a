// Live speech that goes on after a cut, from raw audio: node hear.js [URL] < AUDIO (linear16, 16 kHz, mono)
import { liveSession } from "./live_client.js";

const options = { encoding: "linear16", sample_rate: "16000", punctuate: "true" };
const onMessage = ({ is_final, channel }) => is_final && console.log(channel.alternatives[0].transcript);
const session = liveSession(process.argv[2] ?? "ws://127.0.0.1:8080", options, { onMessage });
for await (const piece of process.stdin) session.send(piece);
session.end();
await session.done;

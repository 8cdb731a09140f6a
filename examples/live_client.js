// Speaks a WAV file to the gateway as a microphone would, and goes on after a cut: node live_client.js FILE.wav [URL]
// Needs nothing but the WebSocket of browsers and Node 22 (Node 20: node --experimental-websocket). In a browser take
// `liveSession` and give it microphone bytes. JOSEFINE_API_KEY is the key, if there is one.

export function liveSession(url, options, { key, onMessage, giveUpAfterMs = 30_000 }) {
  const frames = []; // What is not answered yet: {start, bytes} or {control}.
  const seen = []; // By channel: sequence_id of the last final.
  let total = 0, sent = 0, token = "true", open = false, over = false, attempts = 0, lastOpen = Date.now(), socket, finish;
  const done = new Promise((resolve, reject) => { finish = { resolve, reject }; });

  const pump = () => {
    for (; open && sent < frames.length; sent += 1) socket.send(frames[sent].bytes ?? frames[sent].control);
  };
  const acknowledge = ({ bytes }) => {
    while (frames.length && frames[0].bytes && frames[0].start + frames[0].bytes.length <= bytes) {
      frames.shift();
      sent = Math.max(sent - 1, 0);
    }
  };
  const begin = ({ acknowledged, resume_token }) => { // The server says from which byte on.
    token = resume_token;
    sent = 0;
    acknowledge(acknowledged);
    const cut = acknowledged.bytes - (frames[0]?.start ?? acknowledged.bytes);
    if (cut > 0) frames[0] = { start: acknowledged.bytes, bytes: frames[0].bytes.subarray(cut) };
    [open, lastOpen] = [true, Date.now()];
    pump();
  };
  const isNew = ({ type, is_final, sequence_id, channel_index, channel }) => {
    if (type !== "Results") return true;
    const last = seen[channel_index[0]] ?? 0;
    if (!is_final) return sequence_id >= last;
    if (sequence_id <= last) return channel.alternatives[0].words.length === 0;
    seen[channel_index[0]] = sequence_id;
    return true;
  };
  const take = (message) => {
    if (message.type === "Session") return begin(message);
    attempts = 0;
    if (message.resume_token) token = message.resume_token;
    if (message.type === "Acknowledged") return acknowledge(message);
    if (isNew(message)) onMessage(message);
    if (message.type === "Metadata") [over] = [true, finish.resolve(message)];
  };
  const connect = () => {
    const query = new URLSearchParams({ ...options, resume: token });
    if (token !== "true") query.set("sequence_id", Array.from(seen, (id) => id ?? 0).join(",") || "0");
    socket = new WebSocket(`${url}/v1/listen?${query}`, key ? ["token", key] : []);
    socket.onmessage = ({ data }) => take(JSON.parse(data));
    socket.onclose = ({ code, reason }) => {
      if (open) lastOpen = Date.now();
      open = false;
      if (over) return;
      const refused = (code === 1008 && !reason.startsWith("slow reader")) || reason === "over_capacity";
      over = refused || Date.now() - lastOpen > giveUpAfterMs; // Nobody tells a browser why a handshake fails.
      if (over) return finish.reject(new Error(`session lost: ${reason || `close code ${code}`}`));
      setTimeout(connect, code === 1012 && attempts === 0 ? 0 : Math.random() * Math.min(5_000, 250 * 2 ** attempts));
      attempts += 1;
    };
  };
  const keepAlive = setInterval(() => open && socket.send('{"type":"KeepAlive"}'), 4_000);
  done.finally(() => clearInterval(keepAlive)).catch(() => {});
  connect();
  return {
    send(bytes) { if (bytes.length) { frames.push({ start: total, bytes }); total += bytes.length; pump(); } },
    end() { frames.push({ control: '{"type":"CloseStream"}' }); pump(); },
    done, // Fulfilled with Metadata when all is told.
  };
}

if (globalThis.process?.argv[1]?.endsWith("live_client.js")) {
  const { readFile } = await import("node:fs/promises");
  const [file, url = "ws://127.0.0.1:8080"] = process.argv.slice(2);
  const onMessage = (message) => {
    const text = message.channel?.alternatives?.[0]?.transcript;
    if (message.is_final && text) console.log(text);
  };
  const options = { punctuate: "true", interim_results: "true" };
  const session = liveSession(url, options, { key: process.env.JOSEFINE_API_KEY, onMessage });
  const wav = await readFile(file); // A container: the server reads its header.
  for (let at = 0; at < wav.length; at += 3_200) {
    session.send(wav.subarray(at, at + 3_200));
    await new Promise((resolve) => setTimeout(resolve, 100)); // 3,200 bytes are 100 ms of linear16 at 16 kHz.
  }
  session.end();
  await session.done;
}

// A live session over a WebSocket that goes on after the connection was cut.
import { Unacknowledged } from "./unacknowledged.js";

/** The server keeps a session open for so long after a cut, unless it was told otherwise. */
const GO_ON_WITHIN_MS = 30_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4_000;
/** Audio goes out and nothing comes back: acknowledgements come every half second, so the line is dead. */
const SILENT_MS = 10_000;
/** Ten minutes of 16 kHz audio. More is not kept: the page would eat the machine's memory. */
const MOST_KEPT_BYTES = 20_000_000;
const CLOSE_NORMAL = 1000;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_CUT = 1006;
const CLOSE_POLICY = 1008;
const CLOSE_TROUBLE = 1011;
const CLOSE_RESTART = 1012;

/**
 * One session. `on` has message(object), connected(resumed), interrupted(), ended(), failed({code, reason, opened}).
 * Exactly one of ended and failed is called, once.
 */
export class LiveSession {
  #url;
  #protocols;
  #on;
  #kept = new Unacknowledged();
  #sequences = new Map();
  #socket = null;
  #token = null;
  #ready = false;
  #closing = false;
  #over = false;
  #brokenSince = null;
  #pause = FIRST_PAUSE_MS;
  #retry = 0;
  #heardAt = 0;
  #watch = 0;

  /** `url`: http(s), of /v1/listen with the query, without resume. `protocols`: a function, for the key may change. */
  constructor(url, protocols, on) {
    this.#url = url;
    this.#protocols = protocols;
    this.#on = on;
    addEventListener("online", this.#atOnce);
    this.#connect();
  }

  /** Sends the next audio, now or when there is a connection. */
  send(chunk) {
    if (this.#over || this.#closing) return;
    if (this.#kept.size > MOST_KEPT_BYTES) {
      this.#fail({ code: 0, reason: "too much audio waits for the server", opened: true });
      return;
    }
    this.#kept.append(chunk);
    if (this.#ready) this.#socket.send(chunk);
  }

  /** Says that no audio follows; what is still to come comes. */
  finish() {
    this.#closing = true;
    if (this.#ready) this.#closeStream();
  }

  /** Ends at once. */
  abandon() {
    if (this.#over) return;
    this.#stop();
    this.#socket?.close(CLOSE_NORMAL);
  }

  #connect() {
    const url = new URL(this.#url);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("resume", this.#token ?? "true");
    if (this.#token) url.searchParams.set("sequence_id", this.#lastSeen());
    const socket = new WebSocket(url, this.#protocols());
    this.#socket = socket;
    this.#ready = false;
    this.#heardAt = performance.now();
    const mine = (handler) => (event) => socket === this.#socket && !this.#over && handler(event);
    socket.addEventListener("message", mine((event) => this.#take(JSON.parse(event.data))));
    socket.addEventListener("close", mine((event) => this.#closed(event.code, event.reason)));
    clearInterval(this.#watch);
    this.#watch = setInterval(() => this.#lookForLife(), 1000);
  }

  #take(message) {
    this.#heardAt = performance.now();
    switch (message.type) {
      case "Session":
        this.#token = message.resume_token;
        this.#begin(message);
        return;
      case "Acknowledged":
        this.#token = message.resume_token;
        this.#kept.acknowledge(message.bytes);
        return;
      case "Results":
        if (message.is_final) this.#saw(message.channel_index[0], message.sequence_id);
        break;
      case "Metadata":
        this.#on.message(message);
        this.#stop();
        this.#on.ended();
        return;
      default:
    }
    this.#on.message(message);
  }

  /** The server has said from which byte on it needs the audio. */
  #begin({ acknowledged, resumed }) {
    this.#kept.acknowledge(acknowledged.bytes);
    if (acknowledged.bytes !== this.#kept.start) {
      this.#fail({ code: 0, reason: "the server asks for audio that is gone", opened: true });
      return;
    }
    this.#ready = true;
    this.#brokenSince = null;
    this.#pause = FIRST_PAUSE_MS;
    for (const chunk of this.#kept.from(this.#kept.start)) this.#socket.send(chunk);
    if (this.#closing) this.#closeStream();
    this.#on.connected(resumed);
  }

  #closeStream() {
    this.#socket.send(JSON.stringify({ type: "CloseStream" }));
  }

  #closed(code, reason) {
    const wasReady = this.#ready;
    this.#ready = false;
    const goesOn = [CLOSE_CUT, CLOSE_RESTART, CLOSE_GOING_AWAY].includes(code) ||
      (code === CLOSE_TROUBLE && reason.startsWith("resume")) ||
      // A machine that slept: the session is still there.
      (code === CLOSE_POLICY && reason.startsWith("slow reader"));
    if (!this.#token || !goesOn) {
      this.#fail({ code, reason, opened: this.#token !== null });
      return;
    }
    this.#goOn(code === CLOSE_RESTART && wasReady ? 0 : this.#pause);
  }

  #goOn(pauseMs) {
    const now = performance.now();
    if (this.#brokenSince === null) {
      this.#brokenSince = now;
      this.#on.interrupted();
    }
    if (now - this.#brokenSince > GO_ON_WITHIN_MS) {
      this.#fail({ code: CLOSE_CUT, reason: "", opened: true });
      return;
    }
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), pauseMs);
  }

  /** The network is back: no need to wait. */
  #atOnce = () => {
    if (this.#brokenSince === null || this.#over) return;
    clearTimeout(this.#retry);
    this.#connect();
  };

  /** A line that is dead says nothing, not even that. */
  #lookForLife() {
    const owed = this.#ready ? this.#kept.size > 0 || this.#closing : this.#socket?.readyState <= WebSocket.OPEN;
    if (!owed || performance.now() - this.#heardAt < SILENT_MS) return;
    // It is left and not closed: a close that arrives late would end the session. The server closes it when
    // the next connection takes the session over.
    if (!this.#token) this.#socket.close();
    this.#socket = null;
    clearInterval(this.#watch);
    this.#closed(CLOSE_CUT, "");
  }

  #saw(channel, sequenceId) {
    this.#sequences.set(channel, Math.max(sequenceId, this.#sequences.get(channel) ?? 0));
  }

  #lastSeen() {
    const channels = Math.max(0, ...this.#sequences.keys()) + 1;
    return Array.from({ length: channels }, (_, channel) => this.#sequences.get(channel) ?? 0).join(",");
  }

  #fail(why) {
    const socket = this.#socket;
    this.#stop();
    socket?.close();
    this.#on.failed(why);
  }

  #stop() {
    this.#over = true;
    this.#ready = false;
    clearTimeout(this.#retry);
    clearInterval(this.#watch);
    removeEventListener("online", this.#atOnce);
  }
}

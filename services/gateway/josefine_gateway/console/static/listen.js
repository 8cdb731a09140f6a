// The Listen view: from a recording or the microphone to words.
import { save, written } from "./downloads.js";
import { LiveSession } from "./live.js";
import { Microphone } from "./microphone.js";
import { transcribe, whyRefused } from "./recorded.js";
import { clock } from "./times.js";
import { Transcript } from "./transcript.js";
import { TranscriptView } from "./transcript-view.js";
import { ofClose, ofError, ofMicrophone, ofRefusal, tell } from "./trouble.js";

const LIVE_OPTIONS = {
  encoding: "linear16", channels: "1", interim_results: "true", punctuate: "true", smart_format: "true",
  detect_entities: "true", vad_events: "true",
};

/** Runs the view. One recording or session at a time. */
export class ListenView {
  #key;
  #on = (id) => document.getElementById(id);
  #player = this.#on("player");
  #view = new TranscriptView((seconds) => this.#play(seconds));
  #transcript = new Transcript();
  #messages = null;
  #name = "transcript";
  #stop = null;
  #stopping = false;
  #began = 0;
  #ticking = 0;

  constructor(key) {
    this.#key = key;
    this.#on("speak").addEventListener("click", () => this.#speak());
    this.#on("choose").addEventListener("click", () => this.#on("file").click());
    this.#on("file").addEventListener("change", ({ target }) => {
      const [file] = target.files;
      target.value = "";
      if (file) this.#take(file);
    });
    this.#on("stop").addEventListener("click", () => this.#stop?.());
    this.#player.addEventListener("timeupdate", () => this.#view.playing(this.#player.currentTime));
    this.#player.addEventListener("loadedmetadata", () => this.#view.makeSeekable());
    // A recording that the server reads and this browser cannot play.
    this.#player.addEventListener("error", () => (this.#player.hidden = true));
    for (const button of document.querySelectorAll("[data-format]")) {
      button.addEventListener("click", () => this.#save(button.dataset.format));
    }
    this.#dropZone();
  }

  // --- a recording -----------------------------------------------------------------------------------------

  async #take(file) {
    if (this.#stop) return;
    this.#begin(file.name.replace(/\.[^.]+$/u, "") || "recording");
    const options = { headers: this.#key.headers, multichannel: this.#on("multichannel").checked };
    const { answer, abort } = transcribe(file, options, (share) => this.#uploaded(file, share));
    this.#busy(abort, "Cancel");
    try {
      const response = await answer;
      this.#messages = response;
      this.#transcript = Transcript.of(response);
      this.#view.draw(this.#transcript);
      this.#view.announce(this.#transcript.text);
      this.#listenAlong(file);
      const { duration } = response.metadata;
      this.#finished(this.#transcript.lines.length ? `Done: ${clock(duration)} of audio.` : "Done. Nobody speaks in it.");
    } catch (error) {
      if (error.name === "AbortError") this.#finished("Cancelled.");
      else this.#failed(ofError(error), () => this.#take(file));
    }
  }

  #uploaded(file, share) {
    const bar = this.#on("bar");
    bar.hidden = false;
    if (share < 1) {
      bar.value = share;
      this.#say(`Sending ${file.name}: ${Math.round(share * 100)} %`);
    } else if (bar.hasAttribute("value")) {
      bar.removeAttribute("value");
      this.#say("Sent. Listening to it …");
    }
  }

  #listenAlong(file) {
    this.#player.src = URL.createObjectURL(file);
    this.#player.hidden = false;
  }

  #play(seconds) {
    if (this.#player.hidden) return;
    this.#player.currentTime = seconds;
    // A browser may refuse to play before it is asked to by a click; the position is set all the same.
    this.#player.play().catch(() => {});
  }

  // --- the microphone --------------------------------------------------------------------------------------

  async #speak() {
    if (this.#stop) return;
    this.#begin("spoken");
    this.#say("Opening the microphone …");
    const early = [];
    let session = null;
    const heard = (chunk, level) => {
      if (session) session.send(chunk);
      else early.push(chunk);
      this.#on("level").firstElementChild.style.transform = `scaleX(${Math.min(1, Math.sqrt(level) * 1.6)})`;
    };
    let microphone;
    this.#busy(() => {}, "Stop");
    try {
      microphone = await Microphone.open(heard, () => this.#stop?.());
    } catch (error) {
      this.#failed(ofMicrophone(error));
      return;
    }
    this.#on("level").classList.add("on");
    this.#say("Connecting …");
    this.#messages = [];
    const url = new URL("v1/listen", document.baseURI);
    url.search = new URLSearchParams({ ...LIVE_OPTIONS, sample_rate: String(microphone.sampleRateHz) });
    session = new LiveSession(url, () => this.#key.protocols, {
      message: (message) => this.#hear(message),
      connected: (resumed) => this.#connected(resumed),
      interrupted: () => this.#interrupted(),
      ended: () => this.#ended(microphone),
      failed: (why) => this.#cutOff(microphone, why),
    });
    early.forEach((chunk) => session.send(chunk));
    this.#busy(async () => {
      this.#stopping = true;
      this.#stop = () => {};
      // Not disabled: a button that is loses the focus, and who works by keyboard their place.
      this.#on("stop").setAttribute("aria-disabled", "true");
      this.#say("Finishing …");
      await this.#silence(microphone);
      session.finish();
    }, "Stop");
  }

  #hear(message) {
    this.#messages.push(message);
    if (message.type === "Results") {
      this.#view.announce(this.#transcript.hear(message));
      this.#view.draw(this.#transcript);
    } else if (message.type === "Error") {
      tell(this.#on("trouble"), { title: "The server had trouble.", advice: message.description });
    }
  }

  #connected(resumed) {
    tell(this.#on("trouble"), null);
    if (!resumed) this.#began = performance.now();
    const tick = () => this.#say(`Listening, ${clock((performance.now() - this.#began) / 1000)}`, true);
    clearInterval(this.#ticking);
    if (this.#stopping) {
      this.#say("Finishing …");
      return;
    }
    this.#say(resumed ? "Connected again. Nothing was lost." : "Listening. Speak.");
    this.#ticking = setInterval(tick, 1000);
  }

  #interrupted() {
    clearInterval(this.#ticking);
    this.#say("The connection was cut. Speak on: it goes on by itself, and what you say is kept.");
    this.#on("progress").classList.add("interrupted");
  }

  #ended(microphone) {
    this.#silence(microphone);
    this.#transcript.end();
    this.#view.draw(this.#transcript);
    this.#finished(this.#transcript.lines.length ? "Done." : "Done. Nothing was heard.");
  }

  async #cutOff(microphone, why) {
    this.#silence(microphone);
    this.#transcript.end();
    this.#view.draw(this.#transcript);
    const refusal = why.opened ? null : await whyRefused(this.#key.headers);
    this.#failed(refusal ? ofRefusal(refusal) : ofClose(why), () => this.#speak());
  }

  async #silence(microphone) {
    this.#on("level").classList.remove("on");
    await microphone.close();
  }

  // --- what both share -------------------------------------------------------------------------------------

  #begin(name) {
    this.#name = name;
    this.#transcript = new Transcript();
    this.#messages = null;
    this.#stopping = false;
    this.#view.clear();
    tell(this.#on("trouble"), null);
    this.#on("after").hidden = true;
    this.#player.hidden = true;
    if (this.#player.src) URL.revokeObjectURL(this.#player.src);
    this.#player.removeAttribute("src");
    this.#on("bar").value = 0;
  }

  #busy(stop, label) {
    this.#stop = stop;
    const button = this.#on("stop");
    button.textContent = label;
    button.hidden = false;
    button.removeAttribute("aria-disabled");
    this.#on("speak").disabled = this.#on("choose").disabled = true;
    this.#on("progress").classList.add("on");
  }

  #idle() {
    clearInterval(this.#ticking);
    const hadFocus = document.activeElement === this.#on("stop");
    this.#stop = null;
    this.#on("stop").hidden = true;
    this.#on("bar").hidden = true;
    this.#on("speak").disabled = this.#on("choose").disabled = false;
    this.#on("progress").classList.remove("on", "interrupted");
    if (hadFocus) this.#on("speak").focus();
  }

  #finished(line) {
    this.#idle();
    this.#say(line);
    this.#showAfter();
  }

  #failed(trouble, again) {
    this.#idle();
    this.#say("Stopped.");
    this.#showAfter();
    const retry = again && (async () => {
      if (trouble.wantsKey && !(await this.#key.ask("This server wants a key. It is kept in this tab until it is closed."))) return;
      again();
    });
    tell(this.#on("trouble"), trouble, retry);
  }

  #showAfter() {
    const { lines, entities, sentiment } = this.#transcript;
    this.#on("after").hidden = lines.length === 0;
    const kinds = [["unsure", "unsure word"], ["entity", "named entity"]].filter(([kind]) => document.querySelector(`.word.${kind}`));
    this.#on("legend").replaceChildren(
      ...(sentiment ? [piece("span", `feeling ${sentiment.sentiment}`, `On the whole ${sentiment.sentiment}, ${signed(sentiment.score)}`)] : []),
      ...kinds.map(([kind, text]) => piece("span", `sample ${kind}`, text)),
    );
    this.#on("entities").replaceChildren(...(entities.length ? [entityList(entities)] : []));
  }

  /** `quietly`: for the eye alone; who listens is not told the time every second. */
  #say(line, quietly = false) {
    const status = this.#on("status");
    status.setAttribute("aria-live", quietly ? "off" : "polite");
    status.textContent = line;
    if (!quietly) this.#on("progress").classList.remove("interrupted");
  }

  #save(format) {
    save(this.#name, format, written(format, this.#transcript, this.#messages));
  }

  #dropZone() {
    const intake = this.#on("intake");
    const mark = (over) => intake.classList.toggle("over", over);
    addEventListener("dragover", (event) => {
      event.preventDefault();
      mark(!this.#stop);
    });
    addEventListener("dragleave", (event) => event.relatedTarget ?? mark(false));
    addEventListener("drop", (event) => {
      event.preventDefault();
      mark(false);
      const [file] = event.dataTransfer.files;
      if (file && !this.#on("panel-listen").hidden) this.#take(file);
    });
  }
}

function entityList(entities) {
  const list = piece("dl", "entity-list");
  const values = new Map();
  for (const { label, value } of entities) values.set(label, (values.get(label) ?? new Set()).add(value));
  for (const [label, named] of values) {
    const row = piece("div", "");
    row.append(piece("dt", "", label.toLowerCase().replaceAll("_", " ")), piece("dd", "", [...named].join(", ")));
    list.append(row);
  }
  return list;
}

function piece(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function signed(score) {
  return `${score < 0 ? "−" : "+"}${Math.abs(score).toFixed(2)}`;
}

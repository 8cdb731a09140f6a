// The Pipeline view: what the services say of themselves, once a second, while somebody looks.
import { Sparkline } from "./sparkline.js";
import { duration, number } from "./times.js";
import { ofRefusal, tell } from "./trouble.js";
import { Refusal } from "./recorded.js";

const EVERY_MS = 1000;
const ANSWER_WITHIN_MS = 5000;
const percent = (share) => `${Math.round(share * 100)} %`;
const sum = (values) => {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((one, other) => one + other, 0) : null;
};

const mean = (values) => {
  const total = sum(values);
  return total === null ? null : total / values.filter((value) => value !== null).length;
};

/** Each figure: what it is called, its value, and what its sparkline is drawn of. */
const FIGURES = [
  { id: "streams", name: "Live streams", of: ({ live_streams: streams }) => streams, format: number, note: ({ stream_capacity: most }) => (most ? `room for ${most}` : "no limit known") },
  { id: "p50", name: "Half of the finals within", of: ({ latency }) => latency?.p50_s ?? null, format: duration, least: 0.3, note: span },
  { id: "p95", name: "95 % within", of: ({ latency }) => latency?.p95_s ?? null, format: duration, least: 0.6, note: span },
  { id: "p99", name: "99 % within", of: ({ latency }) => latency?.p99_s ?? null, format: duration, least: 0.6, note: span },
  { id: "lag", name: "Records that wait", of: ({ stages }) => sum(stages.map((stage) => stage.lag_records)), format: number, least: 10, note: ({ windows_waiting: windows }) => (windows === null ? "" : `${number(windows)} windows queued`) },
  { id: "busy", name: "Devices busy", of: ({ devices }) => mean(devices.map((each) => each.busy_share)), format: percent, note: ({ devices }) => `${devices.length} ${devices.length === 1 ? "device" : "devices"}` },
  { id: "restarts", name: "Device restarts", of: ({ devices }) => sum(devices.map(({ restarts }) => restarts)), format: number, note: () => "since the service began" },
  { id: "dead", name: "Dead letters", of: ({ stages }) => sum(stages.map((stage) => stage.dead_letters)), format: number, note: () => "since the services began" },
];

/** Asks while it is shown and the tab is in front. */
export class PipelineView {
  #key;
  #on = (id) => document.getElementById(`pipeline-${id}`);
  #shown = false;
  #timer = 0;
  #asking = false;
  #figures = new Keyed(document.getElementById("figures"), figure);
  #stages = new Keyed(document.getElementById("stages"), stage);
  #devices = new Keyed(document.getElementById("devices"), device);

  constructor(key) {
    this.#key = key;
    key.onChange(() => this.#look());
    document.addEventListener("visibilitychange", () => this.#look());
  }

  /** Whether the view is the one that is seen. */
  shown(shown) {
    this.#shown = shown;
    this.#look();
  }

  async #look() {
    clearTimeout(this.#timer);
    if (!this.#shown || document.hidden || this.#asking) return;
    this.#asking = true;
    const began = performance.now();
    let goesOn;
    try {
      goesOn = await this.#ask();
    } finally {
      this.#asking = false;
    }
    if (goesOn) this.#timer = setTimeout(() => this.#look(), Math.max(0, EVERY_MS - (performance.now() - began)));
  }

  /** Returns whether it makes sense to ask again. */
  async #ask() {
    let view;
    try {
      const url = new URL("console/pipeline", document.baseURI);
      const answer = await fetch(url, { headers: this.#key.headers, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
      if (!answer.ok) throw new Refusal(answer.status, null, answer.headers.get("Retry-After"));
      view = await answer.json();
    } catch (error) {
      return this.#failed(error instanceof Refusal ? error : new Refusal(0));
    }
    this.#draw(view);
    return true;
  }

  #failed(refusal) {
    const wantsKey = refusal.status === 401 || refusal.status === 403;
    this.#say(wantsKey ? "Not allowed." : "No answer. Asking again …");
    const trouble = this.#on("trouble");
    if (trouble.hidden) tell(trouble, ofRefusal(refusal), wantsKey && (() => this.#key.ask()));
    return !wantsKey;
  }

  #draw(view) {
    tell(this.#on("trouble"), null);
    const silent = view.stages.flatMap(({ replicas }) => replicas).filter(({ state }) => state !== "working").length;
    this.#say(view.stages.length === 0 ? "No services are named to this server." :
      silent ? `${silent} ${silent === 1 ? "replica does" : "replicas do"} not work.` : "All replicas work.");
    this.#figures.update(FIGURES.map((each) => ({ ...each, view })), ({ id }) => id);
    this.#stages.update(view.stages, ({ name }) => name);
    this.#devices.update(view.devices, (each) => `${each.replica} ${each.device}`);
  }

  #say(line) {
    if (this.#on("status").textContent !== line) this.#on("status").textContent = line;
  }
}

/** Children of an element by key, made once and then written anew: nothing flickers, and focus stays. */
class Keyed {
  #parent;
  #make;
  #shown = new Map();

  constructor(parent, make) {
    [this.#parent, this.#make] = [parent, make];
  }

  update(values, keyOf) {
    const keys = new Set(values.map(keyOf));
    for (const [key, { element }] of this.#shown) {
      if (keys.has(key)) continue;
      element.remove();
      this.#shown.delete(key);
    }
    for (const value of values) {
      const key = keyOf(value);
      if (!this.#shown.has(key)) {
        this.#shown.set(key, this.#make(value));
        this.#parent.append(this.#shown.get(key).element);
      }
      this.#shown.get(key).write(value);
    }
  }
}

function figure({ name, format, least }) {
  const element = make("div", "figure");
  const [value, note] = [make("span", "figure-value"), make("span", "figure-note")];
  const term = make("dt", "", name);
  const definition = make("dd", "");
  const line = new Sparkline(name, format, least);
  definition.append(value, line.element, note);
  element.append(term, definition);
  return {
    element,
    write({ of, note: noteOf, view }) {
      const now = of(view);
      put(value, now === null ? "–" : format(now));
      put(note, noteOf(view));
      line.push(now);
    },
  };
}

function stage({ name }) {
  const element = make("li", "stage");
  const head = make("div", "stage-head");
  const topic = make("code", "");
  head.append(make("h4", "", name), topic);
  const line = new Sparkline(`${name}: records that wait`, number, 10);
  const facts = make("dl", "facts");
  const values = Object.fromEntries(["waiting", "read a second", "sessions", "dead letters"].map((fact) => {
    const row = make("div", "");
    const value = make("dd", "");
    row.append(make("dt", "", fact), value);
    facts.append(row);
    return [fact, value];
  }));
  const list = make("ul", "replicas");
  const replicas = new Keyed(list, replica);
  element.append(head, line.element, facts, list);
  const shown = (value) => (value === null ? "–" : number(value));
  return {
    element,
    write(now) {
      put(topic, now.topic ?? "");
      put(values.waiting, shown(now.lag_records));
      put(values["read a second"], shown(now.records_per_s));
      put(values.sessions, shown(now.sessions));
      put(values["dead letters"], shown(now.dead_letters));
      values["dead letters"].classList.toggle("bad", now.dead_letters > 0);
      line.push(now.lag_records);
      replicas.update(now.replicas, ({ name: key }) => key);
    },
  };
}

function replica({ name }) {
  const element = make("li", "replica");
  const [state, facts] = [make("span", "state"), make("span", "replica-facts")];
  element.append(make("span", "replica-name", name), state, facts);
  return {
    element,
    write(now) {
      const named = { working: now.paused ? "catching up" : "working", waiting: "waiting", not_answering: "not answering" };
      put(state, named[now.state]);
      state.className = `state ${now.state}`;
      const many = now.assigned_partitions === 1 ? "partition" : "partitions";
      const known = now.assigned_partitions === null ? "" : `${now.assigned_partitions} ${many} · gen. ${now.group_generation}`;
      facts.title = "Partitions of its topic that it reads; the generation of its group grows with every rebalance.";
      put(facts, now.reason || known);
    },
  };
}

function device({ device: name, replica: owner }) {
  const element = make("li", "device");
  const head = make("div", "device-head");
  const state = make("span", "state");
  head.append(make("h4", "", name), make("span", "note", owner), state);
  const line = new Sparkline(`${name}: busy`, percent, 1);
  const facts = make("p", "device-facts");
  element.append(head, line.element, facts);
  return {
    element,
    write(now) {
      put(state, now.state);
      state.className = `state ${{ working: "working", quarantined: "not_answering" }[now.state] ?? "waiting"}`;
      line.push(now.busy_share);
      const busy = now.busy_share === null ? "busy share not known yet" : `${percent(now.busy_share)} busy`;
      const pace = now.pace === null ? "" : ` · ${number(now.pace)} × real time`;
      const restarts = `${now.restarts} ${now.restarts === 1 ? "restart" : "restarts"}`;
      put(facts, now.reason || `${busy}${pace} · ${restarts}`);
    },
  };
}

function span({ latency }) {
  if (!latency) return "no live final yet";
  const finals = `${number(latency.finals)} ${latency.finals === 1 ? "final" : "finals"}`;
  return latency.window_s === null ? `${finals} since the start` : `${finals} in ${Math.round(latency.window_s)} s`;
}

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

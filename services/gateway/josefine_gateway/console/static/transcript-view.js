// The transcript on the page. Words that stay keep their element, so that nothing jumps and nothing flickers.
import { clock } from "./times.js";
import { sameWords, UNSURE_BELOW } from "./transcript.js";

const FEELINGS = { positive: "+", neutral: "·", negative: "−" };

/** Draws a Transcript into #words. `seek(seconds)` is called for a word that is chosen, once words are seekable. */
export class TranscriptView {
  #root = document.getElementById("words");
  #empty = document.getElementById("sheet-empty");
  #announced = document.getElementById("announced");
  #lines = new Map();
  #seek;
  #seekable = false;
  #now = null;

  constructor(seek) {
    this.#seek = seek;
    this.#root.addEventListener("click", (event) => this.#choose(event.target.closest(".word")));
    this.#root.addEventListener("keydown", (event) => this.#move(event));
  }

  /** Takes everything away. */
  clear() {
    this.#root.replaceChildren();
    this.#announced.replaceChildren();
    this.#lines.clear();
    this.#seekable = false;
    this.#now = null;
    this.#empty.hidden = false;
  }

  /** Draws what has changed. */
  draw({ lines, channels }) {
    this.#empty.hidden = lines.length > 0;
    const follows = this.#root.getBoundingClientRect().bottom <= innerHeight;
    const kept = new Set(lines.map(({ id }) => id));
    for (const [id, shown] of this.#lines) {
      if (!kept.has(id)) {
        shown.element.remove();
        this.#lines.delete(id);
      }
    }
    for (const line of lines) {
      const shown = this.#lines.get(line.id) ?? this.#add(line);
      if (shown.drawn === line.words) continue;
      this.#drawWords(shown, line.words);
      shown.time.textContent = clock(line.start);
      shown.channel.textContent = channels > 1 ? `channel ${line.channel + 1}` : "";
      shown.element.classList.toggle("second", line.channel % 2 === 1);
      if (line.sentiment) this.#feel(shown, line.sentiment);
    }
    if (follows && !this.#seekable) this.#follow();
  }

  /** Keeps the newest words in sight of who has them in sight; who reads further up is left alone. */
  #follow() {
    const beyond = this.#root.getBoundingClientRect().bottom + 24 - innerHeight;
    if (beyond > 0) scrollBy({ top: beyond, behavior: "instant" });
  }

  /** Says final text to who listens instead of reading. */
  announce(text) {
    if (!text) return;
    const line = document.createElement("p");
    line.textContent = text;
    this.#announced.append(line);
    if (this.#announced.childElementCount > 50) this.#announced.firstElementChild.remove();
  }

  /** Words can be chosen from now on: the arrows go from one to the next, Enter plays. */
  makeSeekable() {
    this.#seekable = true;
    this.#root.setAttribute("role", "group");
    this.#root.setAttribute("aria-label", "Words. Arrow keys go from word to word, Enter plays from there.");
    for (const word of this.#words()) {
      word.setAttribute("role", "button");
      word.tabIndex = -1;
    }
    const [first] = this.#words();
    if (first) first.tabIndex = 0;
  }

  /** Marks the word that is heard at this time. */
  playing(seconds) {
    const words = this.#words();
    const word = words.findLast(({ dataset }) => Number(dataset.start) <= seconds);
    const inside = word && seconds < Number(word.dataset.end) + 0.3 ? word : null;
    if (inside === this.#now) return;
    this.#now?.classList.remove("now");
    inside?.classList.add("now");
    this.#now = inside;
  }

  #words() {
    return [...this.#root.querySelectorAll(".word")];
  }

  #add(line) {
    const element = document.createElement("div");
    element.className = "line";
    const about = document.createElement("span");
    about.className = "line-about";
    const time = document.createElement("span");
    const channel = document.createElement("span");
    channel.className = "line-channel";
    about.append(time, channel);
    const text = document.createElement("p");
    text.className = "line-words";
    element.append(about, text);
    this.#root.append(element);
    const shown = { element, time, channel, text, words: [], drawn: null };
    this.#lines.set(line.id, shown);
    return shown;
  }

  #drawWords(shown, words) {
    const same = sameWords(shown.words.map(({ word }) => word), words);
    const kept = new Set(same);
    for (const [at, { element }] of shown.words.entries()) {
      if (kept.has(at)) continue;
      element.nextSibling?.remove();
      element.remove();
    }
    let next = shown.text.firstChild;
    shown.words = words.map((word, at) => {
      const old = shown.words[same[at]];
      const element = old?.element ?? document.createElement("span");
      if (old) next = element.nextSibling.nextSibling;
      else {
        shown.text.insertBefore(element, next);
        shown.text.insertBefore(document.createTextNode(" "), next);
      }
      write(element, word, !old);
      return { word, element };
    });
    shown.drawn = words;
  }

  #feel(shown, { sentiment, score }) {
    let mark = shown.element.querySelector(".feeling");
    if (!mark) {
      mark = document.createElement("span");
      shown.element.append(mark);
    }
    mark.className = `feeling ${sentiment}`;
    mark.textContent = `${FEELINGS[sentiment]} ${sentiment}`;
    mark.title = `${sentiment}, ${score.toFixed(2)} between −1 and 1`;
  }

  #choose(word) {
    if (!word || !this.#seekable) return;
    this.#root.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
    word.tabIndex = 0;
    word.focus();
    this.#seek(Number(word.dataset.start));
  }

  #move(event) {
    const word = event.target.closest(".word");
    if (!word || !this.#seekable) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#choose(word);
      return;
    }
    const words = this.#words();
    const at = words.indexOf(word);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + 10, ArrowUp: at - 10, Home: 0, End: words.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    word.tabIndex = -1;
    const target = words[Math.max(0, Math.min(to, words.length - 1))];
    target.tabIndex = 0;
    target.focus();
  }
}

function write(element, { text, start, end, confidence, firm, label, lastOfEntity }, fresh) {
  if (element.textContent !== text) element.textContent = text;
  element.className = "word";
  element.classList.toggle("faint", !firm);
  element.classList.toggle("fresh", fresh);
  element.classList.toggle("unsure", firm && confidence < UNSURE_BELOW);
  element.classList.toggle("entity", label !== null);
  if (lastOfEntity) element.dataset.label = label.toLowerCase().replaceAll("_", " ");
  else delete element.dataset.label;
  element.dataset.start = start;
  element.dataset.end = end;
  const sure = firm ? `, ${Math.round(confidence * 100)} % sure` : "";
  element.title = `${clock(start)}.${Math.floor((start * 10) % 10)}${sure}${label ? `, ${label}` : ""}`;
}

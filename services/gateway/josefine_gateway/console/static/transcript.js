// What was said so far, from the server's messages. Pure: no DOM.

/** Below it a word is marked as unsure. */
export const UNSURE_BELOW = 0.6;

/**
 * Lines of words, one line an utterance. A line is {id, channel, start, words, closed, sentiment}; a word is
 * {text, start, end, confidence, firm, label, lastOfEntity}, times in seconds.
 */
export class Transcript {
  lines = [];
  channels = 1;
  /** {sentiment, score} of everything, where the server gave one. */
  sentiment = null;
  /** {label, value, start}, in order of time. */
  entities = [];
  #open = new Map();
  #sequences = new Map();
  #ids = 0;

  /** Takes a Results message of a live session; returns the text that has become final, "" for none. */
  hear({ channel_index: [channel, channels], channel: { alternatives: [best] }, is_final: firm, ...rest }) {
    this.channels = channels;
    const words = best.words.map((word) => spoken(word, firm));
    if (firm && words.length) {
      // After a resume the server may repeat what was on its way when the connection was cut.
      if (rest.sequence_id <= (this.#sequences.get(channel) ?? 0)) return "";
      this.#sequences.set(channel, rest.sequence_id);
      this.#mark(words, rest.entities ?? []);
    }
    const line = this.#open.get(channel) ?? (words.length ? this.#begin(channel, words[0].start) : null);
    if (!line) return "";
    line.words = [...line.words.filter((word) => word.firm), ...words];
    if (!line.words.length) this.#drop(channel);
    else if (firm && rest.speech_final) this.#close(channel);
    return firm ? words.map((word) => word.text).join(" ") : "";
  }

  /** No more comes: what is still faint was given up by the server. */
  end() {
    for (const [channel, line] of [...this.#open]) {
      line.words = line.words.filter((word) => word.firm);
      if (line.words.length) this.#close(channel);
      else this.#drop(channel);
    }
  }

  /** Returns the transcript of a recording, from the response to its POST. */
  static of({ results }) {
    const transcript = new Transcript();
    const labels = new Map();
    transcript.channels = results.channels.length;
    for (const [channel, { alternatives: [best] }] of results.channels.entries()) {
      const words = (best.words ?? []).map((word) => spoken(word, true));
      transcript.#mark(words, best.entities ?? []);
      for (const word of words) labels.set(`${channel}:${word.start}`, word);
    }
    transcript.entities.sort((one, other) => one.start - other.start);
    for (const utterance of results.utterances ?? spokenThrough(results)) {
      const line = transcript.#begin(utterance.channel ?? 0, utterance.start);
      line.words = utterance.words.map((word) => labels.get(`${line.channel}:${word.start}`) ?? spoken(word, true));
      line.closed = true;
    }
    if (results.sentiments) transcript.#feel(results.sentiments);
    return transcript;
  }

  /** All firm words in order of time, for captions. */
  get words() {
    const words = this.lines.flatMap((line) => line.words.filter((word) => word.firm));
    return words.sort((one, other) => one.start - other.start);
  }

  /** The text, a line an utterance. */
  get text() {
    const several = this.channels > 1;
    const text = ({ channel, words }) => {
      const firm = words.filter((word) => word.firm).map((word) => word.text).join(" ");
      return several ? `Channel ${channel + 1}: ${firm}` : firm;
    };
    return this.lines.filter((line) => line.words.some((word) => word.firm)).map((line) => `${text(line)}\n`).join("");
  }

  #begin(channel, start) {
    const line = { id: (this.#ids += 1), channel, start, words: [], closed: false, sentiment: null };
    this.#open.set(channel, line);
    this.lines.push(line);
    return line;
  }

  #close(channel) {
    this.#open.get(channel).closed = true;
    this.#open.delete(channel);
  }

  #drop(channel) {
    this.lines.splice(this.lines.indexOf(this.#open.get(channel)), 1);
    this.#open.delete(channel);
  }

  #mark(words, entities) {
    for (const { label, value, start_word: first, end_word: last } of entities) {
      for (let at = first; at <= last && at < words.length; at += 1) words[at].label = label;
      if (words[last]) words[last].lastOfEntity = true;
      this.entities.push({ label, value, start: words[first]?.start ?? 0 });
    }
  }

  /** Gives each line the feeling of the segment that it shares most words with. Segments count one channel after the other. */
  #feel({ segments, average }) {
    if (average) this.sentiment = { sentiment: average.sentiment, score: average.sentiment_score };
    let first = 0;
    for (const line of [...this.lines].sort((one, other) => one.channel - other.channel)) {
      const end = first + line.words.length;
      let most = 0;
      for (const segment of segments) {
        const shared = Math.min(end, segment.end_word + 1) - Math.max(first, segment.start_word);
        if (shared <= most) continue;
        most = shared;
        line.sentiment = { sentiment: segment.sentiment, score: segment.sentiment_score };
      }
      first = end;
    }
  }
}

/**
 * Which of the old words each new word is: an array of indexes, -1 for what is new. The longest common subsequence
 * by letters, so that a word which only got its capital or comma keeps its place.
 */
export function sameWords(before, now) {
  const letters = (word) => word.text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "") || word.text;
  const [old, fresh] = [before.map(letters), now.map(letters)];
  const longest = Array.from({ length: old.length + 1 }, () => new Uint16Array(fresh.length + 1));
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = fresh.length - 1; j >= 0; j -= 1) {
      longest[i][j] = old[i] === fresh[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const same = new Array(fresh.length).fill(-1);
  for (let i = 0, j = 0; i < old.length && j < fresh.length; ) {
    if (old[i] === fresh[j]) same[j++] = i++;
    else if (longest[i + 1][j] >= longest[i][j + 1]) i += 1;
    else j += 1;
  }
  return same;
}

function spoken({ word, punctuated_word: written, start, end, confidence }, firm) {
  return { text: written ?? word, start, end, confidence, firm, label: null, lastOfEntity: false };
}

/** Utterances of a response without them: one a channel. */
function spokenThrough({ channels }) {
  return channels.flatMap(({ alternatives: [{ words = [] }] }, channel) =>
    words.length ? [{ channel, start: words[0].start, words }] : []);
}

// Captions: words with times, cut into cues that can be read. The same rules and limits as josefine_text/captions.py,
// which a test holds it to: two lines of 42 characters, one to seven seconds, cut at sentences, clauses and pauses.

const LINE_CHARACTERS = 42;
const RATE_HZ = 16_000;
const PAUSE = Math.trunc(0.7 * RATE_HZ);
const LONGEST_CUE = 7 * RATE_HZ;
const SHORTEST_CUE = 1 * RATE_HZ;
const SENTENCE_ENDS = ".?!…";
const CLAUSE_ENDS = ",;:—";

/** Cues {start, end, lines} of words {text, start, end} with times in seconds; a cue's times are in samples. */
export function cues(words) {
  const found = atPauses(words.flatMap(tokens)).flatMap((run) => joined(parts(run))).map(cue);
  return found.map((each, at) => held(each, found[at + 1]));
}

/** The cues as a SubRip document. */
export function srt(found) {
  const blocks = found.map(({ start, end, lines }, at) =>
    `${at + 1}\n${timestamp(start, ",")} --> ${timestamp(end, ",")}\n${lines.join("\n")}\n`);
  return blocks.join("\n") || "\n";
}

/** The cues as a WebVTT document, whose text is markup. */
export function vtt(found) {
  const escaped = (line) => line.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const blocks = found.map(({ start, end, lines }) =>
    `\n${timestamp(start, ".")} --> ${timestamp(end, ".")}\n${lines.map(escaped).join("\n")}\n`);
  return `WEBVTT\n${blocks.join("")}`;
}

/** Splits what no line can hold; its pieces share the word's time by length. */
function tokens({ text, start, end }) {
  const solid = [...text.replace(/\s+/gu, "")];
  const pieces = [];
  for (let at = 0; at < solid.length; at += LINE_CHARACTERS) pieces.push(solid.slice(at, at + LINE_CHARACTERS).join(""));
  const [first, last] = [Math.round(start * RATE_HZ), Math.round(end * RATE_HZ)];
  const edge = (number) => first + Math.floor(((last - first) * number) / pieces.length);
  return pieces.map((piece, at) => ({ text: piece, start: edge(at), end: edge(at + 1) }));
}

function atPauses(all) {
  const runs = [];
  for (const token of all) {
    if (!runs.length || token.start - runs.at(-1).at(-1).end >= PAUSE) runs.push([]);
    runs.at(-1).push(token);
  }
  return runs;
}

/** Cuts a run at every sentence end, and further where a part does not fit. */
function parts(run) {
  const found = [[]];
  for (const token of run) {
    found.at(-1).push(token);
    if (SENTENCE_ENDS.includes(token.text.at(-1))) found.push([]);
  }
  return found.filter((part) => part.length).flatMap(fitted);
}

function fitted(part) {
  if (part.length === 1 || fits(part)) return [part];
  let cut = 1;
  for (let at = 2; at < part.length; at += 1) if (cutScore(part, at) > cutScore(part, cut)) cut = at;
  return [...fitted(part.slice(0, cut)), ...fitted(part.slice(cut))];
}

/** How good a place for a cut is: near the middle, and after a clause or before a pause better still. */
function cutScore(part, at) {
  const [before, after] = [part[at - 1], part[at]];
  const middle = 1 - Math.abs((2 * at) / part.length - 1);
  const clause = CLAUSE_ENDS.includes(before.text.at(-1)) ? 0.5 : 0;
  const pause = Math.min((after.start - before.end) / PAUSE, 1);
  return middle + clause + 0.5 * Math.max(pause, 0);
}

/** Puts short neighbours on one screen. */
function joined(all) {
  const found = [];
  for (const part of all) {
    const together = found.length ? [...found.at(-1), ...part] : part;
    if (found.length && fits(together)) found[found.length - 1] = together;
    else found.push(part);
  }
  return found;
}

function fits(part) {
  return part.at(-1).end - part[0].start <= LONGEST_CUE && balancedLines(part.map(({ text }) => text)) !== null;
}

/** One line if the words fit, else two of nearly equal length, the longer below; null: they do not fit. */
function balancedLines(words) {
  const long = (text) => [...text].length;
  const whole = words.join(" ");
  if (long(whole) <= LINE_CHARACTERS) return [whole];
  if (long(whole) > 2 * LINE_CHARACTERS + 1) return null;
  let best = null;
  for (let at = 1; at < words.length; at += 1) {
    const pair = [words.slice(0, at).join(" "), words.slice(at).join(" ")];
    const [above, below] = pair.map(long);
    if (Math.max(above, below) > LINE_CHARACTERS) continue;
    const rank = [Math.abs(above - below), above];
    if (!best || rank[0] < best.rank[0] || (rank[0] === best.rank[0] && rank[1] < best.rank[1])) best = { pair, rank };
  }
  return best && best.pair;
}

function cue(part) {
  const start = part[0].start;
  return { start, end: Math.max(part.at(-1).end, start), lines: balancedLines(part.map(({ text }) => text)) };
}

/** Keeps a short cue on the screen for a second, or until the next one. */
function held({ start, end, lines }, after) {
  const long = Math.max(end, start + SHORTEST_CUE);
  return { start, end: after ? Math.max(end, Math.min(long, after.start)) : long, lines };
}

function timestamp(samples, mark) {
  const milliseconds = Math.floor((samples * 1000) / RATE_HZ);
  const pad = (value, length) => String(value).padStart(length, "0");
  const seconds = Math.floor(milliseconds / 1000);
  const whole = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map((part) => pad(part, 2));
  return `${whole.join(":")}${mark}${pad(milliseconds % 1000, 3)}`;
}

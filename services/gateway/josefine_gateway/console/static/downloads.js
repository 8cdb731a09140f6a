// The transcript as a file, made here.
import { cues, srt, vtt } from "./captions.js";

const TYPES = { txt: "text/plain", srt: "application/x-subrip", vtt: "text/vtt", json: "application/json" };

/** The document of a format: txt, srt, vtt or json. `messages` is what the server sent. */
export function written(format, transcript, messages) {
  switch (format) {
    case "srt":
      return srt(cues(transcript.words));
    case "vtt":
      return vtt(cues(transcript.words));
    case "json":
      return `${JSON.stringify(messages, null, 2)}\n`;
    default:
      return transcript.text;
  }
}

/** Gives the browser a file to keep. */
export function save(name, format, text) {
  const url = URL.createObjectURL(new Blob([text], { type: `${TYPES[format]};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.${format}`;
  link.click();
  // The browser reads it after this turn.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// What went wrong, in words: what happened, and what to do.
import { Refusal } from "./recorded.js";

const CLOSE_POLICY = 1008;

/** {title, advice, retryAfterS?, wantsKey?} of a microphone that did not open. */
export function ofMicrophone({ name }) {
  switch (name) {
    case "NotAllowedError":
      return { title: "The browser did not allow the microphone.", advice: "Allow it for this page beside the address, then press Speak again." };
    case "NotFoundError":
    case "OverconstrainedError":
      return { title: "No microphone was found.", advice: "Plug one in and press Speak again, or choose a recording." };
    case "NotReadableError":
      return { title: "The microphone is taken.", advice: "Close the program that uses it and press Speak again." };
    case "SecurityError":
      return { title: "Browsers give the microphone to secure pages only.", advice: "Open this page by https or as localhost, or choose a recording." };
    default:
      return { title: "The microphone could not be opened.", advice: `The browser says ${name || "nothing more"}. Try again, or choose a recording.` };
  }
}

/** The same of an answer over HTTP. */
export function ofRefusal(refusal) {
  const { status, message } = refusal;
  if (status === 0) return unreachable();
  if (status === 401 || status === 403) {
    return { title: "This server wants an API key that it knows.", advice: "Ask whoever runs it for one. It is kept in this tab until it is closed.", wantsKey: true };
  }
  if (status === 429 || status === 503) return busy(refusal.retryAfter, message);
  if (status === 413) return { title: "The recording is larger than this server takes.", advice: message || "Cut it into parts, or ask who runs the server." };
  if (status === 408 || status === 504) return { title: "The server did not finish in time.", advice: "Try again; if it stays so, try a shorter recording." };
  if (status >= 500) return { title: "The server had trouble.", advice: message || "Try again in a moment; the Pipeline view may show why." };
  return { title: "The server could not take the recording.", advice: message || `It answered ${status}.` };
}

/** The same of a live session that ended. */
export function ofClose({ code, reason }) {
  if (reason.includes("superseded")) {
    return { title: "This session goes on elsewhere.", advice: "Another page or program took it over. What was heard until then stands below." };
  }
  if (/over_capacity|too many|429/iu.test(reason)) return busy(null, "");
  if (code === CLOSE_POLICY) return { title: "The server ended the session.", advice: reason || "It gave no reason." };
  if (code === 0) return { title: "The session could not go on.", advice: `${sentence(reason)} What was heard so far stands below.` };
  if (code === 1006) {
    return { title: "The connection was cut and did not come back.", advice: "What was heard so far stands below. Speak again when the network is there." };
  }
  return { title: "The server ended the session.", advice: `${sentence(reason || `code ${code}`)} What was heard so far stands below.` };
}

/** The same of whatever was thrown. */
export function ofError(error) {
  if (error instanceof Refusal) return ofRefusal(error);
  return { title: "Something in this page went wrong.", advice: String(error) };
}

/** Draws trouble into an alert; `again` is what its button does, if there is anything to do. */
export function tell(place, trouble, again) {
  place.replaceChildren();
  place.hidden = !trouble;
  if (!trouble) return;
  const title = document.createElement("strong");
  title.textContent = trouble.title;
  const advice = document.createElement("p");
  advice.textContent = trouble.advice;
  place.append(title, advice);
  if (again) place.append(button(trouble, again));
}

function button({ retryAfterS, wantsKey }, again) {
  const element = document.createElement("button");
  element.type = "button";
  element.addEventListener("click", again);
  const label = wantsKey ? "Give an API key" : "Try again";
  let left = retryAfterS ?? 0;
  const count = () => {
    element.disabled = left > 0;
    element.textContent = left > 0 ? `${label} in ${left} s` : label;
    left -= 1;
    if (left >= 0 && (element.isConnected || left === retryAfterS - 1)) setTimeout(count, 1000);
  };
  count();
  return element;
}

function busy(retryAfter, message) {
  const seconds = Math.min(Number.parseInt(retryAfter ?? "", 10) || 10, 600);
  return { title: "The server is busy.", advice: message || "It serves as many as it can. Nothing was lost: try again in a moment.", retryAfterS: seconds };
}

function unreachable() {
  return { title: "The server cannot be reached.", advice: "Look after the network, and whether the server runs; then try again." };
}

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/u.test(text) ? "" : "."}`;
}

// A recording by POST. XMLHttpRequest, because fetch tells nothing of an upload's progress.

const OPTIONS = {
  smart_format: "true", punctuate: "true", utterances: "true", paragraphs: "true",
  detect_entities: "true", sentiment: "true",
};

/** What the server answered instead of a transcript; status 0: nothing. */
export class Refusal extends Error {
  constructor(status, body, retryAfter) {
    super(body?.err_msg ?? body?.message ?? "");
    this.status = status;
    this.code = body?.err_code ?? body?.category ?? "";
    this.retryAfter = retryAfter;
  }
}

/**
 * Starts the upload. Returns {answer, abort}: a promise of the response, rejected with Refusal, and a function.
 * `uploaded` hears the share from 0 to 1.
 */
export function transcribe(file, { headers, multichannel }, uploaded) {
  const url = new URL("v1/listen", document.baseURI);
  url.search = new URLSearchParams(multichannel ? { ...OPTIONS, multichannel: "true" } : OPTIONS);
  const request = new XMLHttpRequest();
  const answer = new Promise((resolve, reject) => {
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.upload.addEventListener("progress", (event) => uploaded(event.loaded / event.total));
    request.upload.addEventListener("load", () => uploaded(1));
    request.addEventListener("load", () => {
      const body = parsed(request.responseText);
      if (request.status === 200 && body?.results) resolve(body);
      else reject(new Refusal(request.status, body, request.getResponseHeader("Retry-After")));
    });
    request.addEventListener("error", () => reject(new Refusal(0)));
    request.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
    request.send(file);
  });
  return { answer, abort: () => request.abort() };
}

/** Asks over HTTP why a WebSocket was refused, of which a browser tells nothing. Resolves to Refusal or null. */
export async function whyRefused(headers) {
  try {
    // JSON that names no recording: a server that would listen answers 400, and nothing reaches its pipeline.
    const json = { ...headers, "Content-Type": "application/json" };
    const answer = await fetch(new URL("v1/listen", document.baseURI), { method: "POST", headers: json, body: "{}" });
    if (answer.ok || answer.status === 400) return null;
    return new Refusal(answer.status, parsed(await answer.text()), answer.headers.get("Retry-After"));
  } catch {
    return new Refusal(0);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

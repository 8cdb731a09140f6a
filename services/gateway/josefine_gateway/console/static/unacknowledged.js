// Audio that was sent, or waits for a connection, and is not known to be durable. Pure.

/** Chunks of a session by their place in it, in bytes from 0. */
export class Unacknowledged {
  #chunks = [];
  /** Where the first kept byte stands. */
  start = 0;
  /** Where the next byte will stand. */
  end = 0;

  /** Bytes that are kept. */
  get size() {
    return this.end - this.start;
  }

  /** Takes the next chunk, an ArrayBuffer. */
  append(chunk) {
    this.#chunks.push(chunk);
    this.end += chunk.byteLength;
  }

  /** Lets go of everything before `bytes`. */
  acknowledge(bytes) {
    while (this.#chunks.length && this.start + this.#chunks[0].byteLength <= bytes) {
      this.start += this.#chunks.shift().byteLength;
    }
    const partly = Math.min(bytes, this.end) - this.start;
    if (partly > 0) {
      this.#chunks[0] = this.#chunks[0].slice(partly);
      this.start += partly;
    }
  }

  /** The chunks from byte `from` on, which must not be let go of yet. */
  *from(from) {
    if (from < this.start || from > this.end) throw new RangeError(`byte ${from} is not kept`);
    let at = this.start;
    for (const chunk of this.#chunks) {
      const skip = Math.min(Math.max(from - at, 0), chunk.byteLength);
      if (skip < chunk.byteLength) yield skip ? chunk.slice(skip) : chunk;
      at += chunk.byteLength;
    }
  }
}

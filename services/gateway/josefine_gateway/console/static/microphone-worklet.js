// Runs on the audio thread: mono float samples to linear16 chunks of a tenth of a second.

class Linear16 extends AudioWorkletProcessor {
  #chunk = new Int16Array(Math.round(sampleRate / 10));
  #filled = 0;
  #squares = 0;
  #open = true;

  constructor() {
    super();
    this.port.onmessage = () => {
      this.#post();
      this.port.postMessage({ ended: true });
      this.#open = false;
    };
  }

  process([channels]) {
    if (!this.#open) return false;
    const samples = channels[0];
    for (let at = 0; samples && at < samples.length; at += 1) {
      const sample = Math.max(-1, Math.min(1, samples[at]));
      this.#squares += sample * sample;
      this.#chunk[this.#filled] = sample < 0 ? sample * 32768 : sample * 32767;
      this.#filled += 1;
      if (this.#filled === this.#chunk.length) this.#post();
    }
    return true;
  }

  #post() {
    if (!this.#filled) return;
    const audio = this.#chunk.slice(0, this.#filled).buffer;
    this.port.postMessage({ audio, level: Math.sqrt(this.#squares / this.#filled) }, [audio]);
    this.#filled = 0;
    this.#squares = 0;
  }
}

registerProcessor("linear16", Linear16);

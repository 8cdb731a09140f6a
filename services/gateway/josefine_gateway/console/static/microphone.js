// The microphone as chunks of linear16.

const WANTED_HZ = 16_000;

/** An open microphone. `Microphone.open` asks for it and rejects with the browser's DOMException. */
export class Microphone {
  #stream;
  #context;
  #node;
  #closed = null;

  /** `heard(chunk, level)` gets an ArrayBuffer and the root mean square, 0 to 1; `lost()`: it was unplugged. */
  static async open(heard, lost) {
    if (!navigator.mediaDevices) throw new DOMException("", "SecurityError");
    const stream = await navigator.mediaDevices.getUserMedia({
      // What makes a call pleasant takes away what a recogniser hears by.
      audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true },
    });
    try {
      return await new Microphone().#start(stream, heard, lost);
    } catch (error) {
      stream.getTracks().forEach((track) => track.stop());
      throw error;
    }
  }

  /** Samples a second of what comes: 16000, or the device's own where the browser cannot resample. */
  get sampleRateHz() {
    return this.#context.sampleRate;
  }

  /** Ends it; resolves when the last chunk was heard. */
  close() {
    return (this.#closed ??= this.#end());
  }

  async #end() {
    const last = new Promise((resolve) => (this.#node.onended = resolve));
    this.#node.port.postMessage("end");
    await last;
    this.#stream.getTracks().forEach((track) => track.stop());
    await this.#context.close();
  }

  async #start(stream, heard, lost) {
    this.#stream = stream;
    const source = await this.#source(stream);
    await this.#context.audioWorklet.addModule(new URL("./microphone-worklet.js", import.meta.url));
    this.#node = new AudioWorkletNode(this.#context, "linear16", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    this.#node.port.onmessage = ({ data }) => {
      if (data.ended) this.#node.onended?.();
      else heard(data.audio, data.level);
    };
    stream.getTracks().forEach((track) => track.addEventListener("ended", lost));
    await this.#context.resume();
    source.connect(this.#node);
    return this;
  }

  /** Firefox resamples no microphone; the server takes any rate from 8 to 48 kHz. */
  async #source(stream) {
    this.#context = new AudioContext({ sampleRate: WANTED_HZ });
    try {
      return this.#context.createMediaStreamSource(stream);
    } catch (error) {
      if (error.name !== "NotSupportedError") throw error;
      await this.#context.close();
      this.#context = new AudioContext();
      return this.#context.createMediaStreamSource(stream);
    }
  }
}

// The API key: asked for when the server wants one, kept in this tab's session storage, never in a URL.

const STORED = "josefine-api-key";
/** A key travels as the name of a subprotocol, which is a token of RFC 9110. */
const SENDABLE = /^[!#$%&'*+.^_`|~\w-]+$/u;

/** Holds the key and asks for it. */
export class KeyDialog {
  #dialog = document.getElementById("key-dialog");
  #field = document.getElementById("key");
  #reason = document.getElementById("key-reason");
  #usual = this.#reason.textContent;
  #asking = null;
  #listeners = [];

  constructor() {
    document.getElementById("key-open").addEventListener("click", () => this.ask());
    document.getElementById("key-cancel").addEventListener("click", () => this.#dialog.close());
    document.getElementById("key-forget").addEventListener("click", () => {
      this.#store("");
      this.#dialog.close();
    });
    document.getElementById("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const key = this.#field.value.trim();
      if (!SENDABLE.test(key)) {
        this.#field.setCustomValidity("A key has letters, digits and a few signs, and no spaces.");
        this.#field.reportValidity();
        return;
      }
      this.#store(key);
      this.#dialog.close("used");
    });
    this.#field.addEventListener("input", () => this.#field.setCustomValidity(""));
    this.#dialog.addEventListener("close", () => {
      const used = this.#dialog.returnValue === "used";
      this.#asking?.resolve(used);
      this.#asking = null;
      if (used) this.#listeners.forEach((changed) => changed());
    });
    this.#mark();
  }

  /** The key, "" without one. */
  get value() {
    return sessionStorage.getItem(STORED) ?? "";
  }

  /** Headers of a request. */
  get headers() {
    return this.value ? { Authorization: `Token ${this.value}` } : {};
  }

  /** Subprotocols of a WebSocket: a browser lets no page set its headers. */
  get protocols() {
    return this.value ? ["token", this.value] : [];
  }

  /** Calls `changed` when another key is used. */
  onChange(changed) {
    this.#listeners.push(changed);
  }

  /** Opens the dialog; resolves to whether a key was given. */
  ask(reason = this.#usual) {
    if (this.#asking) return this.#asking.promise;
    this.#asking = {};
    this.#asking.promise = new Promise((resolve) => (this.#asking.resolve = resolve));
    this.#reason.textContent = reason;
    this.#field.value = this.value;
    this.#dialog.returnValue = "";
    this.#dialog.showModal();
    this.#field.select();
    return this.#asking.promise;
  }

  #store(key) {
    if (key) sessionStorage.setItem(STORED, key);
    else sessionStorage.removeItem(STORED);
    this.#mark();
  }

  #mark() {
    document.getElementById("key-open").textContent = this.value ? "API key ✓" : "API key";
  }
}

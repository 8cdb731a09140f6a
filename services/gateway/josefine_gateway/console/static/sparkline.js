// A line of the last two minutes, drawn by hand.

const SVG = "http://www.w3.org/2000/svg";
const POINTS = 120;
const HEIGHT = 30;

/** A small chart that takes a value a second; null leaves a gap. */
export class Sparkline {
  #values = [];
  #line = document.createElementNS(SVG, "path");
  #area = document.createElementNS(SVG, "path");
  #what;
  #format;
  #most;
  element = document.createElementNS(SVG, "svg");

  /** `what` is said to who cannot see it, `format` writes a value, `most` is the least that the height stands for. */
  constructor(what, format, most = 1) {
    [this.#what, this.#format, this.#most] = [what, format, most];
    const { element } = this;
    element.setAttribute("class", "sparkline");
    element.setAttribute("viewBox", `0 0 ${POINTS - 1} ${HEIGHT}`);
    element.setAttribute("preserveAspectRatio", "none");
    element.setAttribute("role", "img");
    this.#line.setAttribute("class", "sparkline-line");
    this.#area.setAttribute("class", "sparkline-area");
    element.append(this.#area, this.#line);
    this.#label();
  }

  /** Takes the next value. */
  push(value) {
    this.#values.push(value);
    if (this.#values.length > POINTS) this.#values.shift();
    const most = Math.max(this.#most, ...this.#values.filter((each) => each !== null));
    const first = POINTS - this.#values.length;
    const runs = [];
    for (const [at, each] of this.#values.entries()) {
      if (each === null) continue;
      const point = `${first + at} ${(HEIGHT - 1 - (each / most) * (HEIGHT - 3)).toFixed(1)}`;
      if (at && this.#values[at - 1] !== null) runs.at(-1).push(point);
      else runs.push([point]);
    }
    const line = (run) => `M${run.join("L")}${run.length === 1 ? "h0.01" : ""}`;
    this.#line.setAttribute("d", runs.map(line).join(""));
    const area = (run) => `M${run[0].split(" ")[0]} ${HEIGHT}L${run.join("L")}V${HEIGHT}Z`;
    this.#area.setAttribute("d", runs.filter((run) => run.length > 1).map(area).join(""));
    this.#label();
  }

  #label() {
    const known = this.#values.filter((each) => each !== null);
    const said = known.length
      ? `now ${this.#format(known.at(-1))}, at most ${this.#format(Math.max(...known))} in the last two minutes`
      : "nothing measured yet";
    this.element.setAttribute("aria-label", `${this.#what}: ${said}`);
  }
}

// Ways to compare clips: beside each other, with a line between two, two in one place, or what differs between two.
//
// A clip never moves in the page, or it would stop: the modes are layouts of the same grid (see `stage.css`), and all clips
// play on in all of them, so that a change of mode or of clip is a matter of one frame.

const MODES = [
  { mode: "grid", label: "Grid", key: "g", says: "all clips beside each other" },
  { mode: "wipe", label: "Wipe", key: "w", says: "a line between two (drag it, or arrow keys)" },
  { mode: "flicker", label: "Flicker", key: "f", says: "one place for two; again for the other" },
  { mode: "difference", label: "Difference", key: "d", says: "what is not the same in two" },
];
const LONGEST_NAME = 60; // characters of a label that are read aloud

/** Changes something in a way that an element stays where it is seen, by scrolling what is around it. */
function keepInPlace(element, change) {
  const before = element.getBoundingClientRect().top;
  change();
  if (before < 0 || before > innerHeight) return;
  const moved = element.getBoundingClientRect().top - before;
  let around = element.parentElement;
  while (around && !(around.scrollHeight > around.clientHeight && /auto|scroll/.test(getComputedStyle(around).overflowY))) {
    around = around.parentElement;
  }
  (around ?? document.scrollingElement)?.scrollBy({ top: moved, behavior: "instant" });
}

class Modes {
  mode = "grid";
  clips = []; // {id, root, video, label, title}, in their order
  recent = []; // ids of the clips chosen last, at most two, the newest first
  swapped = false;
  wipe = 50; // per cent of the width that the first of the two has

  constructor(grid) {
    this.grid = grid;
    this.difference = new Difference();
    this.aloud = h("span", { class: "mj-aloud", role: "status" });
    this.line = h("div", { class: "mj-wipe", role: "slider", tabIndex: 0, "aria-valuemin": "0", "aria-valuemax": "100" });
    this.stack = h("div", { class: "mj-stack" }, this.difference.canvas, this.line);
    this.names = h("span", { class: "mj-names" });
    this.swap = iconButton("swap", "Switch (x)", () => this.exchange());
    this.chooser = h("div", { class: "mj-chooser", role: "group", "aria-label": "Clips to compare" }, this.names, this.swap);
    this.buttons = h(
      "span",
      { class: "mj-modes", role: "group", "aria-label": "Compare" },
      ...MODES.map(({ mode, label }) => h("button", { type: "button", "data-mode": mode, "data-label": label, onclick: () => this.set(mode) }, label)),
    );
    this.zoom = new Zoom(grid, (words) => setText(this.aloud, words));
    grid.append(this.stack, this.chooser, this.aloud);
    this.stack.addEventListener("pointerdown", (event) => this.press(event));
    this.stack.addEventListener("pointermove", (event) => this.dragging && this.moveLine(this.across(event)));
    for (const name of ["pointerup", "pointercancel"]) this.stack.addEventListener(name, () => (this.dragging = false));
    this.stack.addEventListener("click", () => this.mode === "flicker" && this.exchange());
    this.line.addEventListener("keydown", (event) => this.keyOnLine(event));
  }

  /** Takes over the clips of the grid, after each change of them. */
  update(clips) {
    const known = new Map(this.clips.map((clip) => [clip.id, clip]));
    this.clips = clips.map((clip, i) => Object.assign(known.get(clip.id) ?? this.adopt(clip), clip, { position: i }));
    this.buttons.hidden = clips.length < 2;
    if (clips.length < 2) this.mode = "grid";
    this.show();
  }

  /** Gives a clip its buttons: one over its screen in the grid, one in the row under the stack. */
  adopt(clip) {
    const screen = clip.root.querySelector(".mj-screen");
    const pick = h("button", { type: "button", class: "mj-pick", onclick: () => this.pick(clip.id) });
    const name = h("button", { type: "button", dir: "auto", onclick: () => this.choose(clip.id) });
    clip.root.querySelector("video").after(pick);
    return { screen, pick, name, badge: screen.querySelector(".mj-badge") };
  }

  /** The two that are compared, in their order: the chosen ones, or the first ones. */
  get pair() {
    const pair = [...this.latest].sort((a, b) => a.position - b.position);
    return this.swapped ? pair.reverse() : pair;
  }

  /** The same two, the one chosen last first. */
  get latest() {
    const chosen = this.recent.map((id) => this.clips.find((clip) => clip.id === id)).filter((clip) => clip);
    return [...chosen, ...this.clips.filter((clip) => !chosen.includes(clip))].slice(0, 2);
  }

  set(mode) {
    if (this.clips.length < 2) return;
    if (mode === this.mode) return;
    this.mode = mode;
    keepInPlace(this.buttons, () => this.show());
    this.say();
  }

  /** In the grid: marks a clip as one to compare, or unmarks it. */
  pick(id) {
    if (!this.recent.includes(id)) return this.choose(id);
    this.recent = this.recent.filter((other) => other !== id);
    this.show();
  }

  /** Compares this clip; the one of the two that was chosen before the other gives way. */
  choose(id) {
    const keep = this.mode === "grid" ? this.recent : this.latest.map((clip) => clip.id);
    this.recent = [id, ...keep.filter((other) => other !== id)].slice(0, 2);
    this.show();
    this.say();
  }

  /** The other clip in a flicker, the other way round in a wipe. */
  exchange() {
    if (this.mode === "flicker") this.recent = this.latest.map((clip) => clip.id).reverse();
    else if (this.mode === "wipe") this.swapped = !this.swapped;
    else return;
    this.show();
    this.say();
  }

  /** The number of a clip on the keyboard: 1 is the first. */
  number(digit) {
    const clip = this.clips[digit - 1];
    if (clip && this.clips.length > 1) this.mode === "grid" ? this.pick(clip.id) : this.choose(clip.id);
  }

  say() {
    const [a, b] = this.pair.map((clip) => this.nameOf(clip));
    const words = {
      grid: this.recent.length ? `Chosen: ${this.latest.slice(0, this.recent.length).map((clip) => this.nameOf(clip)).join(", ")}` : "Grid",
      wipe: `Wipe: ${a} on the left, ${b} on the right`,
      flicker: this.latest[0] && this.nameOf(this.latest[0]),
      difference: `Difference of ${a} and ${b}`,
    };
    setText(this.aloud, words[this.mode]);
  }

  nameOf(clip) {
    return clip.label.length > LONGEST_NAME ? `${clip.label.slice(0, LONGEST_NAME)}…` : clip.label;
  }

  /** Lays the grid out for the mode: which clip is on which place is said to the style sheet by `data-place`. */
  show() {
    const { mode, pair, latest } = this;
    const stacked = mode !== "grid";
    const shown = { grid: [], wipe: pair, flicker: [latest[0]], difference: pair }[mode];
    setAttribute(this.grid, "data-mode", mode);
    this.grid.classList.toggle("mj-stacked", stacked);
    for (const button of this.buttons.children) setAttribute(button, "aria-pressed", button.dataset.mode === mode);
    for (const clip of this.clips) {
      const place = shown.indexOf(clip);
      setAttribute(clip.root, "data-place", place < 0 ? null : place);
      setText(clip.badge, clip.label);
      setAttribute(clip.badge, "dir", "auto");
      for (const button of [clip.pick, clip.name]) setAttribute(button, "title", clip.title);
      setText(clip.name, clip.label);
      clip.pick.hidden = stacked || this.clips.length < 2;
      setAttribute(clip.pick, "aria-label", `Choose ${this.nameOf(clip)} to compare`);
      setAttribute(clip.pick, "aria-pressed", this.recent.includes(clip.id));
      setAttribute(clip.name, "aria-pressed", place >= 0);
    }
    const names = this.clips.map((clip) => clip.name);
    if (names.some((name, i) => this.names.children[i] !== name) || this.names.children.length > names.length) {
      this.names.replaceChildren(...names);
    }
    this.stack.hidden = this.chooser.hidden = !stacked;
    this.line.hidden = mode !== "wipe";
    this.difference.canvas.hidden = mode !== "difference";
    this.difference.watch(mode === "difference" ? pair.map((clip) => clip.video) : null);
    this.swap.disabled = mode === "difference";
    if (!stacked) return;
    const [a, b] = pair.map((clip) => this.nameOf(clip));
    setAttribute(this.line, "aria-label", `Line between ${a} and ${b}`);
    setAttribute(this.difference.canvas, "aria-label", `Difference of ${a} and ${b}`);
    this.moveLine(this.wipe);
  }

  /** Where on the stack a pointer is, in per cent of its width. */
  across(event) {
    const { left, width } = this.stack.getBoundingClientRect();
    return ((event.clientX - left) / width) * 100;
  }

  /** A press takes hold of the line; beside it too, unless the picture itself can be dragged. */
  press(event) {
    const onLine = event.target === this.line;
    if (this.mode !== "wipe" || event.button !== 0 || (this.zoom.scale > 1 && !onLine)) return;
    event.preventDefault();
    this.line.focus({ preventScroll: true });
    this.stack.setPointerCapture(event.pointerId);
    this.dragging = true;
    this.moveLine(this.across(event));
  }

  moveLine(place) {
    this.wipe = Math.max(0, Math.min(100, place));
    this.grid.style.setProperty("--wipe", `${this.wipe}%`);
    setAttribute(this.line, "aria-valuenow", Math.round(this.wipe));
    setAttribute(this.line, "aria-valuetext", `${Math.round(this.wipe)} %`);
  }

  keyOnLine(event) {
    if (!isOurs(event) || event.shiftKey) return;
    const step = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -10, PageUp: 10, Home: -100, End: 100 };
    if (!(event.key in step)) return;
    event.preventDefault();
    this.moveLine(this.wipe + step[event.key]);
  }

  /** What the keys do, as in `Bar.ownKeys`. */
  keys() {
    const forModes = MODES.map(({ mode, label, key, says }) => ({
      on: [key],
      name: key,
      says: `${label}: ${says}`,
      act: () => (mode === "flicker" && this.mode === mode ? this.exchange() : this.set(mode)),
    }));
    return [
      ...forModes,
      { on: [..."123456789"], name: "1–9", says: "Choose a clip, counted from 1", act: (key) => this.number(Number(key)) },
      { on: ["x"], name: "x", says: "Switch the two clips", act: () => this.exchange() },
      ...this.zoom.keys(),
    ];
  }

  dispose() {
    this.difference.watch(null);
  }
}

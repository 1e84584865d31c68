// The bar under clips that play in step, and the keys that do the same.

const SPEEDS = [0.25, 0.5, 1, 1.5, 2];
const THUMB = 13; // CSS pixels: the ends of the seek line are half a thumb inside it

function iconButton(name, label, onclick) {
  const path = ICONS[name];
  return h("button", { type: "button", class: `mj-icon mj-${name}`, "aria-label": label, title: label, onclick }, icon(path));
}

/** Whether a control makes something of a key itself: that comes first. */
function usesKey(control, key) {
  if (control.matches("button, a")) return key === " ";
  return control.matches("select, textarea, input:not([type=range]), [contenteditable]");
}

/** One end of the part that is looped, as a handle on the seek line. */
class Mark {
  constructor(player, side) {
    const label = side === "from" ? "Start of the part" : "End of the part";
    this.player = player;
    this.side = side;
    this.root = h("span", { class: `mj-mark mj-${side}`, role: "slider", tabIndex: 0, "aria-label": label, "aria-valuemin": "0" });
    this.root.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.root.focus();
      this.root.setPointerCapture(event.pointerId);
      player.set({ held: true });
    });
    this.root.addEventListener("pointermove", (event) => {
      if (!this.root.hasPointerCapture(event.pointerId)) return;
      const { left, width } = this.root.parentNode.getBoundingClientRect();
      this.move(((event.clientX - left - THUMB / 2) / (width - THUMB)) * player.duration);
    });
    this.root.addEventListener("lostpointercapture", () => player.set({ held: false }));
    this.root.addEventListener("keydown", (event) => {
      const frames = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -12, PageUp: 12 }[event.key];
      if (!frames || !isOurs(event)) return;
      event.preventDefault();
      this.move(this.shown + frames * FRAME);
    });
  }

  /** A time in the frame at this end. */
  get shown() {
    const { part, duration } = this.player;
    return this.side === "from" ? (part?.from ?? 0) : (part?.to ?? duration) - FRAME / 2;
  }

  /** To this time, but not past the other end; its frame is shown. */
  move(time) {
    const { player } = this;
    if (!player.part) return;
    const { from, to } = player.part;
    const bounded = this.side === "from" ? Math.min(time, to - 1.5 * FRAME) : Math.max(time, from + FRAME);
    player.mark(this.side, Math.max(0, bounded));
    player.seek(this.shown);
  }

  update() {
    const { part, duration } = this.player;
    this.root.hidden = !part;
    if (!part) return;
    const time = part[this.side];
    this.root.style.setProperty("--at", time / duration);
    setAttribute(this.root, "aria-valuemax", duration.toFixed(2));
    setAttribute(this.root, "aria-valuenow", time.toFixed(2));
    setAttribute(this.root, "aria-valuetext", `${time.toFixed(2)} s`);
  }
}

/** Play, seek, speed, frame by frame, loop and ways to compare for one `Player`. Its owner calls `update` whenever the
 *  player changes. `modes`: the `Modes` of the same clips, where they can be compared. */
class Bar {
  constructor(player, modes) {
    this.player = player;
    this.play = iconButton("play", "Play", () => player.toggle());
    this.seek = h("input", { type: "range", class: "mj-seek", min: "0", max: "1", step: "any", value: "0", "aria-label": "Seek" });
    this.marks = [new Mark(player, "from"), new Mark(player, "to")];
    this.time = h("span", { class: "mj-time" });
    const speeds = SPEEDS.map((speed) => h("option", { value: String(speed), selected: speed === 1 }, `${speed}×`));
    this.speed = h("select", { class: "mj-speed", "aria-label": "Speed", title: "Speed" }, ...speeds);
    this.part = iconButton("part", "Loop a part", () => this.togglePart());
    this.looping = iconButton("loop", "Loop", () => player.set({ loop: !player.loop }));
    const ends = [h("option", { value: "loop" }, "loop each"), h("option", { value: "hold" }, "hold last")];
    this.ends = h("select", { class: "mj-speed mj-ends", "aria-label": "Clips that end first", title: "Clips that end first" }, ...ends);
    this.aloud = h("span", { class: "mj-aloud", role: "status" });
    this.keys = [...this.ownKeys(), ...(modes?.keys() ?? [])];
    this.help = new Help(this.keys);
    this.seek.addEventListener("pointerdown", () => player.set({ held: true }));
    for (const name of ["pointerup", "pointercancel"]) this.seek.addEventListener(name, () => player.set({ held: false }));
    this.seek.addEventListener("input", () => player.seek(Number(this.seek.value)));
    this.speed.addEventListener("change", () => player.set({ speed: Number(this.speed.value) }));
    this.ends.addEventListener("change", () => player.setHold(this.ends.value === "hold"));
    this.root = h(
      "div",
      { class: "mj-bar", role: "group", "aria-label": "Playback" },
      this.play,
      h("span", { class: "mj-track" }, this.seek, ...this.marks.map((mark) => mark.root)),
      this.time,
      h(
        "span",
        { class: "mj-tools" },
        this.speed,
        h(
          "span",
          { class: "mj-frames" },
          iconButton("back", "One frame back", () => player.step(-1)),
          h("span", { "aria-hidden": "true" }, "frame"),
          iconButton("forward", "One frame forward", () => player.step(1)),
        ),
        this.part,
        this.looping,
        this.ends,
        modes?.buttons ?? "",
        this.help.button,
      ),
      this.help.panel,
      this.aloud,
    );
  }

  /** What the keys do: `on` are the keys; `name` and `says` stand in the help, once for keys that belong together. */
  ownKeys() {
    const { player } = this;
    return [
      { on: [" ", "k"], name: "Space  k", says: "Play or pause", act: () => player.toggle() },
      { on: ["ArrowLeft"], name: "←  →", says: "One frame back or forward", act: () => player.step(-1) },
      { on: ["ArrowRight"], act: () => player.step(1) },
      { on: ["Home"], name: "Home  End", says: "First or last frame", act: () => player.seek(player.from) },
      { on: ["End"], act: () => player.seek(player.to - FRAME / 2) },
      { on: ["["], name: "[  ]", says: "Slower, faster", act: () => this.faster(-1) },
      { on: ["]"], act: () => this.faster(1) },
      { on: ["l"], name: "l", says: "Loop, or play once", act: () => this.looping.click() },
      { on: ["i"], name: "i  o", says: "Loop from here, loop to here", act: () => this.mark("from") },
      { on: ["o"], act: () => this.mark("to") },
      { on: ["c"], name: "c", says: "Loop the whole clip again", act: () => player.part && this.togglePart() },
      { on: ["?"], name: "?", says: "These keys", act: () => this.help.open() },
    ];
  }

  faster(steps) {
    const place = SPEEDS.indexOf(this.player.speed) + steps;
    if (!(place in SPEEDS)) return;
    this.player.set({ speed: SPEEDS[place] });
    setText(this.aloud, `Speed ${SPEEDS[place]}`);
  }

  mark(side) {
    this.player.mark(side);
    this.sayPart();
  }

  /** A part around what is shown, to be adjusted by its handles; or no part any more. */
  togglePart() {
    const { player } = this;
    const { time, duration, part } = player;
    if (part) {
      player.set({ part: null });
    } else {
      player.mark("from", Math.max(0, Math.min(time - duration / 8, (duration * 3) / 4)));
      player.mark("to", player.from + duration / 4);
    }
    this.sayPart();
  }

  sayPart() {
    const { part, from, to } = this.player;
    setText(this.aloud, part ? `Looping ${from.toFixed(1)} to ${to.toFixed(1)} seconds` : "Looping the whole clip");
  }

  update() {
    const { player } = this;
    showWanted(this.play, player);
    const { duration: length, time, part } = player;
    setAttribute(this.looping, "aria-pressed", player.loop);
    setAttribute(this.part, "aria-pressed", part !== null);
    this.ends.hidden = !player.uneven;
    this.speed.value = String(player.speed);
    for (const mark of this.marks) mark.update();
    setAttribute(this.seek, "max", length || 1);
    this.seek.value = time;
    setAttribute(this.seek, "data-part", part ? "" : null);
    const places = { "--done": time, "--from": player.from, "--to": player.to };
    for (const [name, seconds] of Object.entries(places)) this.seek.style.setProperty(name, length ? seconds / length : 0);
    const label = `${time.toFixed(1)} / ${length.toFixed(1)} s`;
    setText(this.time, label);
    setAttribute(this.seek, "aria-valuetext", label);
  }

  /** Does what a key means for the clips, and says whether it did: what a control does by itself with a key comes first. */
  key(event) {
    if (event.defaultPrevented) return false;
    const control = event.target.closest?.("button, a, select, input, textarea, [contenteditable]");
    if (control && usesKey(control, event.key)) return false;
    const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const shifted = event.shiftKey && (event.key.length > 1 || event.key === " ");
    const meant = this.keys.find(({ on, shift = false }) => on.includes(pressed) && shift === shifted);
    if (!meant) return false;
    event.preventDefault();
    meant.act(pressed);
    return true;
  }
}

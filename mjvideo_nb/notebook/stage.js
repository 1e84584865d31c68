// A job's card: its status, and under it its clips, played in step. Joined behind `parts.js`, `clips.js`, `player.js`.
//
// The kernel replaces the whole `card` at once. The page is built once and changed only where it differs from the card,
// so that a tick of the progress never touches a video. What must outlive a view (a cell that is moved, a second view)
// lives in the model's scope: the clips' bytes, and the presses that the kernel has not answered yet.
//
// Everything in a card comes from outside (prompts, file names, reasons): it is put in as text, never as markup.

const SPEEDS = [0.25, 0.5, 1, 1.5, 2];
const DOUBLE_CLICK = 1000; // ms: the second half of a double click must not buy a second video
const SANDBOX = " · clips are rendered on this machine, not by Midjourney. Set COMETAPI_KEY to use the service.";

/** "38 s", "1 min 4 s", "1 h 5 min". */
function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

// ---- what belongs to the model, not to a view

class Scope {
  gone = false;
  sources = new Map(); // "task/index" -> Source
  pressed = new Map(); // clip index -> an extend that is not answered yet: {motion, slow}
  notices = new Map(); // clip index -> {text, bad}
  asked = new Map(); // clip index -> resolvers of a request for its bytes
  views = new Set();
  aspect = null; // of the first clip that was opened; kept, so that the grid never jumps
  endsAt = null; // the elapsed seconds at which the job is expected to end

  constructor(model, invoke) {
    this.model = model;
    this.invoke = invoke;
    this.end = new AbortController();
    this.receive();
    model.on("change:card", () => this.receive());
    model.on("msg:custom", (message, buffers) => {
      if (message.kind !== "bytes") return;
      this.asked.get(message.index)?.([message, buffers]);
      this.asked.delete(message.index);
    });
  }

  receive() {
    this.card = this.model.get("card");
    this.receivedAt = performance.now();
    this.estimate();
    this.changed();
  }

  /** Has the views look again, once for all that changes in one go. */
  changed() {
    if (this.due) return;
    this.due = true;
    queueMicrotask(() => {
      this.due = false;
      for (const view of this.views) view.update();
    });
  }

  /** Seconds since the job began: the kernel's figure, ticked on while the job runs. */
  get elapsed() {
    const runs = ["waiting", "running"].includes(this.card.state);
    return this.card.elapsed + (runs ? (performance.now() - this.receivedAt) / 1000 : 0);
  }

  /** Moves the expected end a third of the way to what the newest progress says, so that it does not jump about. */
  estimate() {
    const { state, progress, elapsed } = this.card;
    if (state !== "running" || !(progress >= 10)) {
      this.endsAt = null;
    } else if (this.endsAt === null || progress !== this.progress) {
      const endsAt = (elapsed * 100) / progress;
      this.endsAt = this.endsAt === null ? endsAt : this.endsAt + (endsAt - this.endsAt) / 3;
    }
    this.progress = progress;
  }

  /** "about 25 s to go", or "" when nothing can be said. */
  get toGo() {
    if (this.endsAt === null) return "";
    const left = this.endsAt - this.elapsed;
    if (left < -10) return "";
    if (left < 8) return "a few seconds to go";
    const step = left < 60 ? 5 : 15;
    return `about ${duration(Math.round(left / step) * step)} to go`;
  }

  source(clip) {
    const key = `${this.card.task_id}/${clip.index}`;
    if (!this.sources.has(key)) this.sources.set(key, new Source(this, clip));
    return this.sources.get(key);
  }

  askBytes(index) {
    return new Promise((resolve) => {
      this.asked.set(index, resolve);
      tell(this.model, { kind: "bytes", index });
    });
  }

  /** Asks the kernel once to extend a clip. It costs money: never repeated, and never given up either, because a busy
   *  kernel may act on it much later. */
  async extend(index, motion) {
    if (this.pressed.has(index)) return;
    const press = { motion, slow: false };
    this.pressed.set(index, press);
    this.notices.clear(); // what went wrong before a new press is history
    this.changed();
    const settled = new Promise((resolve) => setTimeout(resolve, DOUBLE_CLICK));
    const slow = setTimeout(() => {
      press.slow = true;
      this.changed();
    }, SLOW_KERNEL);
    try {
      const [answer] = await this.invoke("extend", { index, motion }, { signal: this.end.signal });
      if (!answer.ok) this.notices.set(index, { text: answer.message, bad: true });
    } catch {
      // Only a message that could not leave the browser ends here: nothing was asked for.
      if (this.gone) return;
      this.notices.set(index, { text: "There is no kernel behind this card any more: run the cell again.", bad: true });
    }
    clearTimeout(slow);
    press.slow = false;
    this.changed();
    await settled;
    this.pressed.delete(index);
    this.changed();
  }

  dispose() {
    this.gone = true;
    this.end.abort();
    for (const source of this.sources.values()) source.revoke();
  }
}

// ---- what is seen

/** A 16 × 16 line drawing: icon fonts and arrow glyphs differ from machine to machine. */
function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

const ICONS = {
  play: "M4.5 2.5v11l9-5.5z",
  pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z",
  back: "M10 3 5 8l5 5",
  forward: "M6 3l5 5-5 5",
  loop: "M3 8V6.5A2.5 2.5 0 0 1 5.5 4H12M10 2l2 2-2 2M13 8v1.5a2.5 2.5 0 0 1-2.5 2.5H4M6 14l-2-2 2-2",
  download: "M8 2.5v7.5M4.8 7.2 8 10.4l3.2-3.2M3 13.5h10",
};

/** One clip: its screen, and what can be done with it. */
class Tile {
  constructor(view, index) {
    const { scope } = view;
    const name = `[${index}]`;
    this.view = view;
    this.index = index;
    this.video = h("video", { muted: true, playsInline: true, preload: "auto", "aria-label": `Clip ${name}` });
    this.video.disablePictureInPicture = true;
    this.why = h("span");
    this.again = h("button", { type: "button", class: "mj-link", onclick: () => this.source.load(true) }, "Try again");
    this.missing = h("div", { class: "mj-missing", hidden: true }, this.why, this.again);
    this.extends = ["low", "high"].map((motion) =>
      h(
        "button",
        { type: "button", "aria-label": `Extend ${name}, ${motion} motion`, onclick: () => scope.extend(index, motion) },
        motion,
      ),
    );
    this.extend = h("span", { class: "mj-extend" }, "Extend ", h("span", { class: "mj-pair" }, ...this.extends));
    this.download = h("a", { class: "mj-icon", hidden: true }, icon(ICONS.download));
    this.root = h(
      "div",
      { class: "mj-clip", "data-index": String(index), role: "group", "aria-label": `Clip ${name}` },
      h("div", { class: "mj-screen" }, this.video, this.missing, h("span", { class: "mj-badge", "aria-hidden": "true" }, name)),
      h("div", { class: "mj-acts" }, this.extend, this.download),
    );
    this.video.addEventListener("loadedmetadata", () => view.opened(this.video));
    this.video.addEventListener("canplay", () => view.player.join(this.video, view.expected));
    this.video.addEventListener("error", () => {
      if (this.video.getAttribute("src")) view.player.leave(this.video);
      scope.changed();
    });
  }

  /** Whether this clip may still come. */
  get expected() {
    const { state } = this.source;
    return ["new", "loading"].includes(state) || (state === "ready" && !this.video.error && this.video.readyState < 3);
  }

  /** What is said in place of the clip, or "". */
  get trouble() {
    const { state, reason } = this.source;
    if (state === "waiting") return KERNEL_AWAY;
    if (state === "missing") return `This clip cannot be reached. ${reason}`;
    return this.video.error ? "This browser cannot play the clip. It can be downloaded." : "";
  }

  update(clip, card) {
    this.source = this.view.scope.source(clip);
    this.source.update(clip);
    if (this.view.seen) this.source.load();
    const { state, href, isBlob } = this.source;
    if (href && this.video.getAttribute("src") !== href) this.video.src = href;
    this.missing.hidden = !this.trouble;
    this.again.hidden = state !== "missing";
    setText(this.why, this.trouble);
    setAttribute(this.root, "data-state", state);

    this.download.hidden = state !== "ready";
    if (href) {
      setAttribute(this.download, "href", href);
      setAttribute(this.download, "download", clip.name);
      // Another site's file cannot be saved from here under a name, only opened.
      setAttribute(this.download, "target", isBlob ? null : "_blank");
      setAttribute(this.download, "rel", isBlob ? null : "noopener noreferrer");
      setAttribute(this.download, "aria-label", `Download [${this.index}]`);
      setAttribute(this.download, "title", `Download ${clip.name}`);
    }

    this.extend.hidden = !card.can_extend;
    const press = this.view.scope.pressed.get(this.index);
    this.extends.forEach((button, i) => {
      button.disabled = press !== undefined;
      setAttribute(button, "aria-busy", press?.motion === ["low", "high"][i] ? "true" : null);
      setAttribute(button, "title", card.price ? `${button.getAttribute("aria-label")}: ${card.price}` : null);
    });
  }
}

class View {
  tiles = new Map();
  seen = false; // clips are loaded when their card is first looked at: a long history is not loaded at once

  constructor(scope, el) {
    this.scope = scope;
    this.player = new Player(() => this.updateBar());
    this.build();
    el.append(this.root);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.sight = new IntersectionObserver(([entry]) => {
      if (entry.isIntersecting && !this.seen) {
        this.seen = true;
        this.update();
      }
      this.player.set({ inSight: entry.isIntersecting });
    });
    this.sight.observe(this.root);
    this.clock = setInterval(() => this.updateStatus(), 1000);
    scope.views.add(this);
    this.update();
  }

  build() {
    this.strip = h("div", { class: "mj-strip" }, h("b", {}, "Sandbox"), SANDBOX);
    this.title = h("span", { class: "mj-title" });
    this.chips = h("span", { class: "mj-chips" });
    this.status = h("b");
    this.times = h("span");
    this.progress = h("div", { class: "mj-progress", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, h("i"));
    this.errorTitle = h("b");
    this.errorText = h("span");
    this.hint = h("span");
    this.error = h("div", { class: "mj-error-box" }, this.errorTitle, " ", this.errorText, " ", this.hint);
    this.from = h("span");
    this.line = h("div", { class: "mj-line mj-status" }, this.from, this.status, this.times);
    this.origin = h("span");
    this.count = h("b");
    this.rest = h("span");
    this.crumb = h("div", { class: "mj-line mj-crumb" }, this.origin, this.count, this.rest);
    this.grid = h("div", { class: "mj-grid" });
    this.notices = h("div", { class: "mj-notices", role: "status" });
    this.note = h("div", { class: "mj-note" });
    this.aloud = h("span", { class: "mj-aloud", role: "status" });
    this.root = h(
      "div",
      { class: "mj mj-card mj-live", role: "group", tabIndex: -1 },
      this.strip,
      h("div", { class: "mj-head" }, h("span", { class: "mj-dot", "aria-hidden": "true" }), this.title, this.chips),
      this.line,
      this.progress,
      this.crumb,
      this.error,
      this.grid,
      this.notices,
      this.note,
      this.buildBar(),
      this.aloud,
    );
  }

  buildBar() {
    const { player } = this;
    const button = (name, label, onclick, ...more) =>
      h("button", { type: "button", class: `mj-icon ${name}`, "aria-label": label, title: label, onclick }, ...more);
    this.play = button("mj-play", "Play", () => player.toggle(), icon(ICONS.play));
    this.seek = h("input", { type: "range", class: "mj-seek", min: "0", max: "1", step: "any", value: "0", "aria-label": "Seek" });
    this.time = h("span", { class: "mj-time" });
    this.speed = h(
      "select",
      { class: "mj-speed", "aria-label": "Speed", title: "Speed" },
      ...SPEEDS.map((speed) => h("option", { value: String(speed), selected: speed === 1 }, `${speed}×`)),
    );
    this.looping = button("mj-loop", "Loop", () => player.set({ loop: !player.loop }), icon(ICONS.loop));
    this.seek.addEventListener("pointerdown", () => player.set({ held: true }));
    for (const name of ["pointerup", "pointercancel"]) this.seek.addEventListener(name, () => player.set({ held: false }));
    this.seek.addEventListener("input", () => player.seek(Number(this.seek.value)));
    this.speed.addEventListener("change", () => player.set({ speed: Number(this.speed.value) }));
    this.bar = h(
      "div",
      { class: "mj-bar", role: "group", "aria-label": "Playback" },
      this.play,
      this.seek,
      this.time,
      h(
        "span",
        { class: "mj-tools" },
        this.speed,
        h(
          "span",
          { class: "mj-frames" },
          button("mj-back", "One frame back", () => player.step(-1), icon(ICONS.back)),
          h("span", { "aria-hidden": "true" }, "frame"),
          button("mj-forward", "One frame forward", () => player.step(1), icon(ICONS.forward)),
        ),
        this.looping,
      ),
    );
    return this.bar;
  }

  /** The keys of the stage: what a control does by itself with a key comes first. */
  key(event) {
    if (!isOurs(event)) return;
    const control = event.target.closest("button, a, select, input");
    const action = {
      k: () => this.player.toggle(),
      " ": () => this.player.toggle(),
      ArrowLeft: () => this.player.step(-1),
      ArrowRight: () => this.player.step(1),
    }[event.key];
    const native = control?.matches("select") || (event.key === " " && control?.matches("button, a"));
    const acts = action && !native && this.tiles.size > 0;
    if (acts || control) event.stopPropagation();
    if (!acts) return;
    event.preventDefault();
    action();
  }

  get expected() {
    return [...this.tiles.values()].filter((tile) => tile.expected).length;
  }

  opened(video) {
    this.scope.aspect ??= video.videoWidth / video.videoHeight;
    this.scope.changed();
  }

  update() {
    const { card } = this.scope;
    setAttribute(this.root, "data-state", card.state);
    setAttribute(this.root, "aria-label", `Video: ${card.title || "no prompt"}`);
    this.strip.hidden = !card.sandbox;
    setText(this.title, card.title || "no prompt");
    setAttribute(this.title, "title", card.title || null);
    this.title.classList.toggle("mj-none", !card.title);
    this.updateClips();
    this.updateStatus();
    this.updateBar();
    this.updateError();
    setText(this.note, card.note);
    this.note.hidden = !card.note;
    setText(this.aloud, this.spoken());
  }

  spoken() {
    const { state, headline, error, clips } = this.scope.card;
    if (state === "done") return `Done: ${clips.length} ${clips.length === 1 ? "clip" : "clips"}`;
    return error ? `${error.title}: ${error.text}` : headline;
  }

  updateClips() {
    const { card, aspect } = this.scope;
    for (const [index, tile] of this.tiles) {
      if (card.clips.some((clip) => clip.index === index)) continue;
      tile.root.remove();
      this.tiles.delete(index);
    }
    for (const clip of card.clips) {
      if (!this.tiles.has(clip.index)) {
        this.tiles.set(clip.index, new Tile(this, clip.index));
        this.grid.append(this.tiles.get(clip.index).root);
      }
      this.tiles.get(clip.index).update(clip, card);
    }
    this.grid.hidden = this.bar.hidden = this.tiles.size === 0;
    this.grid.style.setProperty("--clips", Math.min(4, this.tiles.size));
    this.grid.style.setProperty("--aspect", aspect ?? card.aspect ?? 16 / 9);
    this.player.settle(this.expected);
  }

  updateStatus() {
    const { card, elapsed, toGo } = this.scope;
    const runs = ["waiting", "running"].includes(card.state);
    this.line.hidden = this.progress.hidden = !runs;
    this.crumb.hidden = runs || (card.state !== "done" && !card.task_id);
    if (runs) {
      const known = typeof card.progress === "number";
      setText(this.from, card.origin ? `${card.origin} › ` : "");
      setText(this.status, known ? `${card.headline} · ${card.progress} %` : card.headline);
      setText(this.times, toGo ? `${duration(elapsed)}, ${toGo}` : duration(elapsed));
      setAttribute(this.progress, "aria-valuenow", known ? card.progress : null);
      setAttribute(this.progress, "aria-label", card.headline);
      this.progress.firstChild.style.width = known ? `${card.progress}%` : "";
      return;
    }
    const count = card.clips.length;
    const parts = [card.state === "done" ? duration(card.elapsed) : "", card.task_id ? `task ${card.task_id}` : ""];
    setText(this.origin, card.origin);
    setText(this.count, count ? `${card.origin ? " › " : ""}${count} ${count === 1 ? "clip" : "clips"}` : "");
    setText(this.rest, parts.filter((part) => part).map((part) => ` · ${part}`).join(""));
  }

  updateError() {
    const { error } = this.scope.card;
    this.error.hidden = !error;
    setText(this.errorTitle, error ? `${error.title}:` : "");
    setText(this.errorText, error?.text ?? "");
    setText(this.hint, error?.hint ?? "");

    const { pressed, notices, card } = this.scope;
    const lines = card.clips.flatMap(({ index }) => {
      if (pressed.get(index)?.slow) return [{ text: `[${index}] ${KERNEL_AWAY}`, bad: false }];
      const notice = notices.get(index);
      return notice ? [{ text: `[${index}] ${notice.text}`, bad: notice.bad }] : [];
    });
    const said = lines.map((line) => line.text).join("\n");
    if (this.said !== said) {
      this.notices.replaceChildren(...lines.map(({ text, bad }) => h("div", { class: bad ? "mj-bad" : "mj-wait" }, text)));
    }
    this.said = said;
  }

  updateBar() {
    const { player } = this;
    const shown = player.wanted ? "pause" : "play";
    if (this.play.dataset.shows !== shown) {
      this.play.dataset.shows = shown;
      this.play.replaceChildren(icon(ICONS[shown]));
      this.play.title = shown === "play" ? "Play" : "Pause";
      this.play.setAttribute("aria-label", this.play.title);
    }
    setAttribute(this.looping, "aria-pressed", player.loop);
    const { duration: length, time } = player;
    setAttribute(this.seek, "max", length || 1);
    this.seek.value = time;
    this.seek.style.setProperty("--done", length ? `${(time / length) * 100}%` : "0%");
    const label = `${time.toFixed(1)} / ${length.toFixed(1)} s`;
    setText(this.time, label);
    setAttribute(this.seek, "aria-valuetext", label);

    const chips = [...this.scope.card.chips, ...(length ? [`${length.toFixed(1)} s`] : [])];
    if (this.chips.dataset.shows !== chips.join("\n")) {
      this.chips.dataset.shows = chips.join("\n");
      this.chips.replaceChildren(...chips.map((chip) => h("span", { class: "mj-chip" }, chip)));
    }
  }

  dispose() {
    this.scope.views.delete(this);
    clearInterval(this.clock);
    this.sight.disconnect();
    this.player.dispose();
  }
}

// A factory: anywidget calls it once for each model, which gives the model a scope of its own.
export default () => {
  let scope;
  return {
    initialize({ model, experimental }) {
      scope = new Scope(model, experimental.invoke);
      return () => scope.dispose();
    },
    render({ el }) {
      const view = new View(scope, el);
      return () => view.dispose();
    },
  };
};

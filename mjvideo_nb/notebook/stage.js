// A job's card: its status, and under it its clips, played in step.
//
// The kernel replaces the whole `card` at once. The page is built once and changed only where it differs from the card,
// so that a tick of the progress never touches a video. What must outlive a view (a cell that is moved, a second view)
// lives in the model's scope: the clips' bytes, and the presses that the kernel has not answered yet.
//
// Everything in a card comes from outside (prompts, file names, reasons): it is put in as text, never as markup.

const FRAME = 1 / 24; // seconds: the service's clips run at 24 frames a second
const SPEEDS = [0.25, 0.5, 1, 1.5, 2];
const SLOW_KERNEL = 1500; // ms without an answer after which the card says so
const DOUBLE_CLICK = 1000; // ms: the second half of a double click must not buy a second video
const LATECOMER = 3000; // ms that the first clip waits for the others before it starts without them
const HEADERS = 10000; // ms for a server to begin its answer
const KERNEL_AWAY =
  "Waiting for the kernel. It is busy, or it was restarted: if nothing happens when it is idle, run the cell again.";

// ---- small helpers

/** An element with attributes (`class`, `hidden`, `onclick` ...) and children; strings become text. */
function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

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

/** Changes a text only when it differs: live regions speak on every change, and selections would be lost. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** "38 s", "1 min 4 s", "1 h 5 min". */
function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** The URL if it may be followed (http, https, blob, relative), else null: a card must not carry `javascript:`. */
function followed(url) {
  try {
    return ["http:", "https:", "blob:"].includes(new URL(url, document.baseURI).protocol) ? url : null;
  } catch {
    return null;
  }
}

const stillWanted = matchMedia("(prefers-reduced-motion: reduce)");

// ---- the clips' bytes

/** A blob that a player takes, or an error: a 200 can be a login page, and a 404 can be a styled one. */
async function asVideo(blob) {
  const head = new Uint8Array(await blob.slice(0, 12).arrayBuffer());
  const isMp4 = String.fromCharCode(...head.slice(4, 8)) === "ftyp";
  const isWebm = head[0] === 0x1a && head[1] === 0x45 && head[2] === 0xdf && head[3] === 0xa3;
  if (!isMp4 && !isWebm) throw new Error("not a video");
  return new Blob([blob], { type: isMp4 ? "video/mp4" : "video/webm" });
}

async function fetchVideo(url) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), HEADERS);
  const response = await fetch(url, { signal: patience.signal }).finally(() => clearTimeout(timer));
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return asVideo(await response.blob());
}

/** Resolves when a `<video src>` from another site can be played although its bytes cannot be read. */
function playable(url) {
  return new Promise((resolve, reject) => {
    const probe = h("video", { muted: true, preload: "metadata" });
    const timer = setTimeout(() => finish(reject), HEADERS);
    const finish = (settle) => {
      clearTimeout(timer);
      probe.onloadedmetadata = probe.onerror = null;
      probe.removeAttribute("src");
      probe.load();
      settle();
    };
    probe.onloadedmetadata = () => finish(resolve);
    probe.onerror = () => finish(reject);
    probe.src = url;
  });
}

/** One clip's bytes: where they are tried, and what was found. `href` is set once it can be played. */
class Source {
  href = null;
  isBlob = false;
  state = "new"; // new, loading, waiting (for the kernel), ready, missing
  reason = "";

  constructor(scope, clip) {
    this.scope = scope;
    this.clip = clip;
  }

  /** A clip that was missing is tried again when the card names another place for it. */
  update(clip) {
    const moved = clip.path !== this.clip.path || clip.url !== this.clip.url;
    this.clip = clip;
    if (moved && this.state === "missing") this.load(true);
  }

  async load(again = false) {
    if (this.state !== "new" && !(again && this.state === "missing")) return;
    this.become("loading");
    try {
      this.take(await this.fromFile().catch(() => this.fromUrl()));
    } catch {
      try {
        this.take(await this.fromKernel());
      } catch (error) {
        this.reason = error.message;
        this.become("missing");
      }
    }
  }

  take(found) {
    this.isBlob = found instanceof Blob;
    this.href = this.isBlob ? URL.createObjectURL(found) : found;
    if (this.scope.gone) this.revoke();
    else this.become("ready");
  }

  become(state) {
    this.state = state;
    this.scope.changed();
  }

  async fromFile() {
    const { path } = this.clip;
    const manager = this.scope.model.widget_manager;
    if (!path || /^([a-z][a-z0-9+.-]*:|[\\/])/i.test(path) || !manager?.resolveUrl) throw new Error("no local file");
    return fetchVideo(await manager.resolveUrl(path.split("/").map(encodeURIComponent).join("/")));
  }

  async fromUrl() {
    const url = this.clip.url && followed(this.clip.url);
    if (!url) throw new Error("no address");
    try {
      return await fetchVideo(url);
    } catch {
      await playable(url);
      return url;
    }
  }

  async fromKernel() {
    const slow = setTimeout(() => this.become("waiting"), SLOW_KERNEL);
    const [answer, buffers] = await this.scope.askBytes(this.clip.index).finally(() => clearTimeout(slow));
    if (!answer.ok) throw new Error(answer.message);
    return asVideo(new Blob(buffers));
  }

  revoke() {
    if (this.isBlob) URL.revokeObjectURL(this.href);
  }
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

  changed() {
    for (const view of this.views) view.update();
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
      this.model.send({ kind: "bytes", index });
    });
  }

  /** Asks the kernel once to extend a clip. It costs money: never repeated, and never given up either, because a busy
   *  kernel may act on it much later. */
  async extend(index, motion) {
    if (this.pressed.has(index)) return;
    const press = { motion, slow: false };
    this.pressed.set(index, press);
    this.notices.delete(index);
    this.changed();
    const settled = new Promise((resolve) => setTimeout(resolve, DOUBLE_CLICK));
    const slow = setTimeout(() => {
      press.slow = true;
      this.changed();
    }, SLOW_KERNEL);
    try {
      const [answer] = await this.invoke("extend", { index, motion }, { signal: this.end.signal });
      if (!answer.ok) this.notices.set(index, { text: answer.message, bad: true });
    } catch (error) {
      if (this.gone) return;
      this.notices.set(index, { text: `The kernel could not be asked (${error.message}): run the cell again.`, bad: true });
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

// ---- playing in step

/** Resolves when a video shows the frame at `time`; a video that is out of the page never says so, hence the limit. */
function seeked(video, time) {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      video.removeEventListener("seeked", finish);
      resolve();
    };
    const timer = setTimeout(finish, 1000);
    video.addEventListener("seeked", finish);
    video.currentTime = Math.min(time, video.duration);
  });
}

/** Several videos as one: they start, seek, step and loop together, and follow the longest within a frame. */
class Player {
  videos = [];
  wanted = !stillWanted.matches; // what the user wants; it plays when it is also in sight and started
  inSight = false;
  started = false;
  loop = true;
  speed = 1;
  target = null; // the newest time that a running seek has still to go to
  seeking = false;

  constructor(onChange) {
    this.onChange = onChange;
  }

  get lead() {
    return this.videos.reduce((a, b) => (b.duration > a.duration + FRAME / 2 ? b : a), this.videos[0]);
  }

  get duration() {
    return this.lead?.duration ?? 0;
  }

  get time() {
    return this.aim ?? this.lead?.currentTime ?? 0;
  }

  get playing() {
    return this.wanted && this.inSight && this.started && this.videos.length > 0;
  }

  /** Adds a video that can play. `expected`: how many more may still come; the start waits for them a while. */
  join(video, expected) {
    if (this.videos.includes(video)) return;
    this.videos.push(video);
    if (this.started) this.seek(this.time);
    else if (this.videos.length === 1) this.patience = setTimeout(() => this.start(), LATECOMER);
    this.settle(expected);
  }

  settle(expected) {
    if (expected === 0 && this.videos.length) this.start();
  }

  start() {
    clearTimeout(this.patience);
    if (this.started) return;
    this.started = true;
    this.apply();
  }

  set(change) {
    Object.assign(this, change);
    this.apply();
  }

  toggle() {
    if (!this.wanted && this.time >= this.duration - FRAME) this.seek(0);
    this.set({ wanted: !this.wanted });
    // Stills are compared side by side: the last fraction of a frame between them is taken out.
    if (!this.wanted && this.started) this.seek(this.lead.currentTime);
  }

  /** One frame on or back, to the middle of that frame: its edge can show either neighbour. */
  step(frames) {
    if (!this.videos.length) return;
    this.set({ wanted: false });
    const last = Math.round(this.duration / FRAME) - 1;
    const frame = Math.min(last, Math.max(0, Math.floor(this.time / FRAME + 0.01) + frames));
    this.seek((frame + 0.5) * FRAME);
  }

  async seek(time) {
    this.target = this.aim = Math.max(0, Math.min(time, this.duration));
    if (this.seeking) return; // the seek under way goes on to the newest target
    this.seeking = true;
    this.apply();
    while (this.target !== null) {
      const target = this.target;
      this.target = null;
      await Promise.all(this.videos.map((video) => seeked(video, target)));
    }
    this.seeking = false;
    this.aim = null;
    this.apply();
  }

  apply() {
    cancelAnimationFrame(this.timer);
    const runs = this.playing && !this.seeking;
    for (const video of this.videos) {
      if (!runs) video.pause();
      else video.playbackRate = this.speed;
    }
    if (runs) this.tick();
    this.onChange();
  }

  tick() {
    const { lead } = this;
    if (lead.ended) {
      if (this.loop) this.seek(0);
      else this.set({ wanted: false });
      return;
    }
    // When one has run dry (a slow server, a busy machine), the others wait for it instead of running away from it.
    const dry = this.videos.some((video) => !video.ended && video.readyState < video.HAVE_FUTURE_DATA);
    for (const video of this.videos) {
      if (video.ended) continue;
      if (dry && video.readyState >= video.HAVE_FUTURE_DATA) video.pause();
      else if (video.paused) video.play().catch(() => {}); // a pause came in between: the next tick sees it
      if (video !== lead && !dry && !this.follow(video, lead)) {
        this.seek(lead.currentTime);
        return;
      }
    }
    this.onChange();
    this.timer = requestAnimationFrame(() => this.tick());
  }

  /** Brings a video back to the leader by playing it a little faster or slower; false if it is too far off for that. */
  follow(video, lead) {
    const drift = video.currentTime - lead.currentTime;
    const nudge = Math.abs(drift) < 0.01 ? 0 : Math.max(-0.25, Math.min(0.25, drift * 3));
    const rate = this.speed * (1 - nudge);
    // Each change of the rate costs the decoder something: only those that matter are made.
    if (Math.abs(video.playbackRate - rate) > 0.02 || (nudge === 0 && video.playbackRate !== rate)) video.playbackRate = rate;
    return Math.abs(drift) < 0.2;
  }

  dispose() {
    clearTimeout(this.patience);
    cancelAnimationFrame(this.timer);
    for (const video of this.videos) {
      video.removeAttribute("src");
      video.load(); // lets go of the decoder now, not when the garbage is collected
    }
    this.videos = [];
  }
}

// ---- what is seen

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
  }

  /** Whether this clip may still come. */
  get expected() {
    return ["new", "loading"].includes(this.source.state) || (this.source.state === "ready" && this.video.readyState < 3);
  }

  update(clip, card) {
    this.source = this.view.scope.source(clip);
    this.source.update(clip);
    if (this.view.seen) this.source.load();
    const { state, href, isBlob, reason } = this.source;
    if (href && this.video.getAttribute("src") !== href) this.video.src = href;

    this.missing.hidden = !["waiting", "missing"].includes(state);
    this.again.hidden = state !== "missing";
    setText(
      this.why,
      state === "waiting" ? KERNEL_AWAY : `This clip cannot be reached. ${reason || "Its file is gone and the service's link has expired."}`,
    );
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
    this.strip = h("div", { class: "mj-strip" }, h("b", {}, "Sandbox"));
    this.strip.append(" · clips are rendered on this machine, not by Midjourney. Set COMETAPI_KEY to use the service.");
    this.title = h("span", { class: "mj-title" });
    this.chips = h("span", { class: "mj-chips" });
    this.status = h("b");
    this.times = h("span");
    this.progress = h("div", { class: "mj-progress", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, h("i"));
    this.errorTitle = h("b");
    this.errorText = h("span");
    this.hint = h("span");
    this.error = h("div", { class: "mj-error-box" }, this.errorTitle, " ", this.errorText, " ", this.hint);
    this.line = h("div", { class: "mj-line mj-status" }, this.status, this.times);
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

  /** The keys of the stage. What is handled, and what is typed at one of our controls, must not reach JupyterLab, where
   *  a letter is a command ("b" inserts a cell); Escape and shortcuts with Ctrl or Cmd stay the notebook's. */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Escape") return;
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
    this.notices.hidden = !lines.length;
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

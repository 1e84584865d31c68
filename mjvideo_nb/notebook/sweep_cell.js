// One cell of a sweep's matrix: its clips, or how far it is, or why there are none. All of it is text from outside.

/** One clip of a cell: a video while it is its turn to play, else a still. */
class Screen {
  seen = false;
  plays = false;

  constructor(view, number) {
    this.view = view;
    this.number = number;
    this.still = h("img", { alt: "", hidden: true, draggable: false });
    this.badge = h("span", { class: "mj-badge", "aria-hidden": "true" });
    this.why = h("span");
    this.again = h("button", { type: "button", class: "mj-link", onclick: () => this.source.load(true) }, "Try again");
    this.missing = h("div", { class: "mj-missing", hidden: true }, this.why, this.again);
    this.box = h("div", { class: "mj-screen mj-s-screen" }, this.still, this.missing, this.badge);
    this.stars = new Stars((stars) => view.scope.rate(this.cell, this.clip, stars));
    this.root = h("div", { class: "mj-s-one" }, this.box, this.stars.root);
    view.watch(this);
  }

  /** Whether its clip may still come. */
  get expected() {
    if (!this.plays) return false;
    const { state } = this.source;
    return ["new", "loading"].includes(state) || (state === "ready" && !this.video?.error && (this.video?.readyState ?? 0) < 3);
  }

  get name() {
    return `${this.view.nameOf(this.number)}, clip [${this.clip.index}]`;
  }

  get trouble() {
    if (!this.plays) return "";
    const { state, reason } = this.source;
    if (state === "waiting") return KERNEL_AWAY;
    if (state === "missing") return `This clip cannot be reached. ${reason}`;
    return this.video?.error ? "This browser cannot play the clip. Its card can download it." : "";
  }

  update(cell, clip, plays) {
    const { scope } = this.view;
    Object.assign(this, { cell, clip });
    const source = scope.source(cell, clip);
    if (this.source !== source) this.dropVideo();
    this.source = source;
    this.plays = plays;
    setText(this.badge, `[${clip.index}]`);
    setAttribute(this.box, "data-index", clip.index);
    this.stars.update(this.name, clip.rating);
    if (plays) {
      source.load();
      if (source.href) this.takeVideo(source.href);
    } else {
      this.dropVideo();
    }
    const still = scope.poster(clip.poster);
    this.still.hidden = !still || Boolean(this.video?.readyState >= 2);
    if (still) setAttribute(this.still, "src", still);
    setAttribute(this.box, "data-state", plays ? source.state : "still");
    this.missing.hidden = !this.trouble;
    this.again.hidden = source.state !== "missing";
    setText(this.why, this.trouble);
  }

  takeVideo(href) {
    if (this.video) return;
    const { player, scope } = this.view;
    const video = h("video", { muted: true, playsInline: true, preload: "auto", "aria-label": this.name });
    video.disablePictureInPicture = true;
    video.addEventListener("canplay", () => {
      if (this.video !== video) return;
      player.join(video, this.view.expected);
      scope.changed();
    });
    video.addEventListener("error", () => {
      if (this.video !== video) return;
      player.leave(video);
      scope.changed();
    });
    video.src = href;
    this.video = video;
    this.box.prepend(video);
  }

  dropVideo() {
    const { video } = this;
    if (!video) return;
    this.video = null;
    this.view.player.leave(video);
    video.remove();
    video.removeAttribute("src");
    video.load(); // lets go of the decoder now, not when the garbage is collected
  }

  dispose() {
    this.view.unwatch(this);
    this.dropVideo();
    this.root.remove();
  }
}

/** A cell. Its parts are made once and changed only where they differ, so that a tick of another never touches a video. */
class MatrixCell {
  screens = new Map(); // place in the cell -> Screen

  constructor(view, number) {
    const { scope } = view;
    this.view = view;
    this.number = number;
    this.head = h("b");
    this.bar = h("i");
    this.progress = h("div", { class: "mj-progress", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, this.bar);
    this.wait = h("div", { class: "mj-s-wait" }, this.head, this.progress);
    this.errorTitle = h("b");
    this.errorText = h("span");
    this.error = h("div", { class: "mj-s-error" }, this.errorTitle, " ", this.errorText);
    this.choices = h("div", { class: "mj-s-choices" });
    this.none = h("div", { class: "mj-s-empty" }, this.wait, this.error, this.choices);
    this.clips = h("div", { class: "mj-s-clips" });
    this.open = h("button", { type: "button", class: "mj-s-link", onclick: () => scope.open(this.cell) });
    this.foot = h("div", { class: "mj-s-foot" }, this.open);
    this.root = h("td", { class: "mj-s-cell", role: "cell", "data-number": String(number) }, this.none, this.clips, this.foot);
  }

  update(cell, plays) {
    this.cell = cell;
    const { scope } = this.view;
    const chosen = scope.chosen(cell);
    setAttribute(this.root, "data-state", cell.state);
    this.updateClips(cell, chosen, plays);
    this.none.hidden = chosen.length > 0;
    this.wait.hidden = cell.error !== null;
    const known = typeof cell.progress === "number" && cell.state === "running";
    const gone = cell.clips.length && !chosen.length ? `There is no clip [${scope.shows}] here.` : "";
    setText(this.head, gone || (known ? `${cell.headline} · ${cell.progress} %` : cell.headline));
    this.progress.hidden = cell.state !== "running";
    setAttribute(this.progress, "aria-valuenow", known ? cell.progress : null);
    setAttribute(this.progress, "aria-label", `${cell.headline}: ${this.view.nameOf(this.number)}`);
    this.bar.style.width = known ? `${cell.progress}%` : "";
    this.error.hidden = cell.error === null;
    setText(this.errorTitle, cell.error ? `${cell.error.title}:` : "");
    setText(this.errorText, cell.error?.text ?? "");
    setAttribute(this.error, "title", cell.error?.text ?? null);
    this.updateChoices(cell);
    this.updateFoot(cell);
  }

  updateClips(cell, chosen, plays) {
    for (const [place, screen] of this.screens) {
      if (place < chosen.length) continue;
      screen.dispose();
      this.screens.delete(place);
    }
    chosen.forEach((clip, place) => {
      if (!this.screens.has(place)) {
        this.screens.set(place, new Screen(this.view, this.number));
        this.clips.append(this.screens.get(place).root);
      }
      const screen = this.screens.get(place);
      screen.update(cell, clip, plays.has(screen));
    });
    this.clips.hidden = chosen.length === 0;
    setAttribute(this.clips, "data-count", chosen.length);
  }

  updateChoices(cell) {
    const { scope } = this.view;
    const off = cell.choices.some(({ action }) => scope.isPressed(action, cell.number));
    const shows = JSON.stringify([cell.choices, off]);
    this.choices.hidden = cell.choices.length === 0;
    if (this.choices.dataset.shows === shows) return;
    this.choices.dataset.shows = shows;
    const name = this.view.nameOf(this.number);
    this.choices.replaceChildren(
      ...cell.choices.map(({ action, label, title }) => {
        const press = () => scope.act(action, cell.number, { settle: DOUBLE_CLICK });
        return h("button", { type: "button", title, "aria-label": `${label}: ${name}`, disabled: off, onclick: press }, label);
      }),
    );
  }

  updateFoot(cell) {
    this.foot.hidden = !cell.job;
    setText(this.open, cell.shown ? "Close" : "Open");
    setAttribute(this.open, "aria-expanded", cell.shown);
    setAttribute(this.open, "aria-label", `${cell.shown ? "Close" : "Open"} the card of ${this.view.nameOf(this.number)}`);
  }
}

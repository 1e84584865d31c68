// One clip on a card: its screen, and what can be done with it.

const MOTIONS = ["low", "high"];

/** One clip: its screen, and what can be done with it. */
class Tile {
  constructor(view, index) {
    const { scope } = view;
    this.view = view;
    this.index = index;
    this.video = h("video", { muted: true, playsInline: true, preload: "auto" });
    this.video.disablePictureInPicture = true;
    this.why = h("span");
    this.again = h("button", { type: "button", class: "mj-link", onclick: () => this.source.load(true) }, "Try again");
    this.missing = h("div", { class: "mj-missing", hidden: true }, this.why, this.again);
    this.badge = h("span", { class: "mj-badge", "aria-hidden": "true", dir: "auto" });
    this.box = h("div", { class: "mj-screen" }, this.video, this.missing, this.badge);
    this.extends = MOTIONS.map((motion) => h("button", { type: "button", onclick: () => scope.extend(index, motion) }, motion));
    this.extend = h("span", { class: "mj-extend" }, "Extend ", h("span", { class: "mj-pair" }, ...this.extends));
    this.download = h("a", { class: "mj-icon", hidden: true }, icon(ICONS.download));
    this.stars = new Stars((stars) => scope.rate(index, stars));
    this.menu = new Menu(() => this.items());
    this.own = new OwnPrompt(
      (motion, prompt) => scope.extend(index, motion, prompt),
      () => this.menu.button.focus(),
    );
    this.root = h(
      "div",
      { class: "mj-clip", "data-index": String(index), role: "group" },
      this.box,
      h(
        "div",
        { class: "mj-acts" },
        this.extend,
        this.download,
        h("span", { class: "mj-side" }, this.stars.root, this.menu.root),
        this.own.root,
      ),
    );
    this.root.addEventListener("keydown", (event) => {
      if (!this.stars.root.hidden && this.stars.key(event)) event.stopPropagation();
    });
    this.screen = new Screen(view, this.video, this.box);
    this.video.addEventListener("loadedmetadata", () => view.opened(this.video));
    this.video.addEventListener("canplay", () => {
      // An event of a video that was let go meanwhile may still come.
      if (this.screen.on && this.video.readyState >= 3) view.player.join(this.video, view.expected);
    });
    this.video.addEventListener("error", () => {
      if (this.screen.on) view.player.leave(this.video);
      scope.changed();
    });
  }

  /** Whether this clip may still come. */
  get expected() {
    const { state } = this.source;
    return ["new", "loading"].includes(state) || (this.screen.on && !this.video.error && this.video.readyState < 3);
  }

  /** What it is called, on its badge and aloud. */
  get name() {
    return this.clip.label || `[${this.index}]`;
  }

  get canExtend() {
    return this.view.scope.card.can_extend && !this.clip.loose;
  }

  get prompt() {
    return this.clip.prompt ?? this.view.scope.card.title;
  }

  /** The second that is shown. */
  get time() {
    return this.screen.on ? this.video.currentTime : this.screen.time;
  }

  /** What is said in place of the clip, or "". */
  get trouble() {
    const { state, reason } = this.source;
    if (state === "waiting") return KERNEL_AWAY;
    if (state === "missing") return `This clip cannot be reached. ${reason}`;
    return this.video.error ? "This browser cannot play the clip. It can be downloaded." : "";
  }

  // What can be done with it

  items() {
    const { scope } = this.view;
    const ready = this.source.state === "ready";
    const items = [
      this.canExtend && { text: "Extend with another prompt", act: () => this.own.open(this.prompt) },
      ready && scope.can("frame") && { text: "Use its last frame as first frame", act: () => this.useFrame(null) },
      ready && scope.can("frame") && { text: "Use the frame shown as first frame", act: () => this.useFrame(this.time) },
      this.prompt && { text: "Copy the prompt", act: () => this.copyPrompt() },
      ready && { text: "Open large", act: () => openLarge(this.view, this) },
      scope.can("delete") && { text: "Delete this video, with all its clips", act: () => this.remove() },
    ];
    return items.filter((item) => item);
  }

  async copyPrompt() {
    try {
      await copyText(this.prompt);
      this.menu.done("Prompt copied");
    } catch (error) {
      this.view.scope.notice(this.index, error.message);
    }
  }

  async useFrame(at) {
    const { scope } = this.view;
    let picture;
    try {
      picture = await pictureOf(await this.source.readable(), at);
    } catch (error) {
      scope.notice(this.index, error.message);
      return;
    }
    const answer = await scope.ask(this.index, {}, "frame", { index: this.index, at }, [picture]);
    if (!answer?.ok) return;
    this.menu.done("The frame is in a form below the card");
    showForm(this.view.root.closest(".mj-view"));
  }

  async remove() {
    this.removing = true;
    const answer = await this.view.scope.ask(this.index, {}, "delete", { index: this.index });
    this.removing = answer?.ok;
  }

  // What it shows

  update(clip, card) {
    this.clip = clip;
    this.source = this.view.scope.source(clip);
    this.source.update(clip);
    if (this.view.seen) this.source.load();
    const { state, href, isBlob } = this.source;
    if (href) this.screen.show(href);
    this.missing.hidden = !this.trouble;
    this.again.hidden = state !== "missing";
    setText(this.why, this.trouble);
    setAttribute(this.root, "data-state", state);
    const { name } = this;
    setText(this.badge, name);
    setAttribute(this.badge, "title", clip.label ? name : null);
    setAttribute(this.root, "aria-label", `Clip ${name}`);
    setAttribute(this.video, "aria-label", `Clip ${name}`);

    this.download.hidden = state !== "ready";
    if (href) {
      setAttribute(this.download, "href", href);
      setAttribute(this.download, "download", clip.name);
      // Another site's file cannot be saved from here under a name, only opened.
      setAttribute(this.download, "target", isBlob ? null : "_blank");
      setAttribute(this.download, "rel", isBlob ? null : "noopener noreferrer");
      setAttribute(this.download, "aria-label", `Download ${name}`);
      setAttribute(this.download, "title", `Download ${clip.name}`);
    }
    this.updateActs(card);
  }

  updateActs(card) {
    const { name } = this;
    const { scope } = this.view;
    const price = this.clip.price ?? card.price;
    this.extend.hidden = !this.canExtend;
    const press = scope.pressed.get(this.index);
    this.extends.forEach((button, i) => {
      const label = `Extend ${name}, ${MOTIONS[i]} motion`;
      button.disabled = press !== undefined;
      setAttribute(button, "aria-busy", press?.motion === MOTIONS[i] ? "true" : null);
      setAttribute(button, "aria-label", label);
      setAttribute(button, "title", price ? `${label}: ${price}` : null);
    });
    this.own.update(name, price, press !== undefined);
    this.stars.root.hidden = !scope.can("rate") || this.clip.loose === true;
    this.stars.update(name, scope.starsOf(this.clip));
    this.menu.update(name);
  }

  dispose() {
    this.screen.dispose();
    this.menu.close();
    // What had the focus goes with the clips: it is given to the way back, once that stands on the card.
    if (this.removing) queueMicrotask(() => this.view.root.querySelector(".mj-choices button")?.focus());
  }
}

/** Brings the form into sight that is about to come below the card. */
function showForm(place) {
  const form = () => place?.querySelector(":scope > .mj-studio");
  const before = form();
  if (!place) return;
  const found = new MutationObserver(() => {
    if (!form() || form() === before) return;
    stop();
    form().scrollIntoView({ block: "nearest" });
  });
  const stop = () => {
    clearTimeout(timer);
    found.disconnect();
  };
  const timer = setTimeout(stop, 5000);
  found.observe(place, { childList: true, subtree: true });
}

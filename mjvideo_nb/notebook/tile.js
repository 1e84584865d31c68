// One clip on a card: its screen, and what can be done with it.

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
    this.badge = h("span", { class: "mj-badge", "aria-hidden": "true" }, name);
    this.root = h(
      "div",
      { class: "mj-clip", "data-index": String(index), role: "group", "aria-label": `Clip ${name}` },
      h("div", { class: "mj-screen" }, this.video, this.missing, this.badge),
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
    const label = clip.label || `[${this.index}]`;
    setText(this.badge, label);
    setAttribute(this.badge, "title", clip.label ? label : null);
    setAttribute(this.root, "aria-label", clip.label ? `Clip ${label}` : `Clip [${this.index}]`);
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

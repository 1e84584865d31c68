// One clip on a card: its screen, and what can be done with it.

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

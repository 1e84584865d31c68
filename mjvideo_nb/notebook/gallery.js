// The pictures to choose a frame from, in a panel behind a button. The panel is in the browser's top layer, so that the form
// does not move. Small pictures are asked for as they come into sight.

const AT_A_TIME = 8; // small pictures in one question
const MANY = 24; // pictures from which on they can be filtered

/** The small pictures of a model, as they have come. */
class Tiles {
  urls = new Map(); // key -> blob URL, or "" where there is none
  wanted = new Set();
  asked = false;

  constructor(model, onTile) {
    Object.assign(this, { model, onTile });
  }

  want(key) {
    if (!this.urls.has(key)) this.wanted.add(key);
    this.ask();
  }

  ask() {
    if (this.asked || !this.wanted.size) return;
    const keys = [...this.wanted].slice(-AT_A_TIME); // what was last scrolled to comes first
    this.asked = true;
    tell(this.model, { kind: "tiles", keys });
  }

  receive(keys, buffers) {
    this.asked = false;
    keys.forEach((key, at) => {
      const bytes = buffers[at];
      const url = bytes?.byteLength ? URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })) : "";
      this.urls.set(key, url);
      this.wanted.delete(key);
      this.onTile(key, url);
    });
    this.ask();
  }

  dispose() {
    for (const url of this.urls.values()) if (url) URL.revokeObjectURL(url);
  }
}

class Gallery {
  /** `onChoose` gets a picture, {key, name, url}. */
  constructor(scope, onChoose) {
    Object.assign(this, { scope, onChoose });
    this.button = h(
      "button",
      { type: "button", class: "mj-browse", "aria-haspopup": "dialog", "aria-expanded": "false", onclick: () => this.open() },
      "Pictures ▾",
    );
    this.filter = h("input", { type: "search", class: "mj-gallery-filter", placeholder: "Filter by name", "aria-label": "Filter the pictures by name" });
    this.body = h("div", { class: "mj-gallery-body" });
    this.panel = h("div", { class: "mj-gallery", popover: "auto", role: "dialog" }, this.filter, this.body);
    this.filter.addEventListener("input", () => this.sift());
    this.panel.addEventListener("keydown", (event) => this.key(event));
    this.panel.addEventListener("toggle", ({ newState }) => this.toggled(newState === "open"));
    this.scrolled = (event) => this.panel.contains(event.target) || this.close();
    this.sight = new IntersectionObserver((seen) => this.seen(seen), { root: this.body, rootMargin: "60px" });
  }

  open() {
    if (this.panel.matches(":popover-open")) return this.close();
    this.scope.look();
    this.panel.showPopover();
    this.update();
    return undefined;
  }

  close() {
    if (this.panel.matches(":popover-open")) this.panel.hidePopover();
  }

  toggled(open) {
    setAttribute(this.button, "aria-expanded", open);
    if (open) addEventListener("scroll", this.scrolled, true);
    else removeEventListener("scroll", this.scrolled, true);
  }

  /** Below its button; above where there is more room, and never out of the page. */
  place() {
    const button = this.button.getBoundingClientRect();
    const { style, offsetWidth: width } = this.panel;
    const below = innerHeight - button.bottom - 12;
    const above = button.top - 12;
    const under = below >= Math.min(320, above);
    style.maxHeight = `${Math.min(420, under ? below : above)}px`;
    style.left = `${Math.max(8, Math.min(button.left, innerWidth - 8 - width))}px`;
    style.top = under ? `${button.bottom + 4}px` : `${button.top - 4 - this.panel.offsetHeight}px`;
  }

  update() {
    const { label, looked, slow } = this.scope;
    setAttribute(this.button, "aria-label", `Choose a picture: ${label.toLowerCase()}`);
    setAttribute(this.panel, "aria-label", `Pictures for the ${label.toLowerCase()}`);
    if (!this.panel.matches(":popover-open")) return;
    if (this.looked !== looked || !looked) {
      this.looked = looked;
      this.show(looked, slow);
    }
    this.place();
  }

  show(looked, slow) {
    this.sight.disconnect();
    this.tiles = new Map(); // key -> the pictures' elements
    this.filter.hidden = !looked || looked.recent.length + looked.folder.length <= MANY;
    this.filter.value = "";
    if (!looked) {
      this.body.replaceChildren(h("p", { class: "mj-gallery-note", role: "status" }, slow ? KERNEL_AWAY : "Looking …"));
      return;
    }
    const left = looked.left_out;
    const note = left
      ? `The newest ${looked.folder.length}; ${left} older ones are left out. Give the path of one of those.`
      : looked.folder.length
        ? ""
        : "There is no JPEG, PNG or WebP in it. Drop one onto the form, or give a path or URL.";
    this.body.replaceChildren(
      ...(looked.recent.length ? this.section("Earlier first frames", looked.recent) : []),
      ...this.section("In this folder", looked.folder),
      ...(note ? [h("p", { class: "mj-gallery-note" }, note)] : []),
    );
    this.rove(this.choices[0]);
    (this.filter.hidden ? this.choices[0] : this.filter)?.focus({ preventScroll: true });
  }

  section(title, pictures) {
    if (!pictures.length) return [h("h4", {}, title)];
    return [h("h4", {}, title), h("div", { class: "mj-gallery-grid", role: "group", "aria-label": title }, ...pictures.map((each) => this.choice(each)))];
  }

  choice(picture) {
    const image = h("img", { alt: "", hidden: true });
    const node = h(
      "button",
      { type: "button", class: "mj-choice", title: picture.name, tabIndex: -1, onclick: () => this.choose(picture) },
      h("span", { class: "mj-choice-picture" }, image),
      h("span", { class: "mj-choice-name" }, picture.name),
    );
    node.dataset.name = picture.name.toLowerCase();
    node.dataset.key = picture.key;
    if (picture.url) this.see(image, followed(picture.url));
    else {
      this.tiles.set(picture.key, [...(this.tiles.get(picture.key) ?? []), image]);
      this.sight.observe(node);
    }
    return node;
  }

  see(image, url) {
    image.hidden = !url;
    if (url) image.src = url;
  }

  seen(changes) {
    for (const { isIntersecting, target } of changes) {
      if (!isIntersecting) continue;
      this.sight.unobserve(target);
      const { key } = target.dataset;
      const url = this.scope.tiles.urls.get(key);
      if (url === undefined) this.scope.tiles.want(key);
      else this.tile(key, url);
    }
  }

  tile(key, url) {
    for (const image of this.tiles?.get(key) ?? []) this.see(image, url);
  }

  choose(picture) {
    this.close();
    this.button.focus();
    this.onChoose(picture);
  }

  sift() {
    const words = this.filter.value.toLowerCase().split(/\s+/);
    for (const node of this.body.querySelectorAll(".mj-choice")) {
      node.hidden = !words.every((word) => node.dataset.name.includes(word));
    }
    this.rove(this.choices[0]);
    this.place();
  }

  get choices() {
    return [...this.body.querySelectorAll(".mj-choice:not([hidden])")];
  }

  /** One of them is reached by Tab, the others from there by the arrow keys. */
  rove(to) {
    if (this.tabbed) this.tabbed.tabIndex = -1;
    this.tabbed = to;
    if (to) to.tabIndex = 0;
  }

  key(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      event.preventDefault();
      this.close();
      this.button.focus();
    }
    if (!isOurs(event)) return;
    event.stopPropagation();
    const { choices } = this;
    const at = choices.indexOf(event.target);
    if (at < 0) {
      if (event.key === "ArrowDown" && choices.length) {
        event.preventDefault();
        choices[0].focus();
      }
      return;
    }
    const top = choices[at].offsetTop;
    const row = choices.filter((node) => node.parentNode === choices[at].parentNode && node.offsetTop === top).length;
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row, Home: -at, End: choices.length }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const to = choices[Math.max(0, Math.min(choices.length - 1, at + by))];
    this.rove(to);
    to.focus();
  }

  dispose() {
    this.sight.disconnect();
    this.close();
    removeEventListener("scroll", this.scrolled, true);
  }
}

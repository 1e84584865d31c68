// The field for a frame. A picture is chosen, dropped, pasted or named; what comes from the browser is sent to the kernel as
// bytes. Joined behind `parts.js`, `shrinking.js`, `landing.js` and `gallery.js`.

/** Where a preview can be shown from: data URIs of pictures, http(s), blobs of ours, and paths relative to the notebook. */
async function source(model, preview) {
  if (/^data:image\/(jpeg|png|webp|gif);/i.test(preview) || /^(https?|blob):/i.test(preview)) return preview;
  return fileUrl(model, preview);
}

/** What belongs to the model: the picture on its way, what is wrong with it, what can be chosen from, and the views of it. */
class Scope extends ModelScope {
  problem = ""; // found here, before the kernel was asked
  waiting = null; // the id of a picture that the kernel has not answered yet
  slow = false;
  count = 0;
  looked = null; // what can be chosen from
  tiles = new Tiles(this.model, (key, url) => {
    for (const view of this.views) view.gallery.tile(key, url);
  });

  constructor(model) {
    super(model);
    model.on("change", () => this.changed());
    model.on("msg:custom", (message, buffers) => {
      if (message.kind === "picked" && message.id === this.waiting) this.settle();
      if (message.kind === "look") this.set({ looked: message, slow: false });
      if (message.kind === "tiles") this.tiles.receive(message.keys, buffers);
    });
  }

  get label() {
    return this.model.get("label");
  }

  settle() {
    clearTimeout(this.timer);
    this.waiting = null;
    this.slow = false;
    this.changed();
  }

  /** A file from the browser, or the promise of one. */
  async take(file) {
    const id = ++this.count;
    this.problem = "";
    this.changed();
    try {
      const { bytes, ...message } = await prepared(await file);
      if (id === this.count) this.send(id, { kind: "file", ...message }, message, [bytes]);
    } catch (error) {
      if (id === this.count) this.failed(error);
    }
  }

  /** A path or URL that was typed, or one of the pictures of the gallery. */
  name(message, local) {
    this.problem = "";
    try {
      this.send(++this.count, message, local);
    } catch (error) {
      this.failed(error);
    }
  }

  send(id, message, local, buffers = []) {
    this.settle();
    this.waiting = id;
    this.local = local;
    this.late();
    tell(this.model, { id, ...message }, buffers);
  }

  /** Says so when the kernel takes its time. */
  late() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.set({ slow: true }), SLOW_KERNEL);
    this.changed();
  }

  failed(error) {
    this.problem = error.message;
    this.settle();
  }

  look() {
    this.looked = null;
    clearTimeout(this.looking);
    this.looking = setTimeout(() => {
      if (!this.looked) for (const view of this.views) view.gallery.show(null, true);
    }, SLOW_KERNEL);
    try {
      tell(this.model, { kind: "look" });
    } catch (error) {
      this.failed(error);
    }
  }

  /** What is shown: the picture on its way, else what the kernel says. */
  get shown() {
    const from = this.waiting === null ? this.model : { get: (name) => this.local[name] ?? (name === "preview" ? this.model.get(name) : "") };
    return {
      preview: from.get("preview"),
      caption: from.get("caption"),
      error: this.problem || (this.slow ? KERNEL_AWAY : from.get("error")),
      patient: this.slow && !this.problem,
    };
  }

  dispose() {
    super.dispose();
    this.tiles.dispose();
  }
}

class View {
  constructor(scope, el) {
    this.scope = scope;
    const { label } = scope;
    this.input = h("input", { type: "file", accept: TYPES.join(","), class: "mj-file", "aria-label": label });
    this.picture = h("img", { alt: "", hidden: true });
    this.caption = h("span", { class: "mj-caption" });
    this.empty = h("span", { class: "mj-empty" }, "Choose, drop or paste an image");
    this.frame = h("label", { class: "mj-frame" }, this.input, this.picture, this.empty, this.caption);
    this.path = h("input", { type: "text", class: "mj-path", placeholder: "or a path or URL", "aria-label": `${label}: a path or URL`, spellcheck: "false" });
    this.gallery = new Gallery(scope, ({ key, name, url }) =>
      scope.name({ kind: "picture", key }, { preview: url || scope.tiles.urls.get(key), caption: name }),
    );
    this.error = h("div", { class: "mj-error", role: "alert" });
    this.root = h(
      "div",
      { class: "mj mj-picker", role: "group", "aria-label": label },
      h("div", { class: "mj-label", "aria-hidden": "true" }, label),
      this.frame,
      h("div", { class: "mj-ways" }, this.path, this.gallery.button),
      this.error,
      this.gallery.panel,
    );
    el.append(this.root);

    this.input.addEventListener("change", () => {
      if (this.input.files.length) scope.take(this.input.files[0]);
      this.input.value = ""; // so that the same file can be picked again
    });
    this.path.addEventListener("change", () => {
      const path = this.path.value.trim();
      if (path) this.named(path);
    });
    this.picture.addEventListener("error", () => {
      this.picture.hidden = true;
    });
    this.root.addEventListener("keydown", (event) => {
      if (isOurs(event)) event.stopPropagation();
    });
    this.landing = new Landing(this.root, {
      wholeForm: scope.model.get("whole_form"),
      onFile: (file) => scope.take(file),
      onText: (text) => this.named(text),
      onLab: (path) => scope.take(labFile(scope.model, path)),
      onOver: (where) => this.over(where),
    });
    scope.views.add(this);
    this.update();
  }

  /** A path or URL that was typed, dropped or pasted. */
  named(path) {
    if (path) this.scope.name({ kind: "path", path }, { caption: path });
    else this.scope.failed(new Error("There is no picture in this, nor the URL or path of one."));
  }

  over(where) {
    this.frame.classList.toggle("mj-over", Boolean(where));
    if (this.scope.model.get("whole_form")) this.landing?.form?.classList.toggle("mj-landing", where === "form" || where === "field");
  }

  async update() {
    const { preview, caption, error, patient } = this.scope.shown;
    setText(this.error, error);
    this.error.hidden = !error;
    this.error.classList.toggle("mj-patient", patient);
    this.input.setAttribute("aria-invalid", String(Boolean(error) && !patient));
    // What was typed and taken is on the picture now; what was not can be mended.
    if (!error && this.scope.waiting === null && document.activeElement !== this.path) this.path.value = "";
    const full = Boolean(preview || caption);
    this.frame.classList.toggle("mj-full", full);
    this.empty.hidden = full;
    this.caption.hidden = !full;
    setText(this.caption, caption ? `${caption} · change` : "change");
    this.gallery.update();
    if (this.preview === preview) return;
    this.preview = preview;
    const src = await source(this.scope.model, preview).catch(() => "");
    if (this.preview !== preview) return;
    this.picture.hidden = !src;
    if (src) this.picture.src = src;
    else this.picture.removeAttribute("src");
  }

  dispose() {
    this.landing.dispose();
    this.gallery.dispose();
    this.scope.views.delete(this);
  }
}

export default widgetOf(Scope, View);

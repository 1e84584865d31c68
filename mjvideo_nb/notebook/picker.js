// The field for the first frame. A picture is chosen, dropped or pasted; checked and, where it is large, shrunk here,
// because a message above 10 MB cuts the kernel's connection; and sent to the kernel as bytes. Joined behind `parts.js`.

const TYPES = ["image/jpeg", "image/png", "image/webp"];
const LARGE = 5e6; // bytes
const LONG_SIDE = 2048; // px of a picture that was shrunk
const THUMB_SIDE = 496; // px: twice the width at which the form shows it
const THUMB_BYTES = 22000; // 30 kB as a data URI: the preview is saved with the notebook

/** A JPEG of the picture, at most `side` px long; on white, because JPEG has no transparency. */
function drawn(bitmap, side, quality) {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const canvas = h("canvas", {
    width: Math.max(1, Math.round(bitmap.width * scale)),
    height: Math.max(1, Math.round(bitmap.height * scale)),
  });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
}

async function thumbnail(bitmap) {
  for (const [side, quality] of [[THUMB_SIDE, 0.8], [THUMB_SIDE, 0.6], [THUMB_SIDE / 2, 0.6]]) {
    const blob = await drawn(bitmap, side, quality);
    if (blob.size > THUMB_BYTES) continue;
    return new Promise((resolve) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.readAsDataURL(blob);
    });
  }
  return "";
}

/** What is sent for a picked file: {name, type, bytes, caption, preview}. Throws an Error whose message is for the field. */
async function prepared(file) {
  const refused = (what) => new Error(`${file.name} ${what} Choose a JPEG, PNG or WebP picture.`);
  if (!TYPES.includes(file.type)) throw refused("is not a picture that can be used.");
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => {
    throw refused("cannot be read as a picture: it is damaged or not what its name says.");
  });
  let { name, type } = file;
  let blob = file;
  let size = `${bitmap.width} × ${bitmap.height}`;
  if (file.size > LARGE) {
    blob = await drawn(bitmap, LONG_SIDE, 0.92);
    if (!blob || blob.size > LARGE) {
      throw new Error(`${name} is too large for the browser to send. Save it beside the notebook and give its path instead.`);
    }
    type = "image/jpeg";
    name = name.replace(/\.[^.]*$/, "") + ".jpg";
    const scale = Math.min(1, LONG_SIDE / Math.max(bitmap.width, bitmap.height));
    if (scale < 1) size = `${Math.round(bitmap.width * scale)} × ${Math.round(bitmap.height * scale)}, shrunk`;
  }
  const preview = await thumbnail(bitmap);
  bitmap.close();
  return { name, type, caption: `${name} · ${size}`, preview, bytes: await blob.arrayBuffer() };
}

/** Where a preview can be shown from: data URIs of pictures, http(s), and paths relative to the notebook. */
async function source(model, preview) {
  if (/^data:image\/(jpeg|png|webp|gif);/i.test(preview) || /^https?:/i.test(preview)) return preview;
  return fileUrl(model, preview);
}

/** What belongs to the model: the file on its way, what is wrong with it, and the views that show it. */
class Scope extends ModelScope {
  problem = ""; // found here, before the kernel was asked
  waiting = null; // the id of a file that the kernel has not answered yet
  slow = false;
  count = 0;

  constructor(model) {
    super(model);
    model.on("change", () => this.changed());
    model.on("msg:custom", (message) => {
      if (message.kind === "file" && message.id === this.waiting) this.settle();
    });
  }

  settle() {
    clearTimeout(this.timer);
    this.waiting = null;
    this.slow = false;
    this.changed();
  }

  async take(file) {
    const id = ++this.count;
    this.problem = "";
    this.changed();
    try {
      const { bytes, ...message } = await prepared(file);
      if (id !== this.count) return; // another file was picked meanwhile
      this.settle();
      this.waiting = id;
      this.timer = setTimeout(() => {
        this.slow = true;
        this.changed();
      }, SLOW_KERNEL);
      this.local = message;
      tell(this.model, { kind: "file", id, ...message }, [bytes]);
      this.changed();
    } catch (error) {
      if (id !== this.count) return;
      this.problem = error.message;
      this.settle();
    }
  }

  /** What is shown: the file on its way, else what the kernel says. */
  get shown() {
    const from = this.waiting === null ? this.model : { get: (name) => this.local[name] ?? "" };
    return {
      preview: from.get("preview"),
      caption: from.get("caption"),
      error: this.problem || (this.slow ? KERNEL_AWAY : from.get("error")),
      patient: this.slow && !this.problem,
    };
  }
}

class View {
  constructor(scope, el) {
    this.scope = scope;
    this.input = h("input", { type: "file", accept: TYPES.join(","), class: "mj-file", "aria-label": "First frame" });
    this.picture = h("img", { alt: "", hidden: true });
    this.caption = h("span", { class: "mj-caption" });
    this.empty = h("span", { class: "mj-empty" }, "Choose, drop or paste an image");
    this.frame = h("label", { class: "mj-frame" }, this.input, this.picture, this.empty, this.caption);
    this.error = h("div", { class: "mj-error", role: "alert" });
    this.root = h("div", { class: "mj mj-picker" }, h("div", { class: "mj-label", "aria-hidden": "true" }, "First frame"), this.frame, this.error);
    el.append(this.root);

    this.input.addEventListener("change", () => {
      this.take(this.input.files);
      this.input.value = ""; // so that the same file can be picked again
    });
    this.picture.addEventListener("error", () => {
      this.picture.hidden = true;
    });
    this.root.addEventListener("keydown", (event) => {
      if (isOurs(event) || event.key.toLowerCase() === "v") event.stopPropagation(); // Ctrl+V pastes here, not a cell
    });
    this.root.addEventListener("paste", (event) => this.take(event.clipboardData.files, event));
    this.frame.addEventListener("dragover", (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      event.stopPropagation();
      this.frame.classList.add("mj-over");
    });
    this.frame.addEventListener("dragleave", () => this.frame.classList.remove("mj-over"));
    this.frame.addEventListener("drop", (event) => {
      this.frame.classList.remove("mj-over");
      this.take(event.dataTransfer.files, event);
    });
    scope.views.add(this);
    this.update();
  }

  take(files, event) {
    if (!files.length) return;
    event?.preventDefault();
    event?.stopPropagation();
    this.scope.take(files[0]);
  }

  async update() {
    const { preview, caption, error, patient } = this.scope.shown;
    this.error.textContent = error;
    this.error.hidden = !error;
    this.error.classList.toggle("mj-patient", patient);
    this.input.setAttribute("aria-invalid", String(Boolean(error) && !patient));
    const full = Boolean(preview || caption);
    this.frame.classList.toggle("mj-full", full);
    this.empty.hidden = full;
    this.caption.hidden = !full;
    this.caption.textContent = caption ? `${caption} · change` : "change";
    if (this.preview === preview) return;
    this.preview = preview;
    const src = await source(this.scope.model, preview).catch(() => "");
    if (this.preview !== preview) return;
    this.picture.hidden = !src;
    if (src) this.picture.src = src;
    else this.picture.removeAttribute("src");
  }

  dispose() {
    this.scope.views.delete(this);
  }
}

export default widgetOf(Scope, View);

// What the widgets share. These files have no imports: Python joins them, `parts.js` first, into one ES module.

const SLOW_KERNEL = 1500; // ms without an answer after which a widget says so
const KERNEL_AWAY =
  "Waiting for the kernel. It is busy, or it was restarted: if nothing happens when it is idle, run the cell again.";

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

/** Changes a text only when it differs: live regions speak on every change, and selections would be lost. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** The URL if it may be followed (http, https, blob, relative), else null: a card must not carry `javascript:`. */
function followed(url) {
  try {
    return ["http:", "https:", "blob:"].includes(new URL(url, document.baseURI).protocol) ? url : null;
  } catch {
    return null;
  }
}

/** The server's URL of a file, from its path relative to the notebook. Throws where there is none: an absolute path, or
 *  a front end that serves no files. */
async function fileUrl(model, path) {
  const manager = model.widget_manager;
  const relative = path && !/^([a-z][a-z0-9+.-]*:|[\\/])/i.test(path);
  if (!relative || !manager?.resolveUrl) throw new Error("no local file");
  return manager.resolveUrl(path.split("/").map(encodeURIComponent).join("/"));
}

/** Sends a message to the kernel; throws an error in words when there is none. */
function tell(model, message, buffers = []) {
  try {
    model.send(message, undefined, buffers);
  } catch {
    throw new Error("There is no kernel behind this any more: run the cell again.");
  }
}

/** Whether a key at one of our controls must not reach JupyterLab, where a letter is a command ("b" inserts a cell).
 *  Escape and shortcuts with Ctrl or Cmd stay the notebook's. */
function isOurs(event) {
  return !(event.ctrlKey || event.metaKey || event.altKey || event.key === "Escape");
}

/** Keeps such keys from the shortcuts of the page. Notebook 7 looks at a key before any element does, so that it has to be
 *  told earlier still, by the attribute that its shortcuts (Lumino's) heed; only for this one key. Once for the page. */
function keepKeys() {
  const done = Symbol.for("mjvideo_nb.keys");
  if (globalThis[done]) return;
  globalThis[done] = true;
  const mark = (event) => {
    const { target } = event;
    if (!isOurs(event) || !target.closest?.(".mj, .mj-studio")) return;
    target.setAttribute("data-lm-suppress-shortcuts", "true");
    setTimeout(() => target.removeAttribute("data-lm-suppress-shortcuts"));
  };
  window.addEventListener("keydown", mark, { capture: true });
}

/** What belongs to a widget's model and not to one view of it. A cell that is moved, or a second view, finds it all here. */
class ModelScope {
  gone = false;
  views = new Set();
  #asked = new Map(); // what the kernel has not answered yet: a command by its id, the bytes of a clip by its index

  constructor(model) {
    this.model = model;
    model.on("msg:custom", (message, buffers) => {
      const isBytes = message?.kind === "bytes";
      const key = isBytes ? message.index : message?.id;
      this.#asked.get(key)?.resolve([isBytes ? message : message.response, buffers]);
      this.#asked.delete(key);
    });
  }

  #ask(key, message, buffers) {
    return new Promise((resolve, reject) => {
      tell(this.model, message, buffers);
      this.#asked.set(key, { resolve, reject });
    });
  }

  /** Has the kernel do a command of the widget, and waits for its answer however long that takes; the answer and its buffers.
   *  Throws where the message cannot leave the page, and when the model ends. anywidget's own way, which not every front
   *  end has, in the same words. */
  invoke(name, msg, buffers = []) {
    const id = `${Date.now()}-${Math.random()}`; // pages without TLS have no crypto.randomUUID
    return this.#ask(id, { id, kind: "anywidget-command", name, msg }, buffers);
  }

  /** The bytes of a clip, which a widget sends as a message of their own: what is said of them, and they. */
  askBytes(index) {
    return this.#ask(index, { kind: "bytes", index });
  }

  /** Has the views look again, once for all that changes in one go. */
  changed() {
    if (this.due || this.gone) return;
    this.due = true;
    queueMicrotask(() => {
      this.due = false;
      for (const view of this.views) view.update();
    });
  }

  set(change) {
    Object.assign(this, change);
    this.changed();
  }

  /** The views go first: what they play is let go of after that. */
  dispose() {
    this.gone = true;
    for (const { reject } of this.#asked.values()) reject(new Error("the widget has ended"));
    for (const view of [...this.views]) view.dispose();
  }
}

/** Whether a kernel is behind a model. A saved page may have brought back the model alone, as it was at some moment; the
 *  record beside it says more then. */
async function isLive(model) {
  try {
    const whole = await model.widget_manager.get_model(model.get("ref"));
    return whole.comm_live !== false;
  } catch {
    return true; // a front end that has no such thing
  }
}

/** What a widget's module exports. It is a factory: anywidget calls it once for each model, which gives the model a scope of
 *  its own. */
function widgetOf(Scope, View) {
  return () => {
    let scope;
    return {
      initialize({ model }) {
        keepKeys();
        scope = new Scope(model);
        return () => scope.dispose();
      },
      async render({ model, el, signal }) {
        if (!(await isLive(model)) || signal?.aborted) return undefined;
        el.classList.add("mj-live"); // which hides the record
        const view = new View(scope, el);
        return () => scope.views.has(view) && view.dispose();
      },
    };
  };
}

/** Resolves with what is first in a box, once the card or form in it was made there, and brings it into sight. */
async function shownIn(box) {
  for (let tries = 0; box && tries < 40; tries += 1) {
    const first = box.firstElementChild;
    if (first?.querySelector(".mj-card, .mj-form")) {
      first.scrollIntoView({ block: "nearest" });
      return first;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return null;
}

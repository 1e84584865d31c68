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

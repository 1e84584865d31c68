// Where pictures land that are dropped or pasted: on a field for a frame, and for one of them on all of its form. The
// listeners are the page's, because the form around a field is made of other widgets.

const LEFT_FOR = 300; // ms without a word of a drag after which it has left, however

const FROM_LAB = "application/x-jupyter-icontents"; // the paths of what is dragged from the file browser of JupyterLab

/** Whether what is dragged or pasted holds files. */
function holdsFiles(transfer) {
  return transfer?.types.includes("Files");
}

/** The URL of what is dragged from another page, or "". */
function linkOf(transfer) {
  const links = transfer.getData("text/uri-list").split(/\r?\n/);
  return links.find((link) => /^https?:/i.test(link)) ?? "";
}

/** Whether a text names a picture: a URL, or a path. */
function namesPicture(text) {
  return /^(https?:\/\/\S+|[^\n]+\.(jpe?g|png|webp))$/i.test(text);
}

/** Whether text that is dropped or pasted goes into this. */
function takesText(node) {
  return Boolean(node?.closest?.("textarea, input:not([type=file])"));
}

/** The server's URL of a file, from its path in JupyterLab's file browser. */
async function labUrl(model, path) {
  const beside = new URL(await fileUrl(model, "x"), document.baseURI);
  const [root] = beside.pathname.split("/files/");
  const plain = path.replace(/^[^/:]+:/, ""); // without the name of a drive
  return `${root}/files/${plain.split("/").map(encodeURIComponent).join("/")}${beside.search}`;
}

/** A file that is dragged from JupyterLab's file browser. Throws an error in words. */
async function labFile(model, path) {
  const name = path.split("/").at(-1);
  const answer = await fetch(await labUrl(model, path)).catch(() => null);
  if (!answer?.ok) throw new Error(`${name} cannot be read from here. Give its path instead.`);
  const content = await answer.blob();
  return new File([content], name, { type: content.type });
}

class Landing {
  /** `root` is the field's; `onFile` gets a file, `onText` a URL or path, "" for none in what was pasted, `onLab` the path of a
   *  file of JupyterLab's, and `onOver` whether something is held over "form", "field" or "" for neither. */
  constructor(root, { wholeForm, onFile, onText, onLab, onOver }) {
    Object.assign(this, { root, wholeForm, onFile, onText, onLab, onOver });
    this.end = new AbortController();
    const listen = (name, listener) => document.addEventListener(name, listener, { capture: true, signal: this.end.signal });
    listen("dragover", (event) => this.over(event));
    listen("drop", (event) => this.drop(event));
    listen("dragleave", (event) => event.relatedTarget === null && this.left());
    listen("paste", (event) => this.paste(event));
    for (const name of ["lm-dragenter", "lm-dragover", "lm-dragleave", "lm-drop"]) listen(name, (event) => this.fromLab(event));
    // JupyterLab would paste a cell. Before it looks at the key, which it does before any element.
    window.addEventListener("keydown", (event) => this.key(event), { capture: true, signal: this.end.signal });
  }

  get form() {
    return this.root.closest(".mj-form");
  }

  /** Where a node is for this field: "field", "form", or "" where it is not its own. */
  where(node) {
    const field = node?.closest?.(".mj-picker");
    if (field) return field === this.root ? "field" : "";
    return this.wholeForm && this.form?.contains(node) ? "form" : "";
  }

  /** Where what is dragged would land, "" where it would not. A link goes into a text as it would anywhere. */
  landsOn(event) {
    const isLink = event.dataTransfer?.types.includes("text/uri-list") && !takesText(event.target);
    return isLink || holdsFiles(event.dataTransfer) ? this.where(event.target) : "";
  }

  over(event) {
    const where = this.landsOn(event);
    if (!where) {
      this.left();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    event.dataTransfer.dropEffect = "copy";
    clearTimeout(this.timer);
    this.onOver(where);
    this.timer = setTimeout(() => this.left(), LEFT_FOR);
  }

  left() {
    clearTimeout(this.timer);
    this.onOver("");
  }

  drop(event) {
    const where = this.landsOn(event);
    this.left();
    if (!where) return;
    event.preventDefault();
    event.stopPropagation();
    const [file] = event.dataTransfer.files;
    if (file) this.onFile(file);
    else this.onText(linkOf(event.dataTransfer));
  }

  /** JupyterLab drags by events of its own. */
  fromLab(event) {
    const paths = event.mimeData?.getData(FROM_LAB);
    if (!paths?.length || !this.where(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.type === "lm-dragleave") {
      this.left();
    } else if (event.type === "lm-drop") {
      this.left();
      event.dropAction = "copy";
      this.onLab(paths[0]);
    } else {
      event.dropAction = event.proposedAction;
      this.onOver(this.where(event.target));
    }
  }

  /** Whether what is pasted now is meant for this field: the focus is in it or its form, or the mouse is over it while nobody
   *  types elsewhere. */
  get isMeant() {
    const at = document.activeElement;
    const types = at?.matches("input, textarea, select, [contenteditable=''], [contenteditable=true]");
    if (this.where(at)) return true;
    if (types || at?.closest(".mj-form, .mj-card")) return false;
    const hovered = this.form?.matches(":hover") ? [...document.querySelectorAll(":hover")].at(-1) : null;
    return Boolean(this.where(hovered));
  }

  key(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== "v" || !this.isMeant) return;
    event.stopPropagation();
  }

  paste(event) {
    if (!this.root.isConnected || !this.isMeant) return;
    const { files, types } = event.clipboardData;
    // Some programs put a picture of the text beside it: in a field for text it is the text that is meant.
    if (takesText(document.activeElement) && (types.includes("text/plain") || !files.length)) return;
    event.preventDefault();
    event.stopPropagation();
    const text = event.clipboardData.getData("text/plain").trim();
    if (files.length) this.onFile(files[0]);
    else this.onText(namesPicture(text) ? text : "");
  }

  dispose() {
    this.left();
    this.end.abort();
  }
}

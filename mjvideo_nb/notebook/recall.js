// Earlier texts by the arrow keys, as at a terminal: up from the first line, down again to what was being typed.

/** The line of the text, as it is wrapped, in which the caret stands, and how many there are. */
function caretLine(field) {
  const style = getComputedStyle(field);
  const mirror = h("div", { "aria-hidden": "true" });
  for (const name of ["font", "letterSpacing", "lineHeight", "padding", "border", "boxSizing", "tabSize", "textIndent"]) {
    mirror.style[name] = style[name];
  }
  Object.assign(mirror.style, {
    position: "absolute",
    visibility: "hidden",
    whiteSpace: "pre-wrap",
    overflowWrap: "break-word",
    width: `${field.clientWidth}px`,
    borderWidth: "0",
  });
  const line = h("span", {}, "\u200b");
  mirror.append(field.value.slice(0, field.selectionStart), line, field.value.slice(field.selectionStart), "\u200b");
  field.parentNode.append(mirror);
  const height = line.getBoundingClientRect().height || 1;
  const padding = parseFloat(style.paddingTop);
  const at = Math.round((line.offsetTop - padding) / parseFloat(style.lineHeight || height));
  const lines = Math.round((mirror.clientHeight - padding - parseFloat(style.paddingBottom)) / parseFloat(style.lineHeight));
  mirror.remove();
  return { at, last: lines - 1 };
}

class Recall {
  texts = []; // the newest first
  at = -1; // of `texts`; -1 is what was being typed
  draft = "";

  /** `onShow` gets the text that is to stand in the field. */
  constructor(field, onShow) {
    this.field = field;
    this.onShow = onShow;
    field.addEventListener("keydown", (event) => this.key(event));
    field.addEventListener("input", () => {
      this.at = -1; // what was changed is a text of its own
    });
  }

  /** Those that can be looked through; not while somebody does. */
  know(texts) {
    if (this.at === -1) this.texts = texts;
  }

  get others() {
    return this.at === -1 ? this.texts.filter((text) => text !== this.field.value) : this.listed;
  }

  key(event) {
    const up = event.key === "ArrowUp";
    if (!(up || event.key === "ArrowDown") || event.shiftKey || !isOurs(event) || event.isComposing) return;
    const { field } = this;
    if (field.selectionStart !== field.selectionEnd) return;
    // Somebody who goes through them goes on, wherever the caret stands in a long one.
    const passing = this.at >= 0 && field.selectionStart === field.value.length;
    const line = passing ? null : caretLine(field);
    if (up ? !passing && line.at > 0 : this.at === -1 || (!passing && line.at < line.last)) return;
    const texts = this.others;
    const to = this.at + (up ? 1 : -1);
    if (to >= texts.length) {
      if (this.at >= 0) event.preventDefault(); // the oldest stays
      return;
    }
    event.preventDefault();
    if (this.at === -1) {
      this.draft = field.value;
      this.listed = texts;
    }
    this.at = to;
    this.onShow(to === -1 ? this.draft : texts[to]);
    field.setSelectionRange(field.value.length, field.value.length);
    field.scrollTop = field.scrollHeight;
  }

  /** "2 of 12", or "" while nobody looks through them. */
  get place() {
    return this.at === -1 ? "" : `${this.at + 1} of ${this.listed.length}`;
  }
}

// A small menu behind a button: in the browser's top layer, so that no card cuts it off.

const DOTS = "M8 3.5v.01M8 8v.01M8 12.5v.01";
const CHECK = "M3.5 8.5 6.5 11.5 12.5 5";
const DONE_FOR = 1600; // ms that the button says that something was done

class Menu {
  /** `items` is called when it opens: [{text, act}]. */
  constructor(items) {
    this.items = items;
    this.button = h(
      "button",
      { type: "button", class: "mj-icon mj-more-acts", "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => this.open() },
      icon(DOTS),
    );
    this.list = h("div", { class: "mj-menu", role: "menu", popover: "auto" });
    this.aloud = h("span", { class: "mj-aloud", role: "status" });
    this.root = h("span", { class: "mj-menu-of" }, this.button, this.list, this.aloud);
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("toggle", ({ newState }) => this.toggled(newState === "open"));
    this.scrolled = () => this.close();
  }

  get isOpen() {
    return this.list.matches(":popover-open");
  }

  open() {
    if (this.isOpen) return;
    this.list.replaceChildren(
      ...this.items().map(({ text, act }) =>
        h("button", { type: "button", role: "menuitem", tabIndex: -1, onclick: () => this.choose(act) }, text),
      ),
    );
    this.list.showPopover();
    this.place();
    this.list.firstChild?.focus();
  }

  close() {
    if (this.isOpen) this.list.hidePopover();
  }

  choose(act) {
    this.close();
    this.button.focus();
    act();
  }

  /** Below its button and flush with it on the right; above where there is no room, and never out of the page. */
  place() {
    const button = this.button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.list;
    const below = button.bottom + 4 + height <= innerHeight;
    this.list.style.left = `${Math.max(8, Math.min(button.right, innerWidth - 8) - width)}px`;
    this.list.style.top = `${Math.max(8, below ? button.bottom + 4 : button.top - 4 - height)}px`;
  }

  toggled(open) {
    setAttribute(this.button, "aria-expanded", open);
    // It is at its place in the page and not in the card, which may scroll away under it.
    if (open) addEventListener("scroll", this.scrolled, true);
    else removeEventListener("scroll", this.scrolled, true);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    const items = [...this.list.children];
    const at = items.indexOf(event.target);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      items[(to + items.length) % items.length].focus();
    } else if (["Escape", "Tab"].includes(event.key)) {
      event.preventDefault();
      this.close();
      this.button.focus();
    }
  }

  /** Says for a moment that something was done. */
  done(words) {
    clearTimeout(this.timer);
    setText(this.aloud, words);
    this.button.title = words;
    this.button.replaceChildren(icon(CHECK));
    this.timer = setTimeout(() => {
      setText(this.aloud, "");
      this.button.title = this.title;
      this.button.replaceChildren(icon(DOTS));
    }, DONE_FOR);
  }

  update(name) {
    this.title = `More for ${name}`;
    setAttribute(this.button, "aria-label", this.title);
    if (!this.aloud.textContent) setAttribute(this.button, "title", this.title);
  }
}

/** Puts a text into the clipboard, also where the page may not use it by itself (plain http). */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = h("textarea", { class: "mj-aloud" });
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    if (!copied) throw new Error("The browser does not let this page use the clipboard. Select the prompt on the card.");
  }
}

// The list of the keys, behind the "?".

/** A button and the panel that it opens. `keys`: what the keys do, each with the `name` of the key and what it `says`. */
class Help {
  constructor(keys) {
    this.button = iconButton("help", "Keys (?)", () => this.open());
    const close = h("button", { type: "button", class: "mj-link", onclick: () => this.panel.close() }, "Close");
    const lines = keys.filter(({ name }) => name).flatMap(({ name, says }) => {
      const caps = name.split(/ {2}/).map((key) => h("kbd", {}, key));
      return [h("dt", {}, ...caps), h("dd", {}, says)];
    });
    // A dialog of the browser's own: it takes the focus and gives it back, closes on Escape, and no card cuts it off.
    this.panel = h(
      "dialog",
      { class: "mj-keys", "aria-label": "Keys" },
      h("div", { class: "mj-keys-head" }, h("b", {}, "Keys"), close),
      h("dl", {}, ...lines),
    );
    this.panel.addEventListener("click", (event) => event.target === this.panel && this.panel.close());
    this.panel.addEventListener("keydown", (event) => {
      event.stopPropagation(); // also Escape: the notebook would take it for one of its own
      if (event.key === "?") this.panel.close();
    });
  }

  open() {
    if (!this.panel.open) this.panel.showModal();
  }
}

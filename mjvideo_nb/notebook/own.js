// Going on from a clip with a prompt of its own: a field that opens under the clip.

class OwnPrompt {
  /** `onExtend` gets a motion and the prompt. */
  constructor(onExtend, onClose) {
    this.onClose = onClose;
    this.field = h("textarea", { rows: "2", placeholder: "What happens next?", dir: "auto" });
    this.buttons = ["low", "high"].map((motion) =>
      h("button", { type: "button", onclick: () => this.send(onExtend, motion) }, motion),
    );
    this.price = h("span", { class: "mj-own-price" });
    this.root = h(
      "div",
      { class: "mj-own", role: "group", hidden: true },
      this.field,
      h("span", { class: "mj-own-row" }, h("span", { class: "mj-pair" }, ...this.buttons), this.price),
      h("button", { type: "button", class: "mj-icon", "aria-label": "Cancel", title: "Cancel", onclick: () => this.close() }, icon("M4 4l8 8M12 4l-8 8")),
    );
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  open(prompt) {
    if (this.root.hidden) this.field.value = prompt;
    this.root.hidden = false;
    this.field.focus();
    this.field.select();
  }

  close() {
    this.root.hidden = true;
    this.onClose();
  }

  send(onExtend, motion) {
    this.close();
    onExtend(motion, this.field.value);
  }

  /** Typing is no command, neither the stage's nor the notebook's. */
  key(event) {
    if (isOurs(event)) event.stopPropagation();
    if (event.key !== "Escape") return;
    event.stopPropagation();
    this.close();
  }

  update(name, price, pressed) {
    setAttribute(this.root, "aria-label", `Extend ${name} with its own prompt`);
    setAttribute(this.field, "aria-label", `Prompt for what comes after ${name}`);
    setText(this.price, price);
    for (const button of this.buttons) {
      button.disabled = pressed;
      setAttribute(button, "aria-label", `Extend ${name} with this prompt, ${button.textContent} motion`);
    }
  }
}

// The field for the prompt. What its flags mean is said by the kernel, which checks them too; here it is only shown.
// Joined behind `parts.js` and `recall.js`.

const UNDOCUMENTED = "Flags are not documented by the provider.";

class Scope extends ModelScope {
  earlier = [];
  untold = null; // what was typed since the kernel was told
  heard = null; // settled when the kernel has all that was typed

  constructor(model) {
    super(model);
    model.on("change", () => this.changed());
  }

  type(text) {
    if (this.model.get("value") === text) return;
    this.model.set("value", text);
    this.untold = text;
    this.heard ??= this.#tell();
  }

  /** One text after the other, each when the kernel has the one before: it may look at two messages in two threads. */
  async #tell() {
    try {
      while (this.untold !== null) {
        const text = this.untold;
        this.untold = null;
        await this.invoke("typed", { text });
      }
    } catch {
      this.untold = null; // no kernel, and so nothing that could be made of it
    }
    this.heard = null;
  }

  /** Asks for earlier prompts; without a kernel there are none. */
  async ask() {
    try {
      const [answer] = await this.invoke("earlier", {});
      this.set({ earlier: answer.prompts });
    } catch {
      this.set({ earlier: [] });
    }
  }
}

class View {
  held = new Set();

  constructor(scope, el) {
    this.scope = scope;
    const id = `mj-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
    this.field = h("textarea", { id, rows: "2", placeholder: "What happens? (optional)", dir: "auto", spellcheck: "true" });
    this.flags = h("ul", { class: "mj-flags", "aria-label": "Flags in the prompt", role: "list" });
    this.aloud = h("div", { class: "mj-flags-of", "aria-live": "polite" }, this.flags);
    this.hint = h("span", { class: "mj-recall", role: "status" });
    this.box = h("div", { class: "mj-prompt-box" }, this.field, h("div", { class: "mj-prompt-foot" }, this.aloud, this.hint));
    this.root = h("div", { class: "mj mj-prompt" }, h("label", { class: "mj-label", for: id }, "Prompt"), this.box);
    el.append(this.root);

    this.recall = new Recall(this.field, (text) => {
      this.field.value = text;
      this.scope.type(text);
    });
    this.field.addEventListener("input", () => this.scope.type(this.field.value));
    this.field.addEventListener("focus", () => this.scope.ask());
    this.root.addEventListener("keydown", (event) => {
      if (isOurs(event)) event.stopPropagation();
      if (event.target === this.field) this.update();
    });
    this.box.addEventListener("mousedown", (event) => {
      if (event.target === this.field || getSelection().type === "Range") return;
      event.preventDefault();
      this.field.focus();
    });
    window.addEventListener("click", this.hold, { capture: true });
    scope.views.add(this);
    this.update();
  }

  /** A press on a button of the form counts when the kernel has what was typed before it: it would be told of the press by
   *  another widget's message, which may come first, and a press on Generate pays for what stands there. */
  hold = (event) => {
    const button = event.target.closest?.("button");
    const ours = button && !this.root.contains(button) && this.root.closest(".mj-form")?.contains(button);
    if (!ours || !event.isTrusted || !this.scope.heard) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (this.held.has(button)) return;
    this.held.add(button);
    this.scope.heard.then(() => {
      this.held.delete(button);
      button.click();
    });
  };

  update() {
    const { model, earlier } = this.scope;
    const value = model.get("value");
    if (this.field.value !== value) {
      this.field.value = value;
      this.recall.at = -1;
    }
    this.recall.know(earlier);
    const flags = model.get("flags");
    const told = JSON.stringify(flags);
    if (told !== this.told) {
      this.told = told;
      this.flags.replaceChildren(
        ...flags.map(({ kind, flag, words }) =>
          h("li", { class: `mj-flag mj-${kind}`, title: UNDOCUMENTED }, h("code", {}, flag), " ", words),
        ),
        ...(flags.some(({ kind }) => kind === "meant") ? [h("li", { class: "mj-flags-note" }, UNDOCUMENTED)] : []),
      );
    }
    const { place, others } = this.recall;
    setText(this.hint, place ? `Earlier prompt ${place} · ↓ back` : others.length ? "↑ earlier prompts" : "");
    this.hint.classList.toggle("mj-passing", Boolean(place));
  }

  dispose() {
    window.removeEventListener("click", this.hold, { capture: true });
    this.scope.views.delete(this);
  }
}

export default widgetOf(Scope, View);

// One entry of the list: what it is, and what can be done with it. All of it is text from outside.

const STARS = [1, 2, 3, 4, 5];

const named = (row) => (row.title ? `“${row.title.slice(0, 60)}”` : "the video without a prompt");

function action(label, about, onclick, name = "") {
  return h("button", { type: "button", class: `mj-h-act ${name}`, "aria-label": about, title: about, onclick }, label);
}

/** A button that does nothing here, and says why: in sight, and by its name to whoever does not see it. */
function off(button, why) {
  button.disabled = true;
  button.title = why;
  button.setAttribute("aria-label", `${button.getAttribute("aria-label")}. ${why}`);
}

/** Five stars for one clip; the one that is set is pressed, and pressing it again takes the stars away. */
function stars({ index, rating }, rate) {
  return h(
    "span",
    { class: "mj-h-rate", role: "group", "aria-label": `Stars of [${index}]` },
    h("span", { class: "mj-h-number", "aria-hidden": "true" }, `[${index}]`),
    ...STARS.map((star) =>
      h(
        "button",
        {
          type: "button",
          class: star <= (rating ?? 0) ? "mj-h-star mj-on" : "mj-h-star",
          "aria-label": `[${index}], ${star} ${star === 1 ? "star" : "stars"}`,
          "aria-pressed": String(star === rating),
          onclick: () => rate(index, star === rating ? null : star),
        },
        "★",
      ),
    ),
  );
}

class Row {
  constructor(view, id) {
    this.view = view;
    this.scope = view.scope;
    this.id = id;
    this.tick = h("input", { type: "checkbox", class: "mj-h-tick" });
    this.tick.addEventListener("change", () => this.scope.tick(id, this.tick.checked));
    this.image = h("img", { alt: "", hidden: true, draggable: false });
    this.poster = h("button", { type: "button", class: "mj-h-poster", onclick: () => this.scope.toggle(this.row) }, this.image);
    this.title = h("span", { class: "mj-h-title" });
    this.chips = h("span", { class: "mj-h-chips" });
    this.facts = h("div", { class: "mj-h-facts" });
    this.trouble = h("div", { class: "mj-h-trouble" });
    this.said = h("span", { class: "mj-h-said" });
    this.acts = h("span", { class: "mj-h-acts" });
    this.edit = h("div", { class: "mj-h-edit", hidden: true });
    this.root = h(
      "li",
      { class: "mj-h-entry" },
      this.tick,
      this.poster,
      h(
        "div",
        { class: "mj-h-about" },
        h("div", { class: "mj-h-top" }, h("span", { class: "mj-h-dot", "aria-hidden": "true" }), this.title, this.chips),
        this.facts,
        this.trouble,
        h("div", { class: "mj-h-last" }, this.said, this.acts),
      ),
      this.edit,
    );
    this.root.dataset.id = id;
  }

  /** Called when the row is in sight: only then is a picture loaded. */
  async see() {
    this.seen = true;
    const { row } = this;
    const url = await this.scope.pictures.of(row);
    if (this.row !== row && JSON.stringify(this.row.pictures) !== JSON.stringify(row.pictures)) return;
    this.image.hidden = !url;
    if (url) setAttribute(this.image, "src", url);
  }

  update(row) {
    this.row = row;
    // Whose a row is goes without saying where all are one's own.
    this.maker = this.scope.page.query?.everybody ? row.person : "";
    const shows = JSON.stringify([row, this.maker]);
    this.tick.checked = this.scope.ticked.has(this.id);
    this.updateEdit();
    if (this.shows === shows) return;
    this.shows = shows;
    setAttribute(this.root, "data-state", row.state);
    setAttribute(this.tick, "aria-label", `Choose ${named(row)}`);
    setAttribute(this.poster, "aria-label", `${row.shown ? "Close" : "Open"} ${named(row)}`);
    setText(this.title, row.title || "no prompt");
    setAttribute(this.title, "title", row.title || null);
    this.title.classList.toggle("mj-h-none", !row.title);
    this.chips.replaceChildren(...row.chips.map((chip) => h("span", { class: "mj-h-chip" }, chip)));
    const by = this.maker && h("span", { class: "mj-h-by", title: this.maker }, `by ${this.maker}`);
    const facts = [row.cost, row.when, row.task_id && `task ${row.task_id}`].map((fact) => fact && h("span", {}, fact));
    this.facts.replaceChildren(h("b", {}, row.word), ...[by, ...facts].filter((fact) => fact).flatMap((fact) => ["\u00a0· ", fact]));
    setText(this.trouble, row.trouble);
    setAttribute(this.trouble, "title", row.trouble);
    this.trouble.hidden = !row.trouble;
    this.updateSaid();
    this.updateActs();
    if (this.seen) this.see();
  }

  updateSaid() {
    const { clips, tags, note } = this.row;
    const best = clips.reduce((a, b) => ((b.rating ?? 0) > (a?.rating ?? 0) ? b : a), null);
    const parts = tags.map((tag) => h("span", { class: "mj-h-tag" }, tag));
    if (best) {
      const about = `${best.rating} of 5 stars, clip [${best.index}]`;
      const shown = [h("span", { class: "mj-h-lit" }, "★".repeat(best.rating)), h("span", { class: "mj-h-unlit" }, "★".repeat(5 - best.rating))];
      parts.unshift(h("span", { class: "mj-h-best", role: "img", "aria-label": about, title: about }, ...shown, ` [${best.index}]`));
    }
    if (note) parts.push(h("span", { class: "mj-h-note", title: note }, note));
    this.said.replaceChildren(...parts);
  }

  updateActs() {
    const { scope, row } = this;
    const of = named(row);
    if (scope.page.query?.trashed) {
      const restore = action("Restore", `Restore ${of}`, () => scope.restore([row.id]), "mj-h-main");
      if (!row.ours) off(restore, `Only ${row.person} can restore it`);
      this.acts.replaceChildren(restore);
      return;
    }
    const open = action(row.shown ? "Close" : "Open", `${row.shown ? "Close" : "Open"} the card of ${of}`, () => scope.toggle(row), "mj-h-main");
    const acts = [open];
    if (row.can_extend) acts.push(action("Extend", `Extend a clip of ${of}`, () => scope.open(row, true)));
    if (row.can_reuse) acts.push(action("Use again", `Use the settings of ${of} again`, () => scope.reuse(row)));
    const [edit, edited] = row.ours ? ["Edit", "Stars, tags and note"] : ["Stars", "Stars"];
    acts.push(action(edit, `${edited} of ${of}`, () => scope.edit(row.id)));
    const trash = action("Delete", `Delete ${of}`, () => scope.trash([row.id]));
    if (!row.can_trash) off(trash, row.ours ? "It is still under way: it can be deleted once it has ended" : `Only ${row.person} can delete it`);
    acts.push(trash);
    if (row.state === "uncertain" && row.ours) {
      acts.unshift(
        action("Forget it", `Forget ${of}: it is settled, and nothing is sent`, () => scope.act("forget", { id: row.id }), "mj-h-main"),
        ...(row.again ? [action(`Send it again (${row.again})`, `Send ${of} again: ${row.again}`, () => scope.again(row), "mj-h-main")] : []),
      );
    }
    this.acts.replaceChildren(...acts);
  }

  updateEdit() {
    const open = this.scope.editing === this.id;
    setAttribute(this.root, "data-editing", open ? "true" : null);
    if (!open) {
      this.edit.hidden = true;
      this.edit.replaceChildren();
      this.fields = null;
      return;
    }
    const { row, scope } = this;
    const rates = row.clips.map((clip) => stars(clip, (index, count) => scope.act("rate", { id: row.id, index, stars: count })));
    const shows = JSON.stringify(row.clips);
    if (!this.fields) {
      const tags = h("input", { type: "text", class: "mj-h-input", value: row.tags.join(", "), placeholder: "coffee, morning" });
      const note = h("textarea", { class: "mj-h-input", rows: 2 }, row.note);
      const save = h("button", { type: "submit", class: "mj-h-button" }, "Save");
      const cancel = h("button", { type: "button", class: "mj-h-act mj-h-main", onclick: () => scope.edit(null) }, row.ours ? "Cancel" : "Done");
      const form = h(
        "form",
        { class: "mj-h-fields" },
        h("label", {}, h("span", {}, "Tags, with commas between"), tags),
        h("label", {}, h("span", {}, "Note"), note),
        h("span", { class: "mj-h-saving" }, save, cancel),
      );
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        scope.save(row.id, tags.value.split(",").map((tag) => tag.trim()).filter((tag) => tag), note.value);
      });
      this.rates = h("div", { class: "mj-h-rates" });
      const theirs = h("div", { class: "mj-h-theirs" }, h("span", {}, `Stars are everybody’s. Tags and note are for ${row.person} to change.`), cancel);
      this.fields = row.ours ? form : theirs;
      this.edit.replaceChildren(this.rates, this.fields);
      this.edit.hidden = false;
      queueMicrotask(() => (row.ours ? tags : this.rates.querySelector("button") ?? cancel).focus({ preventScroll: true }));
    }
    this.rates.hidden = !rates.length;
    if (this.rates.dataset.shows === shows) return;
    this.rates.dataset.shows = shows;
    const focused = [...this.rates.querySelectorAll("button")].indexOf(document.activeElement);
    this.rates.replaceChildren(...rates);
    if (focused >= 0) this.rates.querySelectorAll("button")[focused]?.focus();
  }
}

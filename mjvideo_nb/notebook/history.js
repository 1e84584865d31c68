// The history: a page of everything that was made, and what can be done with it. The last of the files that are joined
// into one module (see `listing.py`).
//
// The kernel replaces the whole `page` at once; rows that stay are changed only where they differ. An answer that a newer
// question has overtaken is told by its number, and dropped.

const NO_KERNEL = "There is no kernel behind this list any more: run the cell again.";
const DOUBLE_CLICK = 1000; // ms: the second half of a double click must not buy a second video
const AGAIN_IN_SIGHT = 3000; // ms out of sight after which the list looks again by itself

/** What belongs to the model and not to one view of it: what is looked for, chosen, and on its way. */
class Scope {
  gone = false;
  views = new Set();
  ticked = new Set();
  busy = new Set();
  editing = null; // the id of the entry whose stars, tags and note are open
  notice = null; // {text, bad, undo}
  question = null; // before the trash is emptied
  days = null;
  filtering = false;
  waiting = 0; // questions to the kernel that take long
  looking = false;

  constructor(model, invoke) {
    this.model = model;
    this.invoke = invoke;
    this.end = new AbortController();
    this.page = model.get("page");
    this.number = this.page.number;
    this.query = { ...NOTHING, ...this.page.query };
    this.pictures = new Pictures(model, (id) => this.picture(id));
    model.on("change:page", () => this.receive());
  }

  receive() {
    const page = this.model.get("page");
    if (page.number < this.number) return;
    this.number = page.number;
    this.page = page;
    this.changed();
  }

  changed() {
    if (this.due) return;
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

  // Asking the kernel

  async ask(command, message) {
    let late = false;
    const slow = setTimeout(() => {
      late = true;
      this.set({ waiting: this.waiting + 1 });
    }, SLOW_KERNEL);
    try {
      const [answer, buffers] = await this.invoke(command, message, { signal: this.end.signal });
      return { ...answer, buffers };
    } catch {
      // Only a message that could not leave the browser ends here: nothing was asked for.
      return { ok: false, message: NO_KERNEL };
    } finally {
      clearTimeout(slow);
      if (late) this.set({ waiting: this.waiting - 1 });
    }
  }

  /** Asks for something to be done, once; its answer, or null where it went wrong, which is said. */
  async act(action, message = {}, { settle = 0 } = {}) {
    const key = `${action} ${message.id ?? ""}`;
    if (this.busy.has(key)) return null;
    this.busy.add(key);
    this.set({ notice: null });
    const settled = new Promise((resolve) => setTimeout(resolve, settle));
    const answer = await this.ask("act", { action, ...message });
    settled.then(() => this.busy.delete(key));
    if (answer.ok) return answer;
    if (!this.gone) this.set({ notice: { text: answer.message, bad: true } });
    return null;
  }

  async look() {
    const number = (this.number += 1);
    this.set({ looking: true, question: null });
    const answer = await this.ask("act", { action: "search", query: this.query, offset: this.offset, number });
    if (number !== this.number || this.gone) return;
    this.set({ looking: false, notice: answer.ok ? this.notice : { text: answer.message, bad: true } });
  }

  find(change) {
    this.query = { ...this.query, ...change };
    this.offset = 0;
    this.editing = null;
    this.notice = null;
    if ("trashed" in change) this.ticked.clear();
    this.look();
  }

  clear() {
    const { words, trashed } = this.query;
    this.find({ ...NOTHING, words, trashed });
  }

  turn(number) {
    const { size, total } = this.page;
    const last = Math.max(1, Math.ceil(total / size));
    this.offset = (Math.min(last, Math.max(1, Math.round(number) || 1)) - 1) * size;
    this.editing = null;
    this.look();
  }

  /** What this list does not show may have changed while nobody looked at it. */
  lookAgain() {
    this.offset = this.page.offset;
    this.look();
  }

  async refresh() {
    this.set({ looking: true });
    await this.act("refresh");
    this.set({ looking: false });
  }

  async picture(id) {
    const [answer, buffers] = await this.invoke("picture", { id }, { signal: this.end.signal });
    if (!answer.ok) throw new Error(answer.message);
    return answer.type ? { blob: new Blob(buffers, { type: answer.type }) } : { uri: answer.uri };
  }

  // Doing something with entries

  toggle(row) {
    return row.shown ? this.act("close", { id: row.id }) : this.open(row);
  }

  async open(row, extend = false) {
    if (await this.act("open", { id: row.id })) for (const view of this.views) view.show(extend);
  }

  async reuse(row) {
    if (await this.act("reuse", { id: row.id })) for (const view of this.views) view.show();
  }

  async again(row) {
    if (await this.act("again", { id: row.id }, { settle: DOUBLE_CLICK })) for (const view of this.views) view.show();
  }

  async compare() {
    if (await this.act("compare", { ids: [...this.ticked] })) for (const view of this.views) view.show();
  }

  tick(id, on) {
    if (on) this.ticked.add(id);
    else this.ticked.delete(id);
    this.changed();
  }

  edit(id) {
    this.set({ editing: this.editing === id ? null : id });
  }

  async save(id, tags, note) {
    if ((await this.act("tag", { id, tags })) && (await this.act("note", { id, note }))) this.set({ editing: null });
  }

  async trash(ids) {
    const answer = await this.act("trash", { ids });
    if (!answer) return;
    for (const id of answer.gone) this.ticked.delete(id);
    const { length } = answer.gone;
    const kept = answer.kept ? ` ${answer.kept} still under way, and kept.` : "";
    this.set({ notice: { text: `${length} ${length === 1 ? "video" : "videos"} in the trash.${kept}`, undo: () => this.restore(answer.gone) } });
    for (const view of this.views) view.offerUndo();
  }

  async restore(ids) {
    if (!(await this.act("restore", { ids }))) return;
    for (const id of ids) this.ticked.delete(id);
    this.set({ notice: { text: `${ids.length} restored.` } });
  }

  async askToEmpty() {
    const answer = await this.act("weigh");
    if (answer) this.set({ question: answer.words });
  }

  async empty() {
    this.set({ question: null });
    this.ticked.clear();
    if (await this.act("empty")) this.set({ notice: { text: "The trash is empty." } });
  }

  async showDays() {
    const answer = this.days ? null : await this.act("days");
    this.set({ days: answer?.days ?? null });
  }

  dispose() {
    this.gone = true;
    this.end.abort();
    this.pictures.dispose();
  }
}

class View {
  rows = new Map();

  constructor(scope, el) {
    this.scope = scope;
    this.el = el;
    this.money = new Money(scope);
    this.filters = new Filters(scope);
    this.pager = new Pager(scope);
    this.build();
    el.append(this.root);
    this.root.addEventListener("keydown", (event) => {
      if (isOurs(event) && event.target.closest("button, a, select, input, textarea")) event.stopPropagation();
    });
    this.sight = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (!isIntersecting) continue;
          this.sight.unobserve(target);
          this.rows.get(target.dataset.id)?.see();
        }
      },
      { root: this.list, rootMargin: "120px" },
    );
    this.presence = new IntersectionObserver(([{ isIntersecting }]) => {
      if (!isIntersecting) this.leftAt = performance.now();
      else if (this.leftAt && performance.now() - this.leftAt > AGAIN_IN_SIGHT) scope.lookAgain();
    });
    this.presence.observe(this.root);
    scope.views.add(this);
    this.update();
  }

  build() {
    const { scope } = this;
    this.strip = h("div", { class: "mj-strip" }, h("b", {}, "Sandbox"), " · clips are rendered on this machine, not by Midjourney.");
    this.unknown = h("span");
    this.showUnknown = h("button", { type: "button", class: "mj-h-act mj-h-main", onclick: () => scope.find({ uncertain: !scope.query.uncertain }) });
    this.alert = h("div", { class: "mj-h-alert" }, h("span", { class: "mj-h-dot", "aria-hidden": "true" }), this.unknown, this.showUnknown);
    this.words = h("span");
    this.undo = h("button", { type: "button", class: "mj-h-act mj-h-main", onclick: () => scope.notice?.undo?.() }, "Undo");
    this.notice = h("div", { class: "mj-h-notice", role: "status" }, this.words, this.undo);
    this.chosen = h("span");
    const main = (text, onclick) => h("button", { type: "button", class: "mj-h-act mj-h-main", onclick }, text);
    this.compare = main("Compare", () => scope.compare());
    this.remove = main("Delete", () => scope.trash([...scope.ticked]));
    this.back = main("Restore", () => scope.restore([...scope.ticked]));
    this.picked = h(
      "div",
      { class: "mj-h-picked", role: "group", "aria-label": "Chosen videos" },
      this.chosen,
      this.compare,
      this.remove,
      this.back,
      main("Clear", () => scope.set({ ticked: new Set() })),
    );
    this.empty = main("Empty the trash", () => scope.askToEmpty());
    this.question = h("span");
    this.yes = h("button", { type: "button", class: "mj-h-button mj-h-danger", onclick: () => scope.empty() }, "Delete for good");
    this.no = main("Keep", () => scope.set({ question: null }));
    this.bin = h("div", { class: "mj-h-bin", role: "group", "aria-label": "Trash" }, this.question, this.empty, this.yes, this.no);
    this.list = h("ul", { class: "mj-h-list", role: "list", "aria-label": "Videos, newest first" });
    this.nothing = h("div", { class: "mj-h-nothing" });
    this.root = h(
      "div",
      { class: "mj mj-history", role: "region", "aria-label": "History" },
      this.strip,
      this.money.root,
      this.filters.root,
      this.alert,
      this.notice,
      this.bin,
      this.picked,
      this.list,
      this.nothing,
      this.pager.root,
    );
  }

  update() {
    const { scope } = this;
    const { page, query, ticked } = scope;
    this.strip.hidden = !page.sandbox;
    this.money.update();
    this.filters.update();
    this.pager.update();
    this.updateNotice();

    const unsure = page.uncertain ?? 0;
    this.alert.hidden = !unsure && !query.uncertain;
    setText(
      this.unknown,
      unsure ? `${unsure} ${unsure === 1 ? "request" : "requests"} with unknown outcome: it may have been accepted and billed.` : "No request with unknown outcome is left.",
    );
    setText(this.showUnknown, query.uncertain ? "Show all" : unsure === 1 ? "Show it" : "Show them");

    this.bin.hidden = !query.trashed || (!page.trash && !scope.question);
    setText(this.question, scope.question ?? "What is in the trash still takes up its space.");
    this.empty.hidden = Boolean(scope.question);
    this.yes.hidden = this.no.hidden = !scope.question;

    this.picked.hidden = ticked.size === 0;
    setText(this.chosen, `${ticked.size} chosen`);
    this.compare.hidden = this.remove.hidden = query.trashed;
    this.back.hidden = !query.trashed;

    setAttribute(this.list, "aria-busy", scope.looking);
    this.updateRows();
  }

  updateNotice() {
    const { notice, waiting, page } = this.scope;
    const away = waiting > 0;
    const shown = notice ?? (away ? { text: KERNEL_AWAY } : page.error ? { text: page.error, bad: true } : null);
    this.notice.hidden = !shown;
    setText(this.words, shown?.text ?? "");
    setAttribute(this.notice, "data-look", shown?.bad ? "bad" : !notice && away ? "wait" : null);
    this.undo.hidden = !shown?.undo;
  }

  updateRows() {
    const { page, query, looking } = this.scope;
    const wanted = new Set(page.rows.map((row) => row.id));
    for (const [id, row] of this.rows) {
      if (wanted.has(id)) continue;
      this.sight.unobserve(row.root);
      row.root.remove();
      this.rows.delete(id);
    }
    page.rows.forEach((each, place) => {
      if (!this.rows.has(each.id)) this.rows.set(each.id, new Row(this, each.id));
      const row = this.rows.get(each.id);
      row.update(each);
      if (this.list.children[place] === row.root) return;
      const isNew = !row.root.isConnected;
      this.list.insertBefore(row.root, this.list.children[place] ?? null);
      if (isNew) this.sight.observe(row.root);
    });
    if (this.place !== `${page.offset} ${JSON.stringify(page.query)}`) {
      this.place = `${page.offset} ${JSON.stringify(page.query)}`;
      this.list.scrollTop = 0;
    }
    this.list.hidden = page.rows.length === 0;
    this.nothing.hidden = page.rows.length > 0 || looking;
    const looksFor = Object.entries(query).some(([name, value]) => value && name !== "trashed");
    setText(this.nothing, looksFor ? "Nothing found." : query.trashed ? "The trash is empty." : "Nothing made here yet.");
  }

  /** Brings the card that was just put below into sight. */
  async show(extend = false) {
    const cards = this.el.closest(".mj-history-view")?.querySelector(".mj-opened");
    for (let tries = 0; cards && tries < 40; tries += 1) {
      const first = cards.firstElementChild;
      if (first?.querySelector(".mj-card, .mj-form")) {
        first.scrollIntoView({ block: "nearest" });
        if (extend) first.querySelector(".mj-extend button")?.focus();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  offerUndo() {
    queueMicrotask(() => this.root.isConnected && this.undo.focus({ preventScroll: true }));
  }

  dispose() {
    this.scope.views.delete(this);
    this.sight.disconnect();
    this.presence.disconnect();
  }
}

// A factory: anywidget calls it once for each model, which gives the model a scope of its own.
export default () => {
  let scope;
  return {
    initialize({ model, experimental }) {
      scope = new Scope(model, experimental.invoke);
      return () => scope.dispose();
    },
    render({ el }) {
      const view = new View(scope, el);
      return () => view.dispose();
    },
  };
};

// The history: a page of everything that was made, and what can be done with it. The last of the files that are joined
// into one module (see `listing.py`).
//
// The kernel replaces the whole `page` at once; rows that stay are changed only where they differ.

const AGAIN_IN_SIGHT = 3000; // ms out of sight after which the list looks again by itself

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
    this.empty.hidden = Boolean(scope.question) || !page.ours_in_trash;
    setText(this.empty, page.shared && query.everybody ? "Empty mine" : "Empty the trash");
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
    const looksFor = Object.entries(query).some(([name, value]) => value && !PLACES.includes(name));
    setText(this.nothing, looksFor ? "Nothing found." : query.trashed ? "The trash is empty." : page.shared && !query.everybody ? "You have made nothing here yet." : "Nothing made here yet.");
  }

  /** Brings the card that was just put below into sight. */
  async show(extend = false) {
    const shown = await shownIn(this.el.closest(".mj-history-view")?.querySelector(".mj-opened"));
    if (extend) shown?.querySelector(".mj-extend button")?.focus();
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

export default widgetOf(Scope, View);

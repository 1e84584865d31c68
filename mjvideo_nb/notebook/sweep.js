// A sweep: its plan and price, and the matrix of its clips, played in step. The last of the files that are joined into
// one module (see `sweep_view.py`).
//
// The kernel replaces `page` and `cells` at once; `plan` never changes. Players are there only for clips that are in sight,
// and for so many of them as a browser decodes.

const MOST_PLAYING = 16;

class View {
  screens = new Set();
  cells = [];

  constructor(scope, el) {
    this.scope = scope;
    this.el = el;
    this.player = new Player(() => this.bar?.update());
    this.byRoot = new WeakMap();
    this.sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const screen = this.byRoot.get(target);
        if (screen) screen.seen = isIntersecting;
      }
      scope.changed();
    });
    this.build();
    el.append(this.root);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.presence = new IntersectionObserver(([{ isIntersecting }]) => this.player.set({ inSight: isIntersecting }));
    this.presence.observe(this.root);
    scope.views.add(this);
    this.update();
  }

  build() {
    const { scope } = this;
    const { plan } = scope;
    this.strip = h("div", { class: "mj-strip" }, h("b", {}, "Sandbox"), " · clips are rendered on this machine, not by Midjourney. Set COMETAPI_KEY to use the service.");
    this.strip.hidden = !plan.sandbox;
    const long = plan.constants.filter(({ name }) => name === "prompt");
    const chips = plan.constants.filter(({ name }) => name !== "prompt");
    this.words = h("span", { class: "mj-s-words", role: "status" });
    this.cost = h("span");
    this.budget = h("span");
    this.go = h("button", { type: "button", class: "mj-s-go", onclick: () => scope.go(scope.page.action.action) });
    this.choose = h("span", { class: "mj-s-choose", role: "group", "aria-label": "Which clip of each" });
    this.note = h("div", { class: "mj-note" });
    this.notice = h("div", { class: "mj-notices", role: "status" });
    this.table = this.buildTable(plan);
    this.scroller = h("div", { class: "mj-s-scroll", tabIndex: 0, role: "region", "aria-label": `Matrix: ${plan.title}` }, this.table);
    this.bar = new Bar(this.player);
    this.root = h(
      "div",
      { class: "mj mj-card mj-sweep", role: "group", "aria-label": `Sweep: ${plan.title}`, tabIndex: -1 },
      this.strip,
      h(
        "div",
        { class: "mj-head" },
        h("span", { class: "mj-dot", "aria-hidden": "true" }),
        h("span", { class: "mj-title" }, plan.title),
        h("span", { class: "mj-chips" }, ...chips.map(({ name, text }) => h("span", { class: "mj-chip", title: name }, text))),
      ),
      ...long.map(({ text }) => h("div", { class: "mj-line mj-s-prompt", title: text }, text)),
      h("div", { class: "mj-s-do" }, h("span", { class: "mj-s-told" }, this.words, this.cost, this.budget), this.choose, this.go),
      this.note,
      this.notice,
      this.scroller,
      this.bar.root,
    );
    this.root.style.setProperty("--columns", Math.max(1, plan.columns.length));
  }

  /** Every part has its role: the layout takes from a table what makes it one. */
  buildTable({ columns, rows, names, aspect }) {
    const across = Math.max(1, columns.length);
    const heads = columns.map(({ name, text, title }) =>
      h("th", { class: "mj-s-column", role: "columnheader", scope: "col", title }, h("span", { class: "mj-s-axis" }, name), text),
    );
    const labelled = rows.some((labels) => labels.length > 0);
    this.cells = names.map((_, number) => new MatrixCell(this, number));
    const lines = rows.map((labels, row) => {
      const cells = this.cells.slice(row * across, (row + 1) * across).map((cell) => cell.root);
      const head = h("th", { class: "mj-s-row", role: "rowheader", scope: "row" }, ...labels.map((label, place) => this.label(label, place)));
      return h("tr", { role: "row" }, ...(labelled ? [head] : []), ...cells);
    });
    const corner = labelled ? [h("td", { class: "mj-s-corner", role: "cell" })] : [];
    const top = h("tr", { role: "row" }, ...corner, ...heads);
    const table = h(
      "table",
      { class: labelled ? "mj-s-table mj-s-labelled" : "mj-s-table", role: "table", "aria-label": "Clips by parameter" },
      h("thead", { role: "rowgroup", hidden: heads.length === 0 }, top),
      h("tbody", { role: "rowgroup" }, ...lines),
    );
    table.style.setProperty("--aspect", aspect);
    return table;
  }

  label({ name, text, title }, place) {
    return place ? h("span", { class: "mj-chip", title: name }, text) : h("span", { class: "mj-s-label", title }, h("span", { class: "mj-s-axis" }, name), text);
  }

  nameOf(number) {
    return this.scope.plan.names[number];
  }

  watch(screen) {
    this.screens.add(screen);
    this.byRoot.set(screen.root, screen);
    this.sight.observe(screen.root);
  }

  unwatch(screen) {
    this.screens.delete(screen);
    this.sight.unobserve(screen.root);
  }

  /** The keys of the stage. None that means something at one of its controls reaches the notebook. */
  key(event) {
    if (!isOurs(event)) return;
    const scrolls = event.target === this.scroller && /^(Arrow|Page|Home|End)/.test(event.key);
    const acted = !scrolls && this.player.videos.length > 0 && this.bar.key(event);
    if (acted || scrolls || event.target.closest("button, a, select, input")) event.stopPropagation();
  }

  /** How many clips are still to come before all can start together. */
  get expected() {
    return [...this.screens].filter((screen) => screen.expected).length;
  }

  /** The clips in sight, from the top, as many as can play. */
  get playing() {
    const inOrder = this.cells.flatMap((cell) => [...cell.screens.values()]);
    return new Set(inOrder.filter((screen) => screen.seen).slice(0, MOST_PLAYING));
  }

  update() {
    const { scope } = this;
    const { page, cells } = scope;
    const plays = this.playing;
    for (const cell of cells) this.cells[cell.number]?.update(cell, plays);
    setAttribute(this.root, "data-state", page.state);
    setText(this.words, page.words.join(" · "));
    const told = [page.missing, page.budget].map((text, place) => (text && (place || page.words.length) ? ` · ${text}` : text));
    setText(this.cost, told[0]);
    setText(this.budget, told[1]);
    this.budget.className = page.enough ? "" : "mj-wait";
    setText(this.note, page.note);
    this.note.hidden = !page.note;
    this.updateGo();
    this.updateChoose();
    const notice = scope.notice || (scope.slow ? KERNEL_AWAY : page.error);
    setText(this.notice, notice);
    this.notice.classList.toggle("mj-bad", Boolean(scope.notice || page.error));
    this.bar.root.hidden = this.screens.size === 0;
    this.bar.update();
    this.player.settle(this.expected);
  }

  updateGo() {
    const { action } = this.scope.page;
    this.go.hidden = !action;
    if (!action) return;
    setText(this.go, action.label);
    setAttribute(this.go, "title", action.title);
    setAttribute(this.go, "data-action", action.action);
    this.go.disabled = !action.on || this.scope.isPressed("run") || this.scope.isPressed("stop");
  }

  updateChoose() {
    const { indexes, shows } = this.scope;
    this.choose.hidden = indexes.length < 2;
    const names = { best: ["Best", "The best rated clip of each"], all: ["All", "All clips of each"] };
    const options = [...indexes.map(String), "best", "all"];
    if (this.choose.dataset.shows !== options.join()) {
      this.choose.dataset.shows = options.join();
      const button = (option) => {
        const [text, title] = names[option] ?? [`[${option}]`, `Clip [${option}] of each`];
        const onclick = () => this.scope.choose(option);
        return h("button", { type: "button", "data-shows": option, title, "aria-label": title, onclick }, text);
      };
      this.choose.replaceChildren(...options.map(button));
    }
    for (const button of this.choose.children) setAttribute(button, "aria-pressed", button.dataset.shows === shows);
    setAttribute(this.table, "data-shows", shows === "all" ? "all" : "one");
  }

  /** Brings the card that was just put below into sight. */
  showCard() {
    return shownIn(this.el.closest(".mj-sweep-view")?.querySelector(".mj-opened"));
  }

  dispose() {
    this.scope.views.delete(this);
    this.sight.disconnect();
    this.presence.disconnect();
    this.player.dispose();
  }
}

export default widgetOf(Scope, View);

// The head of the list: what was spent, the search, the filters, and the page.

const PAUSE_IN_TYPING = 200; // ms

const NOTHING = { words: "", motion: "", type: "", rating: null, tag: "", since: "", until: "", uncertain: false, trashed: false, everybody: false };
const PLACES = ["trashed", "everybody"]; // of a query: where it looks, and not what it looks for

function choice(label, options) {
  return h("select", { class: "mj-h-input", "aria-label": label }, ...options.map(([value, text]) => h("option", { value }, text)));
}

/** The words and choices that make a query. */
class Filters {
  constructor(scope) {
    this.scope = scope;
    const set = (name, value) => scope.find({ [name]: value });
    this.words = h("input", { type: "search", class: "mj-h-input mj-h-words", placeholder: "Search prompts, notes and tags", "aria-label": "Search" });
    this.words.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => set("words", this.words.value), PAUSE_IN_TYPING);
    });
    this.motion = choice("Motion", [["", "Any motion"], ["low", "Low motion"], ["high", "High motion"]]);
    this.type = choice("Video type", [["", "Any type"], ["480p", "480p"], ["720p", "720p"]]);
    this.rating = choice("Stars", [["", "Any rating"], ...STARS.map((star) => [String(star), star === 5 ? "★ 5" : `★ ${star} or more`])]);
    this.tag = choice("Tag", [["", "Any tag"]]);
    this.since = h("input", { type: "date", class: "mj-h-input" });
    this.until = h("input", { type: "date", class: "mj-h-input" });
    for (const name of ["motion", "type", "tag", "since", "until"]) {
      this[name].addEventListener("change", () => set(name, this[name].value));
    }
    this.whose = choice("Whose", [["", "Mine"], ["everybody", "Everybody’s"]]);
    this.whose.addEventListener("change", () => set("everybody", this.whose.value === "everybody"));
    this.rating.addEventListener("change", () => set("rating", this.rating.value ? Number(this.rating.value) : null));
    this.more = h("button", { type: "button", class: "mj-h-act mj-h-main", onclick: () => scope.set({ filtering: !scope.filtering }) });
    this.bin = h("button", { type: "button", class: "mj-h-act mj-h-main", onclick: () => scope.find({ trashed: !scope.query.trashed }) });
    this.fresh = h("button", { type: "button", class: "mj-h-act mj-h-main", onclick: () => scope.refresh() }, "Refresh");
    this.clear = h("button", { type: "button", class: "mj-h-act mj-h-main", onclick: () => scope.clear() }, "Clear");
    this.choices = h(
      "div",
      { class: "mj-h-filters", role: "group", "aria-label": "Filters" },
      this.motion,
      this.type,
      this.rating,
      this.tag,
      h("label", {}, "From", this.since),
      h("label", {}, "to", this.until),
      this.clear,
    );
    this.root = h("div", { class: "mj-h-find" }, h("div", { class: "mj-h-line" }, h("span", { class: "mj-h-where" }, this.words, this.whose), this.more, this.bin, this.fresh), this.choices);
  }

  update() {
    const { query, page, filtering, looking } = this.scope;
    const tags = [...new Set([...(page.tags ?? []), ...(query.tag ? [query.tag] : [])])];
    if (this.tag.dataset.shows !== tags.join("\n")) {
      this.tag.dataset.shows = tags.join("\n");
      this.tag.replaceChildren(h("option", { value: "" }, "Any tag"), ...tags.map((tag) => h("option", { value: tag }, tag)));
    }
    if (document.activeElement !== this.words) this.words.value = query.words;
    for (const name of ["motion", "type", "tag", "since", "until"]) this[name].value = query[name];
    this.whose.hidden = !page.shared;
    this.whose.value = query.everybody ? "everybody" : "";
    this.rating.value = query.rating === null ? "" : String(query.rating);
    const count = ["motion", "type", "rating", "tag", "since", "until"].filter((name) => query[name]).length;
    setText(this.more, count ? `Filters (${count})` : "Filters");
    setAttribute(this.more, "aria-expanded", filtering);
    this.choices.hidden = !filtering;
    this.clear.hidden = count === 0;
    setText(this.bin, page.trash ? `Trash (${page.trash})` : "Trash");
    setAttribute(this.bin, "aria-pressed", query.trashed);
    this.fresh.disabled = looking;
  }
}

/** What was spent, and day by day on demand. */
class Money {
  constructor(scope) {
    this.scope = scope;
    this.words = h("span");
    this.more = h("button", { type: "button", class: "mj-h-act mj-h-main", onclick: () => scope.showDays() }, "By day");
    this.days = h("div", { class: "mj-h-days" });
    this.root = h("div", { class: "mj-h-money" }, h("div", { class: "mj-h-line" }, this.words, this.more), this.days);
  }

  update() {
    const { money, sandbox } = this.scope.page;
    this.root.hidden = !money || (sandbox && !money.days); // what is free needs no sum
    if (this.root.hidden) return;
    const { days } = this.scope;
    const shows = JSON.stringify([money, days]);
    if (this.shows === shows) return;
    this.shows = shows;
    const rest = [`${money.today} today`, ...money.parts];
    const left = money.left ? [h("b", {}, money.left), " of the budget left · "] : [];
    this.words.replaceChildren(...left, h("b", {}, money.total), ` spent in all · ${rest.join(" · ")}`);
    this.more.hidden = !money.days;
    setAttribute(this.more, "aria-expanded", Boolean(days));
    this.days.hidden = !days;
    if (!days) return;
    const line = ([day, total, parts]) => h("tr", {}, h("th", { scope: "row" }, day), h("td", {}, total), h("td", {}, parts));
    this.days.replaceChildren(h("table", { "aria-label": "Spent by day" }, h("tbody", {}, ...days.map(line))));
  }
}

/** Which page is shown, and the way to the others. */
class Pager {
  constructor(scope) {
    this.scope = scope;
    const go = (by) => scope.turn(this.number + by);
    this.back = h("button", { type: "button", class: "mj-h-act mj-h-main", "aria-label": "Previous page", onclick: () => go(-1) }, "‹ Previous");
    this.on = h("button", { type: "button", class: "mj-h-act mj-h-main", "aria-label": "Next page", onclick: () => go(1) }, "Next ›");
    this.field = h("input", { type: "number", class: "mj-h-input mj-h-page", min: "1", "aria-label": "Page" });
    this.field.addEventListener("change", () => scope.turn(Number(this.field.value)));
    this.pages = h("span");
    this.range = h("span", { class: "mj-h-range" });
    this.root = h(
      "nav",
      { class: "mj-h-pager", "aria-label": "Pages" },
      this.range,
      h("span", { class: "mj-h-turn" }, this.back, h("span", {}, "Page ", this.field, " ", this.pages), this.on),
    );
  }

  get number() {
    return Math.floor(this.scope.page.offset / this.scope.page.size) + 1;
  }

  get last() {
    return Math.max(1, Math.ceil(this.scope.page.total / this.scope.page.size));
  }

  update() {
    const { total, offset, rows } = this.scope.page;
    const count = (number) => number.toLocaleString("en");
    this.root.hidden = total === 0;
    setText(this.range, rows.length ? `${count(offset + 1)}–${count(offset + rows.length)} of ${count(total)}` : "");
    this.root.lastChild.hidden = this.last === 1;
    this.back.disabled = this.number <= 1;
    this.on.disabled = this.number >= this.last;
    setAttribute(this.field, "max", this.last);
    if (document.activeElement !== this.field) this.field.value = this.number;
    setText(this.pages, `of ${count(this.last)}`);
  }
}

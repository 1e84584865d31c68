// What belongs to a sweep's model and not to one view of it: the clips' bytes, what is chosen to be seen, and the presses
// that the kernel has not answered yet.

const NO_KERNEL = "There is no kernel behind this sweep any more: run the cell again.";
const DOUBLE_CLICK = 1000; // ms: the second half of a double click must not buy a second video, nor stop the first

class Scope extends ModelScope {
  sources = new Map(); // "job/index" -> Source
  posters = new Map(); // path -> URL, or null where there is none
  pressed = new Map(); // "action number" -> {slow}
  notice = ""; // what went wrong with the last press
  shows = "best"; // which clip of each cell: "best", "all", or an index as text

  constructor(model) {
    super(model);
    this.plan = model.get("plan");
    model.on("change:page change:cells", () => this.receive());
    this.receive();
  }

  receive() {
    this.page = this.model.get("page");
    this.cells = this.model.get("cells");
    this.changed();
  }

  /** The indexes of the clips that there are in any cell. */
  get indexes() {
    return [...new Set(this.cells.flatMap(({ clips }) => clips.map(({ index }) => index)))].sort((a, b) => a - b);
  }

  /** The clips of a cell that are to be seen. */
  chosen(cell) {
    const { clips } = cell;
    if (this.shows === "all" || clips.length < 2) return clips;
    if (this.shows !== "best") return clips.filter(({ index }) => String(index) === this.shows);
    return [clips.reduce((a, b) => ((b.rating ?? 0) > (a.rating ?? 0) ? b : a))];
  }

  choose(shows) {
    this.set({ shows });
    if (shows === "best") this.act("refresh"); // stars may have been given meanwhile, on a card or in the history
  }

  source(cell, clip) {
    const key = `${cell.job}/${clip.index}`;
    if (!this.sources.has(key)) {
      const scope = this;
      const owner = {
        model: this.model,
        get gone() {
          return scope.gone;
        },
        changed: () => this.changed(),
        askBytes: (index) => this.invoke("clip", { number: cell.number, index }),
      };
      this.sources.set(key, new Source(owner, clip));
    }
    const source = this.sources.get(key);
    source.update(clip);
    return source;
  }

  /** The URL of a still; null while it is not known, and where there is none. */
  poster(path) {
    if (!path) return null;
    if (!this.posters.has(path)) {
      this.posters.set(path, null);
      fileUrl(this.model, path).then(
        (url) => {
          this.posters.set(path, url);
          this.changed();
        },
        () => {}, // no server for files: the clip itself will do
      );
    }
    return this.posters.get(path);
  }

  isPressed(action, number = "") {
    return this.pressed.has(`${action} ${number}`);
  }

  get slow() {
    return [...this.pressed.values()].some(({ slow }) => slow);
  }

  /** Asks the kernel once. It may cost money: never repeated, and never given up either, because a busy kernel may act on
   *  it much later. */
  async act(action, number = "", { settle = 0, ...more } = {}) {
    const key = `${action} ${number}`;
    if (this.pressed.has(key)) return false;
    const press = { slow: false };
    this.pressed.set(key, press);
    this.set({ notice: "" });
    const settled = new Promise((resolve) => setTimeout(resolve, settle));
    const slow = setTimeout(() => {
      press.slow = true;
      this.changed();
    }, SLOW_KERNEL);
    let done = false;
    try {
      const [answer] = await this.invoke("act", { action, ...(number === "" ? {} : { number }), ...more });
      done = answer.ok;
      if (!done) this.notice = answer.message;
    } catch {
      // Only a message that could not leave the browser ends here: nothing was asked for.
      if (this.gone) return false;
      this.notice = NO_KERNEL;
    }
    clearTimeout(slow);
    press.slow = false;
    this.changed();
    settled.then(() => {
      this.pressed.delete(key);
      this.changed();
    });
    return done;
  }

  /** The button of the sweep. What it says next stands in the same place: a double click must not press that. */
  go(action) {
    if (!this.isPressed("run") && !this.isPressed("stop")) this.act(action, "", { settle: DOUBLE_CLICK });
  }

  rate(cell, { index }, stars) {
    return this.act("rate", cell.number, { index, stars });
  }

  async open(cell) {
    const opens = !cell.shown;
    if ((await this.act(opens ? "open" : "close", cell.number)) && opens) for (const view of this.views) view.showCard();
  }

  dispose() {
    super.dispose();
    for (const source of this.sources.values()) source.revoke();
  }
}

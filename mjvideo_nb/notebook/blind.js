// A blind ranking: two clips in step without a word of which they are, and the ranking once it is asked for. The last of
// the files that are joined into one module (see `blind.py`).
//
// The page knows clips only by random names, and has their bytes from the kernel. They live as blobs in the model's scope,
// so that a clip that comes again, or a cell that is moved, fetches nothing.

const CHOICES = [
  { action: "left", label: "Left is better", key: "ArrowLeft", arrow: "M13.5 8h-11M6.5 4l-4 4 4 4" },
  { action: "equal", label: "Equal", key: "ArrowDown", arrow: "M8 2.5v11M4 9.5l4 4 4-4" },
  { action: "right", label: "Right is better", key: "ArrowRight", arrow: "M2.5 8h11M9.5 4l4 4-4 4" },
];

class Judging extends ModelScope {
  sources = new Map(); // random name -> Source
  press = null; // what the kernel has not answered yet: {action, slow}
  notice = ""; // what went wrong with the last press

  constructor(model) {
    super(model);
    this.page = model.get("page");
    model.on("change:page", () => {
      this.page = model.get("page");
      this.changed();
    });
  }

  source(name) {
    if (!this.sources.has(name)) this.sources.set(name, new Source(this, { index: name, path: null, url: null }));
    return this.sources.get(name);
  }

  /** Fetches the clips of other pairs, one after the other, once those of this one are here. */
  loadAhead() {
    const all = [...this.page.pair, ...this.page.ahead].map((name) => this.source(name));
    if (all.some(({ state }) => ["loading", "waiting"].includes(state))) return;
    all.find(({ state }) => state === "new")?.load();
  }

  /** Asks the kernel once, and waits for as long as it takes: a busy kernel does it later. */
  async act(action) {
    if (this.press) return;
    const press = { action, slow: false };
    this.press = press;
    this.notice = "";
    this.changed();
    const slow = setTimeout(() => {
      press.slow = true;
      this.changed();
    }, SLOW_KERNEL);
    try {
      const [answer] = await this.invoke("act", { action, round: this.page.round });
      if (!answer.ok) this.notice = answer.message;
    } catch {
      if (this.gone) return;
      this.notice = "There is no kernel behind this any more: run the cell again.";
    }
    clearTimeout(slow);
    this.press = null;
    this.changed();
  }

  dispose() {
    super.dispose();
    for (const source of this.sources.values()) source.revoke();
  }
}

class BlindView {
  seen = false; // clips are loaded when they are first looked at
  pair = null;
  aspect = null;

  constructor(scope, el) {
    this.scope = scope;
    this.build();
    el.append(this.root);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.sight = new IntersectionObserver(([entry]) => {
      this.inSight = entry.isIntersecting;
      this.seen ||= entry.isIntersecting;
      this.pair?.player.set({ inSight: this.inSight });
      this.update();
    });
    this.sight.observe(this.root);
    scope.views.add(this);
    this.update();
  }

  build() {
    const button = (label, onclick, name = "") => h("button", { type: "button", class: `mj-r-button ${name}`, onclick }, label);
    this.title = h("span", { class: "mj-title" });
    this.chips = h("span", { class: "mj-chip" });
    this.words = h("span");
    this.share = h("i");
    this.progress = h("div", { class: "mj-progress", "aria-hidden": "true" }, this.share);
    this.stage = h("div");
    this.choices = CHOICES.map(({ action, label, arrow }) =>
      h(
        "button",
        { type: "button", class: `mj-r-choice mj-r-${action}`, onclick: () => this.judge(action) },
        h("span", {}, label),
        icon(arrow),
      ),
    );
    this.judging = h("div", {}, this.stage, h("div", { class: "mj-r-choices", role: "group", "aria-label": "Which is better" }, ...this.choices));
    this.nothing = h("div", { class: "mj-r-nothing" });
    this.result = h("div", { class: "mj-r-result", tabIndex: -1 });
    this.notice = h("div", { class: "mj-r-notice", role: "status" });
    this.undo = button("Undo", () => this.takeBack());
    this.undo.title = "Take back the last judgement (Backspace)";
    this.keys = h("span", { class: "mj-r-keys" }, "Keys: ← ↓ → judge, Backspace undoes, Space plays");
    this.show = button("Show the ranking", () => this.turn("show"));
    this.goOn = button("Go on judging", () => this.turn("go on"));
    this.root = h(
      "div",
      { class: "mj mj-card mj-blind", role: "group", tabIndex: -1, "aria-label": "Blind ranking" },
      h("div", { class: "mj-head" }, this.title, h("span", { class: "mj-chips" }, this.chips)),
      h("div", { class: "mj-line", role: "status" }, this.words),
      this.progress,
      this.nothing,
      this.judging,
      this.result,
      this.notice,
      h("div", { class: "mj-r-foot" }, this.undo, this.keys, this.show, this.goOn),
    );
  }

  judge(action) {
    if (this.scope.page.revealed || !this.pair?.canBeJudged) return;
    this.scope.act(action);
  }

  takeBack() {
    if (this.scope.page.judged) this.scope.act("undo");
  }

  /** Between judging and the ranking; the focus goes along. */
  async turn(action) {
    await this.scope.act(action);
    const { revealed } = this.scope.page;
    if (revealed === (action === "show")) (revealed ? this.result : this.root).focus({ preventScroll: true });
  }

  /** The keys of the ranking. None that means something at one of its controls reaches the notebook. */
  key(event) {
    if (!isOurs(event)) return;
    const control = event.target.closest("button, input");
    const slides = control?.matches("input") && event.key.startsWith("Arrow");
    const presses = event.key === " " && control?.matches("button");
    const choice = CHOICES.find(({ key }) => key === event.key);
    const player = this.pair?.player;
    const act = {
      [choice?.key]: () => event.repeat || this.judge(choice.action),
      Backspace: () => event.repeat || this.takeBack(),
      " ": () => player?.toggle(),
      k: () => player?.toggle(),
      ",": () => player?.step(-1),
      ".": () => player?.step(1),
    }[event.key];
    const ours = act && !this.scope.page.revealed && !slides && !presses;
    if (ours) {
      event.preventDefault();
      act();
    }
    if (ours || control) event.stopPropagation();
  }

  opened(video) {
    this.aspect ??= video.videoWidth / video.videoHeight;
    this.scope.changed();
  }

  update() {
    const { page, press, notice } = this.scope;
    setText(this.title, page.title || "Which one is better?");
    setText(this.chips, `${page.count} clips, blind`);
    this.chips.hidden = page.revealed;
    setText(this.words, page.words);
    this.share.style.width = `${page.share ?? 0}%`;
    setAttribute(this.root, "data-settled", page.settled);
    this.updatePair();
    this.updateResult();
    const judges = !page.revealed && page.pair.length === 2;
    this.judging.hidden = !judges;
    this.progress.hidden = this.keys.hidden = page.revealed;
    this.nothing.hidden = page.revealed || judges;
    setText(this.nothing, "Fewer than two of these clips can still be read, so there is nothing to judge. Run the cell again when their files are back.");
    // Not `disabled`, which would take the focus away and send the next key to the notebook.
    for (const [i, { action }] of CHOICES.entries()) {
      setAttribute(this.choices[i], "aria-disabled", press || !this.pair?.canBeJudged ? "true" : null);
      setAttribute(this.choices[i], "aria-busy", press?.action === action ? "true" : null);
    }
    this.undo.hidden = page.revealed;
    setAttribute(this.undo, "aria-disabled", page.judged === 0 ? "true" : null);
    this.show.hidden = page.revealed || page.judged === 0;
    this.show.classList.toggle("mj-r-main", page.settled);
    this.goOn.hidden = !page.revealed;
    const left = page.left_out && !page.revealed ? `${page.left_out} of the clips cannot be read and ${page.left_out === 1 ? "is" : "are"} left out.` : "";
    setText(this.notice, notice || (press?.slow ? KERNEL_AWAY : left));
    this.notice.classList.toggle("mj-bad", Boolean(notice));
    if (this.seen && judges) this.scope.loadAhead();
  }

  /** Another pair when it is another round. Whoever has the focus in here keeps it. */
  updatePair() {
    const { page } = this.scope;
    const wanted = page.revealed || page.pair.length < 2 ? null : page.round;
    if (wanted !== this.round) {
      const focused = this.root.contains(document.activeElement);
      const before = this.pair?.player;
      this.round = wanted;
      this.pair = wanted && new Pair(this, before ?? this.last);
      if (this.pair) this.last = this.pair.player;
      this.stage.replaceChildren(...(this.pair ? [this.pair.grid, this.pair.bar] : []));
      this.pair?.player.set({ inSight: Boolean(this.inSight) });
      before?.dispose();
      if (focused && !this.root.contains(document.activeElement)) this.root.focus({ preventScroll: true });
    }
    this.stage.style.setProperty("--aspect", this.aspect ?? 16 / 9);
    this.pair?.update();
  }

  updateResult() {
    const { revealed, rows, notes, title } = this.scope.page;
    this.result.hidden = !revealed;
    const shows = revealed ? JSON.stringify([rows, notes]) : "";
    if (this.shows === shows) return;
    this.shows = shows;
    this.result.replaceChildren(...(revealed ? [forest(rows, title), ...notes.map((note) => h("p", {}, note))] : []));
  }

  dispose() {
    this.scope.views.delete(this);
    this.sight.disconnect();
    this.pair?.player.dispose();
  }
}

export default widgetOf(Judging, BlindView);

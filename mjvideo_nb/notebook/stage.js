// A job's card: its status, and under it its clips, played in step. The last of the files that are joined
// into one module (see `stage.py`).
//
// The kernel replaces the whole `card` at once. The page is built once and changed only where it differs from the card,
// so that a tick of the progress never touches a video. What must outlive a view (a cell that is moved, a second view)
// lives in the model's scope: the clips' bytes, and the presses that the kernel has not answered yet.
//
// Everything in a card comes from outside (prompts, file names, reasons): it is put in as text, never as markup.

const SANDBOX = " · clips are rendered on this machine, not by Midjourney. Set COMETAPI_KEY to use the service.";

class View {
  tiles = new Map();
  seen = false; // clips are loaded when their card is first looked at: a long history is not loaded at once

  constructor(scope, el) {
    this.scope = scope;
    this.player = new Player(() => this.updateBar());
    this.build();
    el.append(this.root);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.sight = new IntersectionObserver(([entry]) => {
      if (entry.isIntersecting && !this.seen) {
        this.seen = true;
        this.update();
      }
      this.player.set({ inSight: entry.isIntersecting });
    });
    this.sight.observe(this.root);
    this.clock = setInterval(() => this.updateStatus(), 1000);
    scope.views.add(this);
    this.update();
  }

  build() {
    this.strip = h("div", { class: "mj-strip" }, h("b", {}, "Sandbox"), SANDBOX);
    this.title = h("span", { class: "mj-title", dir: "auto" });
    this.chips = h("span", { class: "mj-chips" });
    this.status = h("b");
    this.times = h("span");
    this.progress = h("div", { class: "mj-progress", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, h("i"));
    this.errorTitle = h("b");
    this.errorText = h("span");
    this.hint = h("span");
    this.error = h("div", { class: "mj-error-box" }, this.errorTitle, " ", this.errorText, " ", this.hint);
    this.choices = h("div", { class: "mj-choices", role: "group", "aria-label": "What to do" });
    this.chain = h("ol", { class: "mj-chain", "aria-label": "How this clip came about" });
    this.from = h("span");
    this.line = h("div", { class: "mj-line mj-status" }, this.from, this.status, this.times);
    this.origin = h("span");
    this.count = h("b");
    this.rest = h("span");
    this.crumb = h("div", { class: "mj-line mj-crumb" }, this.origin, this.count, this.rest);
    this.grid = h("div", { class: "mj-grid" });
    this.notices = h("div", { class: "mj-notices", role: "status" });
    this.note = h("div", { class: "mj-note" });
    this.modes = new Modes(this.grid);
    this.bar = new Bar(this.player, this.modes);
    this.aloud = h("span", { class: "mj-aloud", role: "status" });
    this.root = h(
      "div",
      { class: "mj mj-card", role: "group", tabIndex: -1 },
      this.strip,
      h("div", { class: "mj-head" }, h("span", { class: "mj-dot", "aria-hidden": "true" }), this.title, this.chips),
      this.line,
      this.progress,
      this.crumb,
      this.chain,
      this.error,
      this.choices,
      this.grid,
      this.notices,
      this.note,
      this.bar.root,
      this.aloud,
    );
  }

  /** The keys of the stage. None that means something here reaches the notebook, and no letter beside one that does:
   *  there, "x" cuts the cell. */
  key(event) {
    if (!isOurs(event)) return;
    const clips = this.tiles.size > 0;
    const acted = (clips && this.bar.key(event)) || event.defaultPrevented;
    const near = clips && event.key.length === 1;
    // A control that its key has hidden gives the focus away, and the next key would go to the notebook.
    if (acted && !document.activeElement?.checkVisibility()) this.root.focus({ preventScroll: true });
    if (acted || near || event.target.closest("button, a, select, input, textarea")) event.stopPropagation();
  }

  get expected() {
    return [...this.tiles.values()].filter((tile) => tile.expected).length;
  }

  opened(video) {
    this.scope.aspect ??= video.videoWidth / video.videoHeight;
    this.scope.changed();
  }

  update() {
    const { card } = this.scope;
    setAttribute(this.root, "data-state", card.state);
    setAttribute(this.root, "aria-label", `Video: ${card.title || "no prompt"}`);
    this.strip.hidden = !card.sandbox;
    setText(this.title, card.title || "no prompt");
    setAttribute(this.title, "title", card.title || null);
    this.title.classList.toggle("mj-none", !card.title);
    this.updateClips();
    this.updateStatus();
    this.updateBar();
    this.updateChain();
    this.updateError();
    this.updateChoices();
    setText(this.note, card.note);
    this.note.hidden = !card.note;
    setText(this.aloud, this.spoken());
  }

  spoken() {
    const { state, headline, error, clips } = this.scope.card;
    if (state === "done" && clips.length) return `Done: ${clips.length} ${clips.length === 1 ? "clip" : "clips"}`;
    return error ? `${error.title}: ${error.text}` : headline;
  }

  updateClips() {
    const { card, aspect } = this.scope;
    for (const [index, tile] of this.tiles) {
      if (card.clips.some((clip) => clip.index === index)) continue;
      tile.dispose();
      tile.root.remove();
      this.tiles.delete(index);
    }
    for (const clip of card.clips) {
      if (!this.tiles.has(clip.index)) {
        this.tiles.set(clip.index, new Tile(this, clip.index));
        this.modes.stack.before(this.tiles.get(clip.index).root);
      }
      this.tiles.get(clip.index).update(clip, card);
    }
    this.modes.update(
      card.clips.map(({ index, label }) => {
        const { root, video } = this.tiles.get(index);
        return { id: index, root, video, label: label || `[${index}]`, title: label || null };
      }),
    );
    this.grid.hidden = this.bar.root.hidden = this.tiles.size === 0;
    this.grid.style.setProperty("--clips", Math.min(4, this.tiles.size));
    this.grid.style.setProperty("--aspect", aspect ?? card.aspect ?? 16 / 9);
    this.player.settle(this.expected);
  }

  updateStatus() {
    const { card, elapsed, toGo } = this.scope;
    const runs = ["waiting", "running"].includes(card.state);
    this.line.hidden = this.progress.hidden = !runs;
    this.crumb.hidden = runs || (card.state !== "done" && !card.task_id);
    if (runs) {
      const known = typeof card.progress === "number";
      setText(this.from, card.origin ? `${card.origin} › ` : "");
      setText(this.status, known ? `${card.headline} · ${card.progress} %` : card.headline);
      setText(this.times, toGo ? `${duration(elapsed)}, ${toGo}` : duration(elapsed));
      setAttribute(this.progress, "aria-valuenow", known ? card.progress : null);
      setAttribute(this.progress, "aria-label", card.headline);
      this.progress.firstChild.style.width = known ? `${card.progress}%` : "";
      return;
    }
    const count = card.clips.length;
    const parts = [card.state === "done" && card.elapsed ? duration(card.elapsed) : "", card.task_id ? `task ${card.task_id}` : ""];
    setText(this.origin, card.origin);
    setText(this.count, count ? `${card.origin ? " › " : ""}${count} ${count === 1 ? "clip" : "clips"}` : "");
    setText(this.rest, parts.filter((part) => part).map((part) => ` · ${part}`).join(""));
  }

  /** The parts of a clip that was extended, once they change: they are read, not watched. */
  updateChain() {
    const chain = this.scope.card.chain ?? [];
    this.chain.hidden = chain.length === 0;
    const shows = JSON.stringify(chain);
    if (this.chain.dataset.shows === shows) return;
    this.chain.dataset.shows = shows;
    this.chain.replaceChildren(
      ...chain.map(({ seconds, words, prompt }) =>
        h("li", {}, h("b", {}, seconds), h("span", { class: "mj-how" }, words), h("span", { title: prompt }, prompt || "no prompt")),
      ),
    );
  }

  /** What can be done about a failure. The answer of the kernel is another card. */
  updateChoices() {
    const choices = this.scope.card.choices ?? [];
    this.choices.hidden = choices.length === 0;
    const press = this.scope.pressed.get(CHOICE);
    const shows = JSON.stringify([choices, press ?? null]);
    if (this.choices.dataset.shows !== shows) {
      this.choices.dataset.shows = shows;
      this.choices.replaceChildren(
        ...choices.map(({ action, label, title }) =>
          h("button", { type: "button", title, disabled: press !== undefined, onclick: () => this.scope.choose(action) }, label),
        ),
      );
    }
  }

  updateError() {
    const { error } = this.scope.card;
    this.error.hidden = !error;
    setText(this.errorTitle, error ? `${error.title}:` : "");
    setText(this.errorText, error?.text ?? "");
    setText(this.hint, error?.hint ?? "");

    const { pressed, notices, card } = this.scope;
    const about = (key, name) => {
      if (pressed.get(key)?.slow) return [{ text: `${name}${KERNEL_AWAY}`, bad: false }];
      const notice = notices.get(key);
      return notice ? [{ text: `${name}${notice.text}`, bad: notice.bad }] : [];
    };
    const lines = [...card.clips.flatMap(({ index }) => about(index, `[${index}] `)), ...about(CHOICE, "")];
    const said = lines.map((line) => line.text).join("\n");
    if (this.said !== said) {
      this.notices.replaceChildren(...lines.map(({ text, bad }) => h("div", { class: bad ? "mj-bad" : "mj-wait" }, text)));
    }
    this.said = said;
  }

  updateBar() {
    this.bar.update();
    const length = this.player.duration;
    const chips = [...this.scope.card.chips, ...(length ? [`${length.toFixed(1)} s`] : [])];
    if (this.chips.dataset.shows !== chips.join("\n")) {
      this.chips.dataset.shows = chips.join("\n");
      this.chips.replaceChildren(...chips.map((chip) => h("span", { class: "mj-chip" }, chip)));
    }
  }

  dispose() {
    this.scope.views.delete(this);
    clearInterval(this.clock);
    this.sight.disconnect();
    this.modes.dispose();
    for (const tile of this.tiles.values()) tile.dispose();
    this.player.dispose();
  }
}

export default widgetOf(Scope, View);

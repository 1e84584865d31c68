// The bar under clips that play in step, and the keys that do the same.

const SPEEDS = [0.25, 0.5, 1, 1.5, 2];

/** Play, seek, speed, frame by frame and loop for one `Player`. Its owner calls `update` whenever the player changes. */
class Bar {
  constructor(player) {
    this.player = player;
    const button = (name, label, onclick, ...more) =>
      h("button", { type: "button", class: `mj-icon ${name}`, "aria-label": label, title: label, onclick }, ...more);
    this.play = button("mj-play", "Play", () => player.toggle(), icon(ICONS.play));
    this.seek = h("input", { type: "range", class: "mj-seek", min: "0", max: "1", step: "any", value: "0", "aria-label": "Seek" });
    this.time = h("span", { class: "mj-time" });
    this.speed = h(
      "select",
      { class: "mj-speed", "aria-label": "Speed", title: "Speed" },
      ...SPEEDS.map((speed) => h("option", { value: String(speed), selected: speed === 1 }, `${speed}×`)),
    );
    this.looping = button("mj-loop", "Loop", () => player.set({ loop: !player.loop }), icon(ICONS.loop));
    this.seek.addEventListener("pointerdown", () => player.set({ held: true }));
    for (const name of ["pointerup", "pointercancel"]) this.seek.addEventListener(name, () => player.set({ held: false }));
    this.seek.addEventListener("input", () => player.seek(Number(this.seek.value)));
    this.speed.addEventListener("change", () => player.set({ speed: Number(this.speed.value) }));
    this.root = h(
      "div",
      { class: "mj-bar", role: "group", "aria-label": "Playback" },
      this.play,
      this.seek,
      this.time,
      h(
        "span",
        { class: "mj-tools" },
        this.speed,
        h(
          "span",
          { class: "mj-frames" },
          button("mj-back", "One frame back", () => player.step(-1), icon(ICONS.back)),
          h("span", { "aria-hidden": "true" }, "frame"),
          button("mj-forward", "One frame forward", () => player.step(1), icon(ICONS.forward)),
        ),
        this.looping,
      ),
    );
  }

  update() {
    const { player } = this;
    const shown = player.wanted ? "pause" : "play";
    if (this.play.dataset.shows !== shown) {
      this.play.dataset.shows = shown;
      this.play.replaceChildren(icon(ICONS[shown]));
      this.play.title = shown === "play" ? "Play" : "Pause";
      this.play.setAttribute("aria-label", this.play.title);
    }
    setAttribute(this.looping, "aria-pressed", player.loop);
    const { duration: length, time } = player;
    setAttribute(this.seek, "max", length || 1);
    this.seek.value = time;
    this.seek.style.setProperty("--done", length ? `${(time / length) * 100}%` : "0%");
    const label = `${time.toFixed(1)} / ${length.toFixed(1)} s`;
    setText(this.time, label);
    setAttribute(this.seek, "aria-valuetext", label);
  }

  /** Does what a key means for the clips, and says whether it did: what a control does by itself with a key comes first. */
  key(event) {
    const control = event.target.closest?.("button, a, select, input");
    const act = {
      k: () => this.player.toggle(),
      " ": () => this.player.toggle(),
      ArrowLeft: () => this.player.step(-1),
      ArrowRight: () => this.player.step(1),
    }[event.key];
    const native = control?.matches("select") || (event.key === " " && control?.matches("button, a"));
    if (!act || native) return false;
    event.preventDefault();
    act();
    return true;
  }
}

// Two clips of a blind ranking, played in step, with a bar of their own.

const SIDES = ["left", "right"];
const LOOKED = 500; // ms that a pair stands there before it can be judged: the second half of a double press is not meant for it

/** The two clips of one round, and the bar under them. */
class Pair {
  ready = false;

  constructor(view, before) {
    this.view = view;
    this.began = performance.now();
    this.player = new Player(() => this.updateBar());
    // What was chosen for the pair before holds for this one.
    if (before) Object.assign(this.player, { wanted: before.wanted, speed: before.speed, inSight: before.inSight });
    this.screens = view.scope.page.pair.map((name, side) => this.screen(name, SIDES[side]));
    this.play = h("button", { type: "button", class: "mj-icon mj-play", onclick: () => this.player.toggle() });
    this.seek = h("input", { type: "range", class: "mj-r-seek", min: "0", max: "1", step: "any", value: "0", "aria-label": "Seek" });
    this.seek.addEventListener("pointerdown", () => this.player.set({ held: true }));
    for (const name of ["pointerup", "pointercancel"]) this.seek.addEventListener(name, () => this.player.set({ held: false }));
    this.seek.addEventListener("input", () => this.player.seek(Number(this.seek.value)));
    this.time = h("span", { class: "mj-time" });
    this.grid = h("div", { class: "mj-r-pair" }, ...this.screens.map(({ root }) => root));
    this.bar = h("div", { class: "mj-bar", role: "group", "aria-label": "Playback" }, this.play, this.seek, this.time);
  }

  screen(name, side) {
    const source = this.view.scope.source(name);
    const video = h("video", { muted: true, playsInline: true, preload: "auto", "aria-label": `The clip on the ${side}` });
    video.disablePictureInPicture = true;
    const why = h("span");
    const again = h("button", { type: "button", class: "mj-link", onclick: () => source.load(true) }, "Try again");
    const missing = h("div", { class: "mj-missing", hidden: true }, why, again);
    video.addEventListener("loadedmetadata", () => this.view.opened(video));
    video.addEventListener("canplay", () => {
      this.player.join(video, this.screens.filter((one) => one.video !== video && one.video.readyState < 3).length);
      this.view.scope.changed();
    });
    video.addEventListener("error", () => {
      if (video.getAttribute("src")) this.player.leave(video);
      this.view.scope.changed();
    });
    const root = h("div", { class: "mj-screen", "data-side": side }, video, missing);
    return { root, source, video, why, again, missing };
  }

  update() {
    for (const { source, video, why, again, missing } of this.screens) {
      if (this.view.seen) source.load();
      if (source.href && !video.getAttribute("src")) video.src = source.href;
      const waits = source.state === "waiting" ? KERNEL_AWAY : "";
      const broken = video.error ? "This browser cannot play the clip." : "";
      const text = source.state === "missing" ? `This clip cannot be shown. ${source.reason}` : waits || broken;
      setText(why, text);
      missing.hidden = !text;
      again.hidden = source.state !== "missing";
    }
    if (!this.ready && this.screens.every(({ video }) => video.readyState >= 2 || video.error)) {
      this.ready = true;
      setTimeout(() => this.view.scope.changed(), LOOKED);
    }
    this.updateBar();
  }

  /** Whether both were there to be looked at. */
  get canBeJudged() {
    return this.ready && performance.now() - this.began >= LOOKED;
  }

  updateBar() {
    if (!this.bar) return; // the player speaks while this is being made
    const { player } = this;
    showWanted(this.play, player);
    const { duration: length, time } = player;
    setAttribute(this.seek, "max", length || 1);
    this.seek.value = time;
    this.seek.style.setProperty("--mj-r-done", length ? `${(time / length) * 100}%` : "0%");
    setText(this.time, `${time.toFixed(1)} / ${length.toFixed(1)} s`);
    setAttribute(this.seek, "aria-valuetext", this.time.textContent);
  }
}

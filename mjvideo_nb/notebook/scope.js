// What belongs to a card's model and not to one view of it: the clips' bytes, the presses that the kernel has not answered
// yet, and the clock of the job. A cell that is moved, or a second view, finds it all here.

const CHOICE = "choice"; // stands for the buttons of a failure where a clip's index stands for those of a clip
const NO_KERNEL = "There is no kernel behind this card any more: run the cell again.";
const DOUBLE_CLICK = 1000; // ms: the second half of a double click must not buy a second video

/** "38 s", "1 min 4 s", "1 h 5 min". */
function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

class Scope extends ModelScope {
  sources = new Map(); // "task/index" -> Source
  rated = new Map(); // clip index -> stars that the kernel has not kept yet: {stars}
  pressed = new Map(); // clip index or CHOICE -> a press that is not answered yet: {motion, slow}
  notices = new Map(); // the same -> {text, bad}
  aspect = null; // of the first clip that was opened; kept, so that the grid never jumps
  endsAt = null; // the elapsed seconds at which the job is expected to end

  constructor(model) {
    super(model);
    this.receive();
    model.on("change:card", () => this.receive());
  }

  receive() {
    this.card = this.model.get("card");
    this.receivedAt = performance.now();
    this.estimate();
    this.changed();
  }

  /** Seconds since the job began: the kernel's figure, ticked on while the job runs. */
  get elapsed() {
    const runs = ["waiting", "running"].includes(this.card.state);
    return this.card.elapsed + (runs ? (performance.now() - this.receivedAt) / 1000 : 0);
  }

  /** Moves the expected end a third of the way to what the newest progress says, so that it does not jump about. */
  estimate() {
    const { state, progress, elapsed } = this.card;
    if (state !== "running" || !(progress >= 10)) {
      this.endsAt = null;
    } else if (this.endsAt === null || progress !== this.progress) {
      const endsAt = (elapsed * 100) / progress;
      this.endsAt = this.endsAt === null ? endsAt : this.endsAt + (endsAt - this.endsAt) / 3;
    }
    this.progress = progress;
  }

  /** "about 25 s to go", or "" when nothing can be said. */
  get toGo() {
    if (this.endsAt === null) return "";
    const left = this.endsAt - this.elapsed;
    if (left < -10) return "";
    if (left < 8) return "a few seconds to go";
    const step = left < 60 ? 5 : 15;
    return `about ${duration(Math.round(left / step) * step)} to go`;
  }

  source(clip) {
    const key = `${this.card.task_id}/${clip.index}`;
    if (!this.sources.has(key)) this.sources.set(key, new Source(this, clip));
    return this.sources.get(key);
  }

  /** Whether its owner takes an action: "rate", "frame", "delete". */
  can(act) {
    return this.model.get("acts").includes(act);
  }

  extend(index, motion, prompt = null) {
    return this.ask(index, { motion }, "extend", { index, motion, prompt });
  }

  /** Asks the kernel once to do something about a failure. */
  choose(action) {
    return this.ask(CHOICE, {}, "choose", { action });
  }

  /** Asks the kernel once; its answer, or null where there is none. It may cost money: never repeated, and never given up
   *  either, because a busy kernel may act on it much later. */
  async ask(key, about, command, message, buffers = []) {
    if (this.pressed.has(key)) return null;
    const press = { ...about, slow: false };
    this.pressed.set(key, press);
    this.notices.clear(); // what went wrong before a new press is history
    this.changed();
    const slow = setTimeout(() => {
      press.slow = true;
      this.changed();
    }, SLOW_KERNEL);
    const settled = new Promise((resolve) => setTimeout(resolve, DOUBLE_CLICK));
    const answer = await this.answer(command, message, buffers);
    settled.then(() => {
      this.pressed.delete(key);
      this.changed();
    });
    clearTimeout(slow);
    press.slow = false;
    if (this.gone) return null;
    if (!answer.ok) this.notice(key, answer.message);
    this.changed();
    return answer;
  }

  async answer(command, message, buffers = []) {
    try {
      const [answer] = await this.invoke(command, message, buffers);
      return answer;
    } catch {
      // Only a message that could not leave the browser ends here: nothing was asked for.
      return { ok: false, message: NO_KERNEL };
    }
  }

  notice(key, text, bad = true) {
    this.notices.set(key, { text, bad });
    this.changed();
  }

  // Stars

  starsOf(clip) {
    return this.rated.has(clip.index) ? this.rated.get(clip.index).stars : (clip.rating ?? null);
  }

  /** Shows the stars at once; if they were not kept, those from before come back. */
  async rate(index, stars) {
    const press = { stars };
    this.rated.set(index, press);
    this.notices.delete(index);
    this.changed();
    const slow = setTimeout(() => this.notice(index, `The stars are not kept yet. ${KERNEL_AWAY}`, false), SLOW_KERNEL);
    const answer = await this.answer("rate", { index, stars });
    clearTimeout(slow);
    if (this.gone || this.rated.get(index) !== press) return; // a newer press says what is kept
    this.rated.delete(index);
    if (answer.ok) this.notices.delete(index);
    else this.notice(index, `The stars were not kept. ${answer.message}`);
    this.changed();
  }

  dispose() {
    super.dispose();
    for (const source of this.sources.values()) source.revoke();
  }
}

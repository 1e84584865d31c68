// Playing several videos in step.

const FRAME = 1 / 24; // seconds: the service's clips run at 24 frames a second
const LATECOMER = 3000; // ms that the first clip waits for the others before it starts without them

const stillWanted = matchMedia("(prefers-reduced-motion: reduce)");

/** Resolves when a video shows the frame at `time`; a video that is out of the page never says so, hence the limit. */
function seeked(video, time) {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      video.removeEventListener("seeked", finish);
      resolve();
    };
    const timer = setTimeout(finish, 1000);
    video.addEventListener("seeked", finish);
    video.currentTime = Math.min(time, video.duration);
  });
}

/** Several videos as one: they start, seek, step and loop together, and follow the longest within a frame. */
class Player {
  videos = [];
  wanted = !stillWanted.matches; // what the user wants; it plays when it is also in sight and started
  inSight = false;
  held = false; // by a finger on the slider
  started = false;
  loop = true;
  speed = 1;
  target = null; // the newest time that a running seek has still to go to
  seeking = false;

  constructor(onChange) {
    this.onChange = onChange;
  }

  get lead() {
    return this.videos.reduce((a, b) => (b.duration > a.duration + FRAME / 2 ? b : a), this.videos[0]);
  }

  get duration() {
    return this.lead?.duration ?? 0;
  }

  get time() {
    return this.aim ?? this.lead?.currentTime ?? 0;
  }

  get playing() {
    return this.wanted && this.inSight && !this.held && this.started && this.videos.length > 0;
  }

  /** Adds a video that can play. `expected`: how many more may still come; the start waits for them a while. */
  join(video, expected) {
    if (this.videos.includes(video)) return;
    this.videos.push(video);
    if (this.started) this.seek(this.time);
    else if (this.videos.length === 1) this.patience = setTimeout(() => this.start(), LATECOMER);
    this.settle(expected);
  }

  /** Takes a video out that cannot go on, so that the others do not wait for it. */
  leave(video) {
    this.videos = this.videos.filter((other) => other !== video);
    this.apply();
  }

  settle(expected) {
    if (expected === 0 && this.videos.length) this.start();
  }

  start() {
    clearTimeout(this.patience);
    if (this.started) return;
    this.started = true;
    this.apply();
  }

  set(change) {
    Object.assign(this, change);
    this.apply();
  }

  toggle() {
    if (!this.wanted && this.time >= this.duration - FRAME) this.seek(0);
    this.set({ wanted: !this.wanted });
    // Stills are compared side by side: the last fraction of a frame between them is taken out.
    if (!this.wanted && this.started) this.seek(this.lead.currentTime);
  }

  /** One frame on or back, to the middle of that frame: its edge can show either neighbour. */
  step(frames) {
    if (!this.videos.length) return;
    this.set({ wanted: false });
    const last = Math.round(this.duration / FRAME) - 1;
    const frame = Math.min(last, Math.max(0, Math.floor(this.time / FRAME + 0.01) + frames));
    this.seek((frame + 0.5) * FRAME);
  }

  async seek(time) {
    this.target = this.aim = Math.max(0, Math.min(time, this.duration));
    if (this.seeking) return; // the seek under way goes on to the newest target
    this.seeking = true;
    this.apply();
    while (this.target !== null) {
      const target = this.target;
      this.target = null;
      await Promise.all(this.videos.map((video) => seeked(video, target)));
    }
    this.seeking = false;
    this.aim = null;
    this.apply();
  }

  apply() {
    cancelAnimationFrame(this.timer);
    const runs = this.playing && !this.seeking;
    for (const video of this.videos) {
      if (!runs) video.pause();
      else video.playbackRate = this.speed;
    }
    if (runs) this.tick();
    this.onChange();
  }

  tick() {
    const { lead } = this;
    if (lead.ended) {
      if (this.loop) this.seek(0);
      else this.set({ wanted: false });
      return;
    }
    // When one has run dry (a slow server, a busy machine), the others wait for it instead of running away from it.
    const dry = this.videos.some((video) => !video.ended && video.readyState < video.HAVE_FUTURE_DATA);
    for (const video of this.videos) {
      if (video.ended) continue;
      if (dry && video.readyState >= video.HAVE_FUTURE_DATA) video.pause();
      else if (video.paused) video.play().catch(() => {}); // a pause came in between: the next tick sees it
      if (video !== lead && !dry && !this.follow(video, lead)) {
        this.seek(lead.currentTime);
        return;
      }
    }
    this.onChange();
    this.timer = requestAnimationFrame(() => this.tick());
  }

  /** Brings a video back to the leader by playing it a little faster or slower; false if it is too far off for that. */
  follow(video, lead) {
    const drift = video.currentTime - lead.currentTime;
    const nudge = Math.abs(drift) < 0.01 ? 0 : Math.max(-0.25, Math.min(0.25, drift * 3));
    const rate = this.speed * (1 - nudge);
    // Each change of the rate costs the decoder something: only those that matter are made.
    if (Math.abs(video.playbackRate - rate) > 0.02 || (nudge === 0 && video.playbackRate !== rate)) video.playbackRate = rate;
    return Math.abs(drift) < 0.2;
  }

  dispose() {
    clearTimeout(this.patience);
    cancelAnimationFrame(this.timer);
    for (const video of this.videos) {
      video.removeAttribute("src");
      video.load(); // lets go of the decoder now, not when the garbage is collected
    }
    this.videos = [];
  }
}

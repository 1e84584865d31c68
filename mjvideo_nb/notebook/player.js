// Playing several videos in step.

const FRAME = 1 / 24; // seconds: the service's clips run at 24 frames a second
const LATECOMER = 3000; // ms that the first clip waits for the others before it starts without them

const CLOSE = 0.01; // seconds between two videos that are as good as none
const FAR = 0.02; // seconds ahead of another at which a video waits for it: half a frame

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

function isDry(video) {
  return video.readyState < video.HAVE_FUTURE_DATA;
}

/** The number of the frame that is shown at `time`. */
function frameAt(time) {
  return Math.floor(time / FRAME + 0.01);
}

/** Several videos as one: they start, seek, step and loop together, and follow the longest within a frame. */
class Player {
  videos = [];
  wanted = !stillWanted.matches; // what the user wants; it plays when it is also in sight and started
  inSight = false;
  held = false; // by a finger on the slider
  started = false;
  loop = true;
  part = null; // {from, to} in seconds, when only a part is looped
  hold = false; // at its end, a shorter clip holds its last frame; else it begins again
  speed = 1;
  target = null; // the newest time that a running seek has still to go to
  seeking = false;
  ticked = 0; // when the player last looked after its videos

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

  get from() {
    return this.part?.from ?? 0;
  }

  get to() {
    return Math.min(this.part?.to ?? Infinity, this.duration);
  }

  get playing() {
    return this.wanted && this.inSight && !this.held && this.started && this.videos.length > 0;
  }

  /** Whether the clips have different lengths. */
  get uneven() {
    return this.videos.some((video) => this.isShort(video));
  }

  isShort(video) {
    return video.duration < this.duration - FRAME / 2;
  }

  /** Whether a video begins again before the others have ended. */
  goesRound(video) {
    return !this.hold && this.isShort(video);
  }

  /** Where in a video the player is at `time`. The very end is taken for the next beginning. */
  place(video, time) {
    if (!this.goesRound(video)) return Math.min(time, video.duration);
    const place = time % video.duration;
    return video.duration - place < FRAME / 4 ? 0 : place;
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
    if (!this.wanted && this.time >= this.to - FRAME) this.seek(this.from);
    this.set({ wanted: !this.wanted });
    // Stills are compared side by side: the last fraction of a frame between them is taken out.
    if (!this.wanted && this.started) this.seek(this.time);
  }

  /** One frame on or back, to the middle of that frame: its edge can show either neighbour. */
  step(frames) {
    if (!this.videos.length) return;
    this.set({ wanted: false });
    const last = Math.round(this.duration / FRAME) - 1;
    this.seek((Math.min(last, Math.max(0, frameAt(this.time) + frames)) + 0.5) * FRAME);
  }

  /** Begins ("from") or ends ("to") the part that is looped with the frame at `time`; the other end gives way. */
  mark(side, time = this.time) {
    if (!this.videos.length) return;
    const frame = frameAt(Math.min(time, this.duration - FRAME / 2));
    const part = { from: 0, to: this.duration, ...this.part };
    // From the middle of the first frame, for the reason that `step` has, to the end of the last.
    part[side] = side === "to" ? (frame + 1) * FRAME : frame && (frame + 0.5) * FRAME;
    if (part.to - part.from < FRAME) part[side === "to" ? "from" : "to"] = side === "to" ? 0 : this.duration;
    this.set({ part, loop: true });
  }

  /** Whether clips that are shorter than the longest hold their last frame (else they begin again). */
  setHold(hold) {
    this.hold = hold;
    this.seek(this.time);
  }

  /** Has all videos, or only those that are named, go to where they belong at `time`. */
  async seek(time, videos = this.videos) {
    this.target = this.aim = Math.max(0, Math.min(time, this.duration));
    if (this.seeking) return; // the seek under way goes on to the newest target
    this.seeking = true;
    this.apply();
    while (this.target !== null) {
      const target = this.target;
      this.target = null;
      await Promise.all(videos.map((video) => seeked(video, this.place(video, target))));
      videos = this.videos;
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
      else if (video.playbackRate !== this.speed) video.playbackRate = this.speed;
    }
    if (runs) this.tick();
    this.onChange();
  }

  tick() {
    const { lead } = this;
    const time = lead.currentTime;
    const now = performance.now();
    const pause = Math.min(FRAME, (now - this.ticked) / 1000);
    this.ticked = now;
    // The frame behind a part must not flash up before the next look.
    if (lead.ended || (this.part && time + 0.7 * pause * this.speed >= this.to)) {
      if (this.loop) this.seek(this.from);
      else this.set({ wanted: false });
      return;
    }
    const lost = this.videos.filter((video) => video !== lead && !this.follow(video, time));
    if (lost.length) {
      this.seek(time, lost);
      return;
    }
    // When one has run dry or was late to start (a slow server, a busy machine), the others wait for it instead of running
    // away from it.
    const running = this.videos.filter((video) => !video.ended);
    const drifts = running.map((video) => this.drift(video, time));
    const last = Math.min(...drifts);
    const dry = running.some((video) => isDry(video));
    running.forEach((video, i) => {
      const ahead = drifts[i] - last;
      const waits = ahead > (video.paused ? CLOSE : FAR) || (dry && !isDry(video));
      if (waits) video.pause();
      else if (video.paused) video.play().catch(() => {}); // a pause came in between: the next tick sees it
    });
    this.onChange();
    this.timer = requestAnimationFrame(() => this.tick());
  }

  /** Seconds by which a video is ahead of its place at `time`, or behind it. */
  drift(video, time) {
    const ahead = video.currentTime - this.place(video, time);
    if (!this.goesRound(video)) return ahead;
    return ahead - video.duration * Math.round(ahead / video.duration);
  }

  /** Brings a video back to the leader by playing it a little faster or slower; false if it has to be sought instead. */
  follow(video, time) {
    const drift = this.drift(video, time);
    if (video.ended) return !this.goesRound(video) || drift > FRAME / 4; // it waits for the others
    const nudge = Math.abs(drift) < CLOSE ? 0 : Math.max(-0.25, Math.min(0.25, drift * 3));
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

/** Has the button of a player say what a press does now. */
function showWanted(button, player) {
  const shown = player.wanted ? "pause" : "play";
  if (button.dataset.shows === shown) return;
  button.dataset.shows = shown;
  button.replaceChildren(icon(ICONS[shown]));
  button.title = shown === "play" ? "Play" : "Pause";
  button.setAttribute("aria-label", button.title);
}

// What a clip is seen on: its video while the card is near, else a still in its place. A browser decodes only so many videos at
// once, and a notebook may hold hundreds.

const MOST_DECODED = 16; // videos of a page at once
const NEAR = "800px"; // around the visible part of the page
const LINGER = 1000; // ms that a video stays after its card has gone far away
const STILL_SIDE = 480; // px

/** Who may decode. There is one for the page, because each card is a module of its own. */
class Decoders {
  held = new Set();
  waiting = new Set();
  stills = Promise.resolve(); // those of clips that may not decode are made one after the other

  /** Whether this screen may have its video now. One that is looked at takes the place of one that is not, of another card
   *  first: the clips of a card go together. */
  take(screen) {
    if (this.held.has(screen)) return true;
    if (this.held.size >= MOST_DECODED) {
      const others = screen.visible ? [...this.held].filter((other) => !other.visible) : [];
      const unseen = others.find((other) => !other.view.player.inSight) ?? others.at(-1);
      this.waiting.add(unseen ?? screen);
      if (!unseen) return false;
      this.held.delete(unseen);
      unseen.rest();
    }
    this.waiting.delete(screen);
    this.held.add(screen);
    return true;
  }

  give(screen) {
    this.waiting.delete(screen);
    if (!this.held.delete(screen)) return;
    const next = [...this.waiting].find((other) => other.visible) ?? [...this.waiting][0];
    next?.settle();
  }
}

const DECODERS = (globalThis[Symbol.for("mjvideo_nb.decoders")] ??= new Decoders());

/** The video of one clip and what stands for it while it rests; `box` is what it is shown in. */
class Screen {
  near = false;
  visible = false;
  href = null;
  still = "";
  time = 0; // where it rests

  constructor(view, video, box) {
    this.view = view;
    this.video = video;
    this.box = box;
    this.watches = [
      this.watch(view.root, (near) => (this.near = near), { rootMargin: NEAR, scrollMargin: NEAR }),
      this.watch(box, (visible) => (this.visible = visible)),
    ];
    video.addEventListener("loadedmetadata", () => this.begin());
  }

  watch(node, act, margins) {
    const observer = new IntersectionObserver((entries) => {
      act(entries.at(-1).isIntersecting);
      this.settle();
    }, margins);
    observer.observe(node);
    return observer;
  }

  /** Whether its video is there. */
  get on() {
    return this.video.hasAttribute("src");
  }

  show(href) {
    this.href = href;
    this.settle();
  }

  settle() {
    clearTimeout(this.leaving);
    if (!this.href) return;
    if (!this.near) this.leaving = setTimeout(() => this.leave(), LINGER);
    else if (!DECODERS.take(this)) this.preview();
    else if (this.video.getAttribute("src") !== this.href) this.video.setAttribute("src", this.href);
  }

  leave() {
    this.rest();
    DECODERS.give(this);
  }

  /** A video that comes back goes on where the others are, or where it was. The still stays until there is a frame. */
  begin() {
    const { video, view } = this;
    const time = view.player.videos.length ? view.player.time : this.time;
    if (time) video.currentTime = Math.min(time, video.duration);
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(() => this.cover(""));
    else video.addEventListener("canplay", () => this.cover(""), { once: true });
  }

  /** Lets the video go, and its decoder with it; its last frame stays in sight. */
  rest() {
    const { video } = this;
    if (!this.on) return;
    this.time = video.currentTime;
    if (video.readyState >= video.HAVE_CURRENT_DATA) this.still = jpeg(drawn(video, STILL_SIDE)) || this.still;
    this.cover(this.still);
    this.drop();
  }

  drop() {
    this.view.player.leave(this.video);
    this.video.removeAttribute("src");
    this.video.load();
  }

  /** A still of a clip that may not decode. */
  preview() {
    this.cover(this.still);
    if (this.still || this.previewed === this.href) return;
    const href = (this.previewed = this.href);
    DECODERS.stills = DECODERS.stills
      .then(() => this.href === href && stillOf(href, 0, STILL_SIDE))
      .then((canvas) => {
        if (!canvas) return;
        this.still = jpeg(canvas);
        this.view.opened({ videoWidth: canvas.width, videoHeight: canvas.height });
        if (!this.on) this.cover(this.still);
      })
      .catch(() => {}); // a clip that cannot be played says so when it is its turn
  }

  cover(still) {
    this.box.style.backgroundImage = still && `url("${still}")`;
  }

  dispose() {
    for (const observer of this.watches) observer.disconnect();
    clearTimeout(this.leaving);
    if (this.on) this.drop();
    this.href = null;
    DECODERS.give(this);
  }
}

/** A data URI, or "" for a picture of another site, which may be shown and not read. */
function jpeg(canvas) {
  try {
    return canvas.toDataURL("image/jpeg", 0.8);
  } catch {
    return "";
  }
}

// An exported page: the clips of each show play in step, without a kernel and without a server. The page itself is written
// by `export.py` and can be read as it is; this takes it over, after what the stage plays with.
//
// A browser opens only so many videos at a time, so clips are loaded when their show comes near and let go when it is far.

/** A block of data, once the page has been read that far: all blocks come after everything that is seen. */
function arrived(id) {
  return new Promise((resolve) => {
    const look = () => {
      const block = document.getElementById(id);
      if (!block?.nextSibling && document.readyState === "loading") return;
      reading.disconnect();
      document.removeEventListener("DOMContentLoaded", look);
      resolve(block);
    };
    const reading = new MutationObserver(look);
    reading.observe(document.body, { childList: true });
    document.addEventListener("DOMContentLoaded", look);
    look();
  });
}

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

/** The address of the video in a block; throws when the page was cut short. */
async function unpack(id) {
  const block = await arrived(id);
  if (!block) throw new Error("cut short");
  return URL.createObjectURL(new Blob([fromBase64(block.textContent)], { type: block.type.split(";")[0] }));
}

/** One clip: where it comes from, its screen and its download. */
class Clip {
  loading = null; // a promise of the video's address, while the clip is awake
  failed = false;

  constructor(show, root) {
    this.show = show;
    const screen = root.querySelector(".mj-screen");
    const name = root.getAttribute("aria-label");
    this.root = root;
    ({ file: this.file, block: this.block } = screen.dataset);
    this.video = h("video", { muted: true, playsInline: true, preload: "auto", "aria-label": name });
    this.video.disablePictureInPicture = true;
    this.missing = h("div", { class: "mj-missing", role: "status", hidden: true });
    screen.prepend(this.video, this.missing);
    this.link = root.querySelector(".mj-icon");
    this.link.replaceChildren(icon(ICONS.download));
    this.video.addEventListener("loadedmetadata", () => show.opened(this.video));
    this.video.addEventListener("canplay", () => this.loading && show.join(this.video));
    this.video.addEventListener("error", () => this.video.getAttribute("src") && this.fail());
  }

  /** Whether it may still come. */
  get expected() {
    return this.loading !== null && !this.failed && this.video.readyState < this.video.HAVE_FUTURE_DATA;
  }

  async wake() {
    if (this.loading) return;
    const loading = this.file ? Promise.resolve(this.file) : unpack(this.block);
    this.loading = loading;
    this.failed = false;
    this.missing.hidden = true;
    try {
      const href = await loading;
      if (this.loading !== loading) return; // put to sleep meanwhile
      this.video.src = this.link.href = href;
      this.link.hidden = false;
    } catch {
      if (this.loading === loading) this.fail();
    }
  }

  /** Lets go of the video; `Player.dispose` has taken it off its screen. */
  sleep() {
    const { loading } = this;
    this.loading = null;
    if (!this.file) loading?.then(URL.revokeObjectURL, () => {}); // what could not be unpacked has said so
  }

  fail() {
    this.failed = true;
    this.missing.hidden = false;
    const where = this.file ? `${decodeURIComponent(this.file)} is not beside this page` : "This page is not whole";
    setText(this.missing, `${where}, or this browser cannot play the clip.`);
    this.show.leave(this.video);
  }
}

/** One row of the page: clips that play in step over a bar. */
class Show {
  near = false;
  kept = 0; // the time to go on from when the clips are loaded again

  constructor(root) {
    this.grid = root.querySelector(".mj-grid");
    this.chips = root.querySelector(".mj-chips");
    this.length = null;
    this.clips = [...this.grid.children].map((clip) => new Clip(this, clip));
    this.player = new Player(() => this.update());
    this.modes = new Modes(this.grid);
    this.bar = new Bar(this.player, this.modes);
    this.modes.update(
      this.clips.map(({ root: clip, video }, id) => {
        return { id, root: clip, video, label: clip.querySelector(".mj-badge").textContent, title: null };
      }),
    );
    root.append(this.bar.root);
    if (root.dataset.aspect) this.grid.style.setProperty("--aspect", root.dataset.aspect);
    this.update();
  }

  get expected() {
    return this.clips.filter((clip) => clip.expected).length;
  }

  async come() {
    if (this.near) return;
    this.near = true;
    for (const clip of this.clips) {
      if (!this.near) return;
      await clip.wake(); // one by one: unpacking several at once would hold the page up
    }
  }

  go() {
    if (!this.near) return;
    this.near = false;
    this.kept = this.player.time;
    this.player.dispose();
    this.player.started = false;
    for (const clip of this.clips) clip.sleep();
  }

  opened(video) {
    this.grid.style.setProperty("--aspect", video.videoWidth / video.videoHeight);
  }

  join(video) {
    const coming = this.clips.filter((clip) => clip.loading === null).length;
    this.player.join(video, this.expected + coming);
  }

  leave(video) {
    this.player.leave(video);
    this.player.settle(this.expected);
  }

  update() {
    const { kept, player } = this;
    if (kept && player.started) {
      this.kept = 0;
      player.seek(kept);
    }
    this.bar.update();
    if (player.duration && !this.length) {
      this.length = h("span", { class: "mj-chip" }, `${player.duration.toFixed(1)} s`);
      this.chips.append(this.length);
    }
  }
}

const shows = new Map(
  [...document.querySelectorAll(".mj-show:has(.mj-clip)")].map((root) => [root.querySelector(".mj-grid"), new Show(root)]),
);
const near = new IntersectionObserver(
  (entries) => entries.forEach(({ target, isIntersecting }) => shows.get(target)[isIntersecting ? "come" : "go"]()),
  { rootMargin: "50% 0px" }, // half a window above and below
);
const sight = new IntersectionObserver((entries) =>
  entries.forEach(({ target, isIntersecting }) => shows.get(target).player.set({ inSight: isIntersecting })),
);
for (const grid of shows.keys()) {
  near.observe(grid);
  sight.observe(grid);
}

/** The show that a key is meant for: the one that has the focus, else the one nearest to the middle of the window. */
function meant(target) {
  const grid = target.closest?.(".mj-show")?.querySelector(".mj-grid");
  if (shows.has(grid)) return shows.get(grid);
  const distance = (other) => {
    const { top, bottom } = other.getBoundingClientRect();
    return Math.abs((top + bottom - innerHeight) / 2);
  };
  const [nearest] = [...shows.keys()].sort((a, b) => distance(a) - distance(b));
  return shows.get(nearest);
}

document.addEventListener("keydown", (event) => {
  if (isOurs(event)) meant(event.target)?.bar.key(event);
});

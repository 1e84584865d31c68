// The bytes of clips: where they are looked for, in which order, and what was found.

const HEADERS = 10000; // ms for a server to begin its answer
const OTHER_SITE =
  "This clip plays from another site, and its picture cannot be read from there. Download it, and choose a frame of it in a " +
  "form.";

/** A blob that a player takes, or an error: a 200 can be a login page, and a 404 can be a styled one. */
async function asVideo(blob) {
  const head = new Uint8Array(await blob.slice(0, 12).arrayBuffer());
  const isMp4 = String.fromCharCode(...head.slice(4, 8)) === "ftyp";
  const isWebm = head[0] === 0x1a && head[1] === 0x45 && head[2] === 0xdf && head[3] === 0xa3;
  if (!isMp4 && !isWebm) throw new Error("not a video");
  return new Blob([blob], { type: isMp4 ? "video/mp4" : "video/webm" });
}

async function fetchVideo(url) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), HEADERS);
  const response = await fetch(url, { signal: patience.signal }).finally(() => clearTimeout(timer));
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return asVideo(await response.blob());
}

/** Resolves when a `<video src>` from another site can be played although its bytes cannot be read. */
function playable(url) {
  return new Promise((resolve, reject) => {
    const probe = h("video", { muted: true, preload: "metadata" });
    const timer = setTimeout(() => finish(reject), HEADERS);
    const finish = (settle) => {
      clearTimeout(timer);
      probe.onloadedmetadata = probe.onerror = null;
      probe.removeAttribute("src");
      probe.load();
      settle();
    };
    probe.onloadedmetadata = () => finish(resolve);
    probe.onerror = () => finish(reject);
    probe.src = url;
  });
}

/** One clip's bytes: where they are tried, and what was found. `href` is set once it can be played. */
class Source {
  href = null;
  isBlob = false;
  state = "new"; // new, loading, waiting (for the kernel), ready, missing
  reason = "";

  constructor(scope, clip) {
    this.scope = scope;
    this.clip = clip;
  }

  /** A clip that was missing is tried again when the card names another place for it. */
  update(clip) {
    const moved = clip.path !== this.clip.path || clip.url !== this.clip.url;
    this.clip = clip;
    if (moved && this.state === "missing") this.load(true);
  }

  async load(again = false) {
    if (this.state !== "new" && !(again && this.state === "missing")) return;
    this.become("loading");
    try {
      this.take(await this.fromFile().catch(() => this.fromUrl()));
    } catch {
      try {
        this.take(await this.fromKernel());
      } catch (error) {
        this.reason = error.message;
        this.become("missing");
      }
    }
  }

  take(found) {
    this.isBlob = found instanceof Blob;
    this.href = this.isBlob ? URL.createObjectURL(found) : found;
    if (this.scope.gone) this.revoke();
    else this.become("ready");
  }

  become(state) {
    this.state = state;
    this.scope.changed();
  }

  async fromFile() {
    return fetchVideo(await fileUrl(this.scope.model, this.clip.path));
  }

  async fromUrl() {
    const url = this.clip.url && followed(this.clip.url);
    if (!url) throw new Error("no address");
    try {
      return await fetchVideo(url);
    } catch {
      await playable(url);
      return url;
    }
  }

  async fromKernel() {
    const slow = setTimeout(() => this.become("waiting"), SLOW_KERNEL);
    return this.bytes().finally(() => clearTimeout(slow));
  }

  async bytes() {
    const [answer, buffers] = await this.scope.askBytes(this.clip.index);
    if (!answer.ok) throw new Error(answer.message);
    return asVideo(new Blob(buffers));
  }

  /** An address whose pictures may be read: another site's clip is fetched from the kernel for that. */
  async readable() {
    if (this.isBlob) return this.href;
    const slow = setTimeout(() => this.scope.notice(this.clip.index, KERNEL_AWAY, false), SLOW_KERNEL);
    try {
      this.take(await this.bytes());
    } catch (error) {
      throw new Error(`${OTHER_SITE} ${error.message}`);
    } finally {
      clearTimeout(slow);
      this.scope.notices.delete(this.clip.index);
    }
    return this.href;
  }

  revoke() {
    if (this.isBlob) URL.revokeObjectURL(this.href);
  }
}

// The small pictures of the list: looked for where the browser can reach them, a few at a time, and kept small.

const AT_ONCE = 3; // pictures that are loaded at the same time
const MOST_KEPT = 300; // pictures; some 10 kB each
const SIDE = 256; // px: twice the width at which one is shown
const PATIENCE = 8000; // ms for one place

/** Resolves with the first of these events; rejects on "error" or when it takes too long. */
function happens(node, name) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no answer")), PATIENCE);
    node.addEventListener(name, () => [clearTimeout(timer), resolve()], { once: true });
    node.addEventListener("error", () => [clearTimeout(timer), reject(new Error("not to be had"))], { once: true });
  });
}

/** A small copy, so that neither a decoder nor a photograph of 20 megapixels is kept for it. */
async function small(source, width = source.width, height = source.height) {
  const scale = Math.min(1, SIDE / Math.max(width, height));
  const canvas = h("canvas", { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) });
  canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
  return URL.createObjectURL(blob);
}

async function fromImage(url) {
  const image = h("img");
  const loaded = happens(image, "load");
  image.src = url;
  await loaded;
  try {
    return await small(image, image.naturalWidth, image.naturalHeight);
  } catch {
    return url; // another site's picture can be shown, but not copied
  }
}

async function fromVideo(url) {
  const video = h("video", { muted: true, playsInline: true, preload: "metadata" });
  try {
    const opened = happens(video, "loadedmetadata");
    video.src = url;
    await opened;
    const there = happens(video, "seeked"); // a frame is decoded for sure only by going to it
    video.currentTime = 0.001;
    await there;
    return await small(video, video.videoWidth, video.videoHeight);
  } finally {
    video.removeAttribute("src");
    video.load(); // lets go of the decoder now
  }
}

class Pictures {
  kept = new Map(); // entry id -> {places, found}: what was found, or is being looked for
  line = []; // those that wait; what was seen last is loaded first
  running = 0;

  constructor(model, ask) {
    this.model = model;
    this.ask = ask; // of the kernel, for {uri} or {blob}
  }

  /** The URL of a picture of an entry, or "" where there is none. */
  of(row) {
    const places = JSON.stringify(row.pictures);
    const known = this.kept.get(row.id);
    if (known?.places === places) return known.found;
    known?.found.then((url) => URL.revokeObjectURL(url));
    const found = new Promise((resolve) => this.line.push({ row, resolve }));
    this.kept.set(row.id, { places, found });
    this.forget();
    this.next();
    return found;
  }

  async next() {
    if (this.running >= AT_ONCE || !this.line.length) return;
    this.running += 1;
    const { row, resolve } = this.line.pop();
    resolve(await this.find(row));
    this.running -= 1;
    this.next();
  }

  async find(row) {
    for (const { kind, path } of row.pictures) {
      if (kind === "kernel") break; // it is asked below
      try {
        const url = /^https?:/i.test(path) ? followed(path) : await fileUrl(this.model, path);
        return await (kind === "video" ? fromVideo(url) : fromImage(url));
      } catch {
        // the next place
      }
    }
    try {
      const { uri, blob } = await this.ask(row.id);
      if (blob) return await small(await createImageBitmap(blob));
      if (/^(data:image\/(jpeg|png|webp|gif);|https?:)/i.test(uri)) return await fromImage(uri);
    } catch {
      // a placeholder says as much
    }
    return "";
  }

  forget() {
    for (const [id, { found }] of this.kept) {
      if (this.kept.size <= MOST_KEPT) return;
      this.kept.delete(id);
      found.then((url) => URL.revokeObjectURL(url));
    }
  }

  dispose() {
    for (const { found } of this.kept.values()) found.then((url) => URL.revokeObjectURL(url));
    this.line = [];
  }
}

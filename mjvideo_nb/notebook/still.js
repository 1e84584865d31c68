// A frame of a clip as a picture. It is drawn here: the bytes are in the browser, and a kernel may not be able to decode them.

const LOADS = 10000; // ms for a video to show a frame
const PRESENTS = 3000; // ms for the frame that was looked for to be on the screen
const LONGEST_FRAME = 0.25; // seconds
const END = 0.005; // seconds before the end of a clip where its last frame is surely shown
const MOST_SENT = 6e6; // bytes: a message above 10 MB cuts the kernel's connection

/** Resolves with the time of the next frame that a video presents, or with null when none comes. */
function presented(video, patience) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), patience);
    video.requestVideoFrameCallback?.((_now, { mediaTime }) => {
      clearTimeout(timer);
      resolve(mediaTime);
    });
  });
}

/** Resolves with the next event of this name at a video; rejects when the video cannot be played. */
function happens(video, name, begin) {
  return new Promise((resolve, reject) => {
    const settle = (act) => () => {
      clearTimeout(timer);
      video.removeEventListener(name, done);
      video.removeEventListener("error", failed);
      act();
    };
    const done = settle(resolve);
    const failed = settle(() => reject(new Error("The browser cannot play this clip.")));
    const timer = setTimeout(failed, LOADS);
    video.addEventListener(name, done);
    video.addEventListener("error", failed);
    begin();
  });
}

/** The frame that a video shows, at most `side` px wide, on a canvas. Of another site's video it cannot be read back. */
function drawn(video, side = Infinity) {
  const scale = Math.min(1, side / video.videoWidth);
  const canvas = h("canvas", { width: Math.round(video.videoWidth * scale), height: Math.round(video.videoHeight * scale) });
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** A clip's frame at this second (null: its last), on a canvas; by a video of its own, so that no player is disturbed. */
async function stillOf(href, at, side) {
  const video = h("video", { muted: true, preload: "auto" });
  try {
    const first = presented(video, LOADS);
    await happens(video, "loadeddata", () => video.setAttribute("src", href));
    const from = (await first) ?? 0;
    const last = video.duration - END;
    const time = at === null ? last : Math.min(at, last);
    if (time > from) {
      // "seeked" can come before the new frame is there: then the one before would be drawn.
      const next = presented(video, PRESENTS);
      await happens(video, "seeked", () => (video.currentTime = time));
      if ((await next) === null && time - from > LONGEST_FRAME)
        throw new Error("The browser did not show this frame in time. Try again.");
    }
    return drawn(video, side);
  } finally {
    video.removeAttribute("src");
    video.load();
  }
}

/** The same at full size as the bytes of a picture, small enough to be sent. */
async function pictureOf(href, at) {
  const canvas = await stillOf(href, at);
  const saved = (type, quality) => new Promise((resolve) => canvas.toBlob(resolve, type, quality));
  const png = await saved("image/png");
  const blob = png && png.size <= MOST_SENT ? png : await saved("image/jpeg", 0.95);
  if (!blob) throw new Error("The browser could not make a picture of this frame.");
  return blob.arrayBuffer();
}

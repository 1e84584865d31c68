// What differs between two videos, as a picture.

const PATIENCE = 500; // ms that a picture waits for both videos to show the same frame

/** The frame that a video shows, with its `time` in seconds and a way to `close` it. Painting the video itself could catch
 *  the next frame; that is done where the browser has no such frames, or may not give out those of another site. */
function frameOf(video, time) {
  try {
    const frame = new VideoFrame(video);
    return { image: frame, time: frame.timestamp / 1e6, close: () => frame.close() };
  } catch {
    return { image: video, time, close: () => {} };
  }
}

/** Paints the absolute difference of two videos on a canvas whenever they show another frame. */
class Difference {
  videos = null;
  calls = new Map(); // video -> the number of its callback
  shown = new Map(); // video -> the time of the frame that it shows
  painted = 0;

  constructor() {
    this.canvas = h("canvas", { class: "mj-difference", role: "img" });
    this.paper = this.canvas.getContext("2d");
  }

  /** Paints the difference of these two from now on; of none when there are no two. */
  watch(videos) {
    if (videos && this.videos && videos.every((video, i) => video === this.videos[i])) return;
    this.calls.forEach((call, video) => video.cancelVideoFrameCallback?.(call));
    cancelAnimationFrame(this.timer);
    this.calls.clear();
    this.shown.clear();
    this.videos = videos;
    if (!videos) return;
    this.paint({ anyway: true });
    if (videos[0].requestVideoFrameCallback) videos.forEach((video) => this.listen(video));
    else this.tick();
  }

  listen(video) {
    const call = video.requestVideoFrameCallback((now, { mediaTime }) => {
      this.shown.set(video, mediaTime);
      this.paint({ anyway: now - this.painted > PATIENCE });
      this.listen(video);
    });
    this.calls.set(video, call);
  }

  tick() {
    this.paint({ anyway: true });
    this.timer = requestAnimationFrame(() => this.tick());
  }

  /** Whether these are times of the same frame, as far as they will be: a shorter clip may be in another round, or hold
   *  its last frame. */
  areTogether(times) {
    const [short, long] = this.videos[0].duration < this.videos[1].duration ? [0, 1] : [1, 0];
    const { duration, ended } = this.videos[short];
    if (ended && this.videos[long].duration - duration > FRAME / 2) return true;
    const ahead = times[long] - times[short];
    return Math.abs(ahead - duration * Math.round(ahead / duration)) < FRAME / 2;
  }

  /** One of the two is always a little earlier: its new frame is not compared with the old one of the other. */
  paint({ anyway }) {
    const [first] = this.videos;
    if (!this.videos.every((video) => video.readyState >= video.HAVE_CURRENT_DATA)) return;
    const frames = this.videos.map((video) => frameOf(video, this.shown.get(video)));
    if (anyway || this.areTogether(frames.map(({ time }) => time))) {
      this.painted = performance.now();
      const { canvas, paper } = this;
      if (canvas.width !== first.videoWidth) canvas.width = first.videoWidth;
      if (canvas.height !== first.videoHeight) canvas.height = first.videoHeight;
      paper.globalCompositeOperation = "source-over";
      paper.fillRect(0, 0, canvas.width, canvas.height);
      paper.globalCompositeOperation = "difference";
      frames.forEach(({ image }, i) => this.lay(image, this.videos[i]));
    }
    for (const frame of frames) frame.close();
  }

  /** Paints an image as large as it is seen in its video: whole, and in the middle. */
  lay(image, { videoWidth, videoHeight }) {
    const { width, height } = this.canvas;
    const scale = Math.min(width / videoWidth, height / videoHeight);
    const [across, down] = [videoWidth * scale, videoHeight * scale];
    this.paper.drawImage(image, (width - across) / 2, (height - down) / 2, across, down);
  }
}

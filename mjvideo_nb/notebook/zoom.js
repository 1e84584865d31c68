// Looking closer: the same spot of all clips of a grid.

const CLOSEST = 8; // times
const A_STEP = 1.25;
const A_DRAG = 4; // CSS pixels: what moves less is a click

/** Zoom and pan for everything on the screens of a `grid`. `onChange` is called with the zoom in words. */
class Zoom {
  scale = 1;
  x = 0; // where the left upper corner of a clip is, in widths and heights of its screen: 0 or less
  y = 0;
  drag = null;

  constructor(grid, onChange) {
    this.grid = grid;
    this.onChange = onChange;
    grid.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    grid.addEventListener("pointerdown", (event) => this.grab(event));
    grid.addEventListener("pointermove", (event) => this.pull(event));
    for (const name of ["pointerup", "pointercancel"]) grid.addEventListener(name, () => this.let());
    // The end of a drag is no click on what lies below.
    grid.addEventListener("click", (event) => this.dragged && event.detail > 0 && event.stopPropagation(), { capture: true });
    grid.addEventListener("dblclick", (event) => screenOf(event) && this.reset());
  }

  /** Zooms by a factor about a spot of the screen (0-1 each way): what is there stays there. */
  by(factor, across = 0.5, down = 0.5) {
    const scale = Math.max(1, Math.min(CLOSEST, this.scale * factor));
    const ratio = scale / this.scale;
    this.scale = scale;
    this.to(across - (across - this.x) * ratio, down - (down - this.y) * ratio);
    this.onChange(scale === 1 ? "Whole picture" : `Zoom ${scale.toFixed(1)}`);
  }

  reset() {
    this.by(1 / this.scale);
  }

  to(x, y) {
    const bounded = (value) => Math.min(0, Math.max(1 - this.scale, value));
    this.x = bounded(x);
    this.y = bounded(y);
    const { style } = this.grid;
    this.grid.classList.toggle("mj-zoomed", this.scale > 1);
    style.setProperty("--zoom", this.scale);
    style.setProperty("--x", `${this.x * 100}%`);
    style.setProperty("--y", `${this.y * 100}%`);
  }

  /** A quarter of what is seen further. */
  pan(across, down) {
    this.to(this.x - across / 4, this.y - down / 4);
  }

  wheel(event) {
    const screen = screenOf(event);
    if (!screen || !event.ctrlKey) return; // a wheel alone scrolls the notebook
    event.preventDefault();
    event.stopPropagation();
    const { left, top, width, height } = screen.getBoundingClientRect();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 : 1;
    const factor = Math.exp(-Math.max(-60, Math.min(60, event.deltaY * lines)) / 250);
    this.by(factor, (event.clientX - left) / width, (event.clientY - top) / height);
  }

  grab(event) {
    this.dragged = false;
    const screen = screenOf(event);
    if (!screen || this.scale === 1 || event.button !== 0 || event.target.closest("[role=slider]")) return;
    const { width, height } = screen.getBoundingClientRect();
    const { clientX, clientY, pointerId } = event;
    this.drag = { pointerId, clientX, clientY, width, height, x: this.x, y: this.y };
  }

  pull(event) {
    const { drag } = this;
    if (!drag || event.pointerId !== drag.pointerId) return;
    const right = event.clientX - drag.clientX;
    const down = event.clientY - drag.clientY;
    if (!this.dragged && Math.hypot(right, down) < A_DRAG) return;
    if (!this.dragged) this.grid.setPointerCapture(drag.pointerId);
    this.dragged = true;
    this.to(drag.x + right / drag.width, drag.y + down / drag.height);
  }

  let() {
    this.drag = null;
  }

  keys() {
    const pan = (key, across, down) => ({ on: [key], shift: true, act: () => this.pan(across, down) });
    return [
      { on: ["+", "="], name: "+  -", says: "Closer, further (or Ctrl and the wheel)", act: () => this.by(A_STEP) },
      { on: ["-", "_"], act: () => this.by(1 / A_STEP) },
      { on: ["0"], name: "0", says: "The whole picture (or a double click)", act: () => this.reset() },
      { ...pan("ArrowLeft", -1, 0), name: "Shift  ←→↑↓", says: "Look elsewhere when close (or drag)" },
      pan("ArrowRight", 1, 0),
      pan("ArrowUp", 0, -1),
      pan("ArrowDown", 0, 1),
    ];
  }
}

/** The screen that an event happened on, or null. */
function screenOf(event) {
  return event.target.closest(".mj-screen, .mj-stack");
}

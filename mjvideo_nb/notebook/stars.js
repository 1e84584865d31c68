// Five stars for a clip, by mouse and by keys.

const STARS = [1, 2, 3, 4, 5];
const STAR = "M8 1.6 9.9 5.6 14.3 6.2 11.1 9.2 11.9 13.6 8 11.5 4.1 13.6 4.9 9.2 1.7 6.2 6.1 5.6z";

/** The star that is set is pressed, and pressing it again takes the stars away. They are one stop of the Tab key. */
class Stars {
  stars = null;

  constructor(onRate) {
    this.onRate = onRate;
    this.buttons = STARS.map((star) =>
      h("button", { type: "button", class: "mj-star", onclick: () => this.press(star) }, icon(STAR)),
    );
    this.root = h("span", { class: "mj-stars", role: "group" }, ...this.buttons);
    this.root.addEventListener("keydown", (event) => this.move(event));
  }

  press(star) {
    this.onRate(star === this.stars ? null : star);
  }

  /** The arrows go from star to star, and are not those of the player here. */
  move(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || !isOurs(event)) return;
    event.preventDefault();
    event.stopPropagation();
    const at = this.buttons.indexOf(event.target) + by;
    this.buttons[Math.max(0, Math.min(STARS.length - 1, at))].focus();
  }

  /** Rates by a digit, and says whether the key was one. */
  key(event) {
    if (!isOurs(event) || !/^[0-5]$/.test(event.key) || event.target.closest("input, select, textarea")) return false;
    this.onRate(Number(event.key) || null);
    return true;
  }

  update(name, stars) {
    this.stars = stars;
    setAttribute(this.root, "aria-label", `Stars of ${name}`);
    this.buttons.forEach((button, i) => {
      const star = STARS[i];
      setAttribute(button, "aria-label", `${name}, ${star} ${star === 1 ? "star" : "stars"}`);
      setAttribute(button, "aria-pressed", star === stars);
      button.classList.toggle("mj-on", star <= (stars ?? 0));
      button.tabIndex = star === (stars ?? 1) ? 0 : -1;
    });
  }
}

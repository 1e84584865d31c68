// One clip over the whole page, with the browser's own controls.

/** Opens a clip large; the others of its card are a key away. */
function openLarge(view, tile) {
  const tiles = () => [...view.tiles.values()].filter((other) => other.source.href);
  const video = h("video", { controls: true, loop: true, muted: true, playsInline: true });
  const title = h("span", { class: "mj-large-title", dir: "auto" });
  const button = (label, act, path) =>
    h("button", { type: "button", class: "mj-icon", "aria-label": label, title: label, onclick: act }, icon(path));
  const dialog = h(
    "dialog",
    { class: "mj-large", "aria-label": "A clip, large" },
    h(
      "div",
      { class: "mj-large-head" },
      title,
      button("Previous clip", () => go(-1), ICONS.back),
      button("Next clip", () => go(1), ICONS.forward),
      button("Close", () => dialog.close(), "M4 4l8 8M12 4l-8 8"),
    ),
    video,
  );

  const show = (next, time) => {
    tile = next;
    setText(title, `${tile.name} ${tile.prompt}`);
    video.setAttribute("src", tile.source.href);
    video.setAttribute("aria-label", `Clip ${tile.name}, large`);
    video.currentTime = time;
    video.play().catch(() => {}); // it was closed, or moved on, before it began
  };
  const go = (by) => {
    const all = tiles();
    show(all[(all.indexOf(tile) + by + all.length) % all.length], video.currentTime);
  };

  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation(); // behind a dialog nothing is meant by a key
    const by = { PageUp: -1, PageDown: 1, ...(event.target !== video && { ArrowLeft: -1, ArrowRight: 1 }) }[event.key];
    if (!by) return;
    event.preventDefault();
    go(by);
  });
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    video.removeAttribute("src");
    video.load();
    dialog.remove();
    view.player.set({ held: false });
  });
  view.root.append(dialog);
  view.player.set({ held: true });
  dialog.showModal();
  show(tile, tile.time);
}

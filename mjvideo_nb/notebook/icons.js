// The line drawings on buttons: icon fonts and arrow glyphs differ from machine to machine.

const ICONS = {
  play: "M4.5 2.5v11l9-5.5z",
  pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z",
  back: "M10 3 5 8l5 5",
  forward: "M6 3l5 5-5 5",
  loop: "M3 8V6.5A2.5 2.5 0 0 1 5.5 4H12M10 2l2 2-2 2M13 8v1.5a2.5 2.5 0 0 1-2.5 2.5H4M6 14l-2-2 2-2",
  part: "M5.5 3H3v10h2.5M10.5 3H13v10h-2.5M8 6.2v3.6",
  swap: "M3 5.5h9M9.5 3 12 5.5 9.5 8M13 10.5H4M6.5 8 4 10.5 6.5 13",
  help: "M5.8 6.1a2.2 2.2 0 1 1 3.3 1.9c-.7.4-1.1.8-1.1 1.6M8 12.2v.1",
  download: "M8 2.5v7.5M4.8 7.2 8 10.4l3.2-3.2M3 13.5h10",
};

/** A 16 × 16 drawing from the path of its line. */
function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

// A ranking as a table with a plot in it: a dot and its interval in the row of each clip.

const SCORE_TICKS = [0, 50, 100];

function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Where a score of 0-100 stands: with room at both ends for half a dot. */
function across(score) {
  return `${4 + 0.92 * score}%`;
}

function scoreLine({ score, low, high }) {
  const said = `Score ${score.toFixed(0)}, 95 % interval ${low.toFixed(0)} to ${high.toFixed(0)}`;
  return svg(
    "svg",
    { class: "mj-r-line", role: "img", "aria-label": said },
    svg("title", {}, said),
    ...SCORE_TICKS.map((tick) => svg("line", { class: "mj-r-grid", x1: across(tick), x2: across(tick), y1: "0", y2: "100%" })),
    svg("line", { class: "mj-r-span", x1: across(low), x2: across(high), y1: "50%", y2: "50%" }),
    svg("circle", { class: "mj-r-dot", cx: across(score), cy: "50%", r: "5" }),
  );
}

function scoreAxis() {
  return svg(
    "svg",
    { class: "mj-r-axis", "aria-hidden": "true" },
    ...SCORE_TICKS.map((tick) => svg("text", { x: across(tick), y: "11", "text-anchor": "middle" }, String(tick))),
  );
}

/** The rows of a ranking, the best first. Roles are named because the style makes other boxes of rows on a narrow page. */
function forest(rows, title) {
  const cell = (name, ...children) => h("td", { role: "cell", class: `mj-r-${name}` }, ...children);
  const heads = [
    ["place", "Place"],
    ["label", "Clip"],
    ["plot", "Score and 95 % interval"],
    ["score", "Score"],
    ["range", "95 %"],
    ["counts", "Won–lost–tied"],
    ["sure", "Better than the next"],
  ];
  return h(
    "table",
    { class: "mj-r-table", role: "table", "aria-label": title || "The ranking" },
    h(
      "thead",
      { role: "rowgroup" },
      h("tr", { role: "row" }, ...heads.map(([name, text]) => h("th", { role: "columnheader", scope: "col", class: `mj-r-${name}` }, text))),
    ),
    h(
      "tbody",
      { role: "rowgroup" },
      ...rows.map((row) =>
        h(
          "tr",
          { role: "row" },
          cell("place", String(row.place)),
          h("th", { role: "rowheader", scope: "row", class: "mj-r-label", title: row.label }, h("bdi", {}, row.label)),
          cell("plot", scoreLine(row)),
          cell("score", row.score.toFixed(0)),
          cell("range", `${row.low.toFixed(0)}–${row.high.toFixed(0)}`),
          cell("counts", `${row.wins}–${row.losses}–${row.ties}`),
          cell("sure", row.sure),
        ),
      ),
    ),
    h("tfoot", { "aria-hidden": "true" }, h("tr", {}, h("td", { colSpan: 2 }), h("td", { class: "mj-r-plot" }, scoreAxis()), h("td", { colSpan: 4 }))),
  );
}

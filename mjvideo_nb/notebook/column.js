// The widgets of a box, one below the other: `parts` are their references, in order.

export default {
  render({ model, el, host, signal }) {
    const places = new Map();
    let begun = false;

    async function fill(reference, isNew) {
      const place = document.createElement("div");
      places.set(reference, place);
      const end = new AbortController();
      signal?.addEventListener("abort", () => end.abort(), { once: true });
      place.end = end;
      const widget = await host.getWidget(reference);
      if (end.signal.aborted) return;
      await widget.render({ el: place, signal: end.signal });
      if (isNew) place.scrollIntoView({ block: "nearest" });
    }

    function draw() {
      const parts = model.get("parts");
      for (const [reference, place] of places) {
        if (parts.includes(reference)) continue;
        place.end.abort();
        place.remove();
        places.delete(reference);
      }
      for (const reference of parts) if (!places.has(reference)) fill(reference, begun);
      begun = true;
      for (const [index, reference] of parts.entries()) {
        const place = places.get(reference);
        // One that stands right is not touched: a clip that is moved stops playing.
        if (el.children[index] !== place) el.insertBefore(place, el.children[index] ?? null);
      }
    }

    model.on("change:parts", draw);
    draw();
    return () => model.off("change:parts", draw);
  },
};

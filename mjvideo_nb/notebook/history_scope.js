// What belongs to the history's model and not to one view of it: what is looked for, chosen, and on its way to the kernel.
//
// An answer that a newer question has overtaken is told by its number, and dropped.

const NO_KERNEL = "There is no kernel behind this list any more: run the cell again.";
const DOUBLE_CLICK = 1000; // ms: the second half of a double click must not buy a second video

class Scope extends ModelScope {
  ticked = new Set();
  busy = new Set();
  editing = null; // the id of the entry whose stars, tags and note are open
  notice = null; // {text, bad, undo}
  question = null; // before the trash is emptied
  days = null;
  filtering = false;
  waiting = 0; // questions to the kernel that take long
  looking = false;

  constructor(model) {
    super(model);
    this.take(model.get("page"));
    this.pictures = new Pictures(model, (id) => this.picture(id));
    model.on("change:page", () => this.receive());
  }

  receive() {
    const page = this.model.get("page");
    if (page.number < this.number) return;
    this.take(page);
    this.changed();
  }

  /** The page as it is, and what it was looked for: the kernel begins, and another view of the list may have asked. */
  take(page) {
    this.page = page;
    this.number = page.number;
    this.query = { ...NOTHING, ...page.query };
  }

  // Asking the kernel

  async ask(command, message) {
    let late = false;
    const slow = setTimeout(() => {
      late = true;
      this.set({ waiting: this.waiting + 1 });
    }, SLOW_KERNEL);
    try {
      const [answer, buffers] = await this.invoke(command, message);
      return { ...answer, buffers };
    } catch {
      // Only a message that could not leave the browser ends here: nothing was asked for.
      return { ok: false, message: NO_KERNEL };
    } finally {
      clearTimeout(slow);
      if (late) this.set({ waiting: this.waiting - 1 });
    }
  }

  /** Asks for something to be done, once; its answer, or null where it went wrong, which is said. */
  async act(action, message = {}, { settle = 0 } = {}) {
    const key = `${action} ${message.id ?? ""}`;
    if (this.busy.has(key)) return null;
    this.busy.add(key);
    this.set({ notice: null });
    const settled = new Promise((resolve) => setTimeout(resolve, settle));
    const answer = await this.ask("act", { action, ...message });
    settled.then(() => this.busy.delete(key));
    if (answer.ok) return answer;
    if (!this.gone) this.set({ notice: { text: answer.message, bad: true } });
    return null;
  }

  async look() {
    const number = (this.number += 1);
    this.set({ looking: true, question: null });
    const answer = await this.ask("act", { action: "search", query: this.query, offset: this.offset, number });
    if (number !== this.number || this.gone) return;
    this.set({ looking: false, notice: answer.ok ? this.notice : { text: answer.message, bad: true } });
  }

  find(change) {
    this.query = { ...this.query, ...change };
    this.offset = 0;
    this.editing = null;
    this.notice = null;
    if (PLACES.some((name) => name in change)) this.ticked.clear();
    this.look();
  }

  clear() {
    const { words, trashed, everybody } = this.query;
    this.find({ ...NOTHING, words, trashed, everybody });
  }

  turn(number) {
    const { size, total } = this.page;
    const last = Math.max(1, Math.ceil(total / size));
    this.offset = (Math.min(last, Math.max(1, Math.round(number) || 1)) - 1) * size;
    this.editing = null;
    this.look();
  }

  /** What this list does not show may have changed while nobody looked at it. */
  lookAgain() {
    this.offset = this.page.offset;
    this.look();
  }

  async refresh() {
    this.set({ looking: true });
    await this.act("refresh");
    this.set({ looking: false });
  }

  async picture(id) {
    const [answer, buffers] = await this.invoke("picture", { id });
    if (!answer.ok) throw new Error(answer.message);
    return answer.type ? { blob: new Blob(buffers, { type: answer.type }) } : { uri: answer.uri };
  }

  // Doing something with entries

  toggle(row) {
    return row.shown ? this.act("close", { id: row.id }) : this.open(row);
  }

  open(row, extend = false) {
    return this.below("open", { id: row.id }, { extend });
  }

  reuse(row) {
    return this.below("reuse", { id: row.id });
  }

  again(row) {
    return this.below("again", { id: row.id }, { settle: DOUBLE_CLICK });
  }

  compare() {
    return this.below("compare", { ids: [...this.ticked] });
  }

  /** Asks for something that is shown below the list, and brings it into sight. */
  async below(action, message, { extend = false, settle = 0 } = {}) {
    if (await this.act(action, message, { settle })) for (const view of this.views) view.show(extend);
  }

  tick(id, on) {
    if (on) this.ticked.add(id);
    else this.ticked.delete(id);
    this.changed();
  }

  edit(id) {
    this.set({ editing: this.editing === id ? null : id });
  }

  async save(id, tags, note) {
    if ((await this.act("tag", { id, tags })) && (await this.act("note", { id, note }))) this.set({ editing: null });
  }

  async trash(ids) {
    const answer = await this.act("trash", { ids });
    if (!answer) return;
    for (const id of answer.gone) this.ticked.delete(id);
    const { length } = answer.gone;
    const kept = answer.kept ? ` ${answer.kept} still under way, and kept.` : "";
    const theirs = answer.theirs ? ` ${answer.theirs} of others, which they alone can delete.` : "";
    this.set({ notice: { text: `${length} ${length === 1 ? "video" : "videos"} in the trash.${kept}${theirs}`, undo: () => this.restore(answer.gone) } });
    for (const view of this.views) view.offerUndo();
  }

  async restore(ids) {
    const answer = await this.act("restore", { ids });
    if (!answer) return;
    for (const id of ids) this.ticked.delete(id);
    const theirs = ids.length - answer.restored.length;
    this.set({ notice: { text: `${answer.restored.length} restored.${theirs ? ` ${theirs} of others, which they alone can restore.` : ""}` } });
  }

  async askToEmpty() {
    const answer = await this.act("weigh");
    if (answer) this.set({ question: answer.words });
  }

  async empty() {
    this.set({ question: null });
    this.ticked.clear();
    if (await this.act("empty")) this.set({ notice: { text: this.page.shared ? "Your trash is empty." : "The trash is empty." } });
  }

  async showDays() {
    const answer = this.days ? null : await this.act("days");
    this.set({ days: answer?.days ?? null });
  }

  dispose() {
    super.dispose();
    this.pictures.dispose();
  }
}

/** Training a pilot from the page: choose sessions, watch it, drive with what came of it. */

import { call, get, post } from "./api.js";
import { count, duration, el, title, toast } from "./dom.js";

const POLL_MS = 1000;

/** The panel in `root`; `learned` hears when a model came of a training. */
export class Training {
  constructor(root, { learned, activate }) {
    this.root = root;
    this.learned = learned;
    this.activate = activate;
    this.state = "";
    this.isStopped = false;
  }

  async open() {
    try {
      this.sessions = (await get("sessions")).filter((session) => session.frames && !session.recording && !session.damage);
      await this.look();
    } catch (error) {
      this.root.replaceChildren(this.heading(), this.problem(error.message));
    }
  }

  /** See how it stands, and again in a second while it goes on. */
  async look() {
    let status;
    try {
      status = await get("training");
    } catch (error) {
      toast(error.message, { bad: true });
      status = { state: this.state, progress: "The car does not answer.", report: "" };
    }
    const before = this.state;
    this.state = status.state;
    if (status.state === "running") {
      if (before !== "running") this.showRunning();
      this.update(status);
      setTimeout(() => this.look(), POLL_MS);
      return;
    }
    this.showChoice(status);
    if (before === "running" && status.state === "none") toast("The training was lost with the car's desk. Start it again.", { bad: true });
    if (before === "running" && status.model) {
      if (status.from_takeovers && !this.isStopped) await this.activate(status.model);
      await this.learned();
      toast(`${status.model} is trained.`);
    }
  }

  heading() {
    return el("h2", {}, "Train a pilot");
  }

  problem(text) {
    return el("p", { class: "note bad", role: "alert" }, text);
  }

  showChoice({ state, report, model, seconds }) {
    const boxes = this.sessions.map((session) => el("input", { type: "checkbox", checked: true, value: session.name }));
    const takeovers = el("input", { type: "checkbox" });
    const begin = async (event) => {
      event.preventDefault();
      this.isStopped = false;
      try {
        await post("training", { sessions: boxes.filter((box) => box.checked).map((box) => box.value), from_takeovers: takeovers.checked });
      } catch (error) {
        this.root.querySelector(".note")?.remove();
        this.root.append(this.problem(error.message));
        return;
      }
      await this.look();
    };
    const form = el("form", { class: "stack", onsubmit: begin },
      el("fieldset", { class: "choice" }, el("legend", { class: "small muted" }, "What to learn from"),
        this.sessions.map((session, index) => el("label", {}, boxes[index], el("span", {}, title(session)),
          el("span", { class: "small muted" }, `${duration(session.seconds)} · ${count(session.frames)} frames`)))),
      el("label", {}, takeovers, el("span", {}, "Learn from takeovers, and drive with the result")),
      el("button", { class: "primary" }, "Train"));
    const nothing = el("p", { class: "muted" }, "Nothing is recorded yet. Drive a few laps with Record on.");
    this.root.replaceChildren(this.heading(), this.sessions.length ? form : nothing, ...this.outcome(state, report, model, seconds));
  }

  outcome(state, report, model, seconds) {
    const sentences = {
      done: [el("p", { class: "note go", role: "status" }, `${model} is trained, in ${duration(seconds)}. It is in the list.`)],
      stopped: [el("p", { class: "note", role: "status" }, "Stopped. Nothing is left of it.")],
      failed: [el("p", { class: "note bad", role: "status" }, report.split("\n").findLast(Boolean) ?? "")],
    };
    const details = report && el("details", {}, el("summary", {}, "What the training said"), el("pre", { class: "said", tabindex: 0 }, report));
    return [...(sentences[state] ?? []), details].filter(Boolean);
  }

  showRunning() {
    this.bar = el("progress", { max: 100, "aria-label": "Training" });
    this.text = el("p", { role: "status" }, "Starting…");
    this.said = el("pre", { class: "said", tabindex: 0, "aria-label": "What the training says" });
    const stop = el("button", { onclick: () => this.stop(stop) }, "Stop the training");
    this.root.replaceChildren(this.heading(), this.text, this.bar, stop, this.said);
  }

  update({ progress, report }) {
    const percent = progress.match(/(\d+)%/);
    if (percent) this.bar.value = Number(percent[1]);
    else this.bar.removeAttribute("value");
    if (this.text.textContent !== progress) this.text.textContent = progress;
    this.said.textContent = report;
    this.said.hidden = !report;
  }

  async stop(button) {
    button.disabled = true;
    this.isStopped = true;
    try {
      await call("DELETE", "training");
    } catch (error) {
      toast(error.message, { bad: true });
      button.disabled = false;
    }
  }
}

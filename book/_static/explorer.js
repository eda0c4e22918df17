// Steered texts to explore. Each explorer is an inert block of JSON; text of a model only ever becomes textContent.
(function () {
  "use strict";
  let count = 0;

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function shown(value) {
    if (value === null) return "–";
    if (typeof value === "boolean") return value ? "yes" : "no";
    return String(value).replace("-", "−");
  }

  function shorten(text, most = 80) {
    return text.length > most ? `${text.slice(0, most - 1).trimEnd()}…` : text;
  }

  // A live region announces what is written into it, so nothing is written that was there already.
  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function select(name, options, choose) {
    const box = make("select", { id: `emo-${name}-${count}` },
      ...options.map((text, i) => make("option", { value: i, textContent: text })));
    box.addEventListener("change", () => choose(Number(box.value)));
    return make("div", { className: "emo-control" }, make("label", { htmlFor: box.id, textContent: name }), box);
  }

  function slider(name, options, choose) {
    const box = make("input", { type: "range", id: `emo-${name}-${count}`, min: 0, max: options.length - 1, step: 1,
                                disabled: options.length < 2 });
    const value = make("output", { htmlFor: box.id });
    const set = (i) => {
      box.value = i;
      value.textContent = shown(options[i]);
      box.setAttribute("aria-valuetext", shown(options[i]));
    };
    box.addEventListener("input", () => choose(Number(box.value)));
    const label = make("label", { htmlFor: box.id, textContent: name });
    const ends = make("div", { className: "emo-ends", ariaHidden: "true" },
      ...[options[0], options.at(-1)].map((end) => make("span", { textContent: shown(end) })));
    return { set, part: make("div", { className: "emo-control emo-slider" }, label, value, box, ends) };
  }

  // One continuation and its scores.
  function card(kind, scores) {
    const heading = make("p", { className: "emo-card-title" });
    const text = make("p", { className: "emo-said" });
    const numbers = scores.map(() => make("dd"));
    const list = make("dl", {}, ...scores.map((score, i) =>
      make("div", {}, make("dt", { textContent: score.label }), numbers[i])));
    const part = make("div", { className: `emo-card emo-${kind}` }, heading, text, list);
    const fill = (title, said, values) => {
      write(heading, title);
      write(text, said.trim() ? said.trim() : "no text");
      text.classList.toggle("emo-none", !said.trim());
      numbers.forEach((number, i) => write(number, shown(values[i])));
    };
    return { part, fill };
  }

  // In the map all numbers have the same decimals, few enough for small cells.
  function decimals({ values }, [low, high]) {
    if (values.every((value) => value === null || Number.isInteger(value))) return 0;
    return high - low < 10 ? 2 : 1;
  }

  // The map of layer by alpha: one stop for the Tab key, arrow keys inside it.
  function map(data, choose) {
    const score = data.scores[0];
    const [low, high] = data.range;
    const digits = decimals(score, data.range);
    const brief = (value) => shown(typeof value === "number" ? value.toFixed(digits) : value);
    const shade = (value) => `${value === null ? 0 : Math.round(45 * (Number(value) - low) / (high - low))}%`;
    const cells = data.layers.map((_, layer) => data.alphas.map((_, alpha) => {
      const button = make("button", { type: "button", tabIndex: -1 });
      button.addEventListener("click", () => choose(layer, alpha));
      button.addEventListener("keydown", (event) => move(event, layer, alpha));
      return button;
    }));
    const head = (text, scope, span = 1) => make("th", { scope, colSpan: span, textContent: text });
    const table = make("table", { className: "emo-map" },
      make("caption", { textContent: `${score.label}, by layer and alpha` }),
      make("thead", {}, make("tr", {}, make("td"), head("alpha", "colgroup", data.alphas.length)),
        make("tr", {}, head("layer", "col"), ...data.alphas.map((alpha) => head(shown(alpha), "col")))),
      make("tbody", {}, ...cells.map((line, i) =>
        make("tr", {}, head(shown(data.layers[i]), "row"), ...line.map((button) => make("td", {}, button))))));

    function move(event, layer, alpha) {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = cells[layer + step[0]]?.[alpha + step[1]];
      if (!next) return;
      choose(layer + step[0], alpha + step[1]);
      next.focus();
    }

    const frame = make("div", { className: "emo-map-frame" }, table);
    const fill = (chosen, at) => cells.forEach((line, layer) => line.forEach((button, alpha) => {
      const value = score.values[at(layer, alpha)];
      const here = layer === chosen.layer && alpha === chosen.alpha;
      button.textContent = brief(value);
      button.tabIndex = here ? 0 : -1;
      button.setAttribute("aria-pressed", here);
      button.setAttribute("aria-label",
        `layer ${shown(data.layers[layer])}, alpha ${shown(data.alphas[alpha])}: ${score.label} ${shown(value)}`);
      button.style.setProperty("--emo-share", shade(value));
      if (here) reveal(frame, button);
    }));
    return { part: frame, fill };
  }

  // A wide map scrolls sideways to the chosen cell, and the page stays where it is.
  function reveal(frame, cell) {
    const [outer, inner] = [frame.getBoundingClientRect(), cell.getBoundingClientRect()];
    frame.scrollLeft += Math.max(0, inner.right + 6 - outer.right) - Math.max(0, outer.left - inner.left + 6);
  }

  // Where a combination lies in the flat lists: alpha varies fastest, emotion slowest.
  function place(data, { emotion, prompt, layer, alpha }) {
    return ((emotion * data.prompts.length + prompt) * data.layers.length + layer) * data.alphas.length + alpha;
  }

  function csv(data) {
    const quote = (value) => `"${String(value ?? "").replaceAll('"', '""')}"`;
    const lines = [["emotion", "prompt", "layer", "alpha", "text", ...data.scores.map((score) => score.name)]];
    data.emotions.forEach((feeling, emotion) => data.prompts.forEach((context, prompt) =>
      data.layers.forEach((depth, layer) => data.alphas.forEach((strength, alpha) => {
        const at = place(data, { emotion, prompt, layer, alpha });
        const numbers = data.scores.map((score) => score.values[at]);
        lines.push([feeling, context, depth, strength, data.texts[data.text[at]], ...numbers]);
      }))));
    return lines.map((line) => `${line.map(quote).join(",")}\n`).join("");
  }

  function download(data) {
    const button = make("button", { type: "button", className: "emo-download",
      textContent: `Download all ${data.text.length.toLocaleString("en")} texts as CSV` });
    button.addEventListener("click", () => {
      const href = URL.createObjectURL(new Blob([csv(data)], { type: "text/csv" }));
      make("a", { href, download: "texts.csv" }).click();
      setTimeout(() => URL.revokeObjectURL(href), 60000);
    });
    return button;
  }

  function build(box) {
    count += 1;
    const data = JSON.parse(box.querySelector("script").textContent);
    const chosen = { emotion: 0, prompt: 0, layer: data.start[0], alpha: data.start[1] };
    const change = (news) => update(Object.assign(chosen, news));
    const contexts = data.prompts.map((text, i) => `${i + 1}. ${shorten(text)}`);
    const emotion = select("emotion", data.emotions, (i) => change({ emotion: i }));
    const prompt = select("context", contexts, (i) => change({ prompt: i }));
    const layer = slider("layer", data.layers, (i) => change({ layer: i }));
    const alpha = slider("alpha", data.alphas, (i) => change({ alpha: i }));
    const grid = map(data, (row, column) => change({ layer: row, alpha: column }));
    const context = make("p", { className: "emo-context" });
    const plain = card("untouched", data.scores);
    const steered = card("steered", data.scores);
    const untouched = data.alphas.indexOf(0);

    function fill(part, title, at) {
      part.fill(title, data.texts[data.text[at]], data.scores.map((score) => score.values[at]));
    }

    function update() {
      const at = (row, column) => place(data, { ...chosen, layer: row, alpha: column });
      const steering = [`Towards ${data.emotions[chosen.emotion]}`, `layer ${shown(data.layers[chosen.layer])}`,
                        `alpha ${shown(data.alphas[chosen.alpha])}`].join(", ");
      layer.set(chosen.layer);
      alpha.set(chosen.alpha);
      box.style.setProperty("--emo-shade", data.colours[chosen.emotion]);
      grid.fill(chosen, at);
      write(context, data.prompts[chosen.prompt]);
      fill(plain, "Untouched model", at(chosen.layer, untouched));
      const title = chosen.alpha === untouched ? "Alpha 0: nothing is added" : steering;
      fill(steered, title, at(chosen.layer, chosen.alpha));
    }

    const result = make("div", { className: "emo-result", ariaLive: "polite" }, context, plain.part, steered.part);
    const scale = make("p", { className: "emo-scale" }, make("span", { textContent: shown(data.range[0]) }),
      make("i", { ariaHidden: "true" }), make("span", { textContent: shown(data.range[1]) }));
    box.querySelector(".emo-plain").remove();
    box.append(make("div", { className: "emo-choose" }, emotion, prompt),
      make("div", { className: "emo-steer" }, grid.part, make("div", {}, layer.part, alpha.part, scale)),
      result, download(data));
    update();
    box.dataset.ready = "yes";
  }

  function start() {
    for (const box of document.querySelectorAll(".emo-explorer")) build(box);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();

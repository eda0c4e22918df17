// Draws the figures of a page when they come near the window. Each figure is an inert block of JSON; the drawing
// libraries are loaded once per site, from the site itself, and only on pages that need them.
(function () {
  "use strict";
  const here = document.currentScript.src;
  const sources = { plotly: "plotly.min.js", circuitsvis: "circuitsvis.js" };
  const loaded = {};
  let count = 0;

  function load(library) {
    loaded[library] ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL(sources[library], here).href;
      script.onload = resolve;
      script.onerror = () => reject(new Error(`could not load ${script.src}`));
      document.head.append(script);
    });
    return loaded[library];
  }

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  // The page's colours and the window's width win over what the notebook chose for a white page.
  function themed(spec, width) {
    const layout = structuredClone(spec.layout);
    const base = (layout.template ??= {}).layout ?? {};
    const axis = { gridcolor: colour("--emo-grid"), zerolinecolor: colour("--emo-axis"),
                   linecolor: colour("--emo-axis"), tickcolor: colour("--emo-axis") };
    layout.template.layout = { ...base,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { ...base.font, color: colour("--pst-color-text-base"), size: width < 480 ? 11 : 13 },
      hoverlabel: { ...base.hoverlabel, bgcolor: colour("--pst-color-surface"),
                    font: { ...base.hoverlabel?.font, color: colour("--pst-color-text-base") } },
      xaxis: { ...base.xaxis, ...axis }, yaxis: { ...base.yaxis, ...axis },
    };
    if (width < 480) layout.margin = { ...layout.margin, l: 44, r: 6 };
    return layout;
  }

  // Lines of at most so many letters, broken between words.
  function wrap(text, letters) {
    if (typeof text !== "string" || text.length <= letters) return text;
    if (text.includes("<br>")) return text.split("<br>").map((line) => wrap(line, letters)).join("<br>");
    const lines = [""];
    for (const word of text.split(" ")) {
      if (lines.at(-1) && lines.at(-1).length + word.length >= letters) lines.push(word);
      else lines[lines.length - 1] += (lines.at(-1) ? " " : "") + word;
    }
    return lines.join("<br>");
  }

  // Titles of axes are as long as their axis, and on a phone long names of rows take several lines.
  function fitted(spec, width) {
    const data = structuredClone(spec.data), layout = themed(spec, width), letter = width < 480 ? 6.4 : 7.4;
    if (width < 480) {
      rows(data, layout);
      remarks(layout, width, letter);
    }
    const names = [...data.flatMap((trace) => Array.isArray(trace.y) ? trace.y : []), ...layout.yaxis?.ticktext ?? []];
    const widest = Math.max(4, ...names.filter((text) => typeof text === "string")
      .flatMap((text) => text.split("<br>")).map((line) => line.length));
    const across = width - 50 - letter * widest, up = (layout.height ?? 420) - 110;
    for (const [name, axis] of Object.entries(layout).filter(([key]) => /^[xy]axis\d*$/.test(key))) {
      const [from, to] = axis.domain ?? [0, 1], long = (to - from) * (name[0] === "x" ? across : up);
      if (axis.title?.text) axis.title.text = wrap(axis.title.text, Math.max(14, long / letter));
    }
    return [data, layout];
  }

  const NAME = 18;

  function rows(data, layout) {
    const named = (list) => Array.isArray(list) && list.some((text) => typeof text === "string" && text.length > NAME);
    const short = (list) => list.map((text) => wrap(text, NAME));
    let lines = 1;
    for (const trace of data) {
      if (!named(trace.y)) continue;
      trace.y = short(trace.y);
      lines = Math.max(lines, ...trace.y.map((text) => String(text).split("<br>").length));
    }
    for (const axis of Object.entries(layout).filter(([key]) => /^yaxis\d*$/.test(key)).map(([, axis]) => axis)) {
      if (named(axis.ticktext)) lines = Math.max(lines, 2);
      for (const list of ["categoryarray", "ticktext"]) if (named(axis[list])) axis[list] = short(axis[list]);
    }
    for (const mark of [...layout.annotations ?? [], ...layout.shapes ?? []])
      for (const end of ["y", "y0", "y1"]) mark[end] = wrap(mark[end], NAME);
    if (lines > 1) layout.height = (layout.height ?? 420) * Math.min(2, 0.6 + 0.4 * lines);
  }

  // Titles of panels and names above marks, which stand inside the drawing, break at the width of their panel.
  function remarks(layout, width, letter) {
    const starts = Object.entries(layout).filter(([key]) => /^xaxis\d*$/.test(key)).map(([, axis]) => axis.domain?.[0] ?? 0);
    const letters = Math.max(16, (width - 70) / letter / new Set(starts).size);
    let lines = 1;
    for (const mark of layout.annotations ?? []) {
      mark.font = { ...mark.font, size: Math.min(mark.font?.size ?? 12, 12) };
      mark.text = wrap(mark.text, letters);
      lines = Math.max(lines, String(mark.text ?? "").split("<br>").length);
    }
    if (lines > 1) layout.height = (layout.height ?? 420) * Math.min(1.8, 0.7 + 0.3 * lines);
  }

  function drawPlotly(box, spec) {
    const draw = () => Plotly.react(box.plot, ...fitted(spec, box.clientWidth), spec.config);
    box.plot = document.createElement("div");
    box.plot.className = "emo-canvas";
    box.append(box.plot);
    box.redraw = draw;
    return draw();
  }

  function drawCircuitsvis(box, props) {
    const plot = document.createElement("div");
    plot.id = `emo-viewer-${++count}`;
    plot.className = "emo-canvas";
    box.append(plot);
    CircuitsVis.render(plot.id, CircuitsVis[box.dataset.element], props);
  }

  async function draw(box) {
    const spec = JSON.parse(box.querySelector("script").textContent);
    await load(box.dataset.draw);
    await (box.dataset.draw === "plotly" ? drawPlotly : drawCircuitsvis)(box, spec);
    box.querySelectorAll(":scope > p").forEach((plain) => plain.remove());
    box.dataset.drawn = "yes";
  }

  function parseCsv(text) {
    const rows = [[]];
    for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|$)/g)) {
      rows.at(-1).push(quoted !== undefined ? quoted.replaceAll('""', '"') : plain);
      if (end === "\n") rows.push([]);
      if (end === "") break;
    }
    return rows;
  }

  function row(cells, tag) {
    const line = document.createElement("tr");
    for (const cell of cells) {
      const box = line.appendChild(document.createElement(tag));
      box.textContent = cell;
      if (tag === "th") box.scope = "col";
      if (cell !== "" && !Number.isNaN(Number(cell))) box.className = "num";
    }
    return line;
  }

  // The block of CSV becomes a table and a download when it is opened.
  function unfold(details) {
    const source = details.querySelector("pre.emo-csv");
    if (!source || !details.open) return;
    const [head, ...body] = parseCsv(source.textContent);
    const table = document.createElement("table");
    table.createTHead().append(row(head, "th"));
    table.createTBody().append(...body.map((cells) => row(cells, "td")));
    const region = document.createElement("div");
    region.className = "emo-table";
    region.tabIndex = 0;
    region.setAttribute("role", "region");
    region.setAttribute("aria-label", "Data behind the figure");
    region.append(table);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([source.textContent + "\n"], { type: "text/csv" }));
    link.download = "data.csv";
    link.textContent = "Download as CSV";
    source.replaceWith(link, region);
  }

  // A tab for another model opens at the section that the reader is in.
  function keepPlace(event) {
    const headings = [...document.querySelectorAll("article section[id]")];
    const current = headings.filter((part) => part.getBoundingClientRect().top < 160).at(-1);
    if (current && window.scrollY > 200) event.currentTarget.hash = current.id;
  }

  function start() {
    const near = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        draw(target).catch((error) => console.error(error));
      }
    }, { rootMargin: "800px 0px" });
    document.querySelectorAll("[data-draw]").forEach((box) => near.observe(box));
    document.querySelectorAll("details.emo-data").forEach((box) => box.addEventListener("toggle", () => unfold(box)));
    document.querySelectorAll(".emo-tabs a").forEach((tab) => tab.addEventListener("click", keepPlace));
    const redraw = () => document.querySelectorAll("[data-drawn]").forEach((box) => box.redraw?.());
    new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    window.addEventListener("beforeprint", () => document.querySelectorAll("[data-draw]:not([data-drawn])").forEach(draw));
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();

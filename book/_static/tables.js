// Tables that fit: wide ones take the free third of the page, or become cards on a phone; long ones fold; columns sort.
(function () {
  "use strict";
  const ROWS = 40, CARDS = 12, PHONE = 576, MARGIN = 24;
  const over = (box) => box.scrollWidth - box.clientWidth > 1;

  // The pixels between a box and the right end of the page.
  function free(box) {
    const page = box.closest(".bd-content") ?? document.body;
    return Math.max(0, page.getBoundingClientRect().right - box.getBoundingClientRect().right - MARGIN);
  }

  function label(table) {
    const names = [...table.tHead?.rows[0]?.cells ?? []].map((cell) => cell.textContent);
    for (const row of table.tBodies[0]?.rows ?? [])
      [...row.cells].forEach((cell, i) => (cell.dataset.label = names[i] ?? ""));
  }

  function fit(box) {
    box.classList.remove("full-width", "emo-scrolls", "emo-cards");
    box.style.removeProperty("--emo-free");
    if (over(box) && window.innerWidth < PHONE) {
      label(box.querySelector("table"));
      box.classList.add("emo-cards");
    } else if (over(box) && free(box) > MARGIN) {
      box.style.setProperty("--emo-free", `${free(box)}px`);
      box.classList.add("full-width");
    }
    if (over(box)) box.classList.add("emo-scrolls");
    hint(box);
    fold(box, box.classList.contains("emo-cards") ? CARDS : ROWS);
  }

  function hint(box) {
    const there = box.nextElementSibling?.classList.contains("emo-hint") ? box.nextElementSibling : null;
    if (!box.classList.contains("emo-scrolls")) return there?.remove();
    if (there) return;
    const line = document.createElement("p");
    line.className = "emo-hint";
    line.textContent = "This table is wider than the page: it scrolls to the right.";
    box.after(line);
  }

  function fold(box, limit) {
    const rows = [...box.querySelector("tbody")?.rows ?? []];
    const old = box.querySelector(":scope > .emo-rows");
    if (box.dataset.open || rows.length <= limit) {
      rows.forEach((row) => (row.hidden = false));
      return old?.remove();
    }
    rows.forEach((row, i) => (row.hidden = i >= limit));
    if (old) return;
    const button = document.createElement("button");
    button.className = "emo-rows";
    button.textContent = `Show all ${rows.length} rows`;
    button.addEventListener("click", () => {
      box.dataset.open = "yes";
      fit(box);
    });
    box.append(button);
  }

  function value(cell) {
    const text = cell?.textContent.trim() ?? "";
    const number = Number.parseFloat(text.replaceAll(",", "").replace("−", "-"));
    return Number.isNaN(number) ? text.toLowerCase() : number;
  }

  function compare(a, b) {
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return a < b ? -1 : a > b ? 1 : 0;
  }

  function sort(box, at) {
    const body = box.querySelector("tbody"), heads = [...box.querySelectorAll("thead th")];
    const down = heads[at].getAttribute("aria-sort") === "ascending";
    heads.forEach((head, i) => head.setAttribute("aria-sort", i !== at ? "none" : down ? "descending" : "ascending"));
    const rows = [...body.rows].sort((a, b) => compare(value(a.cells[at]), value(b.cells[at])) * (down ? -1 : 1));
    body.append(...rows);
    fit(box);
  }

  function sortable(box) {
    const heads = [...box.querySelectorAll("thead th")];
    if (!heads.length || (box.querySelector("tbody")?.rows.length ?? 0) < 3) return;
    heads.forEach((head, at) => {
      head.tabIndex = 0;
      head.setAttribute("aria-sort", "none");
      head.addEventListener("click", () => sort(box, at));
      head.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        sort(box, at);
      });
    });
  }

  function all() {
    return [...document.querySelectorAll(".bd-article .emo-table")].filter((box) => box.querySelector("table"));
  }

  // A link to a place that is folded, or to the line before a folded result, opens the fold.
  function unfold() {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const folds = [target.closest("p, div.cell")?.nextElementSibling?.querySelector(":scope > details.hide")];
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) folds.push(fold);
    folds.filter(Boolean).forEach((fold) => (fold.open = true));
    if (folds.some(Boolean)) target.scrollIntoView();
  }

  function start() {
    unfold();
    window.addEventListener("hashchange", unfold);
    all().forEach(sortable);
    all().forEach(fit);
    // a table in a fold has no width before it is opened
    document.addEventListener("toggle", (event) => all().filter((box) => event.target.contains(box)).forEach(fit), true);
    let waiting;
    window.addEventListener("resize", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => all().forEach(fit), 120);
    });
    window.addEventListener("beforeprint", () => all().forEach((box) => {
      box.querySelectorAll("tr[hidden]").forEach((row) => (row.hidden = false));
    }));
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();

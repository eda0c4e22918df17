// Search and menus for the claims ledger. The whole table is on the page; without this script it is only longer.
(function () {
  "use strict";
  const MENUS = { chapter: "chapter", part: "part of the reports", replication: "Replication", scrutiny: "Scrutiny", model: "model" };

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  // What the rows of a group share is written on the group.
  const given = (row, name) => row.dataset[name] ?? row.parentElement.dataset[name];

  function values(rows, name) {
    const found = rows.flatMap((row) => (name === "model" ? row.dataset.models.split("|") : [given(row, name)]));
    return [...new Set(found.filter(Boolean))];
  }

  function menu(name, rows) {
    const box = make("select", { id: `emo-ledger-${name}` }, make("option", { value: "", textContent: "all" }),
      ...values(rows, name).map((text) => make("option", { value: text, textContent: text })));
    return { box, part: make("div", { className: "emo-control" },
      make("label", { htmlFor: box.id, textContent: MENUS[name] }), box) };
  }

  function start(ledger) {
    const rows = [...ledger.querySelectorAll("tbody tr")];
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const search = make("input", { type: "search", id: "emo-ledger-q", placeholder: "words, a model, an id such as P8" });
    const menus = Object.fromEntries(Object.keys(MENUS).map((name) => [name, menu(name, rows)]));
    const count = make("p", { className: "emo-count" });
    count.setAttribute("aria-live", "polite");
    const clear = make("button", { type: "button", textContent: "Show all" });

    function wanted() {
      const state = { q: search.value.trim() };
      for (const name in menus) state[name] = menus[name].box.value;
      return state;
    }

    function fits(row, state) {
      return state.q.toLowerCase().split(/\s+/).every((word) => texts.get(row).includes(word))
        && ["chapter", "part", "replication", "scrutiny"].every((name) => !state[name] || given(row, name) === state[name])
        && (!state.model || row.dataset.models.split("|").includes(state.model));
    }

    function show(remember = true) {
      const state = wanted();
      let shown = 0;
      for (const row of rows) {
        row.hidden = !fits(row, state);
        shown += !row.hidden;
      }
      const said = `${shown} of ${rows.length} claims`;
      if (count.textContent !== said) count.textContent = said;
      const set = Object.entries(state).filter(([, value]) => value);
      clear.hidden = set.length === 0;
      if (remember) {
        const hash = set.length ? `#${new URLSearchParams(set)}` : "";
        history.replaceState(null, "", location.pathname + location.search + hash);
      }
    }

    // The address holds either a state, such as #q=overlap&part=Phase+8, or the anchor of a claim.
    function follow() {
      const state = location.hash.includes("=") ? new URLSearchParams(location.hash.slice(1)) : new URLSearchParams();
      search.value = state.get("q") || "";
      for (const name in menus) {
        const value = state.get(name) || "";
        menus[name].box.value = [...menus[name].box.options].some((option) => option.value === value) ? value : "";
      }
      show(false);
      const named = [location.hash, `#claim-${location.hash.slice(1)}`];
      const row = rows.find((one) => named.includes(`#${one.id}`) || named.includes(`#${encodeURIComponent(one.id)}`));
      if (row) row.scrollIntoView({ block: "center" });
      else if (location.hash.includes("=")) find.closest("form").scrollIntoView({ block: "start" });
    }

    search.addEventListener("input", () => show());
    search.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { search.value = ""; show(); }
    });
    for (const name in menus) menus[name].box.addEventListener("change", () => show());
    clear.addEventListener("click", () => {
      search.value = "";
      for (const name in menus) menus[name].box.value = "";
      show();
      search.focus();
    });
    window.addEventListener("hashchange", follow);
    const find = make("div", { className: "emo-control emo-search" },
      make("label", { htmlFor: search.id, textContent: "search" }), search);
    ledger.before(make("form", { className: "emo-find", role: "search", ariaLabel: "Claims", onsubmit: () => false },
      find, ...Object.values(menus).map((one) => one.part)), make("div", { className: "emo-found" }, count, clear));
    follow();
  }

  function begin() {
    document.querySelectorAll(".emo-ledger:not(.emo-claims)").forEach(start);
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();

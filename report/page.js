// Sorts tables by a column and hides modes whose name does not match. The page is whole
// without it.
"use strict";
(() => {
  // number is what a cell says, for sorting: the first number in it, or its text.
  const number = (cell) => {
    const shown = cell && (cell.querySelector("summary") || cell); // Not what it opens to.
    const text = shown ? shown.textContent.trim() : "";
    const found = text.replace(/,/g, "").replace(/−/g, "-").match(/-?\d+(\.\d+)?/);
    return found && !/^[A-Za-z]/.test(text) ? Number(found[0]) : text;
  };

  // compare puts numbers before texts, and what is missing last.
  const compare = (a, b) => {
    if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b);
    return typeof a === "number" ? -1 : 1;
  };

  const sort = (head, descending) => {
    const row = head.parentElement, table = row.closest("table"), body = table.tBodies[0];
    const at = [...row.cells].indexOf(head);
    const rows = [...body.rows].map((r) => [number(r.cells[at]), r]);
    rows.sort(([a], [b]) => (descending && typeof a === typeof b ? compare(b, a) : compare(a, b)));
    for (const [, r] of rows) body.append(r);
    for (const other of row.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  };

  for (const head of document.querySelectorAll("thead th")) {
    if (!head.textContent.trim() || head.classList.contains("plot")) continue;
    head.tabIndex = 0;
    head.classList.add("sorts");
    head.title = (head.title ? head.title + "; " : "") + "sort by this column";
    const turn = () => sort(head, head.getAttribute("aria-sort") === "ascending");
    head.addEventListener("click", turn);
    head.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      turn();
    });
  }

  const filter = document.querySelector("#filter input");
  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of document.querySelectorAll("tbody tr")) {
      const name = row.cells[0].textContent.toLowerCase();
      row.hidden = words.length > 0 && name.trim() !== "host" && !words.some((w) => name.includes(w));
    }
  };
  document.querySelector("#filter").hidden = false;
  filter.addEventListener("input", apply);

  // #filter=vlan&sort=test-1.p99 opens the page so; a link can say what to look at.
  const asked = new URLSearchParams(location.hash.slice(1));
  if (asked.get("filter")) {
    filter.value = asked.get("filter");
    apply();
  }
  const [test, column] = (asked.get("sort") || "").split(".");
  const head = test && column && document.querySelector(`table[aria-labelledby="${CSS.escape(test)}"] th.${CSS.escape(column)}`);
  if (head) sort(head, asked.get("order") === "descending");
})();

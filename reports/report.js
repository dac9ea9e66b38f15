"use strict";
// Conveniences of the page: without this script all content is there and readable. No text of a run becomes markup here.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const SVG = "http://www.w3.org/2000/svg";

  const theme = document.getElementById("theme");
  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const nameTheme = () => { theme.textContent = isDark() ? "Light" : "Dark"; theme.setAttribute("aria-label", isDark() ? "Switch to light" : "Switch to dark"); };
  theme.hidden = false;
  nameTheme();
  theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; nameTheme(); });

  // Links into closed scenarios open them; printing opens all and closes them again.
  const openTarget = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    const details = target && target.querySelector(":scope > details");
    if (details && !details.open) { details.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", openTarget);
  openTarget();
  let opened = [];
  addEventListener("beforeprint", () => { opened = all("details:not([open])"); opened.forEach((one) => { one.open = true; }); });
  addEventListener("afterprint", () => { opened.forEach((one) => { one.open = false; }); opened = []; });

  for (const box of all(".code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      const code = box.querySelector("code");
      try { await navigator.clipboard.writeText(code.textContent); button.textContent = "Copied"; }
      catch { getSelection().selectAllChildren(code); button.textContent = "Selected"; }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    box.append(button);
  }

  // Tables: a column sorts by data-v where its cells have one, else by text; empty values stay last.
  const keyOf = (row, index) => {
    const cell = row.cells[index];
    if (!cell) return "";
    if (cell.dataset.v !== undefined) return cell.dataset.v === "" ? "" : Number(cell.dataset.v);
    const text = cell.textContent.trim();
    const value = Number(text.replace(/,/g, ""));
    return text !== "" && Number.isFinite(value) ? value : text;
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
  for (const head of all("table.data thead th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = head.dataset.name = head.textContent; // the second for paper: buttons are not drawn in repeated heads
    head.replaceChildren(button);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.sort");
    if (!button) return;
    const head = button.closest("th"), table = head.closest("table"), body = table.tBodies[0];
    const down = head.getAttribute("aria-sort") === "ascending";
    all("th[aria-sort]", table).forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].map((row) => [keyOf(row, head.cellIndex), row]);
    const missing = (key) => key === "" || key === "–";
    rows.sort(([a], [b]) => (missing(a) - missing(b)) || (down ? compare(b, a) : compare(a, b)));
    body.append(...rows.map(([, row]) => row));
  });
  document.addEventListener("input", (event) => {
    if (!event.target.matches("input.filter")) return;
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of event.target.closest(".table").querySelector("tbody").rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });

  // A legend's button hides a variant in all charts of its scenario.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.toggle");
    if (!button) return;
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    const scope = button.closest("section.scenario") || button.closest("figure");
    all(`g[data-k="${button.dataset.k}"]`, scope).forEach((group) => group.classList.toggle("off", !shown));
  });

  // Values under the pointer or the arrow keys, read back from the drawn path with the chart's scales.
  const SIZES = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];
  const digits = (value) => (Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3))));
  const write = (value, unit) => {
    if (unit !== "ns") return `${digits(value)}${unit ? ` ${unit}` : ""}`;
    const [size, name] = SIZES.find(([one]) => value >= one) || SIZES[3];
    return `${digits(value / size)} ${name}`;
  };
  const nines = (value) => {
    const p = 100 * (1 - 1 / value);
    return `p${p.toFixed(Math.min(6, Math.max(0, Math.ceil(Math.log10(value)) - 1))).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "")}`;
  };
  const scaleOf = (text) => {
    const [kind, low, high, start, end] = text.split(" ");
    const [a, b, s, e] = [low, high, start, end].map(Number);
    return { start: s, end: e, value: (at) => { const share = (at - s) / (e - s); return kind === "log" ? a * (b / a) ** share : a + (b - a) * share; } };
  };
  const pointsOf = (path) => path.getAttribute("d").slice(1).split("L").map((pair) => pair.trim().split(" ").map(Number));
  const heightAt = (points, x) => {
    if (x < points[0][0] - 0.6 || x > points[points.length - 1][0] + 0.6) return null;
    const k = points.findIndex(([px]) => px >= x);
    if (k <= 0) return points[k === 0 ? 0 : points.length - 1][1];
    const [[x0, y0], [x1, y1]] = [points[k - 1], points[k]];
    return x1 === x0 ? y1 : y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
  };
  const nearest = (points, x) => points.reduce((best, one) => (Math.abs(one[0] - x) < Math.abs(best[0] - x) ? one : best))[1];
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  const spoken = document.createElement("output");
  spoken.className = "unseen";
  document.body.append(tip, spoken);
  const hairOf = (svg) => {
    let hair = svg.querySelector(".hair");
    if (!hair) { hair = document.createElementNS(SVG, "path"); hair.setAttribute("class", "hair"); svg.append(hair); }
    return hair;
  };
  const placeOf = (svg, event) => {
    const box = svg.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
  };
  const tell = (svg, at, left, top) => {
    const x = scaleOf(svg.dataset.x), y = scaleOf(svg.dataset.y);
    if (at < x.start || at > x.end) { hide(svg); return ""; }
    hairOf(svg).setAttribute("d", `M${at} ${y.end}V${y.start}`);
    const snaps = svg.dataset.xUnit !== "nines"; // between measured points there is nothing
    const head = document.createElement("b");
    head.textContent = svg.dataset.xUnit === "nines" ? nines(x.value(at)) : `${svg.dataset.xUnit} ${digits(x.value(at))}`;
    const lines = all("g[data-name]:not(.off)", svg).map((group) => {
      const path = group.querySelector(".curve, .trail");
      const height = path && (snaps ? nearest : heightAt)(pointsOf(path), at);
      return height === null ? null : [group.dataset.name, y.value(height)];
    }).filter(Boolean).sort((a, b) => b[1] - a[1]).map(([name, value]) => {
      const line = document.createElement("span"), left = document.createElement("i"), right = document.createElement("i");
      left.textContent = name.length > 60 ? `${name.slice(0, 59)}…` : name;
      right.textContent = write(value, svg.dataset.yUnit);
      line.append(left, right);
      return line;
    });
    tip.replaceChildren(head, ...lines);
    tip.hidden = false;
    tip.style.left = `${Math.max(4, Math.min(left + 14, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(4, Math.min(top + 14, innerHeight - tip.offsetHeight - 8))}px`;
    return [head.textContent, ...lines.map((line) => [...line.children].map((one) => one.textContent).join(" "))].join(", ");
  };
  const hide = (svg) => { tip.hidden = true; const hair = svg.querySelector(".hair"); if (hair) hair.removeAttribute("d"); };
  for (const svg of all("svg[data-x][data-y]")) {
    const box = svg.parentElement;
    svg.addEventListener("pointermove", (event) => tell(svg, placeOf(svg, event), event.clientX, event.clientY));
    svg.addEventListener("pointerleave", () => hide(svg));
    box.addEventListener("blur", () => hide(svg));
    box.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      event.preventDefault();
      const x = scaleOf(svg.dataset.x), step = (x.end - x.start) / 60;
      const at = Math.min(x.end, Math.max(x.start, Number(svg.dataset.at || x.start) + (event.key === "ArrowRight" ? step : -step)));
      svg.dataset.at = at;
      const place = svg.getBoundingClientRect();
      spoken.textContent = tell(svg, at, place.left + (at / svg.viewBox.baseVal.width) * place.width, place.top);
    });
  }

  // Heat maps: percentiles of a range of time are those of the summed counts, to the row of the map.
  const percentile = (sums, total, share, edges) => {
    let seen = 0;
    const wanted = Math.max(1, Math.ceil(total * share - 1e-9));
    for (let row = 0; row < sums.length; row += 1) { seen += sums[row]; if (seen >= wanted) return edges[row + 1]; }
    return edges[edges.length - 1];
  };
  const startHeatmap = (figure) => {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const svg = figure.querySelector(".scroll > svg"), box = document.createElement("div"), output = document.createElement("output");
    const slider = (name, value) => {
      const label = document.createElement("label"), input = document.createElement("input");
      Object.assign(input, { type: "range", min: 0, max: data.columns.length - 1, value });
      label.append(name, input);
      box.append(label);
      return input;
    };
    box.className = output.className = "range";
    const first = slider("from", 0), last = slider("to", data.columns.length - 1);
    box.append(output);
    figure.append(box);
    const [left, right] = data.area, width = (right - left) / data.columns.length;
    const image = svg.querySelector("image"), chosen = document.createElementNS(SVG, "rect");
    chosen.setAttribute("class", "chosen");
    chosen.setAttribute("y", image.getAttribute("y"));
    chosen.setAttribute("height", image.getAttribute("height"));
    svg.append(chosen);
    const update = () => {
      const [from, to] = [Number(first.value), Number(last.value)].sort((a, b) => a - b);
      const sums = new Array(data.edges.length - 1).fill(0);
      let total = 0, most = 0;
      for (const [, , max, row, ...counts] of data.columns.slice(from, to + 1)) {
        counts.forEach((count, k) => { sums[row + k] += count; total += count; });
        if (counts.length) most = Math.max(most, max);
      }
      const whole = to - from + 1 === data.columns.length;
      chosen.setAttribute("x", left + from * width);
      chosen.setAttribute("width", whole ? 0 : (to - from + 1) * width);
      const [a, b] = [data.columns[from][0], data.columns[to][1]];
      first.setAttribute("aria-valuetext", `${digits(data.columns[Number(first.value)][0])} s`);
      last.setAttribute("aria-valuetext", `${digits(data.columns[Number(last.value)][1])} s`);
      const parts = [["p50", 0.5], ["p90", 0.9], ["p99", 0.99], ["p99.9", 0.999]].map(([name, share]) => `${name} ≤ ${write(percentile(sums, total, share, data.edges), "ns")}`);
      output.textContent = total ? `${digits(a)} to ${digits(b)} s, ${total.toLocaleString("en")} values: ${parts.join(", ")}, max ${write(most, "ns")}` : `${digits(a)} to ${digits(b)} s: no values`;
    };
    const columnAt = (event) => Math.min(data.columns.length - 1, Math.max(0, Math.floor((placeOf(svg, event) - left) / width)));
    svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      svg.setPointerCapture(event.pointerId);
      first.value = last.value = columnAt(event);
      update();
    });
    svg.addEventListener("pointermove", (event) => { if (svg.hasPointerCapture(event.pointerId)) { last.value = columnAt(event); update(); } });
    svg.addEventListener("dblclick", () => { first.value = 0; last.value = data.columns.length - 1; update(); });
    first.addEventListener("input", update);
    last.addEventListener("input", update);
    update();
  };
  // A closed scenario costs nothing: its heat maps start when it opens.
  const started = new WeakSet();
  const startIn = (element) => all("figure.heatmap", element).forEach((figure) => { if (!started.has(figure)) { started.add(figure); startHeatmap(figure); } });
  for (const details of all("section.scenario > details")) {
    if (details.open) startIn(details);
    details.addEventListener("toggle", () => { if (details.open) startIn(details); });
  }
})();

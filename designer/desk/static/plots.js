/* Draws every element that has data-plot: an address of JSON {x, xLabel, yLabel, series: [{label, role, values}]}. */
"use strict";

(() => {
  const ROLES = { accent: "--accent", second: "--second", third: "--third", fourth: "--fourth", human: "--human", sparse: "--sparse" };
  const DASHES = { human: [6, 4], sparse: [2, 4] };

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const short = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
    if (size >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
    return `${+value.toPrecision(3)}`;
  };

  // Up and down there is less room than across. Trainings are counted, so no tick stands between two of them.
  const axis = (label, size, space = 60, whole = false) => ({
    label, size, ...(whole ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] } : {}), labelSize: 20, labelFont: "12px system-ui", font: "12px system-ui", stroke: colour("--quiet"),
    grid: { stroke: colour("--rule"), width: 1 }, ticks: { show: false }, values: (_, splits) => splits.map(short), space,
  });

  const NS = "http://www.w3.org/2000/svg";

  const stroke = (role) => {
    const picture = document.createElementNS(NS, "svg");
    const line = document.createElementNS(NS, "path");
    picture.setAttribute("viewBox", "0 0 26 8");
    picture.setAttribute("aria-hidden", "true");
    line.setAttribute("d", "M0 4H26");
    line.setAttribute("stroke", colour(ROLES[role] || "--quiet"));
    line.setAttribute("stroke-width", "2");
    if (DASHES[role]) line.setAttribute("stroke-dasharray", DASHES[role].join(" "));
    picture.append(line);
    return picture;
  };

  // One entry a reward, however many trainings it has; where the pointer is, the mean of its lines stands beside it.
  const legend = (data) => {
    const list = document.createElement("ul");
    list.className = "legend";
    for (const name of new Set(data.series.map((line) => line.name))) {
      const mine = data.series.filter((line) => line.name === name);
      const item = document.createElement("li");
      const value = document.createElement("span");
      value.className = "value";
      item.append(stroke(mine[0].role), mine.length > 1 ? `${name}, ${mine.length} trainings ` : `${name} `, value);
      list.append(item);
    }
    return list;
  };

  const tell = (box, data, index) => {
    const names = [...new Set(data.series.map((line) => line.name))];
    box.querySelectorAll(".legend .value").forEach((span, k) => {
      const seen = data.series.filter((line) => line.name === names[k]).map((line) => line.values[index]).filter(Number.isFinite);
      span.textContent = seen.length ? short(seen.reduce((sum, value) => sum + value, 0) / seen.length) : "";
    });
  };

  const options = (data, box) => ({
    width: Math.max(260, box.clientWidth), height: Math.max(220, box.clientHeight - 30),
    scales: { x: { time: false } }, axes: [axis(data.xLabel, 34, 60, data.steps), axis(data.yLabel, 56, 32)],
    legend: { show: false },
    cursor: { points: { size: 7 } },
    hooks: { setCursor: [(plot) => tell(box, data, plot.cursor.idx)] },
    series: [
      { label: data.xLabel, value: (_, value) => short(value) },
      ...data.series.map((line) => ({
        label: line.label, stroke: colour(ROLES[line.role] || "--quiet"), width: line.role in DASHES ? 1.5 : 2,
        dash: DASHES[line.role], paths: data.steps ? uPlot.paths.stepped({ align: 1 }) : undefined, spanGaps: true, points: { show: data.x.length < 30, size: 5 }, value: (_, value) => short(value),
      })),
    ],
  });

  const draw = async (box) => {
    let data;
    try {
      const answer = await fetch(box.dataset.plot);
      if (!answer.ok) throw new Error(`${answer.status}`);
      data = await answer.json();
    } catch {
      box.textContent = "The numbers could not be had just now.";
      return;
    }
    box.replaceChildren();
    if (!data.x.length) {
      box.textContent = "No training has a score yet.";
      box.classList.add("none");
      return;
    }
    box.classList.remove("none");
    new uPlot(options(data, box), [data.x, ...data.series.map((line) => line.values)], box);
    box.append(legend(data));
  };

  const all = () => document.querySelectorAll("[data-plot]").forEach(draw);
  let pause;
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    clearTimeout(pause);
    pause = setTimeout(all, 150);
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  document.addEventListener("DOMContentLoaded", all);
  window.drawPlots = all;
})();

// Makes a figure one stop of the Tab key, whose points are walked with the arrow keys, Home
// and End; Enter opens a point's report. The page is whole without it.
"use strict";
for (const figure of document.querySelectorAll("svg.trend")) {
  const points = [...figure.querySelectorAll("a.night")];
  const stop = (at) => points.forEach((p, i) => p.setAttribute("tabindex", i === at ? "0" : "-1"));
  stop(points.length - 1);
  figure.addEventListener("keydown", (event) => {
    const at = points.indexOf(event.target.closest("a.night"));
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: points.length - 1 }[event.key];
    if (at < 0 || to === undefined || !points[to]) return;
    event.preventDefault();
    stop(to);
    points[to].focus();
  });
}

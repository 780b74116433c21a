/** What is drawn on a plot beside its lines, and the colours in which it is. */

/**
 * A custom property as a canvas takes it. `light-dark()` is no colour to a canvas, so the browser is asked what it comes to.
 *
 * @param {string} property Such as `--accent`.
 * @returns {string}
 */
export function colour(property) {
  const probe = document.createElement("span");
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/**
 * The interval of each point: a line from its low to its high end, with a cap on each; and a dashed line where it is held
 * against something.
 *
 * @param {import("uplot")} plot
 * @param {readonly import("./plot.js").Line[]} lines
 * @param {readonly string[]} colours By line.
 * @param {string} plain Of what is held against.
 */
export function drawIntervals(plot, lines, colours, plain) {
  const { ctx } = plot;
  const cap = 4 * devicePixelRatio;
  ctx.save();
  ctx.lineWidth = 1.5 * devicePixelRatio;
  lines.forEach((line, index) => {
    ctx.strokeStyle = colours[index % colours.length];
    plot.data[0].forEach((at, place) => {
      const [low, high] = [line.low?.[place], line.high?.[place]];
      if (typeof low !== "number" || typeof high !== "number") return;
      const x = plot.valToPos(at, "x", true);
      const [bottom, top] = [plot.valToPos(low, "y", true), plot.valToPos(high, "y", true)];
      ctx.beginPath();
      ctx.moveTo(x, bottom);
      ctx.lineTo(x, top);
      for (const end of [bottom, top]) {
        ctx.moveTo(x - cap, end);
        ctx.lineTo(x + cap, end);
      }
      ctx.stroke();
    });
    ctx.strokeStyle = plain;
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    plot.data[0].forEach((at, place) => {
      const held = line.held?.[place];
      if (typeof held !== "number") return;
      const [x, y] = [plot.valToPos(at, "x", true), plot.valToPos(held, "y", true)];
      ctx.beginPath();
      ctx.moveTo(x - 5 * cap, y);
      ctx.lineTo(x + 5 * cap, y);
      ctx.stroke();
    });
    ctx.setLineDash([]);
  });
  ctx.restore();
}

// Draws a chart when it comes into view, again when its URL changes (new scores) and when the
// theme does. The server names colours as CSS variables; they are resolved here.
(() => {
  const config = {
    displaylogo: false, showSendToCloud: false, plotlyServerURL: "", responsive: true,
    displayModeBar: matchMedia("(hover: none)").matches ? false : "hover", modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
    toImageButtonOptions: { scale: 2 },
  };
  const drawn = new WeakMap(); // plot element -> {src, figure, plotly}
  const bundles = new Map(); // each bundle overwrites window.Plotly: keep what each one brought

  const bundle = (name) => {
    if (!bundles.has(name)) bundles.set(name, window.load(name).then(() => window.Plotly));
    return bundles.get(name);
  };

  const style = () => getComputedStyle(document.documentElement);
  const resolve = (value, css) => {
    if (typeof value === "string") {
      return value.replace(/var\((--[\w-]+)(?:,\s*var\((--[\w-]+)\))?\)/g,
        (_, name, other) => css.getPropertyValue(name).trim() || css.getPropertyValue(other ?? "--muted").trim());
    }
    if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map((item) => resolve(item, css));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, css)]));
    }
    return value;
  };

  const axis = (css) => ({
    gridcolor: css("--border"), linecolor: css("--border"), zerolinecolor: css("--border"),
    tickcolor: css("--border"), automargin: true, title: { standoff: 8, font: { size: 13 } },
  });
  const template = (narrow) => {
    const css = (name) => style().getPropertyValue(name).trim();
    return { layout: {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: css("--sans"), size: 13, color: css("--text") },
      margin: { l: 8, r: 8, t: 8, b: narrow ? 110 : 90 }, xaxis: axis(css), yaxis: axis(css), yaxis2: axis(css),
      scene: { xaxis: axis(css), yaxis: axis(css), zaxis: axis(css) },
      hoverlabel: { bgcolor: css("--surface"), bordercolor: css("--border-strong"), font: { color: css("--text") }, align: "left" },
      legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom", x: 0, itemsizing: "constant", font: { size: 12 } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: css("--muted"), activecolor: css("--text") },
    } };
  };

  const paint = (plot) => {
    const { figure, plotly } = drawn.get(plot);
    const { data, layout } = resolve(structuredClone(figure), style());
    const full = { ...layout, template: template(plot.clientWidth < 480), uirevision: plot.id, height: plot.clientHeight };
    return plotly.react(plot, data, full, config);
  };

  const draw = async (chart) => {
    const plot = chart.querySelector(".plot");
    const src = chart.dataset.chart;
    if (drawn.get(plot)?.src === src) return;
    drawn.set(plot, { src });
    try {
      const [answer, plotly] = await Promise.all([fetch(src), bundle(chart.dataset.bundle)]);
      if (!answer.ok) throw new Error(`${src} answered ${answer.status}`);
      const figure = await answer.json();
      if (drawn.get(plot)?.src !== src) return; // newer scores came meanwhile
      drawn.set(plot, { src, figure, plotly });
      await paint(plot);
    } catch {
      drawn.delete(plot);
      if (!plot.querySelector(".main-svg")) plot.innerHTML = '<p class="failed">The chart cannot be drawn; the tables hold the same figures.</p>';
    }
  };

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) draw(entry.target);
  }, { rootMargin: "200px" });

  const watch = () => {
    for (const chart of document.querySelectorAll("[data-chart]")) {
      seen.unobserve(chart); // observing again reports at once whether it is in view
      seen.observe(chart);
    }
  };

  document.addEventListener("htmx:after:swap", watch);
  document.addEventListener("theme-changed", () => {
    for (const plot of document.querySelectorAll(".plot")) if (drawn.get(plot)?.figure) paint(plot);
  });
  watch();
})();

// Draws the figure of a stand-alone chart page, with Plotly from the CDN or else from here.
(() => {
  const chart = document.getElementById("chart");
  const figure = JSON.parse(document.getElementById("figure").textContent);

  const inject = (src, integrity) => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = src;
    if (integrity) Object.assign(script, { integrity, crossOrigin: "anonymous" });
    script.onload = resolve;
    script.onerror = () => reject(new Error(`cannot load ${src}`));
    document.head.append(script);
  });

  const load = async ({ cdn, integrity, local }) => {
    if (cdn) {
      try { return await inject(cdn, integrity); } catch { /* the CDN cannot be reached */ }
    }
    return inject(local);
  };

  load(chart.dataset)
    .then(() => window.Plotly.newPlot(chart, figure.data, figure.layout, {
      responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "",
    }))
    .catch(() => { chart.innerHTML = "<p>The chart cannot be drawn.</p>"; });
})();

// htmx, its event stream, and the words that tell whether this page is fresh.
(() => {
  const live = document.getElementById("live");
  const words = { live: "Live", paused: "Paused", offline: "Offline" };

  const say = (state) => {
    live.dataset.state = state;
    live.textContent = words[state];
    live.title = state === "offline" ? "Not connected: reload the page for new figures" : "";
  };

  const settle = () => new Promise((resolve) => setTimeout(resolve));

  const connect = async () => {
    await window.load("htmx");
    await settle(); // htmx starts in a timer of its own; the extension must come after it
    await window.load("hx-sse");
    window.htmx.process(live);
  };

  document.addEventListener("htmx:sse:after:connection", () => say("live"));
  document.addEventListener("htmx:sse:error", () => say("offline"));
  document.addEventListener("htmx:sse:before:connection", ({ detail }) => {
    if (detail.connection.attempt > 0) say("offline");
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && live.dataset.state === "live") say("paused"); // the stream is closed meanwhile
  });

  // Progress is told by the event itself: nothing is asked of the server for it. The last word
  // of each is kept, because a part of the page that is swapped comes without it.
  const told = new Map();

  const show = () => {
    for (const [selector, { percent, text }] of told) {
      for (const place of document.querySelectorAll(selector)) {
        place.querySelector("progress").value = percent;
        place.querySelector("[data-text]").textContent = text;
      }
    }
  };
  const progress = (selector, percent, text) => {
    told.set(selector, { percent, text });
    show();
  };
  document.addEventListener("htmx:after:swap", show);
  document.addEventListener("run-progress", ({ detail }) => {
    const run = JSON.parse(detail.data);
    const left = run.seconds_left ? `, about ${Math.ceil(run.seconds_left)} s left` : "";
    progress(`[data-run="${run.run_id}"]:has(progress)`, run.percent,
      `step ${run.step_number} of ${run.steps}: ${run.step}, ${Math.round(run.percent)}%${left}`);
  });
  document.addEventListener("import-progress", ({ detail }) => {
    const file = JSON.parse(detail.data);
    progress(`[data-import="${file.import_id}"]:has(progress)`, file.percent,
      `${file.rows.toLocaleString(document.documentElement.dataset.locale)} rows, ${Math.round(file.percent)}%`);
  });

  connect().catch(() => say("offline"));
})();

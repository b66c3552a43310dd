// Forms that talk to the API: uploads with progress, asking for a run, copying a call as curl.
(() => {
  const tell = (place, text, state) => {
    place.textContent = text;
    place.className = state ? `notice ${state}` : "row";
  };
  const problem = (text) => {
    try { const { title, detail } = JSON.parse(text); return detail || title; } catch { return "The gateway did not answer."; }
  };

  // Uploads: XMLHttpRequest, because fetch cannot tell how far it is.
  const upload = (form) => {
    const place = form.querySelector("[data-result]");
    const request = new XMLHttpRequest();
    const bar = document.createElement("progress");
    bar.max = 100;
    bar.setAttribute("aria-label", "Upload");
    place.className = "row";
    place.replaceChildren(bar);
    request.upload.onprogress = (event) => { if (event.lengthComputable) bar.value = 100 * event.loaded / event.total; };
    request.onload = () => {
      const done = request.status < 300;
      tell(place, done ? `${JSON.parse(request.responseText).files.join(", ")}: received, loading follows.` : problem(request.responseText), done ? "info" : "err");
      form.reset();
    };
    request.onerror = () => tell(place, "The upload broke off. Nothing was loaded; try again.", "err");
    request.open("POST", form.dataset.upload);
    request.send(new FormData(form));
  };

  // Follows a run to its end; where its page cannot be reached it says so instead of waiting on.
  const follow = async (run, place, then) => {
    const bar = Object.assign(document.createElement("progress"), { max: 100 });
    bar.setAttribute("aria-label", `Run ${run}`);
    tell(place, "");
    place.append(bar);
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const answer = await fetch(`/runs/${run}`);
      if (!answer.ok) return tell(place, problem(await answer.text()), "err");
      const { status, progress, error } = await answer.json();
      if (progress.percent) bar.value = progress.percent;
      if (status === "finished") return location.assign(then.endsWith("=") ? then + run : then);
      if (status !== "queued" && status !== "running") return tell(place, `Run ${run} is ${status}. ${error ?? ""}`, "err");
    }
  };

  const calculate = async (form) => {
    const place = form.querySelector("[data-result]");
    const given = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
    if (given.window_days) given.window_days = Number(given.window_days);
    if (given.k && given.k !== "auto") given.k = Number(given.k);
    const differs = (form.dataset.previews ?? "").split(" ").some((name) => given[name]);
    if (given.preview || differs) given.preview = true;
    const then = differs ? "/dashboard/clusters?run=" : form.dataset.then;
    try {
      const answer = await fetch(form.action, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(given) });
      const text = await answer.text();
      if (!answer.ok) tell(place, problem(text), "err");
      else if (then) await follow(JSON.parse(text).run_id, place, then);
      else tell(place, `Run ${JSON.parse(text).run_id} is queued.`, "info");
    } catch { tell(place, "The gateway did not answer.", "err"); }
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("[data-upload]")) { event.preventDefault(); upload(form); }
    if (form.matches("[data-calculate]")) { event.preventDefault(); calculate(form); }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-upload] input[type=file]") && event.target.files.length) event.target.form.requestSubmit();
  });

  const zone = (event) => event.target.closest?.("[data-upload]");
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      const form = zone(event);
      if (!form) return;
      event.preventDefault();
      form.classList.toggle("over", name === "dragover");
      if (name !== "drop" || !event.dataTransfer.files.length) return;
      form.querySelector("input[type=file]").files = event.dataTransfer.files;
      form.requestSubmit();
    });
  }

  // Without a secure context there is no clipboard: the snippet is selected, to be copied by hand.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const snippet = document.getElementById(button.dataset.copy);
    const [label] = button.childNodes, text = label.data;
    try {
      await navigator.clipboard.writeText(snippet.textContent);
      label.data = "Copied";
      setTimeout(() => { label.data = text; }, 2000);
    } catch {
      getSelection().selectAllChildren(snippet);
    }
  });

  // Without a secure context there is no clipboard: the text is put where it can be copied.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-curl]");
    if (!button) return;
    const text = `curl '${new URL(button.dataset.curl, location.href).href.replaceAll("'", "%27")}'`;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy as curl"; }, 2000);
    } catch {
      const field = Object.assign(document.createElement("input"), { value: text, readOnly: true, size: 40 });
      field.setAttribute("aria-label", "The call as curl");
      button.replaceWith(field);
      field.select();
    }
  });
})();

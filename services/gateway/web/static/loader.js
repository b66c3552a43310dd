// Loads the libraries of others: from the CDN with a pinned hash, from the gateway without it.
// A CDN that fails once is not asked again in this tab, so that only one page waits for it.
(() => {
  const libraries = JSON.parse(document.getElementById("libraries").textContent);
  const patience = { htmx: 1500, "hx-sse": 1500, plotly: 6000, "plotly-gl3d": 8000 };
  const loaded = new Map();

  const remembered = {
    get down() { try { return sessionStorage.getItem("cdn") === "down"; } catch { return false; } },
    set down(value) { try { if (value) sessionStorage.setItem("cdn", "down"); } catch { /* no storage */ } },
  };

  const inject = (src, integrity) => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = src;
    if (integrity) Object.assign(script, { integrity, crossOrigin: "anonymous" });
    script.onload = resolve;
    script.onerror = () => reject(new Error(`cannot load ${src}`));
    document.head.append(script);
  });

  const fromCdn = async ({ cdn, integrity }, name) => {
    // fetch can be given up, a script element cannot: it might run later, a second time.
    const answer = await fetch(cdn, { integrity, mode: "cors", signal: AbortSignal.timeout(patience[name]) });
    if (!answer.ok) throw new Error(`${cdn} answered ${answer.status}`);
    await answer.arrayBuffer();
    await inject(cdn, integrity);
  };

  const start = async (name) => {
    const library = libraries[name];
    if (library.cdn && !remembered.down) {
      try { return await fromCdn(library, name); } catch { remembered.down = true; }
    }
    return inject(library.local);
  };

  window.load = (name) => {
    if (!loaded.has(name)) loaded.set(name, start(name));
    return loaded.get(name);
  };
})();

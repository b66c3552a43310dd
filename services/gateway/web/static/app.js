// The theme switch and forms that send themselves. Listeners are on the document: parts of the
// page are replaced at any time.
(() => {
  const root = document.documentElement;
  const themes = ["system", "light", "dark"];
  const current = () => root.dataset.theme ?? "system";

  const paint = () => {
    const button = document.getElementById("theme");
    button.textContent = { system: "◐ System", light: "☀ Light", dark: "☾ Dark" }[current()];
    button.setAttribute("aria-label", `Theme: ${current()}. Change it`);
  };

  const choose = (theme) => {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    try { localStorage.setItem("theme", theme); } catch { /* for this page only */ }
    paint();
    document.dispatchEvent(new Event("theme-changed"));
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest("#theme")) choose(themes[(themes.indexOf(current()) + 1) % 3]);
  });
  // A part that came anew may have chosen another option; a list that one has open is left alone.
  document.addEventListener("htmx:after:swap", () => {
    for (const option of document.querySelectorAll("main option[selected]")) {
      if (option.parentElement !== document.activeElement) option.selected = true;
    }
  });
  document.addEventListener("change", (event) => event.target.closest("form[data-auto]")?.requestSubmit());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new Event("theme-changed")));
  paint();
})();

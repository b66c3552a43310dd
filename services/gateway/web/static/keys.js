// Keys: single letters go places. Never while one types; the switch is on the help page.
(() => {
  const places = { o: "", s: "/segments", c: "/customers", h: "/cohorts", k: "/clusters", m: "/migrations", i: "/imports", r: "/runs" };
  const storage = {
    get on() { try { return localStorage.getItem("keys") !== "off"; } catch { return true; } },
    set on(value) { try { localStorage.setItem("keys", value ? "on" : "off"); } catch { /* for this page only */ } },
  };
  let going = false;

  const box = document.getElementById("keys-on");
  if (box) {
    box.checked = storage.on;
    box.addEventListener("change", () => { storage.on = box.checked; });
  }
  document.addEventListener("click", (event) => { if (event.target.id === "print") window.print(); });

  // j and k walk the table rows that lead somewhere; Enter follows the link.
  const walk = (by) => {
    const links = [...document.querySelectorAll("tbody th[scope=row] a")];
    const at = links.indexOf(document.activeElement);
    const link = links[at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by];
    link?.focus();
    link?.scrollIntoView({ block: "nearest" });
  };

  const act = (key) => {
    if (going && key in places) location.href = `/dashboard${places[key]}`;
    else if (key === "/") {
      const search = document.querySelector("input[type=search]");
      if (search) search.focus(); else location.href = "/dashboard/customers";
    } else if (key === "?") location.href = "/dashboard/help";
    else if (key === "j") walk(1);
    else if (key === "k") walk(-1);
    else if (key === "x") document.getElementById("compare")?.focus();
    else if (key === "t") document.getElementById("theme").click();
    else if (key === "Escape" && location.search && document.querySelector(".filters")) location.href = location.pathname;
    else return false;
    return true;
  };

  document.addEventListener("keydown", (event) => {
    if (!storage.on || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    if (act(event.key)) event.preventDefault();
    going = event.key === "g";
  });
})();

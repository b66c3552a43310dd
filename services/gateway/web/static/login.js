// A link's secret stands behind its #, which browsers keep to themselves. It leaves the address
// bar and the history before anything else happens, and goes to the gateway in a form.
(() => {
  const form = document.getElementById("login");
  const secret = location.hash.slice(1);
  if (!form || !secret) return;
  history.replaceState(null, "", location.pathname);
  form.elements.link.value = secret;
  form.requestSubmit();
})();

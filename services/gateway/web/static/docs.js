// Shows the API's description; nothing is asked of any other server.
window.addEventListener("DOMContentLoaded", () => window.SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null,
  displayRequestDuration: true, tryItOutEnabled: true,
}));

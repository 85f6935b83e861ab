// Opens Airflow's login in the whole window, and returns to the current address after it. Airflow's frame forbids its
// content to navigate the window, but a link in Airflow's own document may.

// Airflow may already have put the address of the frame behind its own.
const pathname = parent.location.pathname.replace(/(\/plugin\/[^/]+)\/.*/s, "$1");
// Airflow 3.1 loses a part of an address with a query. state.js restores the query after the login. If requests.js
// leads here, the address of the frame has what the user chose last.
sessionStorage.setItem("kubernetes-secrets-query", location.search || parent.location.search);
const link = parent.document.createElement("a");
link.href = `${document.getElementById("login").href}?${new URLSearchParams({ next: pathname })}`;
parent.document.body.append(link);
link.click();
link.remove();

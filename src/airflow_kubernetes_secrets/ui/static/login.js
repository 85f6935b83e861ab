// Opens Airflow's login in the whole window, and returns to the current address after it. Airflow's frame forbids its
// content to navigate the window, but a link in Airflow's own document may.

const { pathname, search } = parent.location;
// Airflow 3.1 loses a part of an address with a query. state.js restores the query after the login.
sessionStorage.setItem("kubernetes-secrets-query", search);
const link = parent.document.createElement("a");
link.href = `${document.getElementById("login").href}?${new URLSearchParams({ next: pathname })}`;
parent.document.body.append(link);
link.click();
link.remove();

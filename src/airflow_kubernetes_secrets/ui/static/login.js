// Opens Airflow's login in the whole window, and returns to the current address after it. Airflow's frame forbids its
// content to navigate the window, but a link in Airflow's own document may.

const { pathname, search } = parent.location;
const link = parent.document.createElement("a");
link.href = `${document.getElementById("login").href}?${new URLSearchParams({ next: pathname + search })}`;
parent.document.body.append(link);
link.click();
link.remove();

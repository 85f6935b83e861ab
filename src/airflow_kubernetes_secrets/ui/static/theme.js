// Airflow's UI keeps the colours that somebody has chosen under this name; it frames this page from the same origin.
const CHOICE = "theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

function apply() {
  const chosen = localStorage.getItem(CHOICE);
  const isDark = chosen === "dark" || (chosen !== "light" && dark.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
}

apply();
dark.addEventListener("change", apply);
addEventListener("storage", apply);

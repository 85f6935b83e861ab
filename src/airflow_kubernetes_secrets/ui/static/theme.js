// Airflow's UI stores the user's theme under this name. It frames this page from its own origin, so this can read it.
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

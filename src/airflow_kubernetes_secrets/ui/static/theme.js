// The colours and the font of Airflow's UI. It frames this page from its own origin, so this can read them.

// Airflow's UI stores the user's choice of light or dark under this name.
const CHOICE = "theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

// The variables of page.css, and those of Airflow's UI that `[api] theme` can change.
const VARIABLES = {
  "--page": "--chakra-colors-bg",
  "--surface": "--chakra-colors-bg",
  "--raised": "--chakra-colors-bg-muted",
  "--line": "--chakra-colors-border",
  "--text": "--chakra-colors-fg",
  "--accent": "--chakra-colors-brand-solid",
  "--accent-text": "--chakra-colors-brand-contrast",
  "--focus": "--chakra-colors-brand-focus-ring",
};

function apply() {
  const chosen = localStorage.getItem(CHOICE);
  const isDark = chosen === "dark" || (chosen !== "light" && dark.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  if (parent !== window) adopt(getComputedStyle(parent.document.documentElement));
}

/** Use the colours and the font of Airflow's UI, as far as it has them. */
function adopt(airflow) {
  const { style } = document.documentElement;
  for (const [name, theirs] of Object.entries(VARIABLES)) {
    const value = airflow.getPropertyValue(theirs);
    if (value) style.setProperty(name, value);
  }
  const { fontFamily } = getComputedStyle(parent.document.body);
  style.setProperty("--font", fontFamily);
}

apply();
dark.addEventListener("change", apply);
addEventListener("storage", apply);
if (parent !== window) {
  // Airflow's UI changes a class of its document when it switches between light and dark.
  const watch = new MutationObserver(apply);
  watch.observe(parent.document.documentElement, { attributes: true, attributeFilter: ["class", "data-theme", "style"] });
  addEventListener("pagehide", () => watch.disconnect());
}

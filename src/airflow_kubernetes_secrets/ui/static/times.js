// Times in the time zone that the user has chosen in Airflow.

// Airflow's UI stores the chosen time zone under this name. It has the same origin as this page.
const CHOICE = "timezone";

/** Return a time in words. */
export function localTime(time, style = { dateStyle: "medium", timeStyle: "medium" }) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time; // in a folder of manifests, a creation time can be any string
  const timeZone = localStorage.getItem(CHOICE)?.replaceAll('"', "");
  try {
    return date.toLocaleString(undefined, { ...style, timeZone: timeZone || undefined });
  } catch {
    return date.toLocaleString(undefined, style);
  }
}

/** Return a time in words, with the date unless it is today. */
export function recentTime(time) {
  const date = (each) => localTime(each, { dateStyle: "medium" });
  return date(time) === date(Date.now()) ? localTime(time, { timeStyle: "medium" }) : localTime(time);
}

/** Call `show` when the user chooses another time zone. */
export function onTimeZone(show) {
  addEventListener("storage", ({ key }) => key === CHOICE && show());
}

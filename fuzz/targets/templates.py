"""``usage/templates.py`` and ``usage/template_files.py``: connections and variables in Jinja templates."""

from __future__ import annotations

from airflow_kubernetes_secrets.usage.dag_file import DagFile
from airflow_kubernetes_secrets.usage.template_files import TemplateFiles
from airflow_kubernetes_secrets.usage.templates import uses_in_template
from airflow_kubernetes_secrets.usage.uses import FoundUses
from fuzz.target import Target
from fuzz.trial import Trial


def _run(trial: Trial, data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for each in uses_in_template(text):
        trial.claim(0 <= each.line < max(1, len(text)), "a use is in the template")
        trial.claim(each.id != "", "no id is empty")
    found = FoundUses()
    files = TemplateFiles()
    files.add(DagFile("a.sql", data))
    files.add_uses_to(found)
    last = text.count("\n") + 1
    trial.claim(all(1 <= use.position.line <= last for use in found.uses), "the line of a use is in the file")
    trial.claim(all(use.is_optional for use in found.uses), "no id is needed by a file that nothing names")


TARGET = Target(
    _run,
    tokens=(
        *("{{", "}}", "{%", "%}", "{#", "#}", "{{ var.value.x }}", "{{ conn.x.host }}", "var.json", "conn", "\n"),
        *(".get(", "'", '"', ", 1)", "['x']", "[", "]", "{% for conn in ", " in ", "{% set var =", "%(", "%s", "\0"),
    ),
)

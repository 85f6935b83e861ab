"""``usage/templates.py`` and ``usage/template_files.py``: connections and variables in Jinja templates."""

from __future__ import annotations

from airflow_kubernetes_secrets.usage.dag_file import DagFile
from airflow_kubernetes_secrets.usage.template_files import TemplateFiles
from airflow_kubernetes_secrets.usage.templates import uses_in_template
from airflow_kubernetes_secrets.usage.uses import Found
from fuzz.target import Target
from fuzz.trial import Trial

# More characters than a use has with an id of the greatest length.
_LONGEST_USE = 2000


def _run(trial: Trial, data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for each in uses_in_template(text):
        trial.claim(text.startswith(each.how, each.offset), "a use begins with the name of its accessor")
        trial.claim(
            each.id is None or text.find(each.id, each.offset, each.offset + _LONGEST_USE) >= 0,
            "the template contains the id",
        )
        trial.claim(each.id != "", "no id is empty")
    found = Found()
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

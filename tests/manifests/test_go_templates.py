"""Templates of External Secrets Operator, whatever their length."""

from __future__ import annotations

from airflow_kubernetes_secrets.manifests.go_templates import literal_text


def test_the_format_of_printf_is_literal() -> None:
    for action in (
        '{{ printf "a-%s" .b }}',
        '{{printf "a-%s" .b}}',
        '{{ ( printf "a-%s" .b ) }}',
        '{{(printf "a-%s" .b)}}',
    ):
        assert literal_text(action) == "a-\0"


def test_parsing_time_of_an_action_is_linear() -> None:
    """A pattern that can divide white space in two ways takes half an hour. The test has the timeout of all tests."""
    assert literal_text("{{" + " " * 1_000_000 + "x }}") == "\0"

"""What moto does otherwise than AWS for everybody: a module a correction, each to be offered upstream."""

from __future__ import annotations

from include.local_aws.moto_corrections import (
    choice_paths,
    choice_rules,
    choice_values,
    error_names,
    function_errors,
    history_events,
    intrinsic_arguments,
    json_paths,
    jsonata_engine,
    jsonata_fields,
    jsonata_places,
    keyword_names,
    lost_paths,
    map_runs,
    parameter_names,
    query_languages,
    result_paths,
    string_literals,
    variables,
    wait_times,
)


def install() -> None:
    """Put every correction in place; before the services, whose replacements rest on them."""
    for correction in (
        json_paths,
        keyword_names,
        choice_paths,
        choice_rules,
        choice_values,
        error_names,
        function_errors,
        history_events,
        intrinsic_arguments,
        jsonata_engine,
        jsonata_fields,
        jsonata_places,
        lost_paths,
        map_runs,
        parameter_names,
        query_languages,
        result_paths,
        string_literals,
        variables,
        wait_times,
    ):
        correction.install()

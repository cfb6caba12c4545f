"""What a user with just enough rights is refused, of what the suite asks for without users.

Tests that are named here have to fail for such a user. All others have to succeed.
"""

import re
from typing import Final

UNKNOWN: Final = "who may not know what there is, is told 403 of what is not there, as by MLflow"
NO_ROUTE: Final = "a path that is none is 403 to who is no administrator, as by MLflow"
LOCATIONS: Final = "only administrators choose locations on the server's machine, or in its own store"
WEBHOOKS: Final = "webhooks are for administrators, as in MLflow"
EVENTS: Final = "the events are for administrators"
MANAGED: Final = "the default experiment is nobody's own"

_REASONS: Final = (
    (WEBHOOKS, r"test_webhook\w*\.py|test_nothing_is_there.*webhooks|test_a_stock_client_finds_nothing_and_goes_on"),
    (EVENTS, r"test_undoing\.py"),
    (MANAGED, r"test_the_default_experiment_can_be_renamed_deleted_and_restored"),
    (
        LOCATIONS,
        r"test_behind_a_location_with_a_query_each_run_and_model_has_its_own_files"
        r"|test_in_every_scheme_a_run_lies_below_the_path_of_its_experiment\[user-(file:|/p|p-|mlflow-artifacts:p)"
        r"|test_a_relative_location_is_made_absolute_by_the_server"
        r"|test_the_servers_own_(address|host)|test_another_host_is_refused\[user-(http|mlflow-artifacts)"
        r"|test_a_location_that_nobody_could_use_is_refused\[user-(mlflow-artifacts|file|/tmp/a)"
        r"|test_a_location_with_dots_that_this_server_does_not_resolve_is_kept"
        r"|test_sources\[user-another-tracking-server",
    ),
    (
        NO_ROUTE,
        r"test_an_unknown_path_answers_in_json|test_a_wrong_method_(answers_in_json|is_refused_and)"
        r"|test_unknown_paths_are_not_found|test_a_double_slash_inside_a_path_is_tolerated",
    ),
    (
        UNKNOWN,
        r"test_an_unknown_name_reads_as_none_and_an_unknown_id_as_an_error|test_the_runs_of_a_missing_experiment_are"
        r"|test_an_unknown_(run|model)_is_an_error|test_a_batch_with_a_metric_for_an_unknown_model_stores_nothing"
        r"|test_a_metric_for_an_unknown_model_is_refused_and_not_stored"
        r"|test_sources\[user-(another-logged-model|a-bad-source-for-an-unknown-model)"
        r"|test_the_page_is_told_that_something_does_not_exist\[user-(run|experiment)"
        r"|test_an_experiment_or_a_run_that_does_not_exist|test_what_is_unknown_is_missing|test_refusals_carry_their_codes"
        r"|test_artifacts_list_checks_its_request|test_the_pages_viewer_gets_a_file_of_a_run"
        r"|test_a_presigned_upload_checks_its_request\[user-two owners"
        r"|test_history_of_something_unknown_is_empty\[user-query0|test_interval_requests_are_checked\[user-run_ids1"
        r"|test_the_interval_route_knows_nothing_of_unknown_runs"
        r"|test_request\[user-an-unknown-(experiment|run)"
        r"|test_(experiment|run|metric|param_or_tag|input_or_output|logged_model)\[user-[a-z-]*an-unknown-"
        r"|test_run\[user-create-without-an-experiment|test_the_java_client_sees\[user-unknown experiment\]",
    ),
)


def reason_to_refuse(test_id: str) -> str | None:
    """Why a test fails for the user; None where it has to succeed."""
    return next((reason for reason, pattern in _REASONS if re.search(pattern, test_id)), None)

"""`docs/differences.md` holds row by row: each row of its tables is shown by a test.

Whoever adds a row adds an entry to `SHOWN_BY`: the beginning of the row's first cell, long enough to be of that row
alone, and the tests that show what Tracklog does, as `file::function` below `tests/`.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).resolve().parents[1]
PAGE: Final = TESTS.parent / "docs" / "differences.md"

USERS: Final = "integration/test_users.py"
PERMISSIONS: Final = "integration/test_permissions.py"
AUTHORIZER: Final = "unit/tracklog/authorization/test_authorizer.py"
RIGHTS: Final = "integration/test_rights.py"
RIGHT_COMMANDS: Final = "unit/ingest/rights/test_commands.py"
DELIBERATE: Final = "compatibility/test_deliberate_differences.py"
MODEL_SEARCH: Final = "unit/query_api/registered_models/test_search.py"
FILTER_SYNTAX: Final = "unit/query_api/filter/test_syntax.py"
FRONT_DOOR: Final = "unit/tracklog/web/test_front_door.py"
CONNECTION: Final = "unit/tracklog/web/test_connection.py"
CONDITIONS: Final = "unit/artifact_proxy/http/test_conditions.py"
STORES: Final = "unit/artifact_proxy/stores/test_by_uri.py"
ARTIFACT_ROOTS: Final = "unit/artifact_proxy/test_artifact_roots.py"

NAMES: Final = "compatibility/test_artifact_names.py"
SOURCES: Final = "unit/ingest/model_versions/test_sources.py"
WEBHOOKS: Final = "compatibility/test_webhooks.py"
WEBHOOK_ADDRESSES: Final = "unit/tracklog/webhooks/test_addresses.py"
DATASETS: Final = "unit/ingest/evaluation_datasets/test_commands.py"
SCORERS: Final = "unit/ingest/scorers/test_commands.py"
ERASING: Final = "unit/ingest/erasures/test_commands.py"
LOCATIONS: Final = "unit/ingest/test_artifact_locations.py"

TRACES: Final = "compatibility/test_traces.py"
TRACE_FOLD: Final = "unit/projector/test_traces.py"
TRACE_DECISIONS: Final = "unit/ingest/traces/test_decisions.py"
TRACE_READS: Final = "unit/query_api/traces/test_traces.py"
OTLP: Final = "unit/ingest/otlp/test_spans.py"

SHOWN_BY: Final[dict[str, tuple[str, ...]]] = {
    # Erasing
    "`gc` removes at once": ("integration/test_forgetting.py::test_a_stopped_log_is_erased_from_by_the_command_alone",),
    "`gc --run-ids` also removes": (
        f"{ERASING}::test_what_cannot_be_erased_is_refused_by_name",
        f"{ERASING}::test_a_run_is_erased_with_its_artifacts_and_what_its_events_held",
    ),
    "`gc` removes a run although": (f"{ERASING}::test_a_run_that_holds_the_files_of_a_registered_version_is_left_out",),
    "After `gc` a new experiment": (
        "unit/projector/test_erasures.py::test_the_name_of_an_erased_experiment_is_free_and_its_id_is_not",
    ),
    # Requests
    "An error is its body": (
        f"{FRONT_DOOR}::test_an_error_leads_to_the_history_that_explains_it_and_its_body_is_mlflows",
        "unit/ingest/runs/test_explained.py::test_what_refuses_a_write_is_explained_by_a_history",
    ),
    "A param has one value": (
        "compatibility/test_undoing.py::test_corrections_are_seen_wherever_params_and_metrics_are",
    ),
    "A value that does not fit its field": (
        f"{DELIBERATE}::test_a_value_that_mlflow_swallows_is_refused",
        f"{DELIBERATE}::test_a_number_that_json_does_not_have_is_refused",
    ),
    "Malformed JSON": (f"{DELIBERATE}::test_a_body_that_is_no_object_is_refused",),
    "A JSON array": (
        f"{DELIBERATE}::test_a_body_that_is_no_object_is_refused",
        f"{DELIBERATE}::test_a_search_by_something_that_is_no_object_is_refused",
    ),
    "NUL in text": (f"{DELIBERATE}::test_nul_is_refused",),
    "A name that is empty in tag": (
        "unit/ingest/runs/test_decisions.py::test_an_empty_name_tag_of_a_new_run_is_as_if_it_were_not_there",
        "compatibility/test_runs.py::test_an_empty_name_leaves_name_tag_and_filter_as_they_were",
    ),
    "Other requests that end in a 500": (f"{DELIBERATE}::test_what_breaks_mlflow_is_refused",),
    "`runs/log-batch` with one bad": (
        "compatibility/test_log_batch.py::test_one_invalid_entity_refuses_the_whole_batch",
    ),
    "`log-batch` with a metric of an unknown": (
        f"{DELIBERATE}::test_a_batch_with_a_metric_for_an_unknown_model_stores_nothing",
    ),
    "Keys of tags and params that come with a new": (f"{DELIBERATE}::test_a_key_of_a_new_run_or_model_is_bounded",),
    "A logged model's status 0": ("unit/ingest/logged_models/test_decisions.py::test_an_unknown_status_is_refused",),
    "`PATCH logged-models/{id}` is about": (f"{DELIBERATE}::test_a_path_names_the_model_whatever_its_body_says",),
    "The key of a logged model's tag": (f"{DELIBERATE}::test_a_path_names_the_model_whatever_its_body_says",),
    "`runs/log-model` with a list": (
        "unit/ingest/run_data/test_content.py::test_what_is_no_model_is_refused",
        "unit/projector/test_fold.py::test_a_model_is_not_added_to_what_is_no_list",
        "unit/projector/test_fold.py::test_a_list_of_models_has_an_end",
    ),
    "MLflow 3.17 takes experiments named by blanks": (
        f"{DELIBERATE}::test_what_mlflow_3_18_does_is_done",
        f"{DELIBERATE}::test_a_filter_on_a_models_metric_looks_at_its_latest_value",
        f"{DELIBERATE}::test_the_page_may_name_a_run_either_way_when_it_uploads",
        "unit/query_api/logged_models/test_search.py::test_what_a_filter_finds",
    ),
    "A tag given twice in `experiments/create`": (
        "unit/ingest/experiments/test_decisions.py::test_a_tag_twice_in_one_create_is_refused",
    ),
    "An exact repeat of a metric that names": (f"{DELIBERATE}::test_a_metric_of_a_model_may_be_repeated_as_any_other",),
    "`experiments/create` that was carried out": (
        "unit/ingest/experiments/test_repeated_creates.py::test_a_repeat_is_answered_as_the_first",
        "integration/test_roles.py::test_a_create_that_was_not_answered_is_answered_when_its_client_repeats_it",
    ),
    "`artifact_location` of a proxied scheme": (
        f"{DELIBERATE}::test_a_location_that_nobody_could_use_is_refused",
        f"{DELIBERATE}::test_a_location_with_dots_that_this_server_does_not_resolve_is_kept",
    ),
    "`--default-artifact-root` with any query": (
        "unit/tracklog/settings/test_process.py::test_a_root_that_could_not_be_used_is_refused",
        "unit/tracklog/settings/test_process.py::test_new_experiments_keep_artifacts_where_they_are_told",
        "unit/artifact_proxy/stores/s3/test_settings.py::"
        "test_any_other_query_is_refused_without_what_may_be_secret_in_it",
    ),
    "`--default-artifact-root ~/x`": (
        "unit/tracklog/settings/test_process.py::test_a_root_may_begin_with_the_home_of_the_servers_user",
    ),
    "`artifact_location` with the server's own": (
        "compatibility/test_artifact_locations.py::test_the_servers_own_address_is_a_location_of_artifacts",
        "compatibility/test_artifact_locations.py::test_another_host_is_refused",
    ),
    "`artifact_location` of `wasbs`": (f"{LOCATIONS}::test_what_no_server_and_no_client_can_resolve_is_refused",),
    "`artifact_location` of another machine": (f"{DELIBERATE}::test_a_location_that_nobody_could_use_is_refused",),
    "An escape in an artifact's name": (
        f"{DELIBERATE}::test_a_percent_escape_in_a_name_is_decoded_once",
        f"{NAMES}::test_what_others_put_under_any_name_the_client_finds_and_what_it_puts_others_find",
    ),
    "The client does not find again": (
        f"{NAMES}::test_a_file_comes_back_by_its_name_and_with_all",
        "unit/artifact_proxy/test_lookup.py::test_only_mlflows_client_is_shown_an_alias",
    ),
    "Folders of artifacts whose names": (f"{NAMES}::test_a_folder_comes_back_by_its_name_and_with_all",),
    "The file `a?1`": ("unit/artifact_proxy/test_lookup.py::test_a_question_mark_in_a_name_is_of_the_name",),
    "A backslash in an artifact's name": (f"{DELIBERATE}::test_paths_that_are_not_plain_are_refused",),
    "Artifact paths": (
        f"{DELIBERATE}::test_paths_that_are_not_plain_are_refused",
        "unit/artifact_proxy/test_artifact_path.py::test_what_could_mean_something_else_is_refused",
        "unit/artifact_proxy/test_client_names.py::test_an_escape_in_a_url_is_decoded_once_unless_it_is_of_no_text",
    ),
    "Stores of artifacts": (
        f"{STORES}::test_every_scheme_names_a_store",
        f"{STORES}::test_a_scheme_without_an_adapter_is_refused_naming_those_with_one",
    ),
    "HDFS is reached": (f"{STORES}::test_webhdfs_is_where_the_variable_says_or_at_the_name_nodes_usual_port",),
    "A server with `--no-serve-artifacts` lists": (
        f"{ARTIFACT_ROOTS}::test_without_serving_artifacts_the_proxys_addresses_name_nothing",
    ),
    "An artifact that cannot be stored": (
        "compatibility/test_artifact_refusals.py::test_the_client_is_told_why_and_asks_once",
        "integration/test_readiness.py::test_artifacts_that_cannot_be_stored_are_told_and_refused_with_why",
    ),
    "Links in the artifact folder": (
        "contracts/test_local_blob_store.py::test_links_are_not_listed_nor_followed_to_read",
        "contracts/test_local_blob_store.py::test_links_are_not_followed_to_write",
    ),
    "ILIKE": ("unit/query_api/filter/test_text_match.py::test_ilike_does_not_mind_the_case_beyond_ascii",),
    "A few odd filters": (f"{FILTER_SYNTAX}::test_nothing_else_is_a_filter",),
    "A blank at the end of an order": (f"{FILTER_SYNTAX}::test_an_order_is_a_key_and_perhaps_a_direction",),
    "Filters, orders and pages": (
        f"{FILTER_SYNTAX}::test_a_filter_is_bounded_in_length_and_in_conditions",
        "unit/query_api/runs/search/test_pages.py::test_an_order_names_each_key_once_and_not_too_many",
    ),
    "Texts and lists that MLflow does not check": (
        "unit/schemas/messages/test_bounds.py::test_what_is_too_long_is_refused_by_its_name_and_both_lengths",
    ),
    "Values of tags and params that come with a new": (
        "unit/ingest/runs/test_decisions.py::test_keys_of_a_new_runs_tags_may_hold_any_characters_and_long_values_are_cut",
        "unit/ingest/logged_models/test_decisions.py::test_a_new_model_keeps_what_it_was_given_but_long_values_are_cut",
    ),
    "A body with `Content-Encoding`": (
        "integration/test_request_bodies.py::test_writes_searches_and_reads_take_packed_bodies",
        "integration/test_request_bodies.py::test_other_encodings_are_told_which_there_are",
        "integration/test_request_bodies.py::test_an_artifact_is_stored_as_it_was_packed",
    ),
    "A body of any size and of any number": (
        "unit/schemas/rest/test_body.py::test_bodies_of_more_values_than_any_request_needs_are_refused_unread",
        "unit/schemas/messages/test_bounds.py"
        "::test_a_query_string_of_more_fields_than_any_request_needs_is_refused_before_it_is_taken_apart",
    ),
    # Answers
    "A page of a search holds": (
        "unit/query_api/filter/test_page_bytes.py::test_runs",
        "unit/query_api/filter/test_page_bytes.py::test_experiments",
        "unit/query_api/filter/test_page_bytes.py::test_logged_models",
    ),
    "JSON indented": (f"{DELIBERATE}::test_answers_are_compact",),
    "Unknown path or method": (
        f"{DELIBERATE}::test_an_unknown_path_answers_in_json",
        f"{DELIBERATE}::test_a_wrong_method_answers_in_json",
        f"{FRONT_DOOR}::test_the_unexpected_is_logged_and_not_shown",
    ),
    "A body that is too large": (f"{FRONT_DOOR}::test_a_body_of_the_limit_is_taken_and_one_byte_more_refused",),
    "Overload": (f"{FRONT_DOOR}::test_what_is_too_much_is_told_to_come_again",),
    "What is not HTTP": (
        f"{CONNECTION}::test_what_is_not_http_is_told_as_every_other_error_and_found_in_no_log",
        f"{CONNECTION}::test_headers_that_do_not_come_end_the_connection",
        f"{CONNECTION}::test_a_body_that_does_not_come_is_told_so",
        f"{CONNECTION}::test_an_answer_that_nobody_reads_is_given_up",
    ),
    "A database that is away": (
        f"{FRONT_DOOR}::test_a_write_is_answered_429_exactly_when_it_was_surely_not_carried_out",
    ),
    "HEAD on a metadata route": (f"{FRONT_DOOR}::test_what_can_be_got_can_be_asked_for_by_head",),
    "`server-info`": ("compatibility/test_http.py::test_server_info_tells_what_the_server_can_do",),
    "Uploads in parts": (f"{DELIBERATE}::test_a_file_may_come_in_parts_to_any_store",),
    "`presigned/…`: type": (
        "integration/test_s3_artifacts.py::test_whatever_was_uploaded_is_a_download_and_never_a_page",
    ),
    "`create` takes the name": (f"{DELIBERATE}::test_a_file_may_come_in_parts_to_any_store",),
    "`get-history-bulk-interval` samples": (
        "unit/query_api/metrics/test_sampling.py::test_extremes_are_kept_where_buckets_miss_them",
    ),
    "`get-history-bulk` writes NaN": (f"{DELIBERATE}::test_nan_is_a_text_in_the_older_bulk_route_too",),
    "Page tokens are offsets": (
        "unit/query_api/runs/search/test_pages.py::test_runs_that_came_after_the_first_page_neither_repeat_nor_hide_others",
    ),
    "Text artifacts": (
        "unit/artifact_proxy/test_attachment.py::test_a_browser_must_never_run_a_download",
        f"{DELIBERATE}::test_a_text_artifact_names_its_charset",
    ),
    "Several ranges": (f"{CONDITIONS}::test_one_range_is_honoured_and_what_is_unclear_gets_the_whole",),
    "PUT where a folder is": (f"{DELIBERATE}::test_a_file_where_a_folder_is_or_below_a_file_is_refused",),
    "GraphQL ignores `maxResults`": (
        "unit/query_api/graphql/test_engine.py::test_runs_are_searched_and_each_experiment_asked_for_once",
        "unit/query_api/graphql/test_engine.py::test_nan_is_null_and_steps_are_text",
    ),
    "GraphQL refuses directives": (
        "unit/query_api/graphql/test_engine.py::test_directives_nobody_knows_are_ignored",
        "unit/query_api/graphql/test_engine.py::test_a_query_that_cannot_be_parsed_is_a_bad_request",
    ),
    "GraphQL lists artifacts": (
        "unit/query_api/graphql/test_engine.py::test_what_goes_wrong_is_told_as_text_in_an_answer",
        "unit/artifact_proxy/http/test_listing.py::test_a_list_that_is_held_whole_is_bounded",
    ),
    "Order of metrics, params and tags": (f"{DELIBERATE}::test_metrics_params_and_tags_come_by_key",),
    "Routes that answer 404 with an empty body": (f"{DELIBERATE}::test_an_unknown_path_answers_in_json",),
    "Of features that are not built here, an empty": (f"{DELIBERATE}::test_what_cannot_be_used_is_not_offered",),
    # Model registry
    "Requests at the same time": (
        "integration/test_roles.py::test_racing_changes_of_one_registered_model_leave_what_one_order_explains",
    ),
    "An alias may end": (
        "unit/ingest/registered_models/test_decisions.py::test_a_bad_alias_is_neither_set_nor_deleted",
    ),
    "`model-versions/create` from a logged model": (
        f"{SOURCES}::test_a_logged_model_that_is_not_there_is_told_so",
        f"{SOURCES}::test_a_version_that_is_not_there_is_told_as_mlflow_tells_it",
        f"{SOURCES}::test_a_path_of_this_machine_is_refused_where_artifacts_lie_elsewhere",
        "unit/ingest/model_versions/test_decisions.py::test_versions_are_archived_from_the_stages_of_use_alone",
        "unit/ingest/model_versions/test_commands.py::test_what_is_about_no_version_is_refused_and_leaves_no_event",
    ),
    "A version from `runs:/": (
        f"{SOURCES}::test_a_run_that_is_not_there_has_no_path",
        f"{SOURCES}::test_a_path_of_a_run_is_resolved_when_the_run_is_named_with_it",
    ),
    "A source may hold control": (
        f"{SOURCES}::test_what_readers_of_uris_would_skip_or_cannot_read_is_refused",
        f"{SOURCES}::test_no_source_leads_out_of_its_folder",
        f"{SOURCES}::test_a_scheme_that_names_a_host_is_refused",
    ),
    "A source at this server's own": (f"{SOURCES}::test_this_servers_own_address_is_as_the_proxied_scheme",),
    "Searches leave out models": (
        f"{MODEL_SEARCH}::test_any_other_condition_on_the_tag_of_prompts_hides_them_and_says_nothing_else",
        f"{MODEL_SEARCH}::test_what_a_filter_finds",
        "unit/query_api/model_versions/test_search.py::test_what_a_filter_finds",
    ),
    "`registered-models/search` with a negative": (f"{MODEL_SEARCH}::test_what_is_refused",),
    "`tags.k IS NULL`": (f"{MODEL_SEARCH}::test_what_a_filter_finds",),
    "The tag `mlflow.modelVersions` of a logged": (
        "unit/projector/test_model_versions_tag.py::test_what_the_client_adds_is_what_the_server_added",
        "unit/projector/test_model_versions_tag.py::test_clients_that_register_at_the_same_time_lose_nothing",
        "unit/projector/test_fold.py::test_versions_made_from_a_logged_model_are_listed_once",
        "unit/projector/test_fold.py::test_a_deleted_list_of_versions_begins_anew",
    ),
    "A copy of a version may": (f"{SOURCES}::test_a_copy_may_name_the_logged_model_of_its_version",),
    "A webhook is told of tags": (
        "compatibility/test_webhook_deliveries.py::test_tags_are_told_by_their_keys_and_versions_by_their_numbers",
        "compatibility/test_webhook_deliveries.py::test_a_version_of_a_logged_model_is_told_with_the_run_of_it",
    ),
    "There are MLflow's events alone": (
        f"{WEBHOOKS}::test_the_client_meets_no_webhook_of_our_events_alone",
        "unit/ingest/webhooks/test_commands.py::test_mlflows_routes_know_no_webhook_without_an_event_of_mlflows",
        "unit/query_api/webhooks/test_answers.py::test_mlflows_routes_know_no_webhook_without_an_event_of_mlflows",
    ),
    "A misspelt status of a webhook": (f"{WEBHOOKS}::test_what_mlflow_swallows_or_breaks_on_is_refused",),
    "The test of a webhook that nobody answers": (f"{WEBHOOKS}::test_a_test_says_that_nobody_answers",),
    # Evaluation
    "An evaluation dataset may be created": (f"{DATASETS}::test_experiments_are_added_and_removed",),
    "Records that are no objects": (
        f"{DATASETS}::test_what_is_no_list_of_records_is_refused_whole",
        f"{DATASETS}::test_tags_are_texts",
        "unit/query_api/evaluation_datasets/test_answers.py::test_records_come_oldest_first_in_pages_that_end",
    ),
    "After the last record was": (f"{DATASETS}::test_deleted_records_are_counted_once",),
    "The digest of a dataset changes": (f"{DATASETS}::test_no_records_change_nothing",),
    "Records may be of any number": (
        f"{DATASETS}::test_what_is_no_list_of_records_is_refused_whole",
        f"{DATASETS}::test_a_record_that_would_grow_too_long_refuses_its_event",
        "unit/projector/test_evaluation_datasets.py::test_a_schema_keeps_the_first_type_and_a_bounded_number_of_keys",
    ),
    "Records that came together": (
        "compatibility/test_evaluation_datasets.py::test_records_are_merged_by_their_inputs_and_read_as_a_table",
    ),
    "An evaluation dataset that is not": (f"{DATASETS}::test_what_is_not_there_is_deleted_and_not_changed",),
    "Tags of datasets whose key": (
        "unit/ingest/test_routes.py::test_a_tag_of_a_dataset_with_a_slash_in_its_key_is_deleted",
    ),
    "The first list of the label": (
        "unit/query_api/label_schemas/test_answers.py::test_an_experiment_has_its_default_label_schema_last",
    ),
    "An issue of an unknown status": ("unit/ingest/issues/test_commands.py::test_what_is_no_issue_is_refused",),
    "`PATCH issues/{issue_id}` wants": ("unit/ingest/test_routes.py::test_issues_and_label_schemas_over_http",),
    "Issues without an experiment": (
        "unit/query_api/issues/test_answers.py::test_issues_are_seen_where_their_experiments_are",
    ),
    "Who may read or change a review": (f"{AUTHORIZER}::test_what_lies_in_an_experiment_is_judged_like_it",),
    "The highest version of a scorer": (
        f"{SCORERS}::test_versions_of_a_name_count_up_and_keep_the_id_until_all_are_deleted",
    ),
    "A scorer may be made of source": (f"{SCORERS}::test_what_nobody_should_run_is_refused_however_deep_it_is",),
    "`serialized_scorer` may be": (f"{SCORERS}::test_what_nobody_should_run_is_refused_however_deep_it_is",),
    "The filter of an online config": (f"{SCORERS}::test_nothing_is_scored_online_but_a_rate_of_nought_is_kept",),
    "Nobody but who registered a scorer": (
        f"{AUTHORIZER}::test_a_scorer_is_judged_like_its_experiment_unless_something_was_granted_on_it",
    ),
    # Traces
    "Spans and information that come": (
        f"{TRACE_FOLD}::test_nothing_of_a_deleted_trace_is_left_and_what_comes_late_does_not_bring_it_back",
    ),
    "Of two writers of one trace": (
        f"{TRACE_FOLD}::test_any_order_and_any_repetition_of_the_writes_give_the_same_rows",
    ),
    "The tags `mlflow.artifactLocation` and": (
        f"{TRACE_DECISIONS}::test_no_tag_that_says_where_something_lies_is_taken",
        f"{TRACES}::test_no_tag_of_a_client_says_what_the_server_reads",
    ),
    "The id of a trace may be any text": (f"{TRACE_DECISIONS}::test_an_id_that_could_not_be_a_folder_is_refused",),
    "Spans lose their kind": (
        f"{OTLP}::test_a_span_comes_without_loss_in_either_form",
        f"{TRACE_READS}::test_nothing_of_a_span_is_lost",
    ),
    "`/v1/traces` takes a deleted experiment": (
        f"{TRACES}::test_a_request_of_otlp_that_is_wrong_is_refused",
        f"{OTLP}::test_a_span_that_is_too_large_is_refused",
    ),
    "`traces/get` of a trace whose spans": (
        f"{TRACE_READS}::test_a_trace_without_its_spans_is_a_part_and_is_left_out_of_many",
    ),
    "A repeat of POST `traces` doubles": (
        f"{TRACE_DECISIONS}::test_the_same_trace_told_again_has_the_same_assessments",
        f"{TRACE_READS}::test_of_two_that_override_one_each_makes_it_invalid",
    ),
    "Deleting a run deletes what was said": (f"{TRACES}::test_what_was_said_in_a_run_outlives_it",),
    "`tags.name`, `feedback.name`": (f"{TRACE_READS}::test_a_filter_finds",),
    "`RLIKE` is the regular expression": (f"{TRACE_READS}::test_a_filter_finds",),
    "A cost is computed from": (f"{TRACE_READS}::test_metrics_of_every_view",),
    "A search in `content` or attributes": (
        f"{TRACE_READS}::test_a_search_looks_into_so_many_traces_for_a_page",
        f"{TRACE_READS}::test_the_ids_of_a_span_are_no_text_of_it",
    ),
    "Malformed times, unknown aggregations": (
        f"{TRACE_DECISIONS}::test_what_cannot_be_is_refused",
        f"{TRACE_READS}::test_a_metric_that_there_is_not_is_refused",
    ),
    # Security
    "Host headers": (
        "unit/tracklog/web/test_origins.py::test_any_other_host_is_refused_by_default",
        "unit/tracklog/web/test_origins.py::test_no_pattern_takes_what_is_no_host",
    ),
    "A path with doubled slashes": (f"{FRONT_DOOR}::test_no_path_leads_to_another_host",),
    "A page that the server itself served": (
        f"{FRONT_DOOR}::test_the_page_of_this_very_server_may_change_things_whatever_its_address",
    ),
    "`--host ::` listens": (
        "unit/tracklog/serving/test_listening.py::test_every_address_is_listened_on_by_ipv6_and_by_ipv4",
    ),
    "With `--static-prefix`": (f"{FRONT_DOOR}::test_below_a_static_prefix_bare_paths_do_not_answer",),
    "`artifacts/list` and `get-artifact` read": (
        f"{ARTIFACT_ROOTS}::test_any_other_place_is_refused",
        f"{ARTIFACT_ROOTS}::test_whatever_a_client_writes_names_a_place_of_ours_or_is_refused",
    ),
    "`model-versions/get-artifact` reads": (
        "unit/artifact_proxy/http/test_routes.py::test_a_version_whose_source_is_none_of_the_servers_is_refused",
        "unit/artifact_proxy/http/test_routes.py::"
        "test_a_version_that_is_a_prompt_has_no_files_wherever_the_server_was_started",
        "unit/artifact_proxy/test_escapes.py::test_no_location_a_client_can_give_an_experiment_or_a_version_leads_out",
        f"{SOURCES}::test_a_path_of_a_run_is_resolved_when_the_run_is_named_with_it",
    ),
    "A webhook's URL may hold": (
        f"{WEBHOOK_ADDRESSES}::test_a_url_that_two_parsers_may_read_otherwise_is_refused",
        f"{WEBHOOK_ADDRESSES}::test_no_setting_allows_addresses_that_are_nobodys_or_tell_secrets",
    ),
    "`MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true` ends": (
        f"{WEBHOOK_ADDRESSES}::test_a_private_address_is_called_only_where_that_is_allowed",
        f"{WEBHOOK_ADDRESSES}::test_no_setting_allows_addresses_that_are_nobodys_or_tell_secrets",
        f"{WEBHOOK_ADDRESSES}::test_an_address_in_an_unusual_form_is_refused_without_asking_what_it_means",
    ),
    "`MLFLOW_WEBHOOK_ALLOWED_SCHEMES` takes": (
        "unit/tracklog/settings/test_webhooks.py::test_a_scheme_that_cannot_be_called_is_refused",
    ),
    "Redirects of a webhook's receiver": (
        "unit/tracklog/webhooks/test_calling.py::test_a_redirect_is_an_answer_and_nobody_follows_it",
    ),
    "With `--app-name basic-auth`": (f"{PERMISSIONS}::test_who_holds_nothing_is_refused",),
    "A member of the workspace finds": (f"{PERMISSIONS}::test_a_search_tells_of_nothing_that_may_not_be_read",),
    "Who is no administrator may choose any place": (
        f"{PERMISSIONS}::test_nobody_chooses_a_place_that_is_anothers",
        f"{PERMISSIONS}::test_nobody_makes_a_version_of_what_they_cannot_read",
    ),
    "The owner of a prompt who deletes": (
        f"{AUTHORIZER}::test_a_grant_on_a_model_is_on_that_model_whatever_it_is_called",
    ),
    "No password: the start fails": (f"{USERS}::test_without_any_user_nobody_is_let_in_and_the_log_says_why",),
    "`users/list` answers every user": (f"{USERS}::test_a_user_without_grants_may_see_and_keep_the_own_account",),
    "A grant may be on an id that is none": (
        f"{RIGHT_COMMANDS}::test_a_grant_that_there_cannot_be_is_refused",
        f"{RIGHT_COMMANDS}::test_what_is_granted_on_is_there",
        f"{RIGHT_COMMANDS}::test_a_role_is_of_a_workspace_that_there_is",
    ),
    "A grant on a registered model is on its name": (
        f"{RIGHTS}::test_a_grant_follows_the_model_and_not_its_name",
        f"{RIGHT_COMMANDS}::test_a_grant_on_a_model_dies_with_it",
    ),
    "Whoever holds any role may read": (f"{RIGHTS}::test_a_user_sees_the_own_rights_alone",),
    "`roles/list` and `users/roles/list` show": (f"{RIGHTS}::test_a_role_that_says_nothing_is_not_shown",),
    "`users/permissions/get` is refused for one prompt": (f"{RIGHTS}::test_a_prompt_has_its_own_grants",),
    "`/signup` runs a script": ("unit/ingest/users/test_sign_up.py::test_what_is_refused_is_said_in_the_form",),
    "The last administrator may cease": (f"{USERS}::test_the_last_administrator_stays",),
    "A user may have any name": (
        "unit/ingest/users/test_commands.py::test_what_cannot_be_a_users_name_is_refused",
        "unit/ingest/users/test_commands.py::test_what_others_would_guess_is_refused_as_a_password",
    ),
    "An `Authorization` header with a token": (f"{USERS}::test_a_token_stands_for_its_owner_until_it_is_revoked",),
    "403 is text": ("unit/tracklog/authentication/test_door.py::test_who_is_let_in",),
    "`/version` and `/static-files` of a server": (f"{USERS}::test_what_tells_of_nothing_is_open",),
}


def first_cells() -> Iterator[str]:
    """What MLflow does, of each row."""
    for line in PAGE.read_text().splitlines():
        cells = re.split(r"(?<!\\)\|", line)
        if line.startswith("|") and cells[1].strip() not in ("MLflow", "---"):
            yield cells[1].strip()


ROWS: Final = list(first_cells())


@cache
def functions(file: str) -> frozenset[str]:
    """The names of the functions of a test file, also of those in classes."""
    tree = ast.parse((TESTS / file).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_shown_by_a_test(row: str) -> None:
    shown = [beginning for beginning in SHOWN_BY if row.startswith(beginning)]
    assert len(shown) == 1, f"{PAGE.name} has the row {row!r}, and SHOWN_BY in {__file__} {len(shown)} entries for it"


@pytest.mark.parametrize("beginning", SHOWN_BY)
def test_every_entry_belongs_to_one_row(beginning: str) -> None:
    assert len([row for row in ROWS if row.startswith(beginning)]) == 1


@pytest.mark.parametrize("test", sorted({test for tests in SHOWN_BY.values() for test in tests}))
def test_the_tests_that_are_named_are_there(test: str) -> None:
    file, _, name = test.partition("::")
    assert name in functions(file)

"""Each weakness of MLflow's authentication that was published or observed, and the tests that try it here."""

from typing import Final

import pytest

from tests.repository.test_differences import functions

USERS: Final = "integration/test_users.py"
RIGHTS: Final = "integration/test_rights.py"
PERMISSIONS: Final = "integration/test_permissions.py"
HERE: Final = "integration/test_weaknesses.py"
AUTHENTICATOR: Final = "unit/tracklog/authentication/test_authenticator.py"

TRIED_BY: Final = {
    "a password that everybody knows, of the first administrator (GHSA-gq3w-7jj3-x7gr)": (
        f"{USERS}::test_a_server_that_could_not_protect_does_not_start",
        f"{USERS}::test_without_any_user_nobody_is_let_in_and_the_log_says_why",
    ),
    "sign-up by everybody (GHSA-4qq5-mxxx-m6gg)": (
        f"{HERE}::test_without_credentials_no_route_answers",
        f"{PERMISSIONS}::test_what_is_for_administrators_is_refused_to_others",
    ),
    "empty and short passwords (CVE-2025-11200, CVE-2025-1474)": (
        f"{HERE}::test_no_way_takes_a_short_or_well_known_password",
        f"{USERS}::test_bad_input_is_answered_in_mlflows_shape",
    ),
    "routes of jobs and of traces without a rule (CVE-2026-0545, CVE-2026-2652, CVE-2025-15381)": (
        f"{HERE}::test_without_credentials_no_route_answers",
        f"{HERE}::test_a_prefix_opens_no_route",
        f"{PERMISSIONS}::test_every_kind_of_route_was_tried",
    ),
    "multipart uploads without a rule (CVE-2026-2651)": (
        f"{PERMISSIONS}::test_who_holds_nothing_is_refused",
        f"{PERMISSIONS}::test_a_part_of_an_upload_is_taken_from_who_has_its_id_and_from_nobody_else",
    ),
    "artifacts of models below the other prefix (CVE-2026-33866)": (
        f"{PERMISSIONS}::test_who_holds_nothing_is_refused",
        f"{PERMISSIONS}::test_nobody_who_is_not_known_is_answered",
        f"{PERMISSIONS}::test_no_spelling_of_a_path_leads_to_anothers_artifact",
    ),
    "searches of model versions, by REST and GraphQL (CVE-2026-2734, CVE-2025-14297)": (
        f"{PERMISSIONS}::test_a_search_tells_of_nothing_that_may_not_be_read",
        f"{PERMISSIONS}::test_a_field_of_graphql_tells_of_nothing_that_may_not_be_read",
        f"{PERMISSIONS}::test_pages_of_a_search_are_full_however_much_is_left_out",
    ),
    "an id from another place than the one that is judged (issue 11308)": (
        f"{HERE}::test_what_is_judged_is_what_is_carried_out",
        f"{HERE}::test_a_body_that_names_a_field_twice_is_judged_by_what_counts",
    ),
    "a prompt that becomes a model by its tag": (f"{HERE}::test_a_prompt_stays_its_owners_without_its_tag",),
    "an error that shows a hash": (
        f"{USERS}::test_bad_input_is_answered_in_mlflows_shape",
        "integration/test_users_of_roles.py::test_no_secret_is_told",
    ),
    "headers that are a fault": (f"{HERE}::test_credentials_of_any_other_kind_are_401",),
    "the last administrator": (f"{USERS}::test_the_last_administrator_stays",),
    "grants that wait for the next of a name, and ids that come again": (
        f"{RIGHTS}::test_a_grant_follows_the_model_and_not_its_name",
        f"{HERE}::test_who_gets_a_name_that_was_somebodys_has_nothing_of_theirs",
    ),
    "roles and users that everybody may read": (
        f"{RIGHTS}::test_a_user_sees_the_own_rights_alone",
        f"{USERS}::test_a_user_without_grants_may_see_and_keep_the_own_account",
    ),
    "grants on what is not there": (f"{RIGHTS}::test_bad_input_is_answered_in_mlflows_shape",),
    "lists of what may not be read": (f"{PERMISSIONS}::test_a_search_tells_of_nothing_that_may_not_be_read",),
    "workspaces that are told of before anybody is known": (
        f"{HERE}::test_a_workspace_is_told_of_to_nobody_who_is_not_known",
    ),
    "bodies that are looked at before anybody is known": (
        "unit/tracklog/authentication/test_door.py::test_who_is_refused_sends_no_body",
    ),
    "names with a colon, and passwords of other letters": (
        f"{USERS}::test_bad_input_is_answered_in_mlflows_shape",
        f"{HERE}::test_a_password_may_be_of_any_letters_on_every_route",
    ),
    "passwords tried as often as one likes, each hashed several times (CWE-307)": (
        f"{AUTHENTICATOR}::test_too_many_wrong_passwords_have_to_wait_and_time_forgives_them",
        f"{AUTHENTICATOR}::test_an_address_that_tries_many_accounts_has_to_wait",
    ),
    "requests of other sites in a browser": (
        "integration/test_single_sign_on.py::test_a_page_of_another_port_of_this_host_uses_no_session",
    ),
    "requests of the server to where somebody says (issue 23500)": (
        f"{PERMISSIONS}::test_nobody_makes_a_version_of_what_they_cannot_read",
        f"{PERMISSIONS}::test_nobody_chooses_a_place_that_is_anothers",
    ),
    "passwords in every script": (
        f"{USERS}::test_a_token_stands_for_its_owner_until_it_is_revoked",
        f"{USERS}::test_a_token_that_may_only_read_writes_nothing",
    ),
}


@pytest.mark.parametrize("test", sorted({test for tests in TRIED_BY.values() for test in tests}))
def test_the_tests_that_are_named_are_there(test: str) -> None:
    file, _, name = test.partition("::")
    assert name in functions(file)

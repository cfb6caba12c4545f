"""What an operator is told at the start."""

from tracklog.serving.addresses import Reach
from tracklog.serving.greeting import greeting

HERE = Reach(url="http://127.0.0.1:5000")
EVERYWHERE = Reach(
    url="http://127.0.0.1:5000",
    others=("http://192.168.1.5:5000", "http://203.0.113.9:5000"),
    foreign=("http://203.0.113.9:5000",),
    only_here=False,
)


def test_a_server_says_where_it_is_and_where_it_keeps_things() -> None:
    said = greeting(HERE, log="/d/log.db", read_model="/d/log.db.read-model", artifacts="/d/artifacts").splitlines()
    assert said[:5] == [
        "Tracklog serves clients at http://127.0.0.1:5000",
        "  point a client there:  export MLFLOW_TRACKING_URI=http://127.0.0.1:5000",
        "  log:        /d/log.db",
        "  read model: /d/log.db.read-model",
        "  artifacts:  /d/artifacts",
    ]


def test_that_nothing_is_protected_is_said_and_loudly_where_others_can_reach_it() -> None:
    assert "There is no authentication: any program of this machine" in greeting(HERE)
    assert "NOT PROTECTED" not in greeting(HERE)
    assert "NOT PROTECTED: there is no authentication, and other machines can reach this." in greeting(EVERYWHERE)


def test_only_addresses_that_work_are_offered() -> None:
    said = greeting(EVERYWHERE)
    assert "  elsewhere:  http://192.168.1.5:5000\n" in said
    assert "http://203.0.113.9:5000 is refused until --allowed-hosts names it" in said


def test_a_role_says_what_it_does_and_tells_no_client_to_come() -> None:
    said = greeting(HERE, does="takes writes")
    assert said.startswith("Tracklog takes writes at http://127.0.0.1:5000\n")
    assert "MLFLOW_TRACKING_URI" not in said

"""`tracklog projector`: the role that folds the log into the read model."""

import click

from tracklog.cli.listen_options import with_listening
from tracklog.cli.proof_options import with_proof
from tracklog.cli.running import announce, run_until_signal
from tracklog.cli.store_options import with_shared_stores
from tracklog.settings.process import ListenSettings, Settings, WebSettings
from tracklog.settings.proof import ProofSettings
from tracklog.settings.store_uris import Stores


@click.command("projector")
@with_shared_stores
@with_listening
@with_proof
def command(*, stores: Stores, listen: ListenSettings, access_log: bool, proof: ProofSettings) -> None:
    """Fold the log into the read model.

    Several share the partitions of the log, and take over from one another. What is listened for is only how it is.
    """
    from tracklog.distributed.projector_role import serve_projector

    settings = Settings(listen=listen, stores=stores, web=WebSettings(access_log=access_log), proof=proof)
    run_until_signal(serve_projector, settings, announce)

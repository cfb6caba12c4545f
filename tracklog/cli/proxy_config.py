"""`tracklog proxy-config`: the configuration of nginx as the proxy before the roles."""

import re
from pathlib import Path
from typing import Final

import click

from tracklog.cli.bad_usage import BadUsage, reporting_bad_settings
from tracklog.settings.process import static_prefix_of

_ADDRESS: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}")
_LISTEN: Final = re.compile(r"(?:(?:[A-Za-z0-9._*-]+|\[[0-9A-Fa-f:.]+\]):)?\d{1,5}")
_FILE: Final = re.compile(r"""[^"'\\\s;{}$]+""")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_RESOLVER: Final = re.compile(r"[A-Za-z0-9._:\[\]-]+")


def addresses(_ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """What can stand in the configuration and mean nothing else there."""
    pattern = _LISTEN if parameter.name == "listen" else _ADDRESS
    for address in given:
        if pattern.fullmatch(address) is None:
            raise BadUsage(f"{parameter.opts[0]} {address!r} is not an address of the form host:port.")
    return given


def file_name(_ctx: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    """A file of the proxy's machine, which need not be this one."""
    if given is not None and _FILE.fullmatch(given) is None:
        raise BadUsage(f"{parameter.opts[0]} {given!r} is no path that can stand in nginx's configuration.")
    return given


def resolver_address(_ctx: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    if given is not None and _RESOLVER.fullmatch(given) is None:
        raise BadUsage(f"{parameter.opts[0]} {given!r} is not the address of a name server.")
    return given


@click.command("proxy-config")
@click.option(
    "--listen",
    multiple=True,
    default=("127.0.0.1:5000",),
    show_default=True,
    callback=addresses,
    metavar="[HOST:]PORT",
    help="Where the proxy is to listen; may be repeated.",
)
@click.option(
    "--ingest", multiple=True, required=True, callback=addresses, metavar="HOST:PORT", help="A `tracklog ingest`."
)
@click.option(
    "--query", multiple=True, required=True, callback=addresses, metavar="HOST:PORT", help="A `tracklog query`."
)
@click.option(
    "--artifacts", multiple=True, required=True, callback=addresses, metavar="HOST:PORT", help="A `tracklog artifacts`."
)
@click.option(
    "--static-prefix",
    envvar="MLFLOW_STATIC_PREFIX",
    metavar="PATH",
    help="The --static-prefix of the roles.",
)
@click.option(
    "--resolver",
    callback=resolver_address,
    metavar="ADDRESS",
    help="A name server to ask for the roles' addresses again and again, as where containers come and go; needs nginx "
    "1.27.3. Without it, names are looked up when nginx starts and when it is told to reload.",
)
@click.option(
    "--roles-ca-certs",
    callback=file_name,
    metavar="FILE",
    help="Speak TLS with the roles, whose certificates these authorities vouch for.  [default: HTTP]",
)
@click.option(
    "--roles-name",
    metavar="NAME",
    help="The name in the certificates of the roles.  [default: ingest, query and artifacts]",
)
@click.option(
    "--proxy-certfile",
    callback=file_name,
    metavar="FILE",
    help="The certificate that the proxy shows to the roles, for those with --ssl-ca-certs.",
)
@click.option("--proxy-keyfile", callback=file_name, metavar="FILE", help="Its key.  [default: in the same file]")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Where to write it.  [default: standard output]",
)
def command(
    listen: tuple[str, ...],
    ingest: tuple[str, ...],
    query: tuple[str, ...],
    artifacts: tuple[str, ...],
    static_prefix: str | None,
    resolver: str | None,
    roles_ca_certs: str | None,
    roles_name: str | None,
    proxy_certfile: str | None,
    proxy_keyfile: str | None,
    output: Path | None,
) -> None:
    """Make an nginx.conf that sends every request to its role.

    --ingest, --query and --artifacts may be repeated, for the processes of one role.
    """
    from tracklog.proxy.nginx import ProxySettings, Role, RolesTls, configuration
    from tracklog.serving.route_catalog import every_endpoint

    with reporting_bad_settings():
        prefix = static_prefix_of(static_prefix)
    roles = {Role.INGEST: ingest, Role.QUERY: query, Role.ARTIFACTS: artifacts}
    tls = None
    if roles_ca_certs is not None:
        if roles_name is not None and _NAME.fullmatch(roles_name) is None:
            raise BadUsage(f"--roles-name {roles_name!r} is not a name that a certificate of a server has.")
        if proxy_keyfile is not None and proxy_certfile is None:
            raise BadUsage("--proxy-keyfile is the key of --proxy-certfile, which is not there.")
        tls = RolesTls(authorities=roles_ca_certs, name=roles_name, certificate=proxy_certfile, key=proxy_keyfile)
    elif roles_name or proxy_certfile or proxy_keyfile:
        raise BadUsage("TLS between the proxy and the roles needs --roles-ca-certs.")
    settings = ProxySettings(listen=listen, roles=roles, resolver=resolver, roles_tls=tls)
    text = configuration(every_endpoint(static_prefix=prefix), settings)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text)

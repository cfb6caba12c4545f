"""The artifact paths that requests name, in their URLs and queries, each decoded once."""

from urllib.parse import unquote_plus

from aiohttp import hdrs, web

from artifact_proxy.client_names import decoded_once
from schemas.errors import InvalidParameterValue


def path_of(request: web.Request) -> str:
    """The artifact path in a URL, decoded once as `decoded_once` does.

    It is cut out of the URL as it came, because what the router matched went through rules of its own for `%2F`, `%25`
    and bytes that are not UTF-8. No variable comes before the path, so the slashes before it are those of the route.
    Raises InvalidParameterValue.
    """
    url = request.rel_url
    resource = request.match_info.route.resource
    assert resource is not None, "a matched route has a resource"
    depth = resource.canonical.count("/")
    if url.raw_fragment:
        raise InvalidParameterValue("Invalid artifact path: it contains '#'.")
    return decoded_once(url.raw_path.split("/", depth)[depth])


def name_of(request: web.Request) -> str:
    """The artifact path in a URL, with the query if there is one: MLflow's client escapes no `?` in the name of a file.

    Raises InvalidParameterValue.
    """
    path, query = path_of(request), request.rel_url.raw_query_string
    return f"{path}?{decoded_once(query)}" if query else path


def check_query(request: web.Request) -> None:
    """Refuse a query that is not UTF-8: its bytes would be replaced, and then name another file.

    Raises InvalidParameterValue.
    """
    try:
        unquote_plus(request.rel_url.raw_query_string, errors="strict").encode()
    except UnicodeError as error:
        raise InvalidParameterValue("The query is not UTF-8.") from error


def required(request: web.Request, name: str, named: str | None = None) -> str:
    """A query parameter that is required.

    Raises InvalidParameterValue.
    """
    value: str = request.query.get(name, "")
    if not value:
        raise InvalidParameterValue(f"Missing value for required parameter '{named or name}'.")
    return value


def own_url(request: web.Request, path: str) -> str:
    """The URL of `path`, an encoded path of the artifact proxy, by the address at which the client reaches this server.

    A proxy before this server says in X-Forwarded-Proto how the client reached it. A client that sends this header
    itself gets a wrong address, and harms only itself.
    """
    scheme = request.headers.get(hdrs.X_FORWARDED_PROTO, "")
    before = request.rel_url.raw_path.partition("/mlflow-artifacts/")[0]
    return f"{scheme if scheme in ('http', 'https') else request.scheme}://{request.host}{before}{path}"

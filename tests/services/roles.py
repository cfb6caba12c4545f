"""The roles, each as often as one likes, on stores that are there, and nginx before them."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.services.nginx import Nginx, worker_user
from tests.services.ports import HOST
from tests.services.role import RoleProcess, RolesTls
from tracklog.proxy import nginx
from tracklog.proxy.nginx import ProxySettings, Role, configuration
from tracklog.serving.route_catalog import every_endpoint

PROJECTOR: Final = "projector"
WEBHOOKS: Final = "webhooks"
ROLES: Final = (PROJECTOR, *(role.value for role in Role), WEBHOOKS)
"""In the order of their start. Those that need what another makes wait for it."""

BEHIND_THE_PROXY: Final = tuple(role.value for role in Role)


class Roles:
    """Processes of the roles. `counts` says of which there are more than one, `options` what each role is told.

    Of those that tell webhooks there is none unless `counts` says so: most tests have no webhook.

    With `tls` all of them speak it, with nginx too. `environment` is asked for when a process is made: where stores
    listen may be known only once they run.
    """

    def __init__(
        self,
        folder: Path,
        environment: Callable[[], Mapping[str, str]],
        counts: Mapping[str, int] | None = None,
        options: Mapping[str, Sequence[str]] | None = None,
        *,
        port: int | None = None,
        tls: RolesTls | None = None,
    ) -> None:
        self._folder = folder
        self._tls = tls
        self._environment = environment
        self._counts = counts or {}
        self._options = options or {}
        self.processes: dict[str, list[RoleProcess]] = {role: [] for role in ROLES}
        self.nginx = Nginx(folder / "nginx", self._proxy_configuration, port=port)

    @property
    def url(self) -> str:
        """Where clients are to be pointed."""
        return self.nginx.url

    @property
    def every_process(self) -> list[RoleProcess]:
        """All roles' processes, in the order of their start."""
        return [process for role in ROLES for process in self.processes[role]]

    def start(self) -> Self:
        """Start everything, and return when it takes requests. Raises ServiceMissing, ServiceDidNotStartError."""
        for role in ROLES:
            self.processes[role] = [
                self.new_process(role, n + 1) for n in range(self._counts.get(role, int(role != WEBHOOKS)))
            ]
        try:
            for process in self.every_process:
                process.spawn()
            for process in self.every_process:
                process.wait_until_ready()
            self.nginx.start()
        except BaseException:
            self.kill()
            raise
        return self

    def new_process(self, role: str, number: int) -> RoleProcess:
        """A process of a role, not started yet."""
        options = [*self._options.get(role, ())]
        if role in BEHIND_THE_PROXY:
            options += ["--trusted-proxies", f"{HOST}/32"]
        return RoleProcess(self._folder / f"{role}-{number}", role, number, self._environment(), options, self._tls)

    def add(self, role: str) -> RoleProcess:
        """Start one more process of a role, and have the proxy use it."""
        process = self.new_process(role, len(self.processes[role]) + 1)
        process.start()
        self.processes[role].append(process)
        if self.nginx.is_running:
            self.nginx.reload()
        return process

    def stop(self) -> None:
        """Stop the proxy, then the roles that answer what is under way, then those that project it."""
        if self.nginx.is_running:
            self.nginx.stop()
        for roles in ([*BEHIND_THE_PROXY, WEBHOOKS], [PROJECTOR]):
            running = [process for role in roles for process in self.processes[role] if process.is_running]
            with ThreadPoolExecutor() as threads:
                for stopped in [threads.submit(process.stop) for process in running]:
                    stopped.result()

    def kill(self) -> None:
        """End everything at once."""
        for process in [*self.every_process, self.nginx]:
            if process.is_running:
                process.kill()

    def log_tails(self) -> str:
        """The last lines of every process, for tests that failed."""
        return "\n".join(process.log_tail() for process in [*self.every_process, self.nginx])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()

    def _proxy_configuration(self, listen: str, folder: Path) -> str:
        roles = {role: [process.address for process in self.processes[role.value]] for role in Role}
        tls = None
        if self._tls is not None:
            tls = nginx.RolesTls(authorities=str(self._tls.authorities), certificate=str(self._tls.client))
        settings = ProxySettings(
            listen=[listen], roles=roles, roles_tls=tls, worker_user=worker_user(), folder=str(folder)
        )
        return configuration(every_endpoint(), settings)

"""The extension that ``jupyter server`` loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool

from naga_ipython.server.handlers import handlers
from naga_ipython.server.reception import Reception, describe_panel

__all__ = ["NagaServer"]

_SCHEMA = Path(__file__).with_name("changes.yaml")


class NagaServer(ExtensionApp):
    """Answers questions about the runs below the root of the server, at ``naga/api``."""

    name = "naga"
    extension_url = "/naga/api/status"
    load_other_extensions = True

    watch = Bool(True, help="Whether to be told of changes by the operating system; else browsers ask again.").tag(
        config=True
    )

    def initialize_settings(self) -> None:
        """Make what all handlers share."""
        assert self.serverapp is not None
        assert self.serverapp.event_logger is not None
        self.serverapp.event_logger.register_event_schema(_SCHEMA)
        self.reception = Reception(
            Path(self.serverapp.root_dir).expanduser().absolute(), self._emit, is_watching=self.watch
        )
        self.settings["naga_reception"] = self.reception
        if (hint := describe_panel()["hint"]) is not None:
            self.log.warning(hint)

    def initialize_handlers(self) -> None:
        """Say which address is answered by what."""
        self.handlers.extend(handlers())

    async def stop_extension(self) -> None:
        """End all watching and all jobs; what cannot be interrupted is left behind in threads that end with us."""
        self.reception.close()

    def _emit(self, data: dict[str, Any]) -> None:
        """Tell browsers of a change, from any thread."""
        assert self.serverapp is not None
        self.serverapp.io_loop.add_callback(self._emit_in_loop, data)

    def _emit_in_loop(self, data: dict[str, Any]) -> None:
        assert self.serverapp is not None
        assert self.serverapp.event_logger is not None
        self.serverapp.event_logger.emit(schema_id="https://naga.dev/events/changes", data=data)

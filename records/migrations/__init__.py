"""Schema changes by Alembic, run when records are opened. One file a change under versions/, each able to go back."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from access.refusal import Refusal
from records.engine import for_writing


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the tables to `revision` in one transaction. Does nothing, and writes nothing, when they are there.

    Refusal "records-too-new" when the file's revision is not one of ours.
    """
    scripts = ScriptDirectory.from_config(_config())
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise Refusal(
            "records",
            "records-too-new",
            "Ces données ont été ouvertes par une version plus récente d'Anamnèse.",
            "Installez cette version plus récente, ou restaurez une sauvegarde antérieure.",
        )
    if current != (scripts.get_current_head() if revision == "head" else revision):
        with for_writing(engine).begin() as connection:
            command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the tables back to `revision` ("base": none left) in one transaction."""
    with for_writing(engine).begin() as connection:
        command.downgrade(_config(connection), revision)


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "records:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config

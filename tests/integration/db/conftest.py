"""Both databases."""

from tests.databases import database, db_settings, engine, postgres

__all__ = ["database", "db_settings", "engine", "postgres"]

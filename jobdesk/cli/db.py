"""``jobdesk db``: make the tables, and fill them with a firm that never was."""

from __future__ import annotations

import click

from jobdesk.cli.session import Session, json_option


@click.group()
def db() -> None:
    """The SQL database that reports read and syncs write: DATABASE_URL, else a file of our own."""


@db.command()
@json_option
def init(as_json: bool) -> None:
    """Make the tables that are missing; what is there stays as it is."""
    from jobdesk.db.connection import connect, create_tables, describe
    from jobdesk.db.tables import metadata

    engine = connect()
    create_tables(engine)
    Session(as_json=as_json).done(
        f"{describe(engine)} has its {len(metadata.tables)} tables",
        {"database": describe(engine), "tables": len(metadata.tables)},
    )


@db.command()
@click.option("--seed", default=1, show_default=True, help="Another number is another firm.")
@click.option("--json", "as_json", is_flag=True, help='Print {"firmId": …}, for scripts.')
def sample(seed: int, as_json: bool) -> None:
    """Write a law firm: two years of clients, cases, hours, invoices, payments, expenses.

    The same number gives the same firm, and writing it again changes nothing.
    """
    from jobdesk.cli.session import print_json
    from jobdesk.db.connection import connect, create_tables, describe, writing
    from jobdesk.db.sample import firm_id, write_sample

    engine = connect()
    create_tables(engine)
    with writing(engine) as connection:
        rows = sum(write_sample(connection, seed).values())
    if as_json:
        print_json({"success": True, "firmId": firm_id(seed), "rows": rows})
        return
    session = Session()
    session.say(f"firm {firm_id(seed)}: {rows:,} new rows in {describe(engine)}")
    session.say(
        "jobdesk add report financial --data "
        f"""'{{"firmId": "{firm_id(seed)}", "startDate": "2025-01-01", "endDate": "2025-12-31"}}'"""
    )

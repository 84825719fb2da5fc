"""Search: the place of a licence, the index of names; on PostgreSQL events are numbered in the order of commits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from licence_store.search_index import add_names, first_place

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BATCH = 2000
EXPIRED_AND_SAID = "next_change IS NULL AND ends <> '' AND state || '' IN ('CURRENT', 'LOST', 'SUSPENDED')"


def upgrade() -> None:
    _names()
    op.add_column("licence", sa.Column("place", sa.BigInteger(), server_default="0", nullable=False))
    _fill()
    _indices()
    if op.get_bind().dialect.name == "postgresql":
        _queue_events()


def _names() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE licence_name USING fts5"
            "(grams, content='', columnsize=0, detail='none', prefix='1', tokenize='ascii')"
        )
        return
    op.execute("CREATE SEQUENCE licence_place")
    op.create_table(
        "licence_gram",
        sa.Column("gram", sa.String(8, collation="C"), nullable=False),
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("gram", "place", name="pk_licence_gram"),
    )


def _fill() -> None:
    """Licences at hand get their places in the order in which they were issued, a batch at a time."""
    bind = op.get_bind()
    of_day = sa.text(
        "SELECT l.base, l.holder_name, l.issued, v.issued_on FROM licence l "
        "JOIN licence_version v ON v.base = l.base AND v.version = 1 "
        "WHERE (l.issued, l.base) > (:issued, :base) ORDER BY l.issued, l.base LIMIT :batch"
    )
    place = sa.text("UPDATE licence SET place = :place WHERE base = :base")
    issued, base, number = "0001-01-01 00:00:00", "", 0
    while rows := bind.execute(of_day, {"issued": issued, "base": base, "batch": BATCH}).all():
        places = [(_day(row) + n, row) for n, row in enumerate(rows, number + 1)]
        bind.execute(place, [{"place": one, "base": row.base} for one, row in places])
        add_names(bind, [(one, row.holder_name) for one, row in places])
        issued, base, number = rows[-1].issued, rows[-1].base, number + len(rows)
    if bind.dialect.name == "postgresql":
        bind.execute(sa.text("SELECT setval('licence_place', :next, false)"), {"next": number + 1})
    elif number:
        taken = "INSERT INTO number_sequence (scope, next) VALUES ('licence_place', :next)"
        bind.execute(sa.text(taken), {"next": number + 1})


def _day(row: sa.Row) -> int:
    try:
        return first_place(row.issued_on)
    except ValueError:
        return first_place(str(row.issued)[:10])


def _indices() -> None:
    op.create_index("uq_licence_place", "licence", ["place"], unique=True)
    op.create_index("ix_licence_type_code_place", "licence", ["type_code", "place"])
    op.create_index("ix_licence_department_id_place", "licence", ["department_id", "place"])
    op.create_index("ix_licence_holder_code_place", "licence", ["holder_code", "place"])
    op.create_index("ix_licence_state_place", "licence", ["state", "place"])
    op.create_index("ix_licence_ends_place", "licence", ["ends", "place"])
    for name, columns, some in (
        ("ix_licence_expired", ["place"], EXPIRED_AND_SAID),
        ("ix_licence_inspect_by", ["inspect_by", "place"], "inspect_by IS NOT NULL"),
    ):
        where = sa.text(some)
        op.create_index(name, "licence", columns, sqlite_where=where, postgresql_where=where)
    op.create_index("ix_licence_event_recorded", "licence_event", ["recorded", "base"])
    for old in ("ix_licence_department_id", "ix_licence_holder_code", "ix_licence_holder_name", "ix_licence_issued_base"):
        op.drop_index(old, table_name="licence")


def _queue_events() -> None:
    """An event's number is taken by whoever holds the head of the journal, as every writer does until its commit.

    So numbers follow the order of commits, and a reader of the feed who has seen one has seen all below it.
    """
    op.execute(
        "CREATE FUNCTION queue_for_the_journal() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM 1 FROM journal_head WHERE id = 1 FOR UPDATE; RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER licence_event_in_order BEFORE INSERT ON licence_event "
        "FOR EACH STATEMENT EXECUTE FUNCTION queue_for_the_journal()"
    )


def downgrade() -> None:
    raise RuntimeError("a register is not unmade")

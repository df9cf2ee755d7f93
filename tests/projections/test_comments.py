"""What tables, views and columns say of themselves, in the code and in the database."""

from __future__ import annotations

import psycopg
import pytest

from runfold.projections import schema
from runfold.projections.sql_comments import SQL_COMMENTS, table_comments
from runfold.projections.sql_views import SQL_VIEWS

LACKING = """
    SELECT c.relname, a.attname FROM pg_class AS c
    LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'runfold'::regnamespace AND c.relkind IN ('r', 'v')
      AND (coalesce(col_description(c.oid, a.attnum), '') = ''
        OR coalesce(obj_description(c.oid, 'pg_class'), '') = '')
    ORDER BY 1, 2"""


def test_every_table_and_column_says_something() -> None:
    for table, said, columns in table_comments():
        assert said, table
        assert [name for name, text in columns.items() if not text] == [], table


def test_every_sql_view_says_something() -> None:
    assert list(SQL_COMMENTS) == list(SQL_VIEWS)
    assert all(said.comment for said in SQL_COMMENTS.values())


@pytest.mark.integration
def test_nothing_in_the_database_lacks_its_words_also_of_an_earlier_release(
    database_url: str,
) -> None:
    schema.ensure(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert connection.execute(LACKING.encode()).fetchall() == []
        connection.execute("COMMENT ON COLUMN runs.goal IS NULL")
        connection.execute("COMMENT ON COLUMN run_metrics.queue_ms IS NULL")
        connection.execute("DELETE FROM projection_schema")
        connection.execute("INSERT INTO projection_schema (version) VALUES (6)")
        lacking = connection.execute(LACKING.encode()).fetchall()
        assert lacking == [("run_metrics", "queue_ms"), ("runs", "goal")]
    schema.ensure(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert connection.execute(LACKING.encode()).fetchall() == []

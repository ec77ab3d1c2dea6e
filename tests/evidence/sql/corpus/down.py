#!/usr/bin/env python3
"""Runs each migration of ways-down.sql and its way down on a real PostgreSQL, and compares schema and rows with before.

    tests/evidence/sql/corpus/down.py PROGRAMS   # /usr/lib/postgresql/15/bin; not as root

Writes ways-down.tsv, one line for each pair, in order:

    sum of both texts, verdict, first difference

`back`: all is as it was, but for the order of columns. `rows`: the schema is, rows are not. `stays`: the schema is not, or
the way down fails.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter

from run import HERE, Postgres, cases, sum_of


def pairs():
    found = cases("ways-down.sql")
    return list(zip(found[::2], (down.removeprefix("<").strip() for down in found[1::2])))


def lines(text):
    """Sorted, without what depends on order: a column that comes back is the last of its table."""
    return sorted(line.strip().rstrip(",") for line in text.splitlines() if not line.startswith(("--", "\\")))


def schema(server, database):
    command = [f"{server.programs}/pg_dump", "-s", "-h", server.folder, "-U", "deploy", database]
    return lines(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def rows(server, database):
    tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
    tables += "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
    names = server.sql(database, tables).split()
    text = "".join(f"SELECT '{name}', to_jsonb(t) FROM {name} t ORDER BY 2;\n" for name in names)
    return server.sql(database, text).splitlines()


def judge(server, number, up, down):
    database = f"pair_{number}"
    server.sql("postgres", f"CREATE DATABASE {database} TEMPLATE start;")
    before = schema(server, database), rows(server, database)
    done = server.sql(database, up + ";\n")
    if "ERROR" in done:
        sys.exit(f"{up}\n{done}")
    done = server.sql(database, down + ";\n")
    after = schema(server, database), rows(server, database)
    server.sql("postgres", f"DROP DATABASE {database} WITH (FORCE);")
    failure = re.search(r"ERROR: *(.*)", done)
    differs = [sorted((Counter(new) - Counter(old)) + (Counter(old) - Counter(new))) for old, new in zip(before, after)]
    if failure or differs[0]:
        return "stays", failure[1] if failure else differs[0][0]
    return ("rows", differs[1][0]) if differs[1] else ("back", "")


def main():
    with tempfile.TemporaryDirectory() as folder, Postgres(sys.argv[1], folder) as server:
        with open(os.path.join(HERE, "ways-down.tsv"), "w", encoding="utf-8") as table:
            for number, (up, down) in enumerate(pairs()):
                verdict, difference = judge(server, number, up, down)
                table.write("\t".join([sum_of(f"{up}\n{down}"), verdict, difference[:90]]).rstrip() + "\n")


if __name__ == "__main__":
    main()

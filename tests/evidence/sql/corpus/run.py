#!/usr/bin/env python3
"""Runs the migrations of a corpus on a real database, and the old version's queries after each.

    tests/evidence/sql/corpus/run.py postgres PROGRAMS   # /usr/lib/postgresql/15/bin; not as root
    tests/evidence/sql/corpus/run.py sqlite

Writes DIALECT.tsv, one line for each migration, in the order of DIALECT.sql:

    sum of its text, verdict, tables rewritten, strongest lock on a table that was there, first query that broke

`works`: each query of DIALECT-old.sql answers as on a database that was not migrated. `breaks`: one does not.
`refused`: the database refuses the migration. Locks are those at the end of the transaction; `-` where it cannot run in one.
"""

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

WORKERS = 4
HERE = os.path.dirname(os.path.abspath(__file__))
LOCKS = [
    "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
    "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
]  # fmt: skip


def text_of(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


def cases(name):
    """One a line; a line that begins with two spaces goes on with the one above."""
    found = []
    for line in text_of(name).splitlines():
        if line.startswith("  ") and found:
            found[-1] += "\n" + line
        elif line.strip() and not line.startswith("--#"):
            found.append(line)
    return found


def queries(name):
    return [line for line in text_of(name).splitlines() if line.strip() and not line.startswith("--")]


def sum_of(text):
    """FNV-1a, which the test computes as well."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 % 2**32
    return f"{value:08x}"


def first_difference(old, before, after):
    for query, wanted, got in zip(old, before, after):
        if wanted != got:
            return f"{query[:60]} -> {' '.join(got.split())[:60]}"
    return None


class Postgres:
    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        self.old = queries("postgres-old.sql")
        self.server = None

    def __enter__(self):
        data = f"{self.folder}/data"
        made = [f"{self.programs}/initdb", "-D", data, "-U", "deploy", "-A", "trust", "-N", "--locale=C.UTF-8"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        options = ["-c", "listen_addresses=", "-k", self.folder, "-c", "fsync=off", "-c", "timezone=UTC"]
        with open(f"{self.folder}/log", "w", encoding="utf-8") as log:
            self.server = subprocess.Popen([f"{self.programs}/postgres", "-D", data, *options], stderr=log)
        ready = f"{self.programs}/pg_isready"
        while subprocess.run([ready, "-q", "-h", self.folder], check=False).returncode:
            if self.server.poll() is not None:
                sys.exit(text_of(f"{self.folder}/log"))
        self.sql("postgres", "CREATE ROLE web LOGIN; CREATE ROLE report; CREATE DATABASE start;")
        done = self.sql("start", text_of("postgres-start.sql"))
        if "ERROR" in done:
            self.__exit__()
            sys.exit(done)
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()

    def sql(self, database, text, user="deploy", stop=True):
        command = [f"{self.programs}/psql", "-X", "-q", "-At", "-h", self.folder, "-U", user, "-d", database]
        command += ["-v", f"ON_ERROR_STOP={int(stop)}", "-v", f"name={database}"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def answers(self, database):
        mark = "\x01"
        parts = [f"{query};\n\\if :ERROR\n\\echo !:SQLSTATE :LAST_ERROR_MESSAGE\n\\endif\n" for query in self.old]
        text = f"\\echo {mark}\n".join(parts)
        command = [f"{self.programs}/psql", "-X", "-q", "-At", "-h", self.folder, "-U", "web", "-d", database]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if not done.stdout:
            return ["psql: error: connection to server failed"] * len(self.old)
        found = done.stdout.split(mark + "\n")
        return found + [done.stderr] * (len(self.old) - len(found))

    FILES = (
        "SELECT format('%s.%s', n.nspname, relname), relfilenode FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE relkind = 'r' AND c.oid >= 16384 ORDER BY 1"
    )

    def locks(self, database, case):
        """What it locks and rewrites, in a transaction that is taken back."""
        if re.search(r"\b(BEGIN|START TRANSACTION|DISCARD|VACUUM|CONCURRENTLY)\b", case.split("$")[0]):
            return None
        known = self.sql(database, self.FILES).split("\n")
        held = (
            "SELECT mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE l.pid = pg_backend_pid() "
            "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND c.relkind IN ('r', 'p') "
            f"AND c.oid >= 16384 AND c.oid < (SELECT max(oid) + 1 FROM known)"
        )
        begin = "CREATE TEMP TABLE known AS SELECT oid FROM pg_class WHERE relkind IN ('r', 'p') AND oid >= 16384;\nBEGIN;\n"
        tail = f";\n\\echo \x01\n{self.FILES.replace('ORDER', 'AND relnamespace <> pg_my_temp_schema() ORDER')};\n\\echo \x01\n"
        tail += held.replace("c.oid < (SELECT max(oid) + 1 FROM known)", "c.oid IN (SELECT oid FROM pg_temp.known)") + ";\nROLLBACK;"
        done = self.sql(database, begin + case + tail).split("\x01\n")
        if len(done) < 3:
            return None
        rewritten = {line.split("|")[0] for line in known if line}
        kept = {line.split("|")[0] for line in known if line in done[1].split("\n")}
        there = {line.split("|")[0] for line in done[1].split("\n") if line}
        modes = [mode for mode in done[2].split("\n") if mode in LOCKS]
        strongest = max(modes, key=LOCKS.index, default="")
        return sorted((rewritten - kept) & there), strongest

    def rewritten(self, database):
        start, now = self.files, set(self.sql(database, self.FILES).split("\n"))
        names = {line.split("|")[0] for line in now}
        return sorted({line.split("|")[0] for line in start - now} & names)

    def judge(self, number, case, before):
        database = f"case_{number}"
        self.sql("postgres", f"CREATE DATABASE {database} TEMPLATE start;")
        locks = self.locks(database, case)
        done = self.sql(database, case + ";\n")
        rewritten, lock = locks or (self.rewritten(database), "-")
        broken = first_difference(self.old, before, self.answers(database))
        again = "ALTER ROLE web RESET ALL; ALTER ROLE web LOGIN; REVOKE report FROM web;"
        self.sql("postgres", again, stop=False)
        self.sql("postgres", f"DROP DATABASE {database} WITH (FORCE);")
        if re.search(r"^ERROR|psql.*ERROR", done, re.M):
            return "refused", [], "-", " ".join(done.split())[:110]
        return "breaks" if broken else "works", rewritten, lock.removesuffix("Lock"), broken or ""

    def baseline(self):
        self.sql("postgres", "CREATE DATABASE base TEMPLATE start;")
        self.files = set(self.sql("base", self.FILES).split("\n"))
        found = self.answers("base")
        self.sql("postgres", "DROP DATABASE base;")
        return found


class Sqlite:
    def __init__(self):
        self.old = queries("sqlite-old.sql")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def start(self, folder):
        database = sqlite3.connect(f"{folder}/db", isolation_level=None)
        database.executescript(text_of("sqlite-start.sql"))
        return database

    def answers(self, folder):
        # A connection of its own: the old version is another process.
        database = sqlite3.connect(f"{folder}/db", isolation_level=None)
        database.execute("PRAGMA foreign_keys = ON")
        found = []
        for query in self.old:
            try:
                found.append(repr(database.execute(query).fetchall()))
            except sqlite3.Error as error:
                found.append(f"!{error}")
        database.close()
        return found

    def judge(self, _, case, before):
        with tempfile.TemporaryDirectory() as folder:
            database = self.start(folder)
            try:
                database.executescript(case + "\n;")
            except sqlite3.Error as error:
                return "refused", [], "-", str(error)
            finally:
                database.close()
            broken = first_difference(self.old, before, self.answers(folder))
        return "breaks" if broken else "works", [], "-", broken or ""

    def baseline(self):
        with tempfile.TemporaryDirectory() as folder:
            self.start(folder).close()
            return self.answers(folder)


def main():
    dialect = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        with Postgres(sys.argv[2], folder) if dialect == "postgres" else Sqlite() as database:
            before = database.baseline()
            if "-v" in sys.argv:
                for query, answer in zip(database.old, before):
                    print(query[:150], "->", answer.strip()[:150])
            with open(os.path.join(HERE, f"{dialect}.tsv"), "w", encoding="utf-8") as table:
                every = list(enumerate(cases(f"{dialect}.sql")))
                # Roles are the server's, so cases that change them run alone.
                alone = [pair for pair in every if re.search(r"\b(ROLE|GRANT|REVOKE|OWNED|SYSTEM)\b", pair[1])]
                verdicts = {}
                with ThreadPoolExecutor(WORKERS) as pool:
                    shared = [pair for pair in every if pair not in alone]
                    found = pool.map(lambda pair: database.judge(*pair, before), shared)
                    verdicts.update({number: verdict for (number, _), verdict in zip(shared, found)})
                verdicts.update({number: database.judge(number, case, before) for number, case in alone})
                for number, case in every:
                    verdict, rewritten, lock, broken = verdicts[number]
                    broken = re.sub(r"\s+", " ", broken).replace(folder, "")
                    table.write("\t".join([sum_of(case), verdict, ",".join(rewritten), lock, broken]).rstrip() + "\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Runs the migrations of a corpus on a real database, and the old version's queries after each.

    tests/evidence/sql/corpus/run.py postgres PROGRAMS   # /usr/lib/postgresql/15/bin; not as root
    tests/evidence/sql/corpus/run.py sqlite
    tests/evidence/sql/corpus/run.py mysql PROGRAMS      # where mysqld and mysql are; not as root
    tests/evidence/sql/corpus/run.py mariadb PROGRAMS    # /usr/bin:/usr/sbin; the migrations are those of MySQL
    tests/evidence/sql/corpus/run.py … new               # only what has no verdict yet

Writes DIALECT.tsv, one line for each migration, in the order of DIALECT.sql:

    sum of its text, verdict, tables rewritten, strongest lock on a table that was there, first query that broke

`works`: each query of DIALECT-old.sql answers as on a database that was not migrated. `breaks`: one does not.
`refused`: the database refuses the migration. Locks are those at the end of the transaction; `-` where it cannot run in one.
MySQL and MariaDB have no such transaction: there the lock is `Share` where the change is refused with LOCK=NONE, and known
for a single ALTER TABLE or CREATE INDEX only.
"""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
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
    # Roles are the server's, so cases that change them run alone.
    ALONE = re.compile(r"\b(ROLE|GRANT|REVOKE|OWNED|SYSTEM)\b")

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
    ALONE = re.compile("(?!)")

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


class MySql:
    """MySQL or MariaDB. A migration names its databases, so there is one of each, and cases run one after another."""

    ALONE = re.compile("")
    # Users and settings are the server's: after cases that change them it begins anew.
    OF_SERVER = re.compile(r"\b(USER|ROLE|GRANT|REVOKE|GLOBAL|PERSIST|PASSWORD|FLUSH|READ ONLY)\b", re.I)
    OPTIONS = [
        "--skip-networking", "--skip-log-bin", "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0",
        "--innodb-flush-method=nosync", "--innodb-doublewrite=0", "--performance-schema=OFF",
        "--default-time-zone=+00:00", "--character-set-server=utf8mb4",
    ]  # fmt: skip

    def __init__(self, name, programs, folder):
        self.is_mariadb, self.programs, self.folder = name == "mariadb", programs, folder
        self.old = queries("mysql-old.sql")
        self.server = None

    def program(self, name):
        found = shutil.which(name, path=self.programs)
        return found or sys.exit(f"{self.programs}: {name} is not there")

    def __enter__(self):
        kept = f"{self.folder}/kept"
        if self.is_mariadb:
            made = [self.program("mariadb-install-db"), "--no-defaults", "--auth-root-authentication-method=normal"]
            made.append("--skip-test-db")
        else:
            made = [self.program("mysqld"), "--no-defaults", "--initialize-insecure"]
        made += [f"--datadir={kept}", f"--secure-file-priv={self.folder}"]
        done = subprocess.run(made, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        self.start()
        return self

    def start(self):
        """Begins with a server as it was installed."""
        shutil.copytree(f"{self.folder}/kept", f"{self.folder}/data")
        options = [*self.OPTIONS, f"--datadir={self.folder}/data", f"--socket={self.folder}/socket"]
        options += [f"--pid-file={self.folder}/pid", f"--secure-file-priv={self.folder}"]
        options += ([] if self.is_mariadb else ["--mysqlx=OFF"])
        program = self.program("mariadbd" if self.is_mariadb else "mysqld")
        with open(f"{self.folder}/log", "w", encoding="utf-8") as log:
            self.server = subprocess.Popen([program, "--no-defaults", *options], stdout=log, stderr=log)
        while self.sql("mysql", "SELECT 1;").returncode:
            if self.server.poll() is not None:
                sys.exit(text_of(f"{self.folder}/log"))
            time.sleep(0.2)
        self.fill()

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()

    def anew(self):
        self.__exit__()
        shutil.rmtree(f"{self.folder}/data")
        self.start()

    def fill(self):
        made = "SELECT concat('DROP DATABASE `', schema_name, '`;') FROM information_schema.schemata "
        made += "WHERE schema_name NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')"
        drop = self.sql("mysql", made).stdout
        done = self.sql("mysql", drop + text_of("mysql-start.sql"))
        if done.returncode:
            self.__exit__()
            sys.exit(done.stderr)

    def sql(self, database, text, user="root", force=False):
        client = self.program("mariadb" if self.is_mariadb else "mysql")
        command = [client, "--no-defaults", "--batch", "--skip-column-names", "--default-character-set=utf8mb4"]
        command += [f"--socket={self.folder}/socket", f"--user={user}", f"--database={database}"]
        command += ["--force"] if force else []
        return subprocess.run(command, input=text, capture_output=True, text=True, errors="replace", check=False)

    def answers(self):
        mark = "\x01"
        text = "".join(f"{query}; SELECT row_count(); SELECT '{mark}';\n" for query in self.old)
        done = self.sql("shop", text, user="web", force=True)
        found = done.stdout.split(mark + "\n")
        found += [""] * (len(self.old) - len(found))
        for number in range(len(self.old)):
            errors = re.findall(rf"^ERROR .* at line {number + 1}: .*", done.stderr, re.M)
            # The names of keys are no concern of the old version's.
            noise = rf" at line {number + 1}| for key .*| a foreign key constraint fails.*"
            found[number] = re.sub(noise, "", " ".join(errors)) + found[number]
        return found if done.stdout else [done.stderr] * len(self.old)

    def tables(self):
        name = "INNODB_SYS_TABLES" if self.is_mariadb else "INNODB_TABLES"
        found = self.sql("mysql", f"SELECT name, table_id FROM information_schema.{name}").stdout
        return dict(line.split("\t") for line in found.splitlines() if line.startswith(("shop/", "app/")))

    def migrate(self, case):
        """Runs it with the lightest lock that the server takes. Returns what it said, and that lock."""
        is_index = re.match(r"CREATE (UNIQUE |FULLTEXT |SPATIAL )?INDEX", case)
        is_alter = re.match(r"ALTER TABLE", case)
        if ";" not in case and (is_alter or is_index) and not re.search(r"\b(ALGORITHM|LOCK|PARTITION\w*|IGNORE)\b", case):
            separated = ", " if is_alter else " "
            for lightest in (["ALGORITHM=INSTANT"], ["ALGORITHM=INPLACE", "LOCK=NONE"]):
                done = self.sql("shop", separated.join([case, *lightest]))
                if not done.returncode:
                    return done, ""
            return self.sql("shop", case), "Share"
        return self.sql("shop", case), "-"

    def judge(self, number, case, before):
        self.fill()
        known = self.tables()
        done, lock = self.migrate(case)
        now = self.tables()
        rewritten = {name.split("#")[0].replace("/", ".") for name in known if now.get(name, known[name]) != known[name]}
        broken = first_difference(self.old, before, self.answers())
        if self.OF_SERVER.search(case):
            self.anew()
        if done.returncode:
            return "refused", [], "-", " ".join(done.stderr.split("ERROR")[-1].split())[:110]
        return "breaks" if broken else "works", sorted(rewritten), lock, broken or ""

    def baseline(self):
        return self.answers()


def opened(dialect, folder):
    if dialect == "sqlite":
        return Sqlite()
    if dialect == "postgres":
        return Postgres(sys.argv[2], folder)
    return MySql(dialect, sys.argv[2], folder)


def known(table):
    """What the table says, by the sum of the case: with `new`, only cases that it does not have are run."""
    if "new" not in sys.argv or not os.path.exists(table):
        return {}
    return {line.split("\t")[0]: line for line in text_of(table).splitlines()}


def verdicts(database, every):
    """Runs the cases, those that need the server for themselves one after another."""
    before = database.baseline()
    if "-v" in sys.argv:
        for query, answer in zip(database.old, before):
            print(query[:150], "->", answer.strip()[:150])
    alone = [pair for pair in every if database.ALONE.search(pair[1])]
    shared = [pair for pair in every if pair not in alone]
    with ThreadPoolExecutor(WORKERS) as pool:
        found = pool.map(lambda pair: database.judge(*pair, before), shared)
        judged = {number: verdict for (number, _), verdict in zip(shared, found)}
    judged.update({number: database.judge(number, case, before) for number, case in alone})
    return judged


def main():
    dialect = sys.argv[1]
    table = os.path.join(HERE, f"{dialect}.tsv")
    kept = known(table)
    every = list(enumerate(cases("mysql.sql" if dialect == "mariadb" else f"{dialect}.sql")))
    with tempfile.TemporaryDirectory() as folder:
        with opened(dialect, folder) as database:
            judged = verdicts(database, [pair for pair in every if sum_of(pair[1]) not in kept])
        for number, (verdict, rewritten, lock, broken) in judged.items():
            broken = re.sub(r"\s+", " ", broken).replace(folder, "")
            case = sum_of(every[number][1])
            kept[case] = "\t".join([case, verdict, ",".join(rewritten), lock, broken]).rstrip()
    with open(table, "w", encoding="utf-8") as file:
        file.writelines(kept[sum_of(case)] + "\n" for _, case in every)


if __name__ == "__main__":
    main()

/*
 * One database, and threads with a connection each: two move money between accounts, two others look at
 * all of them meanwhile, and find the same sum every time. Who finds the database locked tries again.
 * Arguments: the database, a journal mode (default wal), how many transfers each thread does (default 50).
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sqlite3.h"

#define ACCOUNTS 20
#define EACH     100
#define MOVERS   2
#define LOOKERS  2
#define PAUSE_US 1000

struct worker {
    pthread_t thread;
    sqlite3 *db;
    unsigned seed, done, busy; /* busy: how often it was told to try again */
};

static const char *mode = "wal";
static unsigned transfers = 50, movers_left = MOVERS;

static void fail(sqlite3 *db, const char *sql)
{
    fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
    exit(1);
}

/* Do it; false when the database is locked by another connection. */
static int try(struct worker *self, const char *sql)
{
    int error = sqlite3_exec(self->db, sql, NULL, NULL, NULL);

    if (error == SQLITE_BUSY) {
        self->busy++;
        usleep(PAUSE_US);
        return 0;
    }
    if (error != SQLITE_OK)
        fail(self->db, sql);
    return 1;
}

/* The number that a query gives; -1 when the database is locked. */
static long ask(struct worker *self, const char *sql)
{
    sqlite3_stmt *statement;
    long answer = -1;
    int error = sqlite3_prepare_v2(self->db, sql, -1, &statement, NULL);

    if (error == SQLITE_OK) {
        error = sqlite3_step(statement);
        if (error == SQLITE_ROW)
            answer = (long)sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
    }
    if (error == SQLITE_BUSY) {
        self->busy++;
        usleep(PAUSE_US);
    } else if (error != SQLITE_ROW) {
        fail(self->db, sql);
    }
    return answer;
}

static void *move(void *arg)
{
    struct worker *self = arg;
    char sql[200];

    while (self->done < transfers) {
        unsigned from = (unsigned)rand_r(&self->seed) % ACCOUNTS;

        snprintf(sql, sizeof(sql),
                 "UPDATE accounts SET balance = balance - 7 WHERE id = %u;"
                 "UPDATE accounts SET balance = balance + 7 WHERE id = %u",
                 from, (from + 1 + self->done % (ACCOUNTS - 1)) % ACCOUNTS);
        if (!try(self, "BEGIN IMMEDIATE"))
            continue;
        while (!try(self, sql))
            ;
        while (!try(self, "COMMIT")) /* of a rollback journal: somebody still reads */
            ;
        self->done++;
    }
    __atomic_sub_fetch(&movers_left, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void *look(void *arg)
{
    struct worker *self = arg;

    do {
        long sum = ask(self, "SELECT sum(balance) FROM accounts");

        if (sum >= 0 && sum != ACCOUNTS * EACH) {
            fprintf(stderr, "the sum is %ld\n", sum);
            exit(1);
        }
        self->done += sum >= 0;
        usleep(PAUSE_US);
    } while (__atomic_load_n(&movers_left, __ATOMIC_ACQUIRE) > 0 || self->done == 0);
    if (strcmp(mode, "wal") == 0 && self->busy > 0) {
        fprintf(stderr, "with a write-ahead log nobody waits to read\n");
        exit(1);
    }
    return NULL;
}

static void make(struct worker *first)
{
    char sql[300];

    snprintf(sql, sizeof(sql),
             "PRAGMA journal_mode=%s; CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER);"
             "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
             "INSERT INTO accounts SELECT i, %d FROM n; PRAGMA wal_autocheckpoint=10",
             mode, ACCOUNTS - 1, EACH);
    if (!try(first, sql))
        fail(first->db, sql);
}

int main(int argc, char **argv)
{
    static struct worker workers[MOVERS + LOOKERS];
    const char *path = argc > 1 ? argv[1] : "/tmp/accounts.db";
    unsigned done = 0;

    mode = argc > 2 ? argv[2] : mode;
    transfers = argc > 3 ? (unsigned)atoi(argv[3]) : transfers;
    for (unsigned i = 0; i < MOVERS + LOOKERS; i++) {
        workers[i].seed = i + 1;
        if (sqlite3_open(path, &workers[i].db) != SQLITE_OK)
            fail(workers[i].db, path);
        if (i == 0)
            make(&workers[0]);
        else if (!try(&workers[i], "PRAGMA wal_autocheckpoint=10; SELECT count(*) FROM accounts"))
            fail(workers[i].db, path);
    }
    for (unsigned i = 0; i < MOVERS + LOOKERS; i++)
        pthread_create(&workers[i].thread, NULL, i < MOVERS ? move : look, &workers[i]);
    for (unsigned i = 0; i < MOVERS + LOOKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        done += i < MOVERS ? workers[i].done : 0;
    }
    printf("%u transfers, sum %ld\n", done, ask(&workers[0], "SELECT sum(balance) FROM accounts"));
    for (unsigned i = 0; i < MOVERS + LOOKERS; i++) {
        if (sqlite3_close(workers[i].db) != SQLITE_OK)
            fail(workers[i].db, "close");
    }
    return 0;
}

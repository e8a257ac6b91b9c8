/*
 * A number that outlives its guest: each step is a transaction, said when it is durable. Arguments: a
 * directory for the database, how many steps (default 10; 0: until somebody ends the guest).
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lmdb.h"

static void check(int error, const char *what)
{
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", what, mdb_strerror(error));
        exit(1);
    }
}

/* One more, and its square beside it, in one transaction. */
static unsigned long step(MDB_env *env, MDB_dbi dbi)
{
    char key[24], number[24];
    MDB_val name = { 4, "last" }, value;
    unsigned long n = 1;
    MDB_txn *txn;
    int error;

    check(mdb_txn_begin(env, NULL, 0, &txn), "begin");
    error = mdb_get(txn, dbi, &name, &value);
    if (error == 0)
        n += strtoul(value.mv_data, NULL, 10);
    else if (error != MDB_NOTFOUND)
        check(error, "get");
    value.mv_size = (size_t)sprintf(number, "%lu", n) + 1;
    value.mv_data = number;
    check(mdb_put(txn, dbi, &name, &value, 0), "put");
    name.mv_size = (size_t)sprintf(key, "square %lu", n);
    name.mv_data = key;
    value.mv_size = (size_t)sprintf(number, "%lu", n * n) + 1;
    check(mdb_put(txn, dbi, &name, &value, 0), "put");
    check(mdb_txn_commit(txn), "commit");
    return n;
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "/tmp/count";
    long steps = argc > 2 ? atol(argv[2]) : 10;
    unsigned flags = argc > 3 ? MDB_WRITEMAP : 0; /* changed in the map, made durable by msync() */
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;

    mkdir(dir, 0755);
    check(mdb_env_create(&env), "create");
    check(mdb_env_set_mapsize(env, (size_t)1 << 30), "mapsize"); /* more than there is of memory */
    check(mdb_env_open(env, dir, flags, 0644), dir);
    check(mdb_txn_begin(env, NULL, 0, &txn), "begin");
    check(mdb_dbi_open(txn, NULL, 0, &dbi), "open");
    check(mdb_txn_commit(txn), "commit");
    for (long i = 0; i < steps || steps == 0; i++) {
        printf("%lu\n", step(env, dbi));
        fflush(stdout);
    }
    mdb_env_close(env);
    return 0;
}

/* passwd: the users, out of /etc/passwd; without one, root and nobody, who cannot log in. */
#define _GNU_SOURCE
#include <errno.h>
#include <pwd.h>

#include <string.h>

#include "users.h"

static const char passwd_builtin[] = "root:*:0:0:root:/:/bin/false\n"
                                     "nobody:*:65534:65534:nobody:/:/bin/false\n";

/* What the calls without a buffer return, and where the walk stands. */
static struct {
    struct passwd found, walked;
    struct users_table table, walk;
} passwd;

static bool passwd_next(struct users_table *table, struct passwd *out)
{
    char *line, *fields[7];

    while ((line = users_line(table)) != NULL) {
        if (!users_fields(line, fields, 7))
            continue;
        if (!users_id(fields[2], &out->pw_uid) || !users_id(fields[3], &out->pw_gid))
            continue;
        out->pw_name = fields[0];
        out->pw_passwd = fields[1];
        out->pw_gecos = fields[4];
        out->pw_comment = fields[4] + strlen(fields[4]);
        out->pw_dir = fields[5];
        out->pw_shell = fields[6];
        return true;
    }
    return false;
}

/* By name, or, when that is NULL, by id: 0 and whether there is one, or an error. */
static int passwd_find(struct users_table *table, const char *name, uid_t id, struct passwd *out,
                       bool *found)
{
    int error = users_open(table, _PATH_PASSWD, passwd_builtin);

    *found = false;
    while (error == 0 && !*found && passwd_next(table, out))
        *found = name != NULL ? strcmp(out->pw_name, name) == 0 : out->pw_uid == id;
    users_close(table);
    return error;
}

static struct passwd *passwd_get(const char *name, uid_t id)
{
    bool found;
    int error = passwd_find(&passwd.table, name, id, &passwd.found, &found);

    if (error != 0)
        errno = error;
    return found ? &passwd.found : NULL;
}

static int passwd_get_r(const char *name, uid_t id, struct passwd *out, char *buffer, size_t size,
                        struct passwd **result)
{
    struct users_table table = { 0 };
    bool found;
    int error = passwd_find(&table, name, id, out, &found);

    *result = NULL;
    if (found) {
        if (users_copy(&out->pw_name, &buffer, &size) && users_copy(&out->pw_passwd, &buffer, &size) &&
            users_copy(&out->pw_comment, &buffer, &size) &&
            users_copy(&out->pw_gecos, &buffer, &size) && users_copy(&out->pw_dir, &buffer, &size) &&
            users_copy(&out->pw_shell, &buffer, &size))
            *result = out;
        else
            error = ERANGE;
    }
    users_free(&table);
    return error;
}

struct passwd *getpwnam(const char *name)
{
    return passwd_get(name, 0);
}

struct passwd *getpwuid(uid_t id)
{
    return passwd_get(NULL, id);
}

int getpwnam_r(const char *name, struct passwd *out, char *buffer, size_t size,
               struct passwd **result)
{
    return passwd_get_r(name, 0, out, buffer, size, result);
}

int getpwuid_r(uid_t id, struct passwd *out, char *buffer, size_t size, struct passwd **result)
{
    return passwd_get_r(NULL, id, out, buffer, size, result);
}

struct passwd *getpwent(void)
{
    int error = passwd.walk.open ? 0 : users_open(&passwd.walk, _PATH_PASSWD, passwd_builtin);

    if (error != 0)
        errno = error;
    return error == 0 && passwd_next(&passwd.walk, &passwd.walked) ? &passwd.walked : NULL;
}

void setpwent(void)
{
    users_close(&passwd.walk);
}

void endpwent(void)
{
    users_close(&passwd.walk);
}

int setpassent(int stay_open)
{
    (void)stay_open;
    users_close(&passwd.walk);
    return 1;
}

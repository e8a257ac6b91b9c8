/* group: the groups, out of /etc/group; without one, root's and nobody's. */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "users.h"

static const char group_builtin[] = "root:*:0:\n"
                                    "nogroup:*:65534:\n";

/* What the calls without a buffer return, and where the walk stands. */
static struct {
    struct group found, walked;
    struct users_table table, walk;
} group;

/* The names between the commas of a line's last field. */
static bool group_members(struct users_table *table, char *names)
{
    size_t n = 0, commas = 0;
    char **members, *name;

    for (const char *at = names; *at != '\0'; at++)
        commas += *at == ',';
    members = realloc(table->members, (commas + 2) * sizeof(*members));
    if (members == NULL)
        return false;
    table->members = members;
    while ((name = strsep(&names, ",")) != NULL) {
        if (*name != '\0')
            members[n++] = name;
    }
    members[n] = NULL;
    return true;
}

static bool group_next(struct users_table *table, struct group *out)
{
    char *line, *fields[4];

    while ((line = users_line(table)) != NULL) {
        if (!users_fields(line, fields, 4) || !users_id(fields[2], &out->gr_gid))
            continue;
        if (!group_members(table, fields[3]))
            return false;
        out->gr_name = fields[0];
        out->gr_passwd = fields[1];
        out->gr_mem = table->members;
        return true;
    }
    return false;
}

/* By name, or, when that is NULL, by id: 0 and whether there is one, or an error. */
static int group_find(struct users_table *table, const char *name, gid_t id, struct group *out,
                      bool *found)
{
    int error = users_open(table, _PATH_GROUP, group_builtin);

    *found = false;
    while (error == 0 && !*found && group_next(table, out))
        *found = name != NULL ? strcmp(out->gr_name, name) == 0 : out->gr_gid == id;
    users_close(table);
    return error;
}

static struct group *group_get(const char *name, gid_t id)
{
    bool found;
    int error = group_find(&group.table, name, id, &group.found, &found);

    if (error != 0)
        errno = error;
    return found ? &group.found : NULL;
}

static bool group_copy(struct group *out, char *buffer, size_t size)
{
    size_t skip = -(uintptr_t)buffer % sizeof(char *), n = 0, room;
    char **members = (char **)(void *)(buffer + skip);

    while (out->gr_mem[n] != NULL)
        n++;
    room = skip + (n + 1) * sizeof(char *);
    if (size < room)
        return false;
    memcpy(members, out->gr_mem, (n + 1) * sizeof(*members));
    out->gr_mem = members;
    buffer += room;
    size -= room;
    for (size_t i = 0; i < n; i++) {
        if (!users_copy(&members[i], &buffer, &size))
            return false;
    }
    return users_copy(&out->gr_name, &buffer, &size) && users_copy(&out->gr_passwd, &buffer, &size);
}

static int group_get_r(const char *name, gid_t id, struct group *out, char *buffer, size_t size,
                       struct group **result)
{
    struct users_table table = { 0 };
    bool found;
    int error = group_find(&table, name, id, out, &found);

    *result = NULL;
    if (found) {
        if (group_copy(out, buffer, size))
            *result = out;
        else
            error = ERANGE;
    }
    users_free(&table);
    return error;
}

struct group *getgrnam(const char *name)
{
    return group_get(name, 0);
}

struct group *getgrgid(gid_t id)
{
    return group_get(NULL, id);
}

int getgrnam_r(const char *name, struct group *out, char *buffer, size_t size, struct group **result)
{
    return group_get_r(name, 0, out, buffer, size, result);
}

int getgrgid_r(gid_t id, struct group *out, char *buffer, size_t size, struct group **result)
{
    return group_get_r(NULL, id, out, buffer, size, result);
}

struct group *getgrent(void)
{
    int error = group.walk.open ? 0 : users_open(&group.walk, _PATH_GROUP, group_builtin);

    if (error != 0)
        errno = error;
    return error == 0 && group_next(&group.walk, &group.walked) ? &group.walked : NULL;
}

void setgrent(void)
{
    users_close(&group.walk);
}

void endgrent(void)
{
    users_close(&group.walk);
}

int getgrouplist(const char *user, gid_t own, gid_t *groups, int *n)
{
    struct users_table table = { 0 };
    struct group one;
    int room = *n, found = 0;

    if (found++ < room)
        groups[0] = own;
    if (users_open(&table, _PATH_GROUP, group_builtin) == 0) {
        while (group_next(&table, &one)) {
            for (char **member = one.gr_mem; *member != NULL; member++) {
                if (one.gr_gid == own || strcmp(*member, user) != 0)
                    continue;
                if (found++ < room)
                    groups[found - 1] = one.gr_gid;
                break;
            }
        }
    }
    users_free(&table);
    *n = found;
    return found <= room ? found : -1;
}

int initgroups(const char *user, gid_t own)
{
    gid_t groups[NGROUPS_MAX];
    int n = NGROUPS_MAX;

    getgrouplist(user, own, groups, &n);
    return setgroups(n < NGROUPS_MAX ? n : NGROUPS_MAX, groups);
}

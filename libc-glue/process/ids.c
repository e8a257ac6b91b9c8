/*
 * ids: user and group ids. A guest starts as root. Nothing is guarded by them, but they are kept with
 * POSIX's rules, so that a program that gives up its rights sees that it did.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "result.h"

#define IDS_KEEP ((unsigned)-1)

struct ids_set {
    unsigned real, effective, saved;
};

/* Not locked: programs change these once, before they do anything else. */
static struct {
    struct ids_set user, group;
    gid_t groups[NGROUPS_MAX];
    int n_groups;
} ids;

static bool ids_privileged(void)
{
    return ids.user.effective == 0;
}

static bool ids_allowed(const struct ids_set *set, unsigned id)
{
    return id == IDS_KEEP || ids_privileged() || id == set->real || id == set->effective ||
           id == set->saved;
}

static int ids_change(struct ids_set *set, unsigned real, unsigned effective, unsigned saved)
{
    if (!ids_allowed(set, real) || !ids_allowed(set, effective) || !ids_allowed(set, saved))
        return (int)result(-EPERM);
    if (real != IDS_KEEP)
        set->real = real;
    if (effective != IDS_KEEP)
        set->effective = effective;
    if (saved != IDS_KEEP)
        set->saved = saved;
    return 0;
}

/* setuid() and setgid(): root changes all three, others the effective one. */
static int ids_become(struct ids_set *set, unsigned id)
{
    if (id == IDS_KEEP)
        return (int)result(-EINVAL);
    return ids_privileged() ? ids_change(set, id, id, id) : ids_change(set, IDS_KEEP, id, IDS_KEEP);
}

/* setreuid() and setregid(): the saved id follows when the real one is set. */
static int ids_pair(struct ids_set *set, unsigned real, unsigned effective)
{
    unsigned saved = effective != IDS_KEEP ? effective : set->effective;

    return ids_change(set, real, effective,
                      real != IDS_KEEP || saved != set->real ? saved : IDS_KEEP);
}

static int ids_get(const struct ids_set *set, unsigned *real, unsigned *effective, unsigned *saved)
{
    *real = set->real;
    *effective = set->effective;
    *saved = set->saved;
    return 0;
}

uid_t getuid(void)
{
    return ids.user.real;
}

uid_t geteuid(void)
{
    return ids.user.effective;
}

gid_t getgid(void)
{
    return ids.group.real;
}

gid_t getegid(void)
{
    return ids.group.effective;
}

int setuid(uid_t id)
{
    return ids_become(&ids.user, id);
}

int setgid(gid_t id)
{
    return ids_become(&ids.group, id);
}

int seteuid(uid_t id)
{
    return id == IDS_KEEP ? (int)result(-EINVAL) : ids_change(&ids.user, IDS_KEEP, id, IDS_KEEP);
}

int setegid(gid_t id)
{
    return id == IDS_KEEP ? (int)result(-EINVAL) : ids_change(&ids.group, IDS_KEEP, id, IDS_KEEP);
}

int setreuid(uid_t real, uid_t effective)
{
    return ids_pair(&ids.user, real, effective);
}

int setregid(gid_t real, gid_t effective)
{
    return ids_pair(&ids.group, real, effective);
}

int setresuid(uid_t real, uid_t effective, uid_t saved)
{
    return ids_change(&ids.user, real, effective, saved);
}

int setresgid(gid_t real, gid_t effective, gid_t saved)
{
    return ids_change(&ids.group, real, effective, saved);
}

int getresuid(uid_t *real, uid_t *effective, uid_t *saved)
{
    return ids_get(&ids.user, real, effective, saved);
}

int getresgid(gid_t *real, gid_t *effective, gid_t *saved)
{
    return ids_get(&ids.group, real, effective, saved);
}

int getgroups(int size, gid_t groups[])
{
    if (size < 0 || (size != 0 && size < ids.n_groups))
        return (int)result(-EINVAL);
    if (size != 0)
        memcpy(groups, ids.groups, (size_t)ids.n_groups * sizeof(*groups));
    return ids.n_groups;
}

int setgroups(int n, const gid_t *groups)
{
    if (!ids_privileged())
        return (int)result(-EPERM);
    if (n < 0 || n > NGROUPS_MAX)
        return (int)result(-EINVAL);
    memcpy(ids.groups, groups, (size_t)n * sizeof(*groups));
    ids.n_groups = n;
    return 0;
}

int issetugid(void)
{
    return 0;
}

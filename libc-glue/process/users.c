/*
 * users: the two users and groups of a guest, root and nobody. Neither can log in.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>


#define USERS 2

static char users_root[] = "root", users_nobody[] = "nobody", users_nogroup[] = "nogroup";
static char users_none[] = "", users_locked[] = "*", users_home[] = "/", users_shell[] = "/bin/false";
static char *users_no_members[] = { NULL };

static const struct passwd users_passwd[USERS] = {
    { users_root, users_locked, 0, 0, users_none, users_root, users_home, users_shell },
    { users_nobody, users_locked, 65534, 65534, users_none, users_nobody, users_home, users_shell },
};
static const struct group users_group[USERS] = {
    { users_root, users_locked, 0, users_no_members },
    { users_nogroup, users_locked, 65534, users_no_members },
};

/* What the calls without a buffer return, and where the walks stand. */
static struct {
    struct passwd passwd;
    struct group group;
    unsigned next_passwd, next_group;
} users;

static const struct passwd *users_find_passwd(const char *name, uid_t id)
{
    for (unsigned i = 0; i < USERS; i++) {
        if (name != NULL ? strcmp(users_passwd[i].pw_name, name) == 0 : users_passwd[i].pw_uid == id)
            return &users_passwd[i];
    }
    return NULL;
}

static const struct group *users_find_group(const char *name, gid_t id)
{
    for (unsigned i = 0; i < USERS; i++) {
        if (name != NULL ? strcmp(users_group[i].gr_name, name) == 0 : users_group[i].gr_gid == id)
            return &users_group[i];
    }
    return NULL;
}

static struct passwd *users_give_passwd(const struct passwd *found)
{
    if (found == NULL)
        return NULL;
    users.passwd = *found; /* the caller may write to it */
    return &users.passwd;
}

static struct group *users_give_group(const struct group *found)
{
    if (found == NULL)
        return NULL;
    users.group = *found;
    return &users.group;
}

struct passwd *getpwnam(const char *name)
{
    return users_give_passwd(users_find_passwd(name, 0));
}

struct passwd *getpwuid(uid_t id)
{
    return users_give_passwd(users_find_passwd(NULL, id));
}

struct group *getgrnam(const char *name)
{
    return users_give_group(users_find_group(name, 0));
}

struct group *getgrgid(gid_t id)
{
    return users_give_group(users_find_group(NULL, id));
}

/* Move the string at *text into the buffer. False when it is full. */
static bool users_copy(char **text, char **buffer, size_t *size)
{
    size_t len = strlen(*text) + 1;

    if (len > *size)
        return false;
    *text = memcpy(*buffer, *text, len);
    *buffer += len;
    *size -= len;
    return true;
}

static int users_copy_passwd(const struct passwd *found, struct passwd *out, char *buffer,
                             size_t size, struct passwd **result)
{
    *result = NULL;
    if (found == NULL)
        return 0;
    *out = *found;
    if (!users_copy(&out->pw_name, &buffer, &size) || !users_copy(&out->pw_passwd, &buffer, &size) ||
        !users_copy(&out->pw_comment, &buffer, &size) || !users_copy(&out->pw_gecos, &buffer, &size) ||
        !users_copy(&out->pw_dir, &buffer, &size) || !users_copy(&out->pw_shell, &buffer, &size))
        return ERANGE;
    *result = out;
    return 0;
}

static int users_copy_group(const struct group *found, struct group *out, char *buffer, size_t size,
                            struct group **result)
{
    size_t skip = -(uintptr_t)buffer % sizeof(char *);

    *result = NULL;
    if (found == NULL)
        return 0;
    *out = *found;
    if (size < skip + sizeof(char *))
        return ERANGE;
    out->gr_mem = (char **)(void *)(buffer + skip);
    out->gr_mem[0] = NULL;
    buffer += skip + sizeof(char *);
    size -= skip + sizeof(char *);
    if (!users_copy(&out->gr_name, &buffer, &size) || !users_copy(&out->gr_passwd, &buffer, &size))
        return ERANGE;
    *result = out;
    return 0;
}

int getpwnam_r(const char *name, struct passwd *out, char *buffer, size_t size,
               struct passwd **result)
{
    return users_copy_passwd(users_find_passwd(name, 0), out, buffer, size, result);
}

int getpwuid_r(uid_t id, struct passwd *out, char *buffer, size_t size, struct passwd **result)
{
    return users_copy_passwd(users_find_passwd(NULL, id), out, buffer, size, result);
}

int getgrnam_r(const char *name, struct group *out, char *buffer, size_t size, struct group **result)
{
    return users_copy_group(users_find_group(name, 0), out, buffer, size, result);
}

int getgrgid_r(gid_t id, struct group *out, char *buffer, size_t size, struct group **result)
{
    return users_copy_group(users_find_group(NULL, id), out, buffer, size, result);
}

struct passwd *getpwent(void)
{
    return users.next_passwd < USERS ? users_give_passwd(&users_passwd[users.next_passwd++]) : NULL;
}

void setpwent(void)
{
    users.next_passwd = 0;
}

void endpwent(void)
{
    users.next_passwd = 0;
}

int setpassent(int stay_open)
{
    (void)stay_open;
    users.next_passwd = 0;
    return 1;
}

struct group *getgrent(void)
{
    return users.next_group < USERS ? users_give_group(&users_group[users.next_group++]) : NULL;
}

void setgrent(void)
{
    users.next_group = 0;
}

void endgrent(void)
{
    users.next_group = 0;
}

int getlogin_r(char *name, size_t size)
{
    if (size < sizeof(users_root))
        return ERANGE;
    memcpy(name, users_root, sizeof(users_root));
    return 0;
}

char *getlogin(void)
{
    static char name[sizeof(users_root)];

    memcpy(name, users_root, sizeof(users_root));
    return name;
}

#define _GNU_SOURCE
#include "domain.h"

#include <ctype.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "store.h"

#define DOMAIN_ID_MAX 32767 /* DOMID_FIRST_RESERVED of xen/xen.h, less one */

/* -1 for what is no domain number. */
static int domain_number(const char *text)
{
    char *end;

    if (!isdigit((unsigned char)*text))
        return -1;
    long number = strtol(text, &end, 10);
    return *end == '\0' && number >= 0 && number <= DOMAIN_ID_MAX ? (int)number : -1;
}

static int domain_compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

int *domain_list(size_t *n)
{
    unsigned names_n;
    char **names = store_list("/local/domain", &names_n);
    int *found = calloc(names_n + 1, sizeof(*found));

    if (found == NULL)
        cli_fail(CLI_FAILED, "out of memory");
    *n = 0;
    for (unsigned i = 0; i < names_n; i++) {
        int domid = domain_number(names[i]);
        if (domid > 0)
            found[(*n)++] = domid;
    }
    free(names);
    qsort(found, *n, sizeof(*found), domain_compare);
    return found;
}

bool domain_exists(int domid)
{
    char path[STORE_PATH_MAX], value[4];
    unsigned n;

    snprintf(path, sizeof(path), "/local/domain/%d", domid);
    if (store_read(path, value, sizeof(value)))
        return true;
    char **inside = store_list(path, &n); /* an empty value is as good as one that is too long */
    free(inside);
    return n > 0;
}

static bool domain_read_name(int domid, char name[DOMAIN_NAME_MAX])
{
    char path[STORE_PATH_MAX];

    snprintf(path, sizeof(path), "/local/domain/%d/name", domid);
    return store_read(path, name, DOMAIN_NAME_MAX) && name[0] != '\0';
}

void domain_name(int domid, char name[DOMAIN_NAME_MAX])
{
    if (!domain_read_name(domid, name))
        snprintf(name, DOMAIN_NAME_MAX, "?");
    for (char *at = name; *at != '\0'; at++)
        if (!isgraph((unsigned char)*at) || *at == '"' || *at == '\\')
            *at = '?';
}

int domain_find(const char *text)
{
    char name[DOMAIN_NAME_MAX];
    int found = domain_number(text); /* as xl does: a number first */
    size_t n;

    if (found >= 0) {
        if (domain_exists(found))
            return found;
        cli_fail(CLI_FAILED, "no domain has the number %d; see `xl list`", found);
    }
    int *domids = domain_list(&n);
    for (size_t i = 0; i < n && found < 0; i++)
        if (domain_read_name(domids[i], name) && strcmp(name, text) == 0)
            found = domids[i];
    free(domids);
    if (found < 0)
        cli_fail(CLI_FAILED, "no domain is called %.64s; see `xl list`", text);
    return found;
}

/* xl's letters: running, blocked, paused, shutdown, crashed, dying; `-` for what it is not. */
static enum domain_state domain_state_of(const char *letters)
{
    if (strchr(letters, 'd') != NULL)
        return DOMAIN_DYING;
    if (strchr(letters, 'c') != NULL)
        return DOMAIN_CRASHED;
    if (strchr(letters, 's') != NULL)
        return DOMAIN_ENDED;
    return strchr(letters, 'p') != NULL ? DOMAIN_PAUSED : DOMAIN_LIVES;
}

/* One line of `xl list`: the columns behind the name, which may be anything. */
static bool domain_line_is_about(const char *line, int domid, enum domain_state *state)
{
    int listed, memory, vcpus;
    char letters[16];

    for (const char *at = line; (at = strchr(at, ' ')) != NULL; at++) {
        if (sscanf(at, " %d %d %d %15[-rbpscd]", &listed, &memory, &vcpus, letters) == 4 &&
            listed == domid) {
            *state = domain_state_of(letters);
            return true;
        }
    }
    return false;
}

/* `xl list DOMID` with its stdout to be read; without a shell, which dom0 may not have. */
static FILE *domain_start_xl(int domid, pid_t *pid)
{
    char number[16];
    char *words[] = { "xl", "list", number, NULL };
    posix_spawn_file_actions_t actions;
    extern char **environ;
    int ends[2];

    snprintf(number, sizeof(number), "%d", domid);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int error = posix_spawnp(pid, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    FILE *list = error == 0 ? fdopen(ends[0], "r") : NULL;
    if (list == NULL)
        close(ends[0]);
    return list;
}

enum domain_state domain_state(int domid)
{
    enum domain_state state = DOMAIN_UNKNOWN;
    char line[512];
    pid_t pid;

    if (!domain_exists(domid))
        return DOMAIN_GONE;
    FILE *list = domain_start_xl(domid, &pid);
    if (list == NULL)
        return DOMAIN_UNKNOWN;
    while (fgets(line, sizeof(line), list) != NULL)
        domain_line_is_about(line, domid, &state);
    fclose(list);
    waitpid(pid, NULL, 0);
    return state;
}

const char *domain_state_word(enum domain_state state)
{
    static const char *const words[] = {
        [DOMAIN_GONE] = "gone",         [DOMAIN_LIVES] = "running", [DOMAIN_PAUSED] = "paused",
        [DOMAIN_ENDED] = "shut down",   [DOMAIN_CRASHED] = "crashed",
        [DOMAIN_DYING] = "dying",       [DOMAIN_UNKNOWN] = "unknown",
    };

    return words[state];
}

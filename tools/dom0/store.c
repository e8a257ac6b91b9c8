#include "store.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "cli.h"

static struct xs_handle *store;

/* A path that is not there is an answer; everything else is the end of the conversation. */
static void store_check(const char *what, const char *path)
{
    if (errno != ENOENT && errno != EACCES)
        cli_fail(CLI_FAILED, "xenstore: %s of %s: %s", what, path, strerror(errno));
}

void store_open(void)
{
    store = xs_open(0);
    if (store == NULL)
        cli_fail(CLI_FAILED, "no xenstore here: %s; this runs as root in dom0 of a Xen host",
                 strerror(errno));
}

bool store_read(const char *path, char *value, size_t size)
{
    unsigned len;
    char *read = xs_read(store, XBT_NULL, path, &len);

    if (read == NULL) {
        store_check("read", path);
        return false;
    }
    bool fits = len < size && memchr(read, '\0', len) == NULL;
    if (fits) {
        memcpy(value, read, len);
        value[len] = '\0';
    }
    free(read);
    return fits;
}

static bool store_is_word(const char *text)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789._+-~:";

    return *text != '\0' && text[strspn(text, alphabet)] == '\0';
}

bool store_read_word(const char *path, char *word, size_t size)
{
    return store_read(path, word, size) && store_is_word(word);
}

int64_t store_read_number(const char *path, int64_t max)
{
    char text[24];
    int64_t number = 0;

    if (!store_read(path, text, sizeof(text)) || text[0] == '\0')
        return -1;
    for (const char *at = text; *at != '\0'; at++) {
        int digit = *at - '0';
        if (digit < 0 || digit > 9 || number > (max - digit) / 10)
            return -1;
        number = number * 10 + digit;
    }
    return number;
}

void store_write(const char *path, const char *value)
{
    if (!xs_write(store, XBT_NULL, path, value, (unsigned)strlen(value)))
        store_check("write", path);
}

char **store_list(const char *path, unsigned *n)
{
    char **names = xs_directory(store, XBT_NULL, path, n);

    if (names == NULL) {
        store_check("list", path);
        *n = 0;
    }
    return names;
}

void store_watch(const char *path, const char *token)
{
    if (!xs_watch(store, path, token))
        cli_fail(CLI_FAILED, "xenstore: watch of %s: %s", path, strerror(errno));
}

bool store_next(int64_t deadline_ms, struct store_event *event)
{
    for (;;) {
        char **seen = xs_check_watch(store);
        if (seen != NULL) {
            snprintf(event->path, sizeof(event->path), "%s", seen[XS_WATCH_PATH]);
            snprintf(event->token, sizeof(event->token), "%s", seen[XS_WATCH_TOKEN]);
            free(seen);
            return true;
        }
        if (errno != EAGAIN)
            cli_fail(CLI_FAILED, "xenstore: wait for a watch: %s", strerror(errno));
        int64_t left_ms = deadline_ms - cli_now_ms();
        if (left_ms <= 0)
            return false;
        struct pollfd ready = { .fd = xs_fileno(store), .events = POLLIN };
        if (poll(&ready, 1, left_ms > 60000 ? 60000 : (int)left_ms) < 0 && errno != EINTR)
            cli_fail(CLI_FAILED, "poll: %s", strerror(errno));
    }
}

/*
 * xenolith-follow: what a guest publishes about itself, line by line, until it ends.
 *
 * Shows every change below data/xenolith. With --interval the guest is asked for fresh figures again
 * and again; without, nothing is asked and it costs the guest nothing.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "guest.h"

#define FOLLOW_KEYS_MAX 64 /* a guest may make more; they are not shown */
#define FOLLOW_VALUE_MAX 80

static const char follow_help[] =
    "usage: xenolith-follow [OPTIONS] DOMAIN\n"
    "\n"
    "Follow the diagnostics that the guest DOMAIN (a name or number) publishes in xenstore: one line\n"
    "for each change, with the time, until the guest ends.\n"
    "\n"
    "  -i, --interval SECONDS  ask it for uptime, memory and threads that often (default: never)\n"
    "  -t, --timeout SECONDS   follow no longer than that (as 30 or 5m)\n"
    "      --help              this text\n"
    "      --version           the version\n"
    "\n"
    "Exit status: 0 when the guest has ended, 124 after --timeout, 125 for no such domain or no\n"
    "xenstore.\n";

static const struct option follow_options[] = {
    { "interval", required_argument, NULL, 'i' },
    { "timeout", required_argument, NULL, 't' },
    CLI_COMMON_OPTIONS,
    { 0 },
};

/* What was shown of each key last. */
static struct {
    char key[32];
    char value[FOLLOW_VALUE_MAX];
} follow_shown[FOLLOW_KEYS_MAX];
static size_t follow_shown_n;

static void follow_print_time(void)
{
    char text[16];
    time_t now = time(NULL);
    struct tm parts;

    localtime_r(&now, &parts);
    strftime(text, sizeof(text), "%H:%M:%S", &parts);
    printf("%s ", text);
}

/* Whether the value is news, which it then is no more. */
static bool follow_is_new(const char *key, const char *value)
{
    size_t i = 0;

    while (i < follow_shown_n && strcmp(follow_shown[i].key, key) != 0)
        i++;
    if (i == FOLLOW_KEYS_MAX || (i < follow_shown_n && strcmp(follow_shown[i].value, value) == 0))
        return false;
    if (i == follow_shown_n)
        follow_shown_n++;
    snprintf(follow_shown[i].key, sizeof(follow_shown[i].key), "%s", key);
    snprintf(follow_shown[i].value, sizeof(follow_shown[i].value), "%s", value);
    return true;
}

/* The figures come together; uptime-ms is the last of them and stands for all. */
static void follow_show_figures(int domid)
{
    struct guest guest;
    char uptime[24];

    guest_read(domid, &guest);
    snprintf(uptime, sizeof(uptime), "%" PRId64, guest.uptime_ms);
    if (guest.uptime_ms < 0 || !follow_is_new("uptime-ms", uptime))
        return;
    follow_print_time();
    printf("uptime %" PRId64 ".%03" PRId64 " s", guest.uptime_ms / 1000, guest.uptime_ms % 1000);
    if (guest.used_kib >= 0 && guest.memory_kib >= 0)
        printf(", memory %" PRId64 " of %" PRId64 " KiB", guest.used_kib, guest.memory_kib);
    if (guest.threads >= 0)
        printf(", threads %" PRId64, guest.threads);
    putchar('\n');
}

/* key: of the guest, below data/xenolith. A value that is no word is not shown to a terminal. */
static void follow_show(int domid, const char *key)
{
    static const char *const figures[] = { "memory-kib", "memory-used-kib", "threads", "query" };
    char path[STORE_PATH_MAX], value[FOLLOW_VALUE_MAX];

    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
        if (strcmp(key, figures[i]) == 0)
            return;
    if (strcmp(key, "uptime-ms") == 0) {
        follow_show_figures(domid);
        return;
    }
    guest_path(domid, key, path);
    if (!store_read_word(path, value, sizeof(value)) || !follow_is_new(key, value))
        return;
    follow_print_time();
    printf("%s %s\n", key, value);
}

static bool follow_is_key(const char *key)
{
    return strlen(key) < sizeof(follow_shown[0].key) &&
           key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static void follow_show_all(int domid)
{
    char path[STORE_PATH_MAX];
    unsigned n;

    guest_path(domid, "", path);
    path[strlen(path) - 1] = '\0';
    char **keys = store_list(path, &n);
    for (unsigned i = 0; i < n; i++)
        if (follow_is_key(keys[i]))
            follow_show(domid, keys[i]);
    free(keys);
}

static void follow_event(int domid, const char *path)
{
    const char *key = strrchr(path, '/');

    if (key != NULL && strcmp(key, "/xenolith") == 0)
        follow_show_all(domid);
    else if (key != NULL && follow_is_key(key + 1))
        follow_show(domid, key + 1);
}

/* The guest has left its last word: ends the program. */
static void follow_look_for_end(int domid)
{
    int status;

    if (guest_read_end(domid, &status) != GUEST_RUNS) {
        follow_show_all(domid);
        cli_finish(0);
    }
}

/* Some domain has ended: ends the program if it is ours. Its last word may still be on its way to us. */
static void follow_look_at_domain(int domid, const char *name)
{
    enum domain_state state = domain_state(domid);

    if (state == DOMAIN_LIVES || state == DOMAIN_PAUSED || state == DOMAIN_UNKNOWN)
        return;
    follow_look_for_end(domid);
    follow_print_time();
    printf("%s is %s\n", name, domain_state_word(state));
    cli_finish(0);
}

static int64_t follow_earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int main(int argc, char **argv)
{
    int64_t deadline_ms = INT64_MAX, interval_ms = 0, ask_ms = INT64_MAX;
    char root[STORE_PATH_MAX], query[STORE_PATH_MAX], name[DOMAIN_NAME_MAX];
    struct store_event event;
    int option;

    cli_begin("xenolith-follow", follow_help);
    while ((option = getopt_long(argc, argv, "i:t:", follow_options, NULL)) != -1) {
        if (option == 'i')
            interval_ms = cli_milliseconds("--interval", optarg);
        else if (option == 't')
            deadline_ms = cli_now_ms() + cli_milliseconds("--timeout", optarg);
        else
            cli_other_option(option);
    }
    if (optind + 1 != argc)
        cli_fail(CLI_FAILED, "one DOMAIN is needed; see `xenolith-follow --help`");
    store_open();
    int domid = domain_find(argv[optind]);
    domain_name(domid, name);
    guest_path(domid, "", root);
    root[strlen(root) - 1] = '\0';
    guest_path(domid, "query", query);
    store_watch(root, "guest");
    store_watch("@releaseDomain", "domains");
    if (interval_ms > 0)
        ask_ms = cli_now_ms();
    while (cli_now_ms() < deadline_ms) {
        if (cli_now_ms() >= ask_ms) {
            ask_ms += interval_ms;
            if (domain_exists(domid)) /* a path that is gone must not come back by our writing */
                store_write(query, "1");
        }
        if (!store_next(follow_earlier(deadline_ms, ask_ms), &event))
            continue;
        if (strcmp(event.token, "guest") == 0)
            follow_event(domid, event.path);
        else
            follow_look_at_domain(domid, name);
        follow_look_for_end(domid);
    }
    cli_fail(CLI_TIMEOUT, "%s still runs", name);
}

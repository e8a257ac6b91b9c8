/*
 * xenolith-ps: the guests of this host with the state they publish.
 *
 * One query to all guests, one bounded wait for the answers, one line each. A guest that does not
 * answer is shown as what Xen knows about it.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "guest.h"

#define PS_WAIT_MS 2000

static const char ps_help[] =
    "usage: xenolith-ps [OPTIONS]\n"
    "\n"
    "List the Xenolith guests of this Xen host with the state they publish in xenstore.\n"
    "\n"
    "  -a, --all           other domains too (but dom0), with what Xen knows about them\n"
    "  -j, --json          one JSON object a line, with plain numbers\n"
    "  -w, --wait SECONDS  how long guests may take to answer (default 2)\n"
    "      --help          this text\n"
    "      --version       the version\n"
    "\n"
    "STATE is `running`; `exited N` or `crashed` for a guest that has ended and is kept; `silent` for\n"
    "one that runs and does not answer; or what `xl list` says of it. Figures that a guest did not\n"
    "give are `-`.\n"
    "\n"
    "Exit status: 0, or 125 when the list could not be made.\n";

static const struct option ps_options[] = {
    { "all", no_argument, NULL, 'a' },
    { "json", no_argument, NULL, 'j' },
    { "wait", required_argument, NULL, 'w' },
    CLI_COMMON_OPTIONS,
    { 0 },
};

struct ps_row {
    char memory[24], used[24], threads[24], uptime[24], state[32];
};

static void ps_size(int64_t kib, char text[24])
{
    if (kib < 0)
        snprintf(text, 24, "-");
    else if (kib < 10 * 1024)
        snprintf(text, 24, "%" PRId64 " KiB", kib);
    else if (kib < 10 * 1024 * 1024)
        snprintf(text, 24, "%" PRId64 " MiB", kib / 1024);
    else
        snprintf(text, 24, "%" PRId64 " GiB", kib / 1024 / 1024);
}

static void ps_duration(int64_t ms, char text[24])
{
    int64_t s = ms / 1000;

    if (ms < 0)
        snprintf(text, 24, "-");
    else if (s < 60)
        snprintf(text, 24, "%" PRId64 ".%" PRId64 " s", s, ms % 1000 / 100);
    else if (s < 3600)
        snprintf(text, 24, "%" PRId64 " min %02" PRId64 " s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, 24, "%" PRId64 " h %02" PRId64 " min", s / 3600, s / 60 % 60);
    else
        snprintf(text, 24, "%" PRId64 " d %02" PRId64 " h", s / 86400, s / 3600 % 24);
}

static void ps_state(const struct guest *guest, bool answered, char text[32])
{
    enum domain_state state;

    if (guest->end == GUEST_EXITED)
        snprintf(text, 32, "exited %d", guest->status);
    else if (guest->end == GUEST_CRASHED)
        snprintf(text, 32, "crashed");
    else if (answered)
        snprintf(text, 32, "running");
    else {
        state = domain_state(guest->domid);
        snprintf(text, 32, "%s", guest->is_xenolith && state == DOMAIN_LIVES
                                     ? "silent" : domain_state_word(state));
    }
}

/* Figures of an earlier query say nothing about now. */
static void ps_forget_figures(struct guest *guest)
{
    guest->uptime_ms = guest->used_kib = guest->threads = -1;
}

static const char *ps_or_dash(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

static void ps_print_table(const struct guest *guests, const bool *answered, size_t n)
{
    int width = 4;

    for (size_t i = 0; i < n; i++)
        if ((int)strlen(guests[i].name) > width)
            width = (int)strlen(guests[i].name);
    printf("%-*s %5s %-9s %-7s %9s %9s %7s %12s  %s\n", width, "NAME", "ID", "VERSION", "STAGE",
           "MEMORY", "USED", "THREADS", "UPTIME", "STATE");
    for (size_t i = 0; i < n; i++) {
        const struct guest *guest = &guests[i];
        struct ps_row row;
        ps_size(guest->memory_kib, row.memory);
        ps_size(guest->used_kib, row.used);
        ps_duration(guest->uptime_ms, row.uptime);
        snprintf(row.threads, sizeof(row.threads), guest->threads < 0 ? "-" : "%" PRId64,
                 guest->threads);
        ps_state(guest, answered[i], row.state);
        printf("%-*s %5d %-9s %-7s %9s %9s %7s %12s  %s\n", width, guest->name, guest->domid,
               ps_or_dash(guest->version), ps_or_dash(guest->stage), row.memory, row.used,
               row.threads, row.uptime, row.state);
    }
}

static void ps_json_number(const char *key, int64_t number)
{
    if (number < 0)
        printf(", \"%s\": null", key);
    else
        printf(", \"%s\": %" PRId64, key, number);
}

/* Names and words hold nothing that JSON would have to escape: see domain_name(), store_read_word(). */
static void ps_print_json(const struct guest *guest, bool answered)
{
    char state[32];

    ps_state(guest, answered, state);
    printf("{\"name\": \"%s\", \"id\": %d, \"xenolith\": %s, \"version\": \"%s\", \"stage\": \"%s\"",
           guest->name, guest->domid, guest->is_xenolith ? "true" : "false", guest->version,
           guest->stage);
    ps_json_number("uptime-ms", guest->uptime_ms);
    ps_json_number("memory-kib", guest->memory_kib);
    ps_json_number("memory-used-kib", guest->used_kib);
    ps_json_number("threads", guest->threads);
    ps_json_number("exit-status", guest->end == GUEST_EXITED ? guest->status : -1);
    printf(", \"state\": \"%s\"}\n", state);
}

int main(int argc, char **argv)
{
    bool all = false, json = false;
    int64_t wait_ms = PS_WAIT_MS;
    size_t domains_n, n = 0;
    int option;

    cli_begin("xenolith-ps", ps_help);
    while ((option = getopt_long(argc, argv, "ajw:", ps_options, NULL)) != -1) {
        if (option == 'a')
            all = true;
        else if (option == 'j')
            json = true;
        else if (option == 'w')
            wait_ms = cli_milliseconds("--wait", optarg);
        else
            cli_other_option(option);
    }
    if (optind < argc)
        cli_fail(CLI_FAILED, "unexpected argument %s; see `xenolith-ps --help`", argv[optind]);
    store_open();
    int *domids = domain_list(&domains_n);
    struct guest *guests = calloc(domains_n + 1, sizeof(*guests));
    bool *answered = calloc(domains_n + 1, sizeof(*answered));
    if (guests == NULL || answered == NULL)
        cli_fail(CLI_FAILED, "out of memory");
    for (size_t i = 0; i < domains_n; i++) {
        guest_read(domids[i], &guests[n]);
        if (all || guests[n].is_xenolith)
            n++;
    }
    guest_ask(guests, n, answered, wait_ms);
    for (size_t i = 0; i < n; i++) {
        guest_read(guests[i].domid, &guests[i]);
        if (!answered[i])
            ps_forget_figures(&guests[i]);
    }
    if (!json)
        ps_print_table(guests, answered, n);
    for (size_t i = 0; json && i < n; i++)
        ps_print_json(&guests[i], answered[i]);
    cli_finish(0);
}

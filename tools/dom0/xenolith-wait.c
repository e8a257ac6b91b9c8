/*
 * xenolith-wait: until a guest has ended; exits as the guest did.
 *
 * Nothing is polled: xenstored tells of the guest's exit status, and of every domain that ends
 * (@releaseDomain). Only then is there reason to look whether it was ours.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "guest.h"

static const char wait_help[] =
    "usage: xenolith-wait [OPTIONS] DOMAIN\n"
    "\n"
    "Wait until the guest DOMAIN (a name or number) has ended, and exit with its exit status.\n"
    "\n"
    "  -t, --timeout SECONDS  wait no longer than that (as 30 or 5m)\n"
    "      --help             this text\n"
    "      --version          the version\n"
    "\n"
    "Exit status:\n"
    "  0-255  the guest's own: what main returned or exit() was given\n"
    "  124    --timeout is over; the guest still runs\n"
    "  125    no such domain, no xenstore, or the domain went without leaving a status\n"
    "  126    the guest crashed\n"
    "What is not the guest's own status is explained on stderr.\n";

static const struct option wait_options[] = {
    { "timeout", required_argument, NULL, 't' },
    CLI_COMMON_OPTIONS,
    { 0 },
};

/* Ends the program if the guest has published how it ended. */
static void wait_look(int domid, const char *name)
{
    int status;

    switch (guest_read_end(domid, &status)) {
    case GUEST_EXITED:
        cli_finish(status);
    case GUEST_CRASHED:
        cli_fail(CLI_CRASHED, "%s crashed; its console says why", name);
    case GUEST_RUNS:
        break;
    }
}

/* Some domain has ended. If it was ours, its last word is there by now. */
static void wait_look_at_domain(int domid, const char *name)
{
    enum domain_state state = domain_state(domid);

    if (state == DOMAIN_LIVES || state == DOMAIN_PAUSED || state == DOMAIN_UNKNOWN)
        return;
    wait_look(domid, name);
    if (state == DOMAIN_CRASHED)
        cli_fail(CLI_CRASHED, "%s crashed without a word; see `xl dmesg`", name);
    cli_fail(CLI_FAILED, "%s is %s and has left no exit status", name, domain_state_word(state));
}

int main(int argc, char **argv)
{
    int64_t deadline_ms = INT64_MAX;
    char path[STORE_PATH_MAX], name[DOMAIN_NAME_MAX];
    struct store_event event;
    int option;

    cli_begin("xenolith-wait", wait_help);
    while ((option = getopt_long(argc, argv, "t:", wait_options, NULL)) != -1) {
        if (option == 't')
            deadline_ms = cli_now_ms() + cli_milliseconds("--timeout", optarg);
        else
            cli_other_option(option);
    }
    if (optind + 1 != argc)
        cli_fail(CLI_FAILED, "one DOMAIN is needed; see `xenolith-wait --help`");
    store_open();
    int domid = domain_find(argv[optind]);
    domain_name(domid, name);
    guest_path(domid, "exit-status", path);
    store_watch(path, "status");
    store_watch("@releaseDomain", "domains");
    while (store_next(deadline_ms, &event)) {
        if (strcmp(event.token, "status") == 0)
            wait_look(domid, name);
        else
            wait_look_at_domain(domid, name);
    }
    cli_fail(CLI_TIMEOUT, "%s still runs", name);
}

/*
 * cli: what the programs of this directory have in common on their command lines.
 *
 * Owns the program's name, the statuses, and the form of a complaint: `NAME: cause; cure`.
 */
#ifndef DOM0_CLI_H
#define DOM0_CLI_H

#include <stdint.h>

/* Statuses that are not a guest's own; the numbers are those of `xenolith run`. */
enum cli_status {
    CLI_TIMEOUT = 124, /* the time that was given is over */
    CLI_FAILED = 125,  /* the program itself could not do its work */
    CLI_CRASHED = 126, /* the guest crashed */
};

/* What getopt_long() returns for the long options that every program has. */
enum cli_option { CLI_HELP = 256, CLI_VERSION };
#define CLI_COMMON_OPTIONS                                                                         \
    { "help", no_argument, NULL, CLI_HELP }, { "version", no_argument, NULL, CLI_VERSION }

/* First of all in main(). help is the whole text of --help. */
void cli_begin(const char *name, const char *help);

/* For what getopt_long() returned and the program has no case for: --help, --version, mistakes. */
_Noreturn void cli_other_option(int option);

/* One line on stderr, and the end. */
__attribute__((format(printf, 2, 3))) _Noreturn void cli_fail(int status, const char *format, ...);

/* Ends with status, or with CLI_FAILED when stdout could not take everything. */
_Noreturn void cli_finish(int status);

/* `2`, `0.5`, `2s`, `5m`, `1h` as milliseconds; anything else ends the program. */
int64_t cli_milliseconds(const char *option, const char *text);

/* A clock for deadlines. */
int64_t cli_now_ms(void);

#endif

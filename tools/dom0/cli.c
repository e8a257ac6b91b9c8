#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "version.h"

static const char *cli_name = "xenolith";
static const char *cli_help = "";

void cli_begin(const char *name, const char *help)
{
    cli_name = name;
    cli_help = help;
    setvbuf(stdout, NULL, _IOLBF, 0); /* a reader of a pipe sees each line when it is written */
}

void cli_other_option(int option)
{
    if (option == CLI_HELP) {
        fputs(cli_help, stdout);
        cli_finish(0);
    }
    if (option == CLI_VERSION) {
        printf("%s %s\n", cli_name, XENOLITH_VERSION);
        cli_finish(0);
    }
    fprintf(stderr, "%s: see `%s --help`\n", cli_name, cli_name); /* getopt has said the rest */
    exit(CLI_FAILED);
}

void cli_fail(int status, const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "%s: ", cli_name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(status);
}

void cli_finish(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        cli_fail(CLI_FAILED, "stdout: %s", strerror(errno));
    exit(status);
}

int64_t cli_milliseconds(const char *option, const char *text)
{
    static const char units[] = "smh";
    static const double seconds_of[] = { 1, 60, 3600 };
    char *end;
    double seconds = strtod(text, &end);
    const char *unit = *end != '\0' ? strchr(units, *end) : units;

    if (end == text || unit == NULL || (*end != '\0' && end[1] != '\0') || !isfinite(seconds))
        cli_fail(CLI_FAILED, "%s %s: not a time; give seconds, as 30, or 5m", option, text);
    seconds *= seconds_of[unit - units];
    if (seconds < 0.001 || seconds > 1e9)
        cli_fail(CLI_FAILED, "%s %s: out of range; give 0.001 s to 1e9 s", option, text);
    return (int64_t)(seconds * 1000);
}

int64_t cli_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

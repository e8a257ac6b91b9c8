/*
 * cmdline: the grammar of the command line: `KEY=VALUE ... -- ARG ...` with shell-like quotes.
 *
 * Owns nothing: a pure parser over buffers of the caller. Words are separated by blanks; '...' takes
 * everything literally, "..." all but \" \\; outside quotes \x is x. Before `--`, a word KEY=VALUE whose
 * KEY is a known setting (or env.NAME) is a setting; KEY=VALUE with an unknown key is reported; other words are arguments.
 * All words after the first `--` are arguments.
 */
#ifndef RUNTIME_CMDLINE_H
#define RUNTIME_CMDLINE_H

#include <stddef.h>

#define CMDLINE_WORDS_MAX 512

struct cmdline {
    size_t argc;
    char *argv[CMDLINE_WORDS_MAX + 1];     /* argv[0] is left to the caller */
    size_t envc;
    char *envp[CMDLINE_WORDS_MAX + 1];     /* NAME=VALUE */
    size_t settings;
    struct { const char *key, *value; } setting[CMDLINE_WORDS_MAX];
    size_t unknowns;
    const char *unknown[CMDLINE_WORDS_MAX];     /* keys nobody knows */
};

/*
 * Parse text, which is cut up in place and stays referenced by *out. known ends with NULL.
 * Returns 0, or -EINVAL with *why a static sentence (an unclosed quote), -E2BIG (too many words).
 */
int cmdline_parse(char *text, const char *const known[], struct cmdline *out, const char **why);

#endif

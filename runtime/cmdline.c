#include <runtime/cmdline.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define CMDLINE_ENV "env."
#define CMDLINE_ENV_LEN (sizeof(CMDLINE_ENV) - 1)

/* One word, unquoted where it stood: unquoting only ever shortens. */
struct cmdline_word {
    char *text;
    size_t plain; /* its first characters that were written without quotes or backslash */
};

static bool cmdline_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * Take the next word, reading at *at and writing from the same place on. Returns 1, 0 at the end of
 * the text, or -EINVAL with *why.
 */
static int cmdline_take_word(char **at, struct cmdline_word *word, const char **why)
{
    char *in = *at;
    bool plain = true;
    char quote = '\0';
    char *out;

    while (cmdline_is_blank(*in))
        in++;
    if (*in == '\0')
        return 0;
    *word = (struct cmdline_word){ .text = in };
    out = word->text;
    while (*in != '\0' && (quote != '\0' || !cmdline_is_blank(*in))) {
        char c = *in++;

        if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
            plain = false;
        } else if (c == quote) {
            quote = '\0';
        } else {
            if (c == '\\' && quote == '\0' && *in == '\0') {
                *why = "nothing follows the last backslash";
                return -EINVAL;
            }
            if (c == '\\' && (quote == '\0' || (quote == '"' && (*in == '"' || *in == '\\')))) {
                c = *in++;
                plain = false;
            }
            *out++ = c;
            word->plain += plain;
        }
    }
    if (quote != '\0') {
        *why = quote == '"' ? "a double quote is not closed" : "a single quote is not closed";
        return -EINVAL;
    }
    *at = *in != '\0' ? in + 1 : in;
    *out = '\0'; /* at the blank that ended the word, or before it */
    return 1;
}

/* The length of KEY in a word KEY=VALUE, 0 when it is no such word. */
static size_t cmdline_key_len(const struct cmdline_word *word)
{
    const char *at = word->text;

    if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '_'))
        return 0;
    while ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
           *at == '_' || *at == '.' || *at == '-')
        at++;
    size_t len = (size_t)(at - word->text);
    return *at == '=' && len < word->plain ? len : 0;
}

static bool cmdline_is_known(const char *key, const char *const known[])
{
    for (; *known != NULL; known++) {
        if (strcmp(*known, key) == 0)
            return true;
    }
    return false;
}

static int cmdline_add_argument(struct cmdline *out, char *text)
{
    if (out->argc >= CMDLINE_WORDS_MAX)
        return -E2BIG;
    out->argv[out->argc++] = text;
    out->argv[out->argc] = NULL;
    return 0;
}

/* assignment is NAME=VALUE; the last one for a name counts, as in a shell. */
static int cmdline_add_environment(struct cmdline *out, char *assignment)
{
    size_t name_len = (size_t)(strchr(assignment, '=') - assignment);

    for (size_t i = 0; i < out->envc; i++) {
        if (strncmp(out->envp[i], assignment, name_len + 1) == 0) {
            out->envp[i] = assignment;
            return 0;
        }
    }
    if (out->envc >= CMDLINE_WORDS_MAX)
        return -E2BIG;
    out->envp[out->envc++] = assignment;
    out->envp[out->envc] = NULL;
    return 0;
}

static int cmdline_add_setting(struct cmdline *out, char *text, size_t key_len,
                               const char *const known[])
{
    if (key_len > CMDLINE_ENV_LEN && memcmp(text, CMDLINE_ENV, CMDLINE_ENV_LEN) == 0)
        return cmdline_add_environment(out, text + CMDLINE_ENV_LEN);
    text[key_len] = '\0';
    if (!cmdline_is_known(text, known)) {
        if (out->unknowns >= CMDLINE_WORDS_MAX)
            return -E2BIG;
        out->unknown[out->unknowns++] = text;
        return 0;
    }
    if (out->settings >= CMDLINE_WORDS_MAX)
        return -E2BIG;
    out->setting[out->settings].key = text;
    out->setting[out->settings++].value = text + key_len + 1;
    return 0;
}

int cmdline_parse(char *text, const char *const known[], struct cmdline *out, const char **why)
{
    bool only_arguments = false;
    struct cmdline_word word;
    int result;

    out->argc = 1;
    out->argv[0] = out->argv[1] = NULL;
    out->envc = out->settings = out->unknowns = 0;
    out->envp[0] = NULL;
    *why = NULL;
    while ((result = cmdline_take_word(&text, &word, why)) > 0) {
        size_t key_len = only_arguments ? 0 : cmdline_key_len(&word);

        if (!only_arguments && word.plain == 2 && strcmp(word.text, "--") == 0) {
            only_arguments = true;
            continue;
        }
        result = key_len != 0 ? cmdline_add_setting(out, word.text, key_len, known)
                              : cmdline_add_argument(out, word.text);
        if (result != 0) {
            *why = "too many words";
            break;
        }
    }
    return result;
}

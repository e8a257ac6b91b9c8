/*
 * wordexp: a shell's word expansion as far as it needs no shell: blanks separate words, quotes and
 * backslashes keep them together, and a word without quotes that holds a pattern becomes the paths that
 * match. Parameters and commands are refused.
 */
#include <ctype.h>
#include <glob.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wordexp.h>

static int wordexp_add(wordexp_t *out, const char *word)
{
    size_t used = out->we_offs + out->we_wordc;
    char **grown = realloc(out->we_wordv, (used + 2) * sizeof(*grown));

    if (grown == NULL)
        return WRDE_NOSPACE;
    out->we_wordv = grown;
    grown[used] = strdup(word);
    grown[used + 1] = NULL;
    if (grown[used] == NULL)
        return WRDE_NOSPACE;
    out->we_wordc++;
    return 0;
}

static int wordexp_add_paths(wordexp_t *out, const char *pattern)
{
    glob_t found = { 0 };
    int error = glob(pattern, GLOB_NOCHECK, NULL, &found);

    if (error != 0)
        return error == GLOB_NOSPACE ? WRDE_NOSPACE : WRDE_SYNTAX;
    for (size_t i = 0; i < (size_t)found.gl_pathc && error == 0; i++)
        error = wordexp_add(out, found.gl_pathv[i]);
    globfree(&found);
    return error;
}

/* Take one word from *at into word, which is as long as the text. Sets *plain when nothing was quoted. */
static int wordexp_take(const char **at, char *word, bool *plain)
{
    const char *in = *at;
    char quote = 0;

    *plain = true;
    for (; *in != 0 && (quote != 0 || !isspace((unsigned char)*in)); in++) {
        if (*in == '\n' || (quote == 0 && strchr("|&;<>(){}", *in) != NULL))
            return WRDE_BADCHAR;
        if (quote != '\'' && *in == '`')
            return WRDE_CMDSUB;
        if (quote != '\'' && *in == '$')
            return in[1] == '(' ? WRDE_CMDSUB : WRDE_SYNTAX;
        if (quote == 0 && (*in == '"' || *in == '\'')) {
            quote = *in;
            *plain = false;
        } else if (*in == quote) {
            quote = 0;
        } else if (*in == '\\' && quote != '\'') {
            if (in[1] == 0)
                return WRDE_SYNTAX;
            *plain = false;
            *word++ = *++in;
        } else {
            *word++ = *in;
        }
    }
    *word = 0;
    *at = in;
    return quote == 0 ? 0 : WRDE_SYNTAX;
}

static int wordexp_all(const char *text, char *word, wordexp_t *out)
{
    int error = 0;

    while (error == 0) {
        bool plain;

        while (isspace((unsigned char)*text) && *text != '\n')
            text++;
        if (*text == 0)
            return 0;
        error = wordexp_take(&text, word, &plain);
        if (error == 0 && plain && strpbrk(word, "*?[") != NULL)
            error = wordexp_add_paths(out, word);
        else if (error == 0)
            error = wordexp_add(out, word);
    }
    return error;
}

int wordexp(const char *restrict text, wordexp_t *restrict out, int flags)
{
    char *word = malloc(strlen(text) + 1);

    if ((flags & WRDE_REUSE) != 0)
        wordfree(out);
    if ((flags & WRDE_DOOFFS) == 0)
        out->we_offs = 0;
    if ((flags & WRDE_APPEND) == 0) {
        out->we_wordc = 0;
        out->we_wordv = calloc(out->we_offs + 1, sizeof(*out->we_wordv));
    }
    if (word == NULL || out->we_wordv == NULL) {
        free(word);
        return WRDE_NOSPACE;
    }
    int error = wordexp_all(text, word, out);
    free(word);
    if (error != 0 && error != WRDE_NOSPACE && (flags & WRDE_APPEND) == 0)
        wordfree(out);
    return error;
}

void wordfree(wordexp_t *words)
{
    for (size_t i = 0; words->we_wordv != NULL && i < words->we_wordc; i++)
        free(words->we_wordv[words->we_offs + i]);
    free(words->we_wordv);
    words->we_wordv = NULL;
    words->we_wordc = 0;
}

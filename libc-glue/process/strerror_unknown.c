/*
 * strerror_unknown: words for the errors that newlib's strerror() has none for.
 */
#include <errno.h>
#include <stdint.h>
#include <runtime/log.h>

char *_user_strerror(int number, int internal, int *error);

static const struct {
    int number;
    const char *words;
} strerror_more[] = {
    { EDQUOT, "Disk quota exceeded" },
    { ENETUNREACH, "Network is unreachable" },
    { ENOMEDIUM, "No medium found" },
    { EPFNOSUPPORT, "Protocol family not supported" },
    { ESTALE, "Stale file handle" },
    { ETOOMANYREFS, "Too many references" },
    { EUSERS, "Too many users" },
};

/* For strerror(), strerror_r() and perror(), which newlib calls with the buffer's owner unchanged. */
char *_user_strerror(int number, int internal, int *error)
{
    static _Thread_local char text[32];

    (void)internal;
    for (size_t i = 0; i < sizeof(strerror_more) / sizeof(strerror_more[0]); i++) {
        if (strerror_more[i].number == number)
            return (char *)(uintptr_t)strerror_more[i].words;
    }
    if (error != NULL)
        *error = EINVAL;
    log_format(text, sizeof(text), "Unknown error %d", number);
    return text;
}

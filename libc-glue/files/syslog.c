#define _GNU_SOURCE
#include <syslog.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <runtime/sync.h>

#include "devices/log_write.h"

#define SYSLOG_LINE_MAX 1024

static struct {
    struct mutex mutex; /* "syslog": protects all of this */
    const char *name;
    int options;
    int mask;
} syslog_state = { .mask = 0xff };

void openlog(const char *name, int options, int facility)
{
    (void)facility; /* there is one log, and it has one reader */
    mutex_lock(&syslog_state.mutex);
    syslog_state.name = name;
    syslog_state.options = options;
    mutex_unlock(&syslog_state.mutex);
}

void closelog(void)
{
    openlog(NULL, 0, 0);
}

int setlogmask(int mask)
{
    int old;

    mutex_lock(&syslog_state.mutex);
    old = syslog_state.mask;
    if (mask != 0)
        syslog_state.mask = mask;
    mutex_unlock(&syslog_state.mutex);
    return old;
}

/* format with %m written out. */
static void syslog_expand(const char *format, char *out, size_t size, int error)
{
    size_t len = 0;

    while (*format != '\0' && len + 1 < size) {
        if (format[0] == '%' && format[1] == 'm') {
            for (const char *text = strerror(error); *text != '\0' && len + 2 < size; text++) {
                if (*text == '%')
                    out[len++] = '%';
                out[len++] = *text;
            }
            format += 2;
            continue;
        }
        if (format[0] == '%' && format[1] == '%' && len + 2 < size)
            out[len++] = *format++;
        out[len++] = *format++;
    }
    out[len] = '\0';
}

void vsyslog(int priority, const char *format, va_list args)
{
    char expanded[SYSLOG_LINE_MAX], line[SYSLOG_LINE_MAX];
    int saved = errno, len, options, mask;
    const char *name;

    mutex_lock(&syslog_state.mutex);
    name = syslog_state.name != NULL ? syslog_state.name : program_invocation_short_name;
    options = syslog_state.options;
    mask = syslog_state.mask;
    mutex_unlock(&syslog_state.mutex);
    if (!(mask & LOG_MASK(LOG_PRI(priority))))
        return;

    syslog_expand(format, expanded, sizeof(expanded), saved);
    len = snprintf(line, sizeof(line), options & LOG_PID ? "%s[%d]: " : "%s: ", name, getpid());
    if (len < 0 || len >= (int)sizeof(line))
        len = 0;
    vsnprintf(line + len, sizeof(line) - (size_t)len, expanded, args);
    len = (int)strlen(line);
    while (len > 0 && line[len - 1] == '\n')
        line[--len] = '\0';
    log_write(LOG_PRI(priority), line);
    errno = saved;
}

void syslog(int priority, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsyslog(priority, format, args);
    va_end(args);
}

/*
 * log: messages of the platform, one line each.
 *
 * Owns the level and the list of sinks (the console driver registers itself; before that the
 * emergency console is the only one). A message is `device: what failed: value`. Usable anywhere,
 * event handlers included; never waits: a sink that is full drops and counts.
 */
#ifndef RUNTIME_LOG_H
#define RUNTIME_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/*
 * printf's c, s, d, i, u, x, p, % with -, 0, width, precision for s, and h, l, ll, z. No floating
 * point: it runs where the FPU's state is a thread's.
 */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* At every level, without a newline of its own: the boot diagnostics and crash reports. */
void log_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

int log_format(char *buffer, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int log_vformat(char *buffer, size_t size, const char *format, va_list args);

void log_set_level(enum log_level level);
enum log_level log_get_level(void);

struct log_sink {
    struct log_sink *next;
    void (*write)(const char *text, size_t len);
    /* Push out what is buffered, waiting a bounded time; used before the end. May be NULL. */
    void (*drain)(void);
};
void log_add_sink(struct log_sink *sink);
void log_drain(void);

#endif

/*
 * terminal: what the bytes of a terminal mean: lines and their editing, echo, signals, raw mode.
 *
 * Owns the input that was typed and not yet read, and the settings of termios. Pure: it is fed bytes
 * and asked for input; echo goes out through a function. The owner serialises all calls (for the
 * console: the spinlock "terminal", because input arrives in event handlers); none waits.
 * Source: POSIX, chapter 11, "General Terminal Interface".
 */
#ifndef LIBC_GLUE_TERMINAL_H
#define LIBC_GLUE_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>
#include <sys/ioctl.h>
#include <sys/types.h>

#define TERMINAL_INPUT_SIZE 4096u

struct terminal {
    struct termios settings;
    struct winsize size;
    /* Echo: takes what it can and drops the rest. */
    void (*echo)(const char *text, size_t len);

    /* Free-running: unread from taken to complete; complete to end is the line being edited. */
    uint32_t taken, complete, end;
    char input[TERMINAL_INPUT_SIZE];
    uint8_t ends_line[TERMINAL_INPUT_SIZE / 8]; /* bit set: the line ends here; byte 0: by VEOF */

    bool literal_next; /* after VLNEXT */
    bool stopped;      /* output is held, after VSTOP */
    uint32_t signals;  /* bit s: signal s is to be raised; the owner clears it */
};

void terminal_init(struct terminal *terminal, void (*echo)(const char *text, size_t len));

/* How many more bytes terminal_type() takes now. What is not taken is best left at the sender. */
size_t terminal_room(const struct terminal *terminal);
/* len bytes were typed, at most terminal_room(). */
void terminal_type(struct terminal *terminal, const char *bytes, size_t len);

/* Bytes that a read would give now (of the first line only, in canonical mode). */
size_t terminal_readable(const struct terminal *terminal);
/* True when a read would not wait, which an end of file without bytes also is. */
bool terminal_has_input(const struct terminal *terminal);
/*
 * Take up to size bytes. In canonical mode from one line; *line_done tells that it ended there.
 * Returns the count (0: end of file), or -EAGAIN when there is nothing.
 */
ssize_t terminal_take(struct terminal *terminal, char *buffer, size_t size, bool *line_done);

void terminal_flush_input(struct terminal *terminal);
void terminal_set(struct terminal *terminal, const struct termios *settings);

#endif

#include "terminal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define TERMINAL_MASK    (TERMINAL_INPUT_SIZE - 1)
#define TERMINAL_CONTROL(c) ((c) & 0x1f)
#define TERMINAL_TAB     8u

void terminal_init(struct terminal *terminal, void (*echo)(const char *text, size_t len))
{
    memset(terminal, 0, sizeof(*terminal));
    terminal->echo = echo;
    terminal->settings.c_iflag = ICRNL | IXON;
    terminal->settings.c_oflag = OPOST | ONLCR;
    terminal->settings.c_cflag = CS8 | CREAD | CLOCAL;
    terminal->settings.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    terminal->settings.c_cc[VINTR] = TERMINAL_CONTROL('C');
    terminal->settings.c_cc[VQUIT] = TERMINAL_CONTROL('\\');
    terminal->settings.c_cc[VERASE] = 0x7f;
    terminal->settings.c_cc[VKILL] = TERMINAL_CONTROL('U');
    terminal->settings.c_cc[VEOF] = TERMINAL_CONTROL('D');
    terminal->settings.c_cc[VMIN] = 1;
    terminal->settings.c_cc[VSTART] = TERMINAL_CONTROL('Q');
    terminal->settings.c_cc[VSTOP] = TERMINAL_CONTROL('S');
    terminal->settings.c_cc[VSUSP] = TERMINAL_CONTROL('Z');
    terminal->settings.c_cc[VREPRINT] = TERMINAL_CONTROL('R');
    terminal->settings.c_cc[VWERASE] = TERMINAL_CONTROL('W');
    terminal->settings.c_cc[VLNEXT] = TERMINAL_CONTROL('V');
    terminal->settings.c_ispeed = terminal->settings.c_ospeed = B38400;
    terminal->size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
}

static bool terminal_mode(const struct terminal *terminal, tcflag_t flag)
{
    return (terminal->settings.c_lflag & flag) != 0;
}

static bool terminal_is(const struct terminal *terminal, int which, unsigned char c)
{
    return c != _POSIX_VDISABLE && terminal->settings.c_cc[which] == c;
}

static char *terminal_at(struct terminal *terminal, uint32_t index)
{
    return &terminal->input[index & TERMINAL_MASK];
}

static bool terminal_ends_line(const struct terminal *terminal, uint32_t index)
{
    return terminal->ends_line[(index & TERMINAL_MASK) / 8] >> (index & 7) & 1;
}

static void terminal_mark_line(struct terminal *terminal, uint32_t index, bool ends)
{
    uint8_t *byte = &terminal->ends_line[(index & TERMINAL_MASK) / 8];

    *byte = (uint8_t)((*byte & ~(1u << (index & 7))) | (unsigned)ends << (index & 7));
}

/* ---- echo ---- */

static bool terminal_shows_caret(const struct terminal *terminal, unsigned char c)
{
    return terminal_mode(terminal, ECHOCTL) && (c < 0x20 || c == 0x7f) && c != '\t' && c != '\n';
}

/* Columns that a byte takes when the line so far is `column` wide. */
static unsigned terminal_width(const struct terminal *terminal, unsigned char c, unsigned column)
{
    if (c == '\t')
        return TERMINAL_TAB - column % TERMINAL_TAB;
    if (terminal_shows_caret(terminal, c))
        return 2;
    if (c < 0x20 || c == 0x7f)
        return 0;
    return (c & 0xc0) == 0x80 && (terminal->settings.c_iflag & IUTF8) ? 0 : 1;
}

/* Width of the line being edited, up to index. */
static unsigned terminal_column(struct terminal *terminal, uint32_t index)
{
    unsigned column = 0;

    for (uint32_t i = terminal->complete; i != index; i++)
        column += terminal_width(terminal, (unsigned char)*terminal_at(terminal, i), column);
    return column;
}

static void terminal_echo(struct terminal *terminal, unsigned char c, unsigned column)
{
    char text[TERMINAL_TAB] = { (char)c, 0 };

    if (c == '\t' && terminal_mode(terminal, ICANON)) {
        memset(text, ' ', sizeof(text));
        terminal->echo(text, terminal_width(terminal, c, column));
    } else if (terminal_shows_caret(terminal, c)) {
        text[0] = '^';
        text[1] = (char)(c ^ 0x40);
        terminal->echo(text, 2);
    } else {
        terminal->echo(text, 1);
    }
}

static void terminal_rub_out(struct terminal *terminal, unsigned columns)
{
    while (columns-- > 0)
        terminal->echo("\b \b", 3);
}

/* ---- the line being edited ---- */

/* Take the last character (all bytes of it) off the line. False when the line is empty. */
static bool terminal_erase(struct terminal *terminal)
{
    unsigned before;

    if (terminal->end == terminal->complete)
        return false;
    before = terminal_column(terminal, terminal->end);
    terminal->end--;
    while ((terminal->settings.c_iflag & IUTF8) && terminal->end != terminal->complete &&
           (*terminal_at(terminal, terminal->end) & 0xc0) == 0x80)
        terminal->end--;
    if (terminal_mode(terminal, ECHO) && terminal_mode(terminal, ECHOE))
        terminal_rub_out(terminal, before - terminal_column(terminal, terminal->end));
    else if (terminal_mode(terminal, ECHO))
        terminal_echo(terminal, terminal->settings.c_cc[VERASE], 0);
    return true;
}

static char terminal_last(struct terminal *terminal)
{
    return *terminal_at(terminal, terminal->end - 1);
}

static void terminal_erase_word(struct terminal *terminal)
{
    while (terminal->end != terminal->complete && terminal_last(terminal) == ' ')
        terminal_erase(terminal);
    while (terminal->end != terminal->complete && terminal_last(terminal) != ' ')
        terminal_erase(terminal);
}

static void terminal_kill(struct terminal *terminal)
{
    if (terminal_mode(terminal, ECHO) && terminal_mode(terminal, ECHOKE)) {
        while (terminal_erase(terminal))
            ;
        return;
    }
    terminal->end = terminal->complete;
    if (terminal_mode(terminal, ECHO)) {
        terminal_echo(terminal, terminal->settings.c_cc[VKILL], 0);
        if (terminal_mode(terminal, ECHOK))
            terminal->echo("\n", 1);
    }
}

static void terminal_reprint(struct terminal *terminal)
{
    unsigned column = 0;

    terminal_echo(terminal, terminal->settings.c_cc[VREPRINT], 0);
    terminal->echo("\n", 1);
    for (uint32_t i = terminal->complete; i != terminal->end; i++) {
        unsigned char c = (unsigned char)*terminal_at(terminal, i);

        terminal_echo(terminal, c, column);
        column += terminal_width(terminal, c, column);
    }
}

static void terminal_append(struct terminal *terminal, char c, bool ends_line)
{
    *terminal_at(terminal, terminal->end) = c;
    terminal_mark_line(terminal, terminal->end, ends_line);
    terminal->end++;
    if (ends_line || !terminal_mode(terminal, ICANON))
        terminal->complete = terminal->end;
}

/* One more byte for the line, unless the buffer is full of it: room is kept for the line's end. */
static void terminal_insert(struct terminal *terminal, unsigned char c)
{
    unsigned column = 0;

    if (terminal_mode(terminal, ICANON) && terminal->end - terminal->taken >= TERMINAL_MASK) {
        terminal->echo("\a", 1);
        return;
    }
    if (terminal_mode(terminal, ECHO)) {
        if (c == '\t' && terminal_mode(terminal, ICANON))
            column = terminal_column(terminal, terminal->end);
        terminal_echo(terminal, c, column);
    }
    terminal_append(terminal, (char)c, false);
}

/* ---- input ---- */

void terminal_flush_input(struct terminal *terminal)
{
    terminal->taken = terminal->complete = terminal->end;
    terminal->literal_next = false;
}

static bool terminal_signal_key(struct terminal *terminal, unsigned char c)
{
    int signal;

    if (terminal_is(terminal, VINTR, c))
        signal = SIGINT;
    else if (terminal_is(terminal, VQUIT, c))
        signal = SIGQUIT;
    else if (terminal_is(terminal, VSUSP, c))
        signal = SIGTSTP;
    else
        return false;
    if (!terminal_mode(terminal, NOFLSH))
        terminal_flush_input(terminal);
    if (terminal_mode(terminal, ECHO))
        terminal_echo(terminal, c, 0);
    terminal->signals |= 1u << signal;
    return true;
}

static bool terminal_flow_key(struct terminal *terminal, unsigned char c)
{
    if (!(terminal->settings.c_iflag & IXON))
        return false;
    if (terminal_is(terminal, VSTART, c)) {
        terminal->stopped = false;
        return true;
    }
    if (terminal_is(terminal, VSTOP, c)) {
        terminal->stopped = true;
        return true;
    }
    if (terminal->settings.c_iflag & IXANY)
        terminal->stopped = false;
    return false;
}

/* The editing keys of canonical mode. */
static bool terminal_edit_key(struct terminal *terminal, unsigned char c)
{
    bool extended = terminal_mode(terminal, IEXTEN);

    if (terminal_is(terminal, VERASE, c)) {
        terminal_erase(terminal);
    } else if (terminal_is(terminal, VKILL, c)) {
        terminal_kill(terminal);
    } else if (extended && terminal_is(terminal, VWERASE, c)) {
        terminal_erase_word(terminal);
    } else if (extended && terminal_is(terminal, VREPRINT, c)) {
        if (terminal_mode(terminal, ECHO))
            terminal_reprint(terminal);
    } else if (terminal_is(terminal, VEOF, c)) {
        terminal_append(terminal, 0, true);
    } else if (c == '\n' || terminal_is(terminal, VEOL, c) ||
               (extended && terminal_is(terminal, VEOL2, c))) {
        if (terminal_mode(terminal, ECHO) || (c == '\n' && terminal_mode(terminal, ECHONL)))
            terminal_echo(terminal, c, 0);
        terminal_append(terminal, (char)c, true);
    } else {
        return false;
    }
    return true;
}

static void terminal_type_byte(struct terminal *terminal, unsigned char c)
{
    tcflag_t iflag = terminal->settings.c_iflag;

    if (iflag & ISTRIP)
        c &= 0x7f;
    if (terminal->literal_next) {
        terminal->literal_next = false;
        terminal_insert(terminal, c);
        return;
    }
    if (c == '\r' && (iflag & IGNCR))
        return;
    if (c == '\r' && (iflag & ICRNL))
        c = '\n';
    else if (c == '\n' && (iflag & INLCR))
        c = '\r';
    if (terminal_flow_key(terminal, c))
        return;
    if (terminal_mode(terminal, ISIG) && terminal_signal_key(terminal, c))
        return;
    if (terminal_mode(terminal, IEXTEN) && terminal_mode(terminal, ICANON) &&
        terminal_is(terminal, VLNEXT, c)) {
        terminal->literal_next = true;
        return;
    }
    if (terminal_mode(terminal, ICANON) && terminal_edit_key(terminal, c))
        return;
    terminal_insert(terminal, c);
}

size_t terminal_room(const struct terminal *terminal)
{
    size_t room = TERMINAL_INPUT_SIZE - (terminal->end - terminal->taken);

    /* A line that fills everything must still be ended or edited: then take byte by byte. */
    if (terminal_mode(terminal, ICANON))
        return terminal->complete == terminal->taken ? (room > 1 ? room - 1 : room) : room - (room > 0);
    return room;
}

void terminal_type(struct terminal *terminal, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        terminal_type_byte(terminal, (unsigned char)bytes[i]);
}

/* ---- reading ---- */

bool terminal_has_input(const struct terminal *terminal)
{
    size_t waiting = terminal->complete - terminal->taken;
    size_t least = terminal->settings.c_cc[VMIN];

    if (terminal_mode(terminal, ICANON) || terminal->settings.c_cc[VTIME] != 0 || least == 0)
        least = 1;
    return waiting >= least;
}

size_t terminal_readable(const struct terminal *terminal)
{
    uint32_t at = terminal->taken;

    if (!terminal_mode(terminal, ICANON))
        return terminal->complete - terminal->taken;
    while (at != terminal->complete && !terminal_ends_line(terminal, at))
        at++;
    if (at != terminal->complete && terminal->input[at & TERMINAL_MASK] != 0)
        at++;
    return at - terminal->taken;
}

ssize_t terminal_take(struct terminal *terminal, char *buffer, size_t size, bool *line_done)
{
    size_t done = 0;

    *line_done = false;
    if (terminal->taken == terminal->complete)
        return -EAGAIN;
    while (done < size && terminal->taken != terminal->complete) {
        uint32_t at = terminal->taken++;
        bool ends = terminal_mode(terminal, ICANON) && terminal_ends_line(terminal, at);
        char c = *terminal_at(terminal, at);

        if (!ends || c != 0)
            buffer[done++] = c;
        *line_done = ends;
        if (ends)
            break;
    }
    return (ssize_t)done;
}

void terminal_set(struct terminal *terminal, const struct termios *settings)
{
    bool was_canonical = terminal_mode(terminal, ICANON);

    terminal->settings = *settings;
    if (was_canonical != terminal_mode(terminal, ICANON)) {
        /* What was typed so far becomes readable, as a line of its own where there are lines. */
        terminal->complete = terminal->end;
        if (!was_canonical && terminal->end != terminal->taken)
            terminal_mark_line(terminal, terminal->end - 1, true);
    }
    if (!(settings->c_iflag & IXON))
        terminal->stopped = false;
}

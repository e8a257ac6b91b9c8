#define _GNU_SOURCE
#include "packet.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../cli.h"

static struct {
    unsigned char bytes[4096];
    size_t at, end;
    bool without_acks;
} packet_in;

static const char packet_digits[] = "0123456789abcdef";

static volatile sig_atomic_t packet_told_to_end;
static sigset_t packet_while_waiting; /* the signals are blocked but for the waits */

static void packet_on_signal(int number)
{
    (void)number;
    packet_told_to_end = 1;
}

void packet_start(void)
{
    struct sigaction action = { .sa_handler = packet_on_signal };
    sigset_t blocked;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGHUP);
    sigprocmask(SIG_BLOCK, &blocked, &packet_while_waiting);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

/* -1: nothing came in time, -2: gdb has gone. */
static int packet_byte(int wait_ms)
{
    if (packet_in.at == packet_in.end) {
        struct pollfd ready = { .fd = 0, .events = POLLIN };
        struct timespec wait = { wait_ms / 1000, wait_ms % 1000 * 1000000L };
        int n = ppoll(&ready, 1, wait_ms < 0 ? NULL : &wait, &packet_while_waiting);

        if (packet_told_to_end || n < 0)
            return -2;
        if (n == 0)
            return -1;
        ssize_t got = read(0, packet_in.bytes, sizeof(packet_in.bytes));
        if (got <= 0)
            return -2;
        packet_in.at = 0;
        packet_in.end = (size_t)got;
    }
    return packet_in.bytes[packet_in.at++];
}

static bool packet_write(const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t put = write(1, bytes, n);
        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0) {
            bytes += put;
            n -= (size_t)put;
        }
    }
    return true;
}

static int packet_digit(int c)
{
    const char *at = c != '\0' ? strchr(packet_digits, c | 0x20) : NULL;

    return at != NULL ? (int)(at - packet_digits) : -1;
}

/* Behind the $. False: gdb has gone. *good: the checksum is right and the text not too long. */
static bool packet_rest(struct packet *packet, bool *good)
{
    unsigned sum = 0;
    int c;

    packet->len = 0;
    *good = true;
    while ((c = packet_byte(-1)) != '#') {
        if (c < 0)
            return false;
        sum += (unsigned)c;
        if (packet->len < PACKET_MAX)
            packet->text[packet->len++] = (char)c;
        else
            *good = false;
    }
    packet->text[packet->len] = '\0';
    int high = packet_byte(-1), low = packet_byte(-1);
    if (high < 0 || low < 0)
        return false;
    if (packet_digit(high) * 16 + packet_digit(low) != (int)(sum & 255))
        *good = false;
    return true;
}

enum packet_kind packet_receive(struct packet *packet, int wait_ms)
{
    for (;;) {
        int c = packet_byte(wait_ms);
        bool good;
        if (c == -1)
            return PACKET_NOTHING;
        if (c == -2)
            return PACKET_END;
        if (c == 3)
            return PACKET_INTERRUPT;
        if (c != '$') /* an acknowledgement */
            continue;
        if (!packet_rest(packet, &good))
            return PACKET_END;
        if (!packet_in.without_acks && !packet_write(good ? "+" : "-", 1))
            return PACKET_END;
        if (good)
            return PACKET_TEXT;
    }
}

void packet_leave_acknowledgements(void)
{
    packet_in.without_acks = true;
}

bool packet_send(const char *text)
{
    static char out[PACKET_MAX + 8];
    size_t len = strlen(text);
    unsigned sum = 0;

    if (len > PACKET_MAX)
        cli_fail(CLI_FAILED, "a reply of %zu bytes is too long", len);
    for (size_t i = 0; i < len; i++)
        sum += (unsigned char)text[i];
    int n = snprintf(out, sizeof(out), "$%s#%02x", text, sum & 255);
    return packet_write(out, (size_t)n);
}

bool packet_sendf(const char *format, ...)
{
    static char text[PACKET_MAX + 1];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return packet_send(text);
}

void packet_to_hex(char *hex, const void *bytes, size_t n)
{
    const unsigned char *from = bytes;

    for (size_t i = 0; i < n; i++) {
        *hex++ = packet_digits[from[i] >> 4];
        *hex++ = packet_digits[from[i] & 15];
    }
    *hex = '\0';
}

size_t packet_from_hex(void *bytes, size_t n, const char *hex)
{
    unsigned char *to = bytes;
    size_t i;

    for (i = 0; i < n; i++) {
        int high = packet_digit(hex[2 * i]);
        int low = high < 0 ? -1 : packet_digit(hex[2 * i + 1]);
        if (low < 0)
            break;
        to[i] = (unsigned char)(high * 16 + low);
    }
    return i;
}

bool packet_number(const char **at, uint64_t *number)
{
    int digit = packet_digit(**at);

    *number = 0;
    if (digit < 0)
        return false;
    while ((digit = packet_digit(**at)) >= 0) {
        *number = *number << 4 | (unsigned)digit;
        ++*at;
    }
    return true;
}

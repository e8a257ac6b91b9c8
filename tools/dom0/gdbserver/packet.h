/*
 * packet: gdb's remote serial protocol as bytes, on stdin and stdout.
 *
 * A packet is $TEXT#XX with a checksum; each is acknowledged by + until both sides agree to leave
 * that. Between packets gdb may send one byte 3: stop the program.
 * Source: the gdb manual, "Remote Protocol".
 */
#ifndef GDBSERVER_PACKET_H
#define GDBSERVER_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_MAX 0x4000u

/* What gdb sent: a packet's text, with a NUL behind it. */
struct packet {
    char text[PACKET_MAX + 1];
    size_t len;
};

enum packet_kind { PACKET_TEXT, PACKET_INTERRUPT, PACKET_NOTHING, PACKET_END };

/* SIGTERM and SIGHUP count as gdb's going from now on; SIGINT is gdb's own business. */
void packet_start(void);

/*
 * The next thing from gdb, waiting up to wait_ms (-1: for ever). PACKET_NOTHING when the time is
 * over, PACKET_END when gdb has gone.
 */
enum packet_kind packet_receive(struct packet *packet, int wait_ms);

/* Send a reply, longest PACKET_MAX. False when gdb has gone. */
bool packet_send(const char *text);
__attribute__((format(printf, 1, 2))) bool packet_sendf(const char *format, ...);

/* Nothing is acknowledged any more. */
void packet_leave_acknowledgements(void);

/* Hexadecimal, two digits a byte. packet_from_hex() returns the bytes decoded before the first flaw. */
void packet_to_hex(char *hex, const void *bytes, size_t n);
size_t packet_from_hex(void *bytes, size_t n, const char *hex);

/* A number at *at, which moves behind it. False without a digit. */
bool packet_number(const char **at, uint64_t *number);

#endif
